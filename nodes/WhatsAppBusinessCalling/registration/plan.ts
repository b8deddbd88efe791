import type { OverrideTarget, RegistrationRecord, Step } from './record';

/** Fields of the app's webhook that triggers of this package subscribe to. */
const OUR_FIELDS = ['calls', 'messages'];

/** What can have a webhook address at Meta. */
export type Target = 'app' | OverrideTarget;

/**
 * Who holds an address:
 * - `this`: this trigger, in production or as a test
 * - `workflow`: another workflow in this n8n
 * - `instance`: a trigger of this package in another n8n
 * - `gone`: nobody; it is an address of this n8n at which nothing is registered any more
 * - `other`: another system
 */
export type Holder = 'this' | 'workflow' | 'instance' | 'gone' | 'other';

export interface Address {
	url: string;
	holder: Holder;
	/** Whether a verify token is known that its holder accepts, so that Meta can be pointed to it again. */
	isRestorable: boolean;
}

export interface KnownApp {
	address: Address;
	active: boolean;
	fields: string[];
}

/** What Meta sends where, with the holder of each address. */
export interface KnownState {
	app: KnownApp | null;
	/** Whether the app gets the webhooks of the account. */
	joined: boolean;
	/** Addresses that come before the app's. */
	overrides: Map<OverrideTarget, Address>;
}

export interface Wanted {
	/** This trigger's address. */
	url: string;
	isTest: boolean;
	targets: Target[];
	/** Fields that the app must be subscribed to. */
	fields: string[];
	/** Whether to take over addresses of others and to forward to them. */
	forwards: boolean;
	/** The parameter Other Webhook URL. */
	otherWebhook: Address | null;
}

/** A step, and what to do to undo it. */
export interface PlannedStep {
	step: Step;
	inverse: Step[];
}

export interface Plan {
	steps: PlannedStep[];
	/** What an earlier registration of this trigger had done, and what is still to be undone one day. */
	inherited: Step[];
	/** Who else receives what arrives at this trigger's address. */
	alsoReceives: string[];
}

export type Conflict =
	| { reason: 'taken'; target: Target; address: Address }
	| { reason: 'wrongToken'; address: Address }
	| { reason: 'fieldsMissing'; fields: string[]; address: Address }
	| { reason: 'severalReceivers'; urls: string[] }
	| { reason: 'receiverUnknown' };

export type Planned = { ok: true; plan: Plan } | { ok: false; conflict: Conflict };

/**
 * What to change at Meta so that the trigger gets its events. Pure. Addresses of others are touched only
 * with Take Over and Forward.
 *
 * The app's webhook comes first: if n8n is killed after any step, what stands at this trigger's own
 * address tells the next activation what was done.
 *
 * @param record of an earlier registration of this trigger; null for none that applies
 */
export function planRegistration(
	state: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
): Planned {
	const conflict = wanted.targets
		.map((target) => conflictAt(target, addressOf(state, target), wanted))
		.find((found) => found !== null);
	if (conflict) return { ok: false, conflict };

	const lostOther = wanted.forwards && record === null ? wanted.otherWebhook : null;
	const own = wanted.targets.includes('app') ? state.app?.address : undefined;
	if (lostOther && own?.holder === 'this' && !lostOther.isRestorable) {
		return { ok: false, conflict: { reason: 'wrongToken', address: lostOther } };
	}
	const receivers = otherReceivers(state, wanted, record);
	if (receivers === null) return { ok: false, conflict: { reason: 'receiverUnknown' } };
	if (receivers.length > 1) {
		return { ok: false, conflict: { reason: 'severalReceivers', urls: receivers } };
	}

	const earlier = record?.undo ?? [];
	const app = wanted.targets.includes('app')
		? planApp(state, wanted, record)
		: planFields(state, wanted, record);
	if ('reason' in app) return { ok: false, conflict: app };
	const membership = planMembership(state, earlier);
	const overrides = wanted.targets.flatMap((target) =>
		target === 'app' ? [] : [planOverride(target, state, wanted, earlier)],
	);
	const parts = [app, membership, ...overrides];
	return {
		ok: true,
		plan: {
			steps: parts.flatMap(({ steps }) => steps),
			inherited: merge([...parts.flatMap(({ inherited }) => inherited), ...earlier]),
			alsoReceives: receivers,
		},
	};
}

