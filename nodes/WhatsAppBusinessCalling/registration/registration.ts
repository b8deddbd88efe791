import { NodeOperationError, sleep, type IHookFunctions } from 'n8n-workflow';

import { readAccount, type Account } from '../graph/account';
import { failureTitle } from '../graph/apiError';
import { readAccountMembership, readAppSubscription } from '../graph/appSubscription';
import type { GraphFailure, Result } from '../graph/types';
import { readWebhookRoute, readWebhookRoutes, type WebhookRoute } from '../graph/webhookOverride';
import { webhookFields } from '../trigger/events';
import {
	chosenNumbers,
	chosenPhoneNumberIds,
	mustKnowNumbers,
	requireKnownNumbers,
} from '../trigger/phoneNumberFilter';
import { chosenEvents } from '../trigger/settings';
import { apply, patiently } from './apply';
import { attempt, forgetFailures, isCleanUp } from './attempts';
import { busyError, conflictError, notKeptError, registrationError } from './errors';
import { oneAtATime } from './oneAtATime';
import { identify, type Trigger } from './ownership';
import {
	addressOf,
	merge,
	overridesAt,
	planRegistration,
	planUndo,
	type Address,
	type KnownState,
	type Plan,
	type Target,
	type Wanted,
} from './plan';
import {
	bequeath,
	dropRecord,
	isCurrentRecord,
	keepRecord,
	otherWebhookUrl,
	recordOwner,
	rememberedRecord,
	savedRecord,
	triggerKey,
	type OverrideTarget,
	type RegistrationRecord,
	type Step,
} from './record';
import { readWebhookState, type Send, type WhatToRead } from './state';
import { isSameTrigger, looksLikeTestUrl } from './verifyToken';

/** Milliseconds for one attempt of an activation, for waiting before it, and for undoing what it did. */
const ACTIVATION_MS = 40_000;
const LONGEST_WAIT_MS = 25_000;
const UNDO_MS = 15_000;

/**
 * Points Meta to this trigger and subscribes the app to the account. Can be repeated: what is in place is
 * not written again. So n8n does not have to ask whether the trigger is registered, and Meta is read once.
 *
 * @throws NodeOperationError where an address belongs to another holder, or Meta refuses; what was done
 * until then is undone
 */
export async function register(context: IHookFunctions): Promise<boolean> {
	return await attempt(attemptKey(context), async () => {
		if (isManual(context)) {
			await requireKnownNumbers(context);
			return true;
		}
		const fields = webhookFields(chosenEvents(context));
		requireChosenNumber(context);
		const trigger = describe(context, await readAccount(context), true);
		const askedAt = Date.now();
		return await oneAtATime(appKey(trigger.account), async () => {
			if (Date.now() - askedAt > LONGEST_WAIT_MS) throw busyError(context.getNode());
			return await registerTargets(trigger, fields);
		});
	});
}

async function registerTargets(trigger: Trigger, fields: string[]): Promise<boolean> {
	const { context, account, url, isTest } = trigger;
	const send = patiently(Date.now() + ACTIVATION_MS);
	const record = recordOf(trigger);
	const isForwarding = forwards(context);
	const { targets, routes } = await chosenTargets(trigger, send);
	const state = await knownState(trigger, { membership: true, routes }, send);
	const otherWebhook = isForwarding ? await otherWebhookOf(trigger) : null;
	const wanted: Wanted = { url, isTest, targets, fields, forwards: isForwarding, otherWebhook };
	const planned = planRegistration(state, wanted, record);
	if (!planned.ok) {
		throw conflictError(context.getNode(), planned.conflict, account.businessAccountId);
	}
	const { plan } = planned;
	// Deliveries may come as soon as Meta points here, and n8n saves static data only at the end.
	keepRecord(context, account, newRecord(trigger, plan, plan.inherited));
	const { undo, failure } = await apply(trigger, plan.steps, send);
	const error = failure
		? registrationError(context.getNode(), failure, url)
		: await lostRace(trigger, targets, plan, send);
	if (error === null) {
		keepRecord(context, account, newRecord(trigger, plan, merge([...undo, ...plan.inherited])));
		return true;
	}
	const left = await undoAttempt(trigger, undo);
	if (record === null && left.length === 0) {
		dropRecord(context, url);
	} else {
		const earlier = record ?? newRecord(trigger, plan, []);
		keepRecord(context, account, { ...earlier, undo: merge([...left, ...earlier.undo]) });
	}
	throw error;
}

