import type { IHookFunctions } from 'n8n-workflow';

import { readAccount, type Account } from '../graph/account';
import { forgetFailures, isCleanUp } from './attempts';
import { oneAtATime } from './oneAtATime';
import type { Trigger } from './ownership';
import {
	dropRecord,
	keepRecord,
	otherWebhookUrl,
	recordOwner,
	rememberedRecord,
	savedRecord,
	type RegistrationRecord,
	type Step,
} from './record';
import {
	appKey,
	attemptKey,
	describe,
	forwards,
	isManual,
	newRecord,
	recordOf,
	urlOf,
} from './thisTrigger';
import { undoSteps } from './undo';

/** Undoes what `register` did. Does nothing if it did not succeed. */
export async function unregister(context: IHookFunctions): Promise<boolean> {
	if (isCleanUp(attemptKey(context))) return true;
	const url = urlOf(context);
	const saved = savedRecord(context);
	const remembered = rememberedRecord(context, url);
	const hasRecord = saved !== null || remembered !== null;
	if (!hasRecord && isManual(context)) return true;
	const current = await readAccount(context).catch(() => remembered?.account ?? null);
	if (current === null && !hasRecord) return true;
	const account = accountToUndo(
		context,
		current ?? (await readAccount(context)),
		saved,
		remembered,
	);
	const trigger = describe(context, account, false);
	return await oneAtATime(appKey(account), async () => {
		// Read here: the trigger before this one may have left something to it.
		const removed = removeRegistration(trigger, recordOf(trigger));
		await (trigger.isTest ? removed.catch(() => giveUpTest(trigger)) : removed);
		forgetFailures();
		return true;
	});
}

/** Otherwise n8n would keep listening at the test URL, and acknowledge the deliveries of production there. */
function giveUpTest(trigger: Trigger): void {
	const { context, url } = trigger;
	context.logger.error(
		`WhatsApp Business Calling Trigger: the test of the node "${context.getNode().name}" has ended, but Meta could not be pointed back from its test URL ${url}. Unpublish the workflow and publish it again; the operation Setup > Check shows where Meta sends its webhooks`,
	);
	dropRecord(context, url);
}

async function removeRegistration(
	trigger: Trigger,
	record: RegistrationRecord | null,
): Promise<void> {
	const { context, account, url } = trigger;
	const kept = await undoSteps(trigger, record?.undo ?? undoByParameter(context), record, false);
	if (kept.length === 0) return dropRecord(context, url);
	keepRecord(context, account, {
		...(record ?? newRecord(trigger, { alsoReceives: [] }, [])),
		alsoReceives: [],
		undo: kept,
	});
}

/** Without a record, the option Other Webhook URL says which webhook was there before. */
function undoByParameter(context: IHookFunctions): Step[] {
	const isOnApp = context.getNodeParameter('registration', 'app') === 'app';
	const url = isOnApp && forwards(context) ? otherWebhookUrl(context) : null;
	if (url === null) return [];
	return [
		{ do: 'pointApp', url, fields: [] },
		{ do: 'removeFields', fields: ['calls'] },
	];
}

/**
 * The account that the trigger was registered with. If the credential was changed to another app since,
 * only this process still knows the former one.
 */
function accountToUndo(
	context: IHookFunctions,
	current: Account,
	saved: RegistrationRecord | null,
	remembered: ReturnType<typeof rememberedRecord>,
): Account {
	const { instanceId, workflowId, ...owner } = recordOwner(context, current);
	const isOfCurrent = (record: RegistrationRecord) =>
		record.appId === owner.appId && record.businessAccountId === owner.businessAccountId;
	const record = saved ?? remembered?.record;
	if (!record || isOfCurrent(record) || record.instanceId !== instanceId) return current;
	if (record.workflowId !== workflowId) return current;
	if (remembered && !isOfCurrent(remembered.record)) return remembered.account;
	const isShared = record.undo.some(({ do: kind }) => kind === 'leaveAddress');
	const remedy = isShared
		? 'Other workflows share the webhook there; this one is skipped after 10 minutes'
		: `Remove the webhook ${record.url} there in Meta's app dashboard (WhatsApp > Configuration > Webhook)`;
	context.logger.warn(
		`WhatsApp Business Calling Trigger: the node "${context.getNode().name}" was registered with the app ${record.appId} and the account ${record.businessAccountId}, but its credential now belongs to another app or account. ${remedy}`,
	);
	return current;
}