interface Part {
	steps: PlannedStep[];
	inherited: Step[];
}

export function addressOf(state: KnownState, target: Target): Address | null {
	return target === 'app' ? (state.app?.address ?? null) : (state.overrides.get(target) ?? null);
}

type TakenAddress = Address & { holder: Exclude<Holder, 'this' | 'gone'> };

/** Someone receives there, and it is not this trigger. */
function isTaken(address: Address | null): address is TakenAddress {
	return address !== null && address.holder !== 'this' && address.holder !== 'gone';
}

function conflictAt(target: Target, address: Address | null, wanted: Wanted): Conflict | null {
	if (!isTaken(address)) return null;
	if (!wanted.forwards) return { reason: 'taken', target, address };
	return address.isRestorable ? null : { reason: 'wrongToken', address };
}

/** In a test run, the production address of the same trigger, which gets its events back afterwards. */
function isProductionOf(wanted: Wanted, address: Address | null): boolean {
	return wanted.isTest && address?.holder === 'this' && address.url !== wanted.url;
}

/**
 * Who received until now what is not for the trigger. Where a target has no address, its events go to the
 * next wider one: number, account, app (Meta, "Webhook overrides").
 *
 * @returns null where somebody received it, and nothing tells who
 */
function otherReceivers(
	state: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
): string[] | null {
	if (!wanted.forwards) return [];
	const found = new Set<string>();
	for (const target of wanted.targets) {
		const address = receiverAt(state, target);
		if (isTaken(address) || (address !== null && isProductionOf(wanted, address))) {
			found.add(address.url);
		} else if (address?.holder === 'this') {
			const known =
				record?.alsoReceives ?? (wanted.otherWebhook ? [wanted.otherWebhook.url] : null);
			// Fields that this trigger does not want were those of the webhook before it.
			const isShared = state.app?.fields.some((field) => !wanted.fields.includes(field));
			if (known === null && isShared) return null;
			for (const url of known ?? []) found.add(url);
		} else if (wanted.otherWebhook !== null) {
			found.add(wanted.otherWebhook.url);
		}
	}
	return [...found];
}

function receiverAt(state: KnownState, target: Target): Address | null {
	const own = addressOf(state, target);
	if (own !== null || target === 'app') return own;
	const account = target === 'businessAccount' ? null : addressOf(state, 'businessAccount');
	return account ?? addressOf(state, 'app');
}

/** The app's webhook is pointed to this trigger. */
function planApp(state: KnownState, wanted: Wanted, record: RegistrationRecord | null): Part {
	const { app } = state;
	const missing = missingFields(app, wanted);
	const inherited = ownLeftovers(state, wanted, record);
	if (app?.active && app.address.url === wanted.url && missing.length === 0) {
		return { steps: [], inherited };
	}
	const step: Step = { do: 'pointApp', url: wanted.url, fields: wanted.fields };
	const inverse: Step[] = [];
	// Meta asks for a field; one that is there already changes nothing.
	const restored = restorable(app?.address ?? null, wanted);
	if (restored !== null) {
		inverse.push({ do: 'pointApp', url: restored, fields: app?.fields.slice(0, 1) ?? [] });
	}
	inverse.push(...removal(missing));
	return { steps: [{ step, inverse }], inherited };
}

/** The address to put back: that of another holder, or of production after a test. */
function restorable(address: Address | null, wanted: Wanted): string | null {
	return isTaken(address) || isProductionOf(wanted, address) ? (address?.url ?? null) : null;
}

