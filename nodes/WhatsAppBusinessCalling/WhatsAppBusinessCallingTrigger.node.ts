import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type IHookFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
} from 'n8n-workflow';

import { receiveDelivery } from './delivery/receive';
import { requireFiles } from './delivery/requireFiles';
import { CREDENTIAL_NAME } from './graph/account';
import { getPhoneNumbers } from './methods/phoneNumbers';
import { answerChallenge } from './registration/challenge';
import { register } from './registration/register';
import { unregister } from './registration/unregister';
import { triggerPanel, triggerProperties } from './trigger/properties';
import { responseMode } from './trigger/responseMode';

export class WhatsAppBusinessCallingTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'WhatsApp Business Calling Trigger',
		name: 'whatsAppBusinessCallingTrigger',
		icon: {
			light: 'file:../../icons/whatsAppBusinessCalling.svg',
			dark: 'file:../../icons/whatsAppBusinessCalling.dark.svg',
		},
		group: ['trigger'],
		// Not 1: for a trigger of version 1, n8n runs its expression engine a second time for every request.
		version: 1.1,
		subtitle:
			'={{ $parameter["events"].length === 1 ? $parameter["events"][0].replace("call_", "").replaceAll("_", " ") : $parameter["events"].length + " events" }}',
		description:
			'Receive recordings of WhatsApp calls as verified audio and react to call events; with the actions, start, answer and record calls',
		eventTriggerDescription: 'Waiting for a recorded call (up to a minute after hanging up)',
		defaults: { name: 'WhatsApp Business Calling Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: CREDENTIAL_NAME, required: true }],
		webhooks: [
			{
				name: 'setup',
				httpMethod: 'GET',
				responseMode: 'onReceived',
				path: 'webhook',
				ndvHideMethod: true,
				ndvHideUrl: true,
			},
			{
				name: 'default',
				httpMethod: 'POST',
				...responseMode,
				responseData: 'noData',
				path: 'webhook',
				ndvHideMethod: true,
			},
		],
		triggerPanel,
		properties: triggerProperties,
	};

	methods = { loadOptions: { getPhoneNumbers } };

	webhookMethods = {
		default: {
			/** `create` checks itself what is missing, so Meta is asked once and nothing changes in between. */
			async checkExists(this: IHookFunctions): Promise<boolean> {
				return false;
			},
			async create(this: IHookFunctions): Promise<boolean> {
				return await register(this);
			},
			async delete(this: IHookFunctions): Promise<boolean> {
				return await unregister(this);
			},
		},
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return this.getWebhookName() === 'setup'
			? await answerChallenge(this)
			: await receiveDelivery(this);
	}

	/** n8n runs it with the items that `webhook` has returned. */
	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [await requireFiles(this)];
	}
}
