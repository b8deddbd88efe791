import { NodeOperationError, type IHookFunctions } from 'n8n-workflow';

import { webhookFields } from '../events/eventTypes';
import { readAccount, type Account } from '../graph/account';
import { failureTitle } from '../graph/nodeApiError';
import { readWebhookRoutes, type WebhookRoute } from '../graph/numberWebhook';
import type { GraphFailure } from '../graph/types';
import { chosenEventNames } from '../trigger/settings';
import { apply, isRefusedList, patiently } from './apply';
import { attempt, forgetFailures, isCleanUp } from './attempts';
import { busyError, conflictError, notKeptError, registrationError } from './errors';
import { knownState, valueOf, withSiblings, type StateRead } from './knownState';
import { oneAtATime } from './oneAtATime';
import { identify, verifyTokenFor, type Trigger } from './ownership';
import {
	chosenNumbers,
	chosenPhoneNumberIds,
	mustKnowNumbers,
	requireKnownNumbers,
} from './phoneNumberFilter';
import {
	addressesOf,
	isInPlace,
	merge,
	planRegistration,
	type Address,
	type Plan,
	type Planned,
	type Wanted,
} from './plan';
import { planUndo, undoAt, type Surroundings } from './planUndo';
import { readBack } from './readBack';
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
	type Target,
} from './record';
import { holderUrl } from './sharedAddress';
import type { Send } from './state';
import { isSameTrigger, looksLikeTestUrl } from './verifyToken';

/** Milliseconds for one attempt of an activation, for waiting before it, and for undoing what it did. */
const ACTIVATION_MS = 40_000;
const LONGEST_WAIT_MS = 25_000;
const UNDO_MS = 15_000;

/** How often an activation starts again because another process changed an address at the same moment. */
const MAX_ROUNDS = 4;

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
		const events = chosenEventNames(context);
		requireChosenNumber(context);
		const trigger = describe(context, await readAccount(context), true);
		const askedAt = Date.now();
		return await oneAtATime(appKey(trigger.account), async () => {
			if (Date.now() - askedAt > LONGEST_WAIT_MS) throw busyError(context.getNode());
			return await registerTargets(trigger, events);
		});
	});
}

async function registerTargets(trigger: Trigger, events: string[]): Promise<boolean> {
	const { context, account, url } = trigger;
	const record = recordOf(trigger);
	const work = new Attempt(trigger, events, record);
	let error: unknown;
	try {
		error = await work.run();
	} catch (thrown) {
		error = thrown;
	}
	if (error === null) return true;
	if (!work.hasBegun) throw error;
	const left = await undoAttempt(trigger, work.done);
	if (record === null && left.length === 0) {
		dropRecord(context, url);
	} else {
		const earlier = record ?? newRecord(trigger, { alsoReceives: [] }, []);
		keepRecord(context, account, { ...earlier, undo: merge([...left, ...earlier.undo]) });
	}
	throw error;
}

/** One attempt to register a trigger. */
class Attempt {
	/** Whether anything may have been changed. */
	hasBegun = false;

	/** Steps that undo what was done, the last change first. */
	done: Step[] = [];

	private readonly send = patiently(Date.now() + ACTIVATION_MS);

	/** Why Meta does not keep an address with a list; null as long as nothing says so. */
	private refusal: string | null = null;

	/** What is to be pointed to the trigger. */
	private targets: Target[] = [];

	/** Whether Meta has kept one so far. */
	private isListKept = false;

	constructor(
		private readonly trigger: Trigger,
		private readonly events: string[],
		private readonly record: RegistrationRecord | null,
	) {}

	/** @returns the error that ends the attempt; null for success */
	async run(): Promise<Error | null> {
		const { context, account, url } = this.trigger;
		const node = context.getNode();
		for (let round = 1; ; round++) {
			const planned = await this.plan();
			if (!planned.ok) {
				return conflictError(node, planned.conflict, account.businessAccountId, this.refusal);
			}
			const { plan } = planned;
			// Deliveries may come as soon as Meta points here, and n8n saves static data only at the end.
			this.keep(plan);
			this.hasBegun = true;
			const { undo, failure, failed } = await apply(this.trigger, plan.steps, this.send);
			this.done = merge([...undo, ...this.done]);
			if (failure) {
				const isRefusal = isRefusedList(failed, failure) && !this.isListKept;
				if (this.refusal !== null || !isRefusal) {
					return registrationError(node, failure, url);
				}
				this.refusal = failureTitle(failure);
				continue;
			}
			const { outcome, target, found } = await readBack(
				this.trigger,
				this.targets,
				plan.steps,
				this.send,
			);
			if (outcome === 'kept') {
				this.keep(plan);
				return null;
			}
			if (outcome === 'missing') return notKeptError(node);
			if (outcome === 'dropped') this.refusal = 'Meta confirmed the URL and dropped the list';
			if (round >= MAX_ROUNDS) {
				const address = await identify(this.trigger, found, null);
				const conflict = { reason: 'taken', target, address } as const;
				return conflictError(node, conflict, account.businessAccountId, this.refusal);
			}
		}
	}