/** An address of the account or of a number gets only what the app itself is subscribed to. */
function planFields(
	state: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
): Part | Conflict {
	const { app } = state;
	const missing = missingFields(app, wanted);
	const address = app?.address ?? null;
	if (isTaken(address)) {
		// An inactive webhook sends nothing, and only its holder can activate it again.
		const absent = app?.active ? missing : wanted.fields;
		if (absent.length > 0) return { reason: 'fieldsMissing', fields: absent, address };
		return { steps: [], inherited: [] };
	}
	const isProduction = isProductionOf(wanted, address);
	const inherited = ownLeftovers(state, wanted, record);
	const isInPlace = address?.url === wanted.url || isProduction;
	if (app?.active && isInPlace && missing.length === 0) return { steps: [], inherited };
	const url = isProduction && address ? address.url : wanted.url;
	const step: Step = { do: 'pointApp', url, fields: wanted.fields };
	return { steps: [{ step, inverse: removal(missing) }], inherited };
}

/** Fields that this registration adds: all of them where the app had no webhook. */
function missingFields(app: KnownApp | null, { fields }: Wanted): string[] {
	return fields.filter((field) => !app?.fields.includes(field));
}

/**
 * What stands at the trigger's own address was put there by it, whatever its record says: the record may
 * have been lost in a crash, by a new name of the node or by an import. Without a record, the place of the
 * app on the account counts as ours too, if the app is subscribed to nothing that could be for others.
 */
function ownLeftovers(
	{ app, joined }: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
): Step[] {
	if (app === null || isTaken(app.address) || isProductionOf(wanted, app.address)) return [];
	if (record?.undo.some(({ do: kind }) => kind === 'pointApp')) return [];
	const fields = ourFieldsOf(app);
	const { forwards, otherWebhook, targets } = wanted;
	if (record === null && forwards && otherWebhook !== null && targets.includes('app')) {
		const before = app.fields.filter((field) => field !== 'calls');
		return [
			{ do: 'pointApp', url: otherWebhook.url, fields: before.slice(0, 1) },
			...removal(app.fields.filter((field) => field === 'calls')),
		];
	}
	const isOnlyOurs = fields.length === app.fields.length;
	const leaves: Step[] = record === null && joined && isOnlyOurs ? [{ do: 'leaveAccount' }] : [];
	return [...leaves, ...removal(fields)];
}

const ourFieldsOf = ({ fields }: KnownApp) => fields.filter((field) => OUR_FIELDS.includes(field));

const removal = (fields: string[]): Step[] =>
	fields.length > 0 ? [{ do: 'removeFields', fields }] : [];

function planMembership({ joined }: KnownState, earlier: Step[]): Part {
	const inherited = earlier.filter(({ do: kind }) => kind === 'leaveAccount');
	if (joined) return { steps: [], inherited };
	return { steps: [{ step: { do: 'joinAccount' }, inverse: [{ do: 'leaveAccount' }] }], inherited };
}

function planOverride(
	target: OverrideTarget,
	state: KnownState,
	wanted: Wanted,
	earlier: Step[],
): Part {
	const address = addressOf(state, target);
	const known = earlier.find((step) => step.do === 'pointOverride' && step.target === target);
	const cleared: Step = known ?? { do: 'pointOverride', target, url: null };
	if (address?.url === wanted.url) return { steps: [], inherited: [cleared] };
	const url = restorable(address, wanted);
	return {
		steps: [
			{
				step: { do: 'pointOverride', target, url: wanted.url },
				inverse: [url === null ? cleared : { do: 'pointOverride', target, url }],
			},
		],
		inherited: [],
	};
}

/** In which order steps are undone: until the last one, the app's webhook tells whose the rest is. */
const UNDO_ORDER: Array<Step['do']> = ['pointOverride', 'pointApp', 'leaveAccount', 'removeFields'];

/**
 * One list of what is to be undone, in its order. Where two say something of the same target, the first
 * one counts; fields are added up.
 */
export function merge(steps: Step[]): Step[] {
	const merged = new Map<string, Step>();
	for (const step of steps) {
		const key = step.do === 'pointOverride' ? `${step.do} ${step.target}` : step.do;
		const known = merged.get(key);
		if (known?.do === 'removeFields' && step.do === 'removeFields') {
			merged.set(key, { ...step, fields: [...new Set([...known.fields, ...step.fields])] });
		} else if (known === undefined) {
			merged.set(key, step);
		}
	}
	const rank = ({ do: kind }: Step) => UNDO_ORDER.indexOf(kind);
	return [...merged.values()].sort((one, other) => rank(one) - rank(other));
}

