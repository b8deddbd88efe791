import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';

import { CREDENTIAL_NAME } from './graph/account';
import { getPhoneNumbers, searchPhoneNumbers } from './methods/phoneNumbers';
import { callProperties } from './resources/call';
import { callButtonProperties } from './resources/callButton';
import { deliveryProperties } from './resources/delivery';
import { permissionProperties } from './resources/permission';
import { phoneNumberProperties } from './resources/phoneNumber';
import { recordingProperties } from './resources/recording';
import { runOperations } from './resources/router';
import { setupProperties } from './resources/setup';
import { transcriptionProperties } from './resources/transcription';

export class WhatsAppBusinessCalling implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'WhatsApp Business Calling',
		name: 'whatsAppBusinessCalling',
		icon: {
			light: 'file:../../icons/whatsAppBusinessCalling.svg',
			dark: 'file:../../icons/whatsAppBusinessCalling.dark.svg',
		},
		group: ['output'],
		version: 1,
		subtitle: '={{$parameter["operation"] + ": " + $parameter["resource"]}}',
		description:
			'Start and answer WhatsApp calls with recording, and download recordings and transcripts',
		defaults: { name: 'WhatsApp Business Calling' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [
			{
				name: CREDENTIAL_NAME,
				required: true,
				displayOptions: { hide: { operation: ['getLink', 'getSampleRecording'] } },
			},
		],
		properties: [
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				default: 'call',
				options: [
					{ name: 'Call', value: 'call' },
					{ name: 'Call Button', value: 'callButton' },
					{ name: 'Delivery', value: 'delivery' },
					{ name: 'Permission', value: 'permission' },
					{ name: 'Phone Number', value: 'phoneNumber' },
					{ name: 'Recording', value: 'recording' },
					{ name: 'Setup', value: 'setup' },
					{ name: 'Transcription', value: 'transcription' },
				],
			},
			...callProperties,
			...callButtonProperties,
			...deliveryProperties,
			...permissionProperties,
			...phoneNumberProperties,
			...recordingProperties,
			...setupProperties,
			...transcriptionProperties,
		],
	};

	methods = { listSearch: { searchPhoneNumbers }, loadOptions: { getPhoneNumbers } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [await runOperations(this)];
	}
}
