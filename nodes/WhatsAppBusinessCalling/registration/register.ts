import { NodeOperationError, type IHookFunctions } from 'n8n-workflow';

import { webhookFields } from '../events/eventTypes';
import { readAccount } from '../graph/account';
import { failureTitle } from '../graph/nodeApiError';
import { readWebhookRoutes, type WebhookRoute } from '../graph/numberWebhook';
import { chosenEventNames, readSettings } from '../trigger/settings';
import { apply, isRefusedList, patiently } from './apply';
import { attempt } from './attempts';
import {
	busyError,
	conflictError,
	fieldsNotKeptError,
	notKeptError,
	registrationError,
} from './errors';
import { afterRemoval } from './justRemoved';
import { knownState, valueOf, withSiblings, type StateRead } from './knownState';
import { oneAtATime } from './oneAtATime';
import { identify, type Trigger } from './ownership';
import {
	chosenNumbers,
	chosenPhoneNumberIds,
	isAttended,
	mustKnowNumbers,
	requireKnownNumbers,
} from './phoneNumberFilter';
import {
	addressesOf,
	isInPlace,
	merge,
	planRegistration,
	type Address,
	type KnownState,
	type Plan,
	type Planned,
	type PlannedStep,
	type Wanted,
} from './plan';
import { readBack } from './readBack';
import {
	dropRecord,
	keepRecord,
	otherWebhookUrl,
	type OverrideTarget,
	type RegistrationRecord,
	type Step,
	type Target,
} from './record';
import type { Send } from './state';
import {
	appKey,
	attemptKey,
	describe,
	forwards,
	isManual,
	newRecord,
	recordOf,
} from './thisTrigger';
import { hasList, undoSteps } from './undo';
import { isSameTrigger } from './verifyToken';

/** Milliseconds for one attempt of an activation, and for waiting before it. */
const ACTIVATION_MS = 40_000;
const LONGEST_WAIT_MS = 25_000;

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
		// With a setting that cannot be used, each event would fail.
		if (isAttended(context)) readSettings(context);
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
	await work.settle();
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

	/** Changes that Meta has confirmed, and may not show yet. */
	private applied: PlannedStep[] = [];

	private readonly send = patiently(Date.now() + ACTIVATION_MS);

	/** Why Meta does not keep an address with a list; null as long as nothing says so. */
	private refusal: string | null = null;

	/** What is to be pointed to the trigger. */
	private targets: Target[] = [];

	/** Whether Meta has kept one so far. */
	private isListKept = false;

	/** What Meta had before the present round. */
	private before: KnownState = { app: null, joined: false, overrides: new Map() };

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
			const end = plan.steps.findIndex(({ step }) => step === failed);
			this.applied = failed === null ? plan.steps : plan.steps.slice(0, end);
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
				this.before,
				this.send,
			);
			// Whatever Meta shows now, it has had its time.
			this.applied = [];
			if (outcome === 'kept') {
				this.keep(plan);
				return null;
			}
			if (outcome === 'missing') return notKeptError(node);
			if (outcome === 'fieldsMissing') return fieldsNotKeptError(node, found);
			if (outcome === 'dropped') this.refusal = 'Meta confirmed the URL and dropped the list';
			if (round >= MAX_ROUNDS) {
				const address = await identify(this.trigger, found, null);
				const conflict = { reason: 'taken', target, address } as const;
				return conflictError(node, conflict, account.businessAccountId, this.refusal);
			}
		}
	}

	/** Waits until Meta shows what was changed, because only that is undone. */
	async settle(): Promise<void> {
		const targets = new Set<Target>([...this.targets, 'app']);
		await readBack(this.trigger, [...targets], this.applied, this.before, this.send);
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
		const shown = await knownState(trigger, { membership: true, routes }, send, record);
		const state = this.done.length > 0 ? shown : await afterRemoval(trigger, shown);
		this.isListKept = hasList(state);
		this.before = state;
		if (namesUnknownOther(state)) logOtherWebhookLost(trigger);
		const otherWebhook = isForwarding ? await otherWebhookOf(trigger) : null;
		const wanted: Wanted = {
			...{ url, isTest, targets, events, fields: webhookFields(events) },
			...{ forwards: isForwarding, otherWebhook },
			...{ sharing: this.refusal === null, appSecret: account.appSecret },
		};
		// The triggers in the list of an address are asked only if the address is to be changed.
		const isToAsk = (address: Address) =>
			(!targets.includes('app') ||
				address.members.some(({ isTest }, index) => isTest || index > 0)) &&
			!isInPlace(address, state, wanted);
		const asked = await withSiblings(trigger, state, isToAsk, {
			isPatient: false,
			mayLeave: true,
			asksLevel: targets.includes('businessAccount'),
		});
		const earlier = record && { ...record, undo: merge([...this.done, ...record.undo]) };
		return planRegistration(asked, wanted, earlier);
	}
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
