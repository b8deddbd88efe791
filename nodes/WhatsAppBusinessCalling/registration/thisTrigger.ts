import { NodeOperationError, type IHookFunctions } from 'n8n-workflow';

import type { Account } from '../graph/account';
import type { Trigger } from './ownership';
import { merge, type Plan } from './plan';
import {
	isCurrentRecord,
	recordOwner,
	rememberedRecord,
	savedRecord,
	triggerKey,
	type RegistrationRecord,
	type Step,
} from './record';
import { looksLikeTestUrl } from './verifyToken';

/** @param isActivating whether it is being registered, not removed */
export function describe(
	context: IHookFunctions,
	account: Account,
	isActivating: boolean,
): Trigger {
	const url = urlOf(context);
	const otherVerifyToken = String(
		context.getNodeParameter('options.otherVerifyToken', '') ?? '',
	).trim();
	const isTest = isActivating ? context.getMode() === 'manual' : isTestUrl(context, url);
	return { context, account, url, isTest, isActivating, otherVerifyToken, tokens: new Map() };
}

/** n8n removes a test and a production registration in the same mode. */
function isTestUrl(context: IHookFunctions, url: string): boolean {
	const saved = savedRecord(context);
	if (saved?.url === url) return saved.isTest;
	return rememberedRecord(context, url)?.record.isTest ?? looksLikeTestUrl(url);
}

/** @throws NodeOperationError where n8n does not know its own address */
export function urlOf(context: IHookFunctions): string {
	const url = context.getNodeWebhookUrl('default');
	if (url) return url;
	throw new NodeOperationError(
		context.getNode(),
		'n8n gave the trigger no webhook URL. Set N8N_WEBHOOK_URL, restart n8n and publish the workflow again.',
	);
}

/** Identifies a trigger with its settings: after a change of them, an attempt is a new one. */
export function attemptKey(context: IHookFunctions): string {
	const { parameters, credentials } = context.getNode();
	return `${triggerKey(context, urlOf(context))}\n${JSON.stringify([parameters, credentials])}`;
}

/** Registrations of the same app run one after the other. */
export const appKey = ({ baseUrl, appId }: Account) => `${baseUrl}\n${appId}`;

/**
 * Whether the operator enters the webhook in Meta's dashboard.
 *
 * @throws NodeOperationError on publishing, if there is no verify token
 */
export function isManual(context: IHookFunctions): boolean {
	if (context.getNodeParameter('registration', 'app') !== 'manual') return false;
	if (context.getMode() === 'internal') return true;
	if (String(context.getNodeParameter('verifyToken', '') ?? '').trim() === '') {
		throw new NodeOperationError(
			context.getNode(),
			'Verify Token is empty. Enter any long, random text there.',
			{
				description:
					"Enter the same text in Meta's app dashboard next to the webhook URL (WhatsApp > Configuration).",
			},
		);
	}
	return true;
}

export function forwards(context: IHookFunctions): boolean {
	return context.getNodeParameter('options.onOtherWebhook', 'stop') === 'takeOverAndForward';
}

export function newRecord(
	trigger: Trigger,
	{ alsoReceives }: Pick<Plan, 'alsoReceives'>,
	undo: Step[],
): RegistrationRecord {
	const { context, account, url, isTest } = trigger;
	return { ...recordOwner(context, account), url, isTest, undo, alsoReceives };
}

/** What an earlier registration did, if a record of this process or of static data applies. */
export function recordOf({ context, account, url, isTest }: Trigger): RegistrationRecord | null {
	const owner = recordOwner(context, account);
	const saved = savedRecord(context);
	const remembered = rememberedRecord(context, url)?.record ?? null;
	const records = [saved, remembered]
		.filter((record) => record !== null)
		.filter((record) => isCurrentRecord(record, owner, isTest));
	if (records.length === 0) return null;
	return { ...records[0], undo: merge(records.flatMap(({ undo }) => undo)) };
}