/** Another process may have pointed Meta elsewhere in the same moment: what was pointed is read again. */
async function lostRace(
	trigger: Trigger,
	targets: Target[],
	{ steps }: Plan,
	send: Send,
): Promise<NodeOperationError | null> {
	const { context, account, url } = trigger;
	const pointed = targets.filter((target) =>
		steps.some(({ step }) =>
			target === 'app'
				? step.do === 'pointApp'
				: step.do === 'pointOverride' && step.target === target,
		),
	);
	for (const target of pointed) {
		const found = await readBack(trigger, target, send);
		// Meta has confirmed the change: that it cannot be read now does not matter.
		if (!found.ok || found.value === url) continue;
		if (found.value === null) return notKeptError(context.getNode());
		const address = await identify(trigger, found.value, null);
		const conflict = { reason: 'taken', target, address } as const;
		return conflictError(context.getNode(), conflict, account.businessAccountId);
	}
	return null;
}

/** Milliseconds to wait before an address that is another one is read again: Meta may need a moment. */
const READ_BACK_PAUSES_MS = [500, 1_500];

async function readBack(
	trigger: Trigger,
	target: Target,
	send: Send,
): Promise<Result<string | null>> {
	let found = await readAddress(trigger, target, send);
	for (const pause of READ_BACK_PAUSES_MS) {
		if (!found.ok || found.value === trigger.url) break;
		await sleep(pause);
		found = await readAddress(trigger, target, send);
	}
	return found;
}

async function readAddress(
	{ context, account }: Trigger,
	target: Target,
	send: Send,
): Promise<Result<string | null>> {
	if (target === 'app') {
		const app = await send(async (effort) => await readAppSubscription(context, account, effort));
		return app.ok ? { ok: true, value: app.value?.callbackUrl ?? null } : app;
	}
	if (target === 'businessAccount') {
		const membership = await send(
			async (effort) => await readAccountMembership(context, account, effort),
		);
		return membership.ok ? { ok: true, value: membership.value.override } : membership;
	}
	const [, id] = target.split(' ');
	const route = await send(async (effort) => await readWebhookRoute(context, account, id, effort));
	return route.ok ? { ok: true, value: route.value.phoneNumber } : route;
}

/** Undoes what a failed attempt did; gives what could not be undone. */
async function undoAttempt(trigger: Trigger, undo: Step[]): Promise<Step[]> {
	if (undo.length === 0) return [];
	try {
		return await undoSteps(trigger, undo, null, true);
	} catch {
		// What went wrong first is what the operator has to know; the record keeps the rest.
		return undo;
	}
}

/** Undoes what `register` did; does nothing where it had not succeeded. */
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

/** n8n would go on listening at the test URL, and acknowledge the deliveries of production there. */
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

/** Without a record, the parameter Other Webhook URL tells whose address this was. */
function undoByParameter(context: IHookFunctions): Step[] {
	const isOnApp = context.getNodeParameter('registration', 'app') === 'app';
	const url = isOnApp && forwards(context) ? otherWebhookUrl(context) : null;
	if (url === null) return [];
	return [
		{ do: 'pointApp', url, fields: [] },
		{ do: 'removeFields', fields: ['calls'] },
	];
}

function forwards(context: IHookFunctions): boolean {
	return context.getNodeParameter('onOtherWebhook', 'stop') === 'takeOverAndForward';
}

/** @returns what has to stay for now, because others depend on it */
async function undoSteps(
	trigger: Trigger,
	undo: Step[],
	record: RegistrationRecord | null,
	onlyRecorded: boolean,
): Promise<Step[]> {
	const { context, url, isTest } = trigger;
	const send = patiently(Date.now() + UNDO_MS);
	const targets = undo.flatMap((step) => (step.do === 'pointOverride' ? [step.target] : []));
	const isLost = !onlyRecorded && savedRecord(context) === null && record === null;
	const state = await knownState(
		trigger,
		{ membership: isLost || targets.includes('businessAccount'), allNumbers: true },
		send,
		record,
		targets,
	);
	const surroundings = {
		url,
		isTest,
		onlyRecorded,
		isShared: record === null && forwards(context),
		isLost,
		allOverrides: state.allRead ? [...state.overrides.values()] : null,
	};
	const possible = await withoutGone(trigger, [
		...undo,
		...(onlyRecorded ? [] : overridesAt(state, surroundings)),
	]);
	const plan = planUndo(state, merge(possible), surroundings);
	const { failure } = await apply(
		trigger,
		plan.steps.map((step) => ({ step, inverse: [] })),
		send,
	);
	if (failure) throw registrationError(context.getNode(), failure, url);
	passOn(state, plan.steps, possible, isTest);
	if (plan.kept.length > 0) tellThatFieldsStay(trigger, state.failure);
	return plan.kept;
}