export interface Undo {
	steps: Step[];
	/** What must stay for now, because others depend on it; for a later deactivation. */
	kept: Step[];
}

export interface Surroundings {
	/** The trigger's address that is given up. */
	url: string;
	isTest: boolean;
	/** Addresses of the account and all its numbers; null where they cannot be read. */
	allOverrides: Address[] | null;
	/** For an activation that failed: what an earlier one had registered stays. */
	onlyRecorded: boolean;
}

/** What to undo for a trigger without a record that applies: overrides at its own address. */
export function overridesAt(state: KnownState, { url, isTest }: Surroundings): Step[] {
	return [...state.overrides].flatMap(([target, address]) =>
		isOursToUndo(address, url, isTest) ? [{ do: 'pointOverride', target, url: null } as const] : [],
	);
}

/** A test undoes only what stands at its own address: the production address of the trigger is not its. */
function isOursToUndo({ holder, ...address }: Address, url: string, isTest: boolean): boolean {
	return (holder === 'this' || holder === 'gone') && (!isTest || address.url === url);
}

/**
 * Which of the recorded inverses still make sense at Meta as it is now. Pure. An address that somebody
 * else has taken over meanwhile stays, with everything that belongs to it; what stands at the trigger's
 * own address is taken away, whatever the record says.
 */
export function planUndo(state: KnownState, undo: Step[], surroundings: Surroundings): Undo {
	const { url, isTest, onlyRecorded } = surroundings;
	const { app } = state;
	const steps: Step[] = undo.filter((step) => {
		const address = step.do === 'pointOverride' && state.overrides.get(step.target);
		return address && isOursToUndo(address, url, isTest);
	});
	const leaves = undo.filter(({ do: kind }) => kind === 'leaveAccount');
	if (app === null) return { steps: leaveWith(steps, leaves), kept: [] };
	if (!isOursToUndo(app.address, url, isTest)) return { steps, kept: [] };

	const restored = undo.find((step) => step.do === 'pointApp');
	const added = undo.flatMap((step) => (step.do === 'removeFields' ? step.fields : []));
	const isGiven = restored !== undefined || onlyRecorded;
	const fields = isGiven ? app.fields.filter((field) => added.includes(field)) : ourFieldsOf(app);
	if (restored) {
		const [field] = [...restored.fields, ...app.fields];
		return {
			steps: [...steps, { ...restored, fields: [field] }, ...removal(fields)],
			kept: [],
		};
	}
	const { heir, isNeeded } = dependents(surroundings);
	if (fields.length > 0 && isNeeded) {
		// Another trigger of this package needs the app's webhook: it gets it.
		if (heir) return { steps: [...steps, { do: 'pointApp', url: heir.url, fields }], kept: [] };
		return { steps, kept: merge([...leaves, ...removal(fields)]) };
	}
	// As long as the app gets something, somebody else may count on its getting this account's.
	const isLast = onlyRecorded || fields.length === app.fields.length;
	return { steps: [...(isLast ? leaveWith(steps, leaves) : steps), ...removal(fields)], kept: [] };
}

/** Addresses of the account or of numbers get only what the app itself is subscribed to. */
function dependents({ allOverrides }: Surroundings): { heir?: Address; isNeeded: boolean } {
	if (allOverrides === null) return { isNeeded: true };
	const others = allOverrides.filter(({ holder }) => holder !== 'this' && holder !== 'gone');
	return { heir: others.find(({ isRestorable }) => isRestorable), isNeeded: others.length > 0 };
}

/** With its place on the account, the app loses the address of the account as well. */
function leaveWith(steps: Step[], leaves: Step[]): Step[] {
	if (leaves.length === 0) return steps;
	const isClearing = (step: Step) =>
		step.do === 'pointOverride' && step.target === 'businessAccount' && step.url === null;
	return [...steps.filter((step) => !isClearing(step)), ...leaves];
}