	private keep(plan: Plan): void {
		const { context, account } = this.trigger;
		const undo = merge([...this.done, ...plan.inherited]);
		keepRecord(context, account, newRecord(this.trigger, plan, undo));
	}

	private async plan(): Promise<Planned> {
		const { trigger, events, record, send } = this;
		const { context, account, url, isTest } = trigger;
		const isForwarding = forwards(context);
		const { targets, routes } = await chosenTargets(trigger, send);
		this.targets = targets;
		const state = await knownState(trigger, { membership: true, routes }, send, record);
		this.isListKept = hasList(state);
		if (namesUnknownOther(state)) logOtherWebhookLost(trigger);
		const otherWebhook = isForwarding ? await otherWebhookOf(trigger) : null;
		const wanted: Wanted = {
			...{ url, isTest, targets, events, fields: webhookFields(events) },
			...{ forwards: isForwarding, otherWebhook },
			...{ sharing: this.refusal === null, appSecret: account.appSecret },
		};
		// The triggers in the list of an address are asked only if the address is to be changed.
		const isToAsk = (address: Address) =>
			address.parties.some(({ isTest }, index) => isTest || index > 0) &&
			!isInPlace(address, state, wanted);
		const asked = await withSiblings(trigger, state, isToAsk, { isPatient: false, mayLeave: true });
		const earlier = record && { ...record, undo: merge([...this.done, ...record.undo]) };
		return planRegistration(asked, wanted, earlier);
	}
}

/**
 * Whether Meta keeps an address with a list. A new one that it does not accept then has another cause, such as
 * an n8n that is slow to answer: without its list, the triggers in it would lose their events.
 */
function hasList(state: StateRead): boolean {
	return addressesOf(state).some(({ url }) => url !== holderUrl(url));
}

/** Whether an address names another webhook, sealed with an app secret that is not known. */
function namesUnknownOther(state: StateRead): boolean {
	return addressesOf(state).some(({ url, isAuthentic }) => !isAuthentic && url.includes('&other='));
}

function logOtherWebhookLost({ context }: Trigger): void {
	context.logger.error(
		'WhatsApp Business Calling Trigger: the app secret has changed, so the address of the other webhook, which got what is not about calls, cannot be read any more. To forward to it again, set the option "If Another Webhook Exists" to "Take Over and Forward" and enter the option "Other Webhook URL"',
	);
}

/**
 * Undoes what a failed attempt did.
 *
 * @returns the steps that could not be undone
 */
async function undoAttempt(trigger: Trigger, undo: Step[]): Promise<Step[]> {
	if (undo.length === 0) return [];
	try {
		return await undoSteps(trigger, undo, null, true);
	} catch {
		// What went wrong first is what the operator has to know; the record keeps the rest.
		return undo;
	}
}

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

function forwards(context: IHookFunctions): boolean {
	return context.getNodeParameter('options.onOtherWebhook', 'stop') === 'takeOverAndForward';
}

/** @returns steps that cannot be done yet, because other systems depend on what they would remove */
async function undoSteps(
	trigger: Trigger,
	undo: Step[],
	record: RegistrationRecord | null,
	onlyRecorded: boolean,
): Promise<Step[]> {
	const { context, url, isTest, account } = trigger;
	const send = patiently(Date.now() + UNDO_MS);
	const targets = undo.flatMap((step) => ('target' in step ? [step.target] : []));
	const isLost = !onlyRecorded && savedRecord(context) === null && record === null;
	const read = await knownState(
		trigger,
		{ membership: isLost || targets.includes('businessAccount'), allNumbers: true },
		send,
		record,
		targets,
	);
	const state = await withOthers(trigger, read, undo, isLost);
	const surroundings: Surroundings = {
		...{ url, isTest, onlyRecorded, isLost },
		isShared: record === null && forwards(context),
		allRead: state.allRead,
		sharing: true,
		appSecret: account.appSecret,
		forwardsTo: record?.alsoReceives[0] ?? null,
		tokens: new Map(),
	};
	const possible = merge(
		await withoutGone(trigger, [...undo, ...(onlyRecorded ? [] : undoAt(state, surroundings))]),
	);
	const tokens = await tokensFor(trigger, state, possible);
	const plan = async (sharing: boolean) => {
		const planned = planUndo(state, possible, { ...surroundings, tokens, sharing });
		const steps = planned.steps.map((step) => ({ step, inverse: [] }));
		// The others may have been slow to answer: the changes themselves have their own time.
		const sendChanges = patiently(Date.now() + UNDO_MS);
		return { ...planned, ...(await apply({ ...trigger, tokens }, steps, sendChanges)) };
	};
	let done = await plan(true);
	const { failed, failure } = done;
	if (failure && isRefusedList(failed, failure) && !hasList(state)) done = await plan(false);
	if (done.failure) throw registrationError(context.getNode(), done.failure, url);
	if (done.heir !== null) bequeath(done.heir, [{ do: 'leaveAccount' }]);
	for (const lost of done.lost) logForwardingLost(trigger, lost);
	if (done.kept.length > 0) warnFieldsRemain(trigger, state.failure);
	return done.kept;
}