/** An address to put back at which nothing is registered any more is not put back. */
async function withoutGone(trigger: Trigger, undo: Step[]): Promise<Step[]> {
	const checked = await Promise.all(
		undo.map(async (step): Promise<Step[]> => {
			if (!('url' in step) || step.url === null) return [step];
			const { holder } = await identify({ ...trigger, isActivating: true }, step.url, null);
			if (holder !== 'gone') return [step];
			return step.do === 'pointOverride' ? [{ ...step, url: null }] : [];
		}),
	);
	return checked.flat();
}

/** The app stays on the account as long as another trigger of this n8n has the app's webhook. */
function passOn(state: KnownState, done: Step[], undo: Step[], isTest: boolean): void {
	const leave = undo.filter(({ do: kind }) => kind === 'leaveAccount');
	const isDone = done.some(({ do: kind }) => kind === 'leaveAccount');
	if (isTest || isDone || leave.length === 0) return;
	const pointed = done.find((step) => step.do === 'pointApp');
	const heir = pointed?.url ?? addressOf(state, 'app')?.url;
	if (heir !== undefined) bequeath(heir, leave);
}

/** To remove them unseen could silence others, which is worse than an address where nobody answers. */
function tellThatFieldsStay({ context }: Trigger, failure: GraphFailure | null): void {
	const why = failure
		? `it could not be read whether other webhooks depend on it (${failureTitle(failure)})`
		: 'another webhook address of the account or of a number depends on it';
	context.logger.warn(
		`WhatsApp Business Calling Trigger: the app stays subscribed to its webhook fields, because ${why}. When nothing needs them any more, turn them off in Meta's app dashboard (WhatsApp > Configuration > Webhook fields)`,
	);
}

/** The state at Meta, with the holder of each address. */
async function knownState(
	trigger: Trigger,
	wanted: WhatToRead,
	send: Send,
	record = recordOf(trigger),
	targets: Target[] = [],
): Promise<KnownState & { allRead: boolean; failure: GraphFailure | null }> {
	const { context, account } = trigger;
	let read = await readWebhookState(context, account, wanted, send);
	const allNumbers = read.allNumbers?.ok ? read.allNumbers.value : null;
	if (wanted.allNumbers && allNumbers === null) {
		const numbers = numbersOf(targets);
		const single = await readWebhookState(context, account, { numbers }, send);
		read = { ...read, numbers: single.numbers };
	}
	const subscription = valueOf(trigger, read.app);
	const membership = read.membership && valueOf(trigger, read.membership);
	const urls = new Map<OverrideTarget, string>();
	if (membership?.override) urls.set('businessAccount', membership.override);
	const routes = [
		...(allNumbers ?? []),
		...[...read.numbers].map(([id, route]) => [id, valueOf(trigger, route)] as const),
	];
	for (const [id, { phoneNumber, businessAccount }] of routes) {
		if (phoneNumber !== null) urls.set(`phoneNumber ${id}`, phoneNumber);
		if (businessAccount !== null && !membership) urls.set('businessAccount', businessAccount);
	}
	const addresses = await identifyAll(trigger, record, [
		...urls.values(),
		...(subscription ? [subscription.callbackUrl] : []),
	]);
	return {
		app: subscription && { ...subscription, address: addresses.get(subscription.callbackUrl)! },
		joined: membership?.joined ?? true,
		overrides: new Map([...urls].map(([target, url]) => [target, addresses.get(url)!])),
		allRead: allNumbers !== null,
		failure: read.allNumbers && !read.allNumbers.ok ? read.allNumbers.failure : null,
	};
}

async function identifyAll(
	trigger: Trigger,
	record: RegistrationRecord | null,
	urls: string[],
): Promise<Map<string, Address>> {
	const unique = [...new Set(urls)];
	return new Map(
		await Promise.all(
			unique.map(
				async (url): Promise<[string, Address]> => [url, await identify(trigger, url, record)],
			),
		),
	);
}

function newRecord(
	trigger: Trigger,
	{ alsoReceives }: Pick<Plan, 'alsoReceives'>,
	undo: Step[],
): RegistrationRecord {
	const { context, account, url, isTest } = trigger;
	return { ...recordOwner(context, account), url, isTest, undo, alsoReceives };
}