/** The state with the answers of the other triggers, as far as they matter when this one leaves. */
async function withOthers(
	trigger: Trigger,
	state: StateRead,
	undo: Step[],
	isLost: boolean,
): Promise<StateRead> {
	const addresses = addressesOf(state);
	const mayLeave =
		(isLost && state.joined) ||
		undo.some(({ do: kind }) => kind === 'leaveAccount') ||
		state.app?.address.holder === 'gone' ||
		addresses.some(({ parties }) => parties.some(({ leavesAccount }) => leavesAccount));
	const isToAsk = ({ parties, holder }: Address) =>
		parties.some(({ is }) => is !== 'this' && is !== 'gone') &&
		(mayLeave || holder !== 'trigger' || parties.some(({ is }) => is === 'this'));
	return await withSiblings(trigger, state, isToAsk, { isPatient: true, mayLeave });
}

/** Verify tokens for what may be put back: what the addresses say, and what the other webhook accepts. */
async function tokensFor(
	trigger: Trigger,
	state: StateRead,
	undo: Step[],
): Promise<Map<string, string>> {
	const addresses = addressesOf(state);
	const tokens = new Map<string, string>();
	for (const { other } of addresses) {
		if (other?.verifyToken) tokens.set(other.url, other.verifyToken);
	}
	// Others get what this trigger would have put back.
	if (addresses.every(({ parties }) => parties.length < 2)) return tokens;
	for (const step of undo) {
		if (!('url' in step) || step.url === null || tokens.has(step.url)) continue;
		tokens.set(step.url, await verifyTokenFor(trigger, step.url));
	}
	return tokens;
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

function logForwardingLost({ context }: Trigger, other: string): void {
	context.logger.error(
		`WhatsApp Business Calling Trigger: the node "${context.getNode().name}" forwarded webhooks to ${other}, and other triggers keep its webhook address without forwarding, because the URL with forwarding would be longer than Meta allows. Publish the workflow again, or point Meta to the other webhook in Meta's app dashboard (WhatsApp > Configuration > Webhook)`,
	);
}

/** Removing fields that others need would silence them, which is worse than an address where nothing answers. */
function warnFieldsRemain({ context }: Trigger, failure: GraphFailure | null): void {
	const why = failure
		? `it could not be read whether other webhooks depend on it (${failureTitle(failure)})`
		: 'another webhook address of the account or of a number depends on it';
	context.logger.warn(
		`WhatsApp Business Calling Trigger: the app stays subscribed to its webhook fields, because ${why}. When nothing needs them any more, turn them off in Meta's app dashboard (WhatsApp > Configuration > Webhook fields)`,
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

/** What an earlier registration did, if a record of this process or of static data applies. */
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
	const isShared = record.undo.some(({ do: kind }) => kind === 'leaveAddress');
	const remedy = isShared
		? 'Other workflows share the webhook there; this one is skipped after 10 minutes'
		: `Remove the webhook ${record.url} there in Meta's app dashboard (WhatsApp > Configuration > Webhook)`;
	context.logger.warn(
		`WhatsApp Business Calling Trigger: the node "${context.getNode().name}" was registered with the app ${record.appId} and the account ${record.businessAccountId}, but its credential now belongs to another app or account. ${remedy}`,
	);
	return current;
}

function describe(context: IHookFunctions, account: Account, isActivating: boolean): Trigger {
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

function urlOf(context: IHookFunctions): string {
	const url = context.getNodeWebhookUrl('default');
	if (url) return url;
	throw new NodeOperationError(
		context.getNode(),
		'n8n gave the trigger no webhook URL. Set N8N_WEBHOOK_URL, restart n8n and publish the workflow again.',
	);
}

function attemptKey(context: IHookFunctions): string {
	const { parameters, credentials } = context.getNode();
	return `${triggerKey(context, urlOf(context))}\n${JSON.stringify([parameters, credentials])}`;
}

const appKey = ({ baseUrl, appId }: Account) => `${baseUrl}\n${appId}`;

/**
 * The targets to point to the trigger. One request says whether the chosen numbers belong to the account
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