/** What an earlier registration did, where a record of this process or of static data applies. */
function recordOf({ context, account, url, isTest }: Trigger): RegistrationRecord | null {
	const owner = recordOwner(context, account);
	const saved = savedRecord(context);
	const remembered = rememberedRecord(context, url)?.record ?? null;
	const records = [saved, remembered]
		.filter((record) => record !== null)
		.filter((record) => isCurrentRecord(record, owner, isTest));
	if (records.length === 0) return null;
	return { ...records[0], undo: merge(records.flatMap(({ undo }) => undo)) };
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
	context.logger.warn(
		`WhatsApp Business Calling Trigger: the node "${context.getNode().name}" was registered with the app ${record.appId} and the account ${record.businessAccountId}, but its credential now belongs to another app or account. Remove the webhook ${record.url} there in Meta's app dashboard (WhatsApp > Configuration > Webhook)`,
	);
	return current;
}

function describe(context: IHookFunctions, account: Account, isActivating: boolean): Trigger {
	const url = urlOf(context);
	const otherVerifyToken = String(context.getNodeParameter('otherVerifyToken', '') ?? '').trim();
	const isTest = isActivating ? context.getMode() === 'manual' : isTestUrl(context, url);
	return { context, account, url, isTest, isActivating, otherVerifyToken };
}

/** n8n removes a test and a production registration in the same mode. */
function isTestUrl(context: IHookFunctions, url: string): boolean {
	const saved = savedRecord(context);
	if (saved?.url === url) return saved.isTest;
	return rememberedRecord(context, url)?.record.isTest ?? looksLikeTestUrl(url);
}

function urlOf(context: IHookFunctions): string {
	const url = context.getNodeWebhookUrl('default');
	if (!url) throw new NodeOperationError(context.getNode(), 'n8n gave the trigger no webhook URL');
	return url;
}

function attemptKey(context: IHookFunctions): string {
	const { parameters, credentials } = context.getNode();
	return `${triggerKey(context, urlOf(context))}\n${JSON.stringify([parameters, credentials])}`;
}

const appKey = ({ baseUrl, appId }: Account) => `${baseUrl}\n${appId}`;

/**
 * What is to be pointed to the trigger. One request tells whether the chosen numbers belong to the account
 * and where the webhooks of each go.
 */
async function chosenTargets(
	trigger: Trigger,
	send: Send,
): Promise<{ targets: Target[]; routes: Map<string, WebhookRoute> }> {
	const { context, account } = trigger;
	const scope = context.getNodeParameter('registration', 'app');
	const target: Target = scope === 'businessAccount' ? scope : 'app';
	const wide = { targets: [target], routes: new Map<string, WebhookRoute>() };
	if (scope !== 'phoneNumber' && !mustKnowNumbers(context)) return wide;
	const read = await send(async (effort) => await readWebhookRoutes(context, account, effort));
	const numbers = valueOf(trigger, read);
	const ids = chosenPhoneNumberIds(context, [...numbers.values()]);
	if (scope !== 'phoneNumber') return wide;
	return {
		targets: ids.map((id): OverrideTarget => `phoneNumber ${id}`),
		routes: new Map(ids.map((id): [string, WebhookRoute] => [id, numbers.get(id)!])),
	};
}

function requireChosenNumber(context: IHookFunctions): void {
	if (context.getNodeParameter('registration', 'app') !== 'phoneNumber') return;
	if (chosenNumbers(context).length > 0) return;
	throw new NodeOperationError(
		context.getNode(),
		'No phone number is chosen. Choose at least one under "Phone Number Names or IDs".',
		{
			description:
				'With Registration set to Phone Number, the events of the chosen numbers come to this trigger.',
		},
	);
}

function numbersOf(targets: Target[]): string[] {
	return targets.flatMap((target) => {
		const [kind, id] = target.split(' ');
		return kind === 'phoneNumber' ? [id] : [];
	});
}

function isManual(context: IHookFunctions): boolean {
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

/** The parameter Other Webhook URL, with its holder. */
async function otherWebhookOf(trigger: Trigger): Promise<Address | null> {
	const { context, url: own } = trigger;
	const url = otherWebhookUrl(context);
	if (url === null) return null;
	if (URL.canParse(url) && !isSameTrigger(url, own)) return await identify(trigger, url, null);
	throw new NodeOperationError(
		context.getNode(),
		'Other Webhook URL must be the address of the other webhook, such as https://crm.example.com/whatsapp.',
		{ description: 'It is empty, or the address of another system: not that of this trigger.' },
	);
}

function valueOf<T>({ context, url }: Trigger, result: Result<T>): T {
	if (result.ok) return result.value;
	throw registrationError(context.getNode(), result.failure, url);
}
