import {
	addressText,
	isSameList,
	longestAddress,
	membersWith,
	othersIn,
	siblingsIn,
	type Member,
} from './members';
import type { OverrideTarget, RegistrationRecord, Step, Target } from './record';
import { holderUrl, type OtherWebhook } from './sharedAddress';

/** Fields of the app's webhook that triggers of this package subscribe to. */
export const OUR_FIELDS = ['calls', 'messages'];

/**
 * Who holds an address:
 * - `this`: this trigger, in production or as a test
 * - `trigger`: another trigger of this n8n with the same app secret
 * - `workflow`: another workflow in this n8n
 * - `instance`: a trigger of this package in another n8n
 * - `gone`: no one; it is an address of this n8n at which nothing is registered any more
 * - `other`: another system
 */
export type Holder = 'this' | 'trigger' | 'workflow' | 'instance' | 'gone' | 'other';

export interface Address {
	/** As Meta has it, with the list of siblings. */
	url: string;
	holder: Holder;
	/** Whether a verify token is known that its holder accepts, so that Meta can be pointed to it again. */
	isRestorable: boolean;
	/** The triggers of this n8n that receive there, the holder first; none for a holder of another kind. */
	members: Member[];
	/** The other webhook that the address names. */
	other: OtherWebhook | null;
	/** Whether its list was written with the app secret. */
	isAuthentic: boolean;
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
	/** Events that it gets a share of at another trigger's address. */
	events: string[];
	/** Fields that the app must be subscribed to. */
	fields: string[];
	/** Whether to take over addresses of others and to forward to them. */
	forwards: boolean;
	/** The parameter Other Webhook URL. */
	otherWebhook: Address | null;
	/** Whether several triggers may share an address; false where Meta has refused that. */
	sharing: boolean;
	/** With which lists in addresses are authenticated. */
	appSecret: string;
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
	/** Events of the account go to its own address, where it has one, and not to the app's. */
	| { reason: 'otherLevel'; target: 'app' | 'businessAccount'; address: Address }
	| { reason: 'notListable'; target: Target; address: Address; isTest: boolean }
	| { reason: 'tooLong'; target: Target; address: Address; count: number }
	| { reason: 'wrongToken'; address: Address }
	| { reason: 'fieldsMissing'; fields: string[]; address: Address }
	| { reason: 'severalReceivers'; urls: string[] }
	| { reason: 'receiverUnknown' };

export type Planned = { ok: true; plan: Plan } | { ok: false; conflict: Conflict };

/**
 * What to change at Meta so that the trigger gets its events. Pure. Addresses of other systems are touched
 * only with Take Over and Forward; those of other triggers of this n8n are shared.
 *
 * The app's webhook comes first: if n8n is killed after any step, the next activation sees from this trigger's
 * own address what was done.
 *
 * @param record of an earlier registration of this trigger; null for none that applies
 */
export function planRegistration(
	state: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
): Planned {
	const conflict =
		wanted.targets
			.map((target) => conflictAt(target, addressOf(state, target), wanted))
			.find((found) => found !== null) ?? levelConflict(state, wanted, record);
	if (conflict) return { ok: false, conflict };
	const aims = new Map<Target, Aim>();
	for (const target of new Set<Target>(['app', ...wanted.targets])) {
		const aim = aimAt(target, state, wanted);
		if ('reason' in aim) return { ok: false, conflict: aim };
		aims.set(target, aim);
	}

	const lostOther = wanted.forwards && record === null ? wanted.otherWebhook : null;
	const own = wanted.targets.includes('app') ? state.app?.address : undefined;
	if (lostOther && own?.holder === 'this' && own.other === null && !lostOther.isRestorable) {
		return { ok: false, conflict: { reason: 'wrongToken', address: lostOther } };
	}
	const receivers = otherReceivers(state, wanted, record, aims);
	if (receivers === null) return { ok: false, conflict: { reason: 'receiverUnknown' } };
	if (receivers.length > 1) {
		return { ok: false, conflict: { reason: 'severalReceivers', urls: receivers } };
	}

	const earlier = record?.undo ?? [];
	const app = wanted.targets.includes('app')
		? planApp(state, wanted, record, aims.get('app')!)
		: planFields(state, wanted, record, aims.get('app')!);
	if ('reason' in app) return { ok: false, conflict: app };
	const membership = planMembership(state, earlier, [...aims.values()]);
	const overrides = wanted.targets.flatMap((target) =>
		target === 'app' ? [] : [planOverride(target, state, wanted, earlier, aims.get(target)!)],
	);
	const parts = [app, membership, ...overrides, clearedAccount(state, wanted)];
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

/** All addresses in the state, that of the app first. */
export function addressesOf({ app, overrides }: KnownState): Address[] {
	return [...(app ? [app.address] : []), ...overrides.values()];
}

/** The address of a target; null for none. */
export function addressOf(state: KnownState, target: Target): Address | null {
	return target === 'app' ? (state.app?.address ?? null) : (state.overrides.get(target) ?? null);
}

/** How an address is to be, so that the trigger gets its events there. */
interface Aim {
	url: string;
	/** Whether the address is that of this trigger. */
	isHolder: boolean;
	isShared: boolean;
	/** Whether the trigger takes over from one that may have to take the app off the account. */
	leavesAccount: boolean;
}

/** With its own list, an address of triggers of this n8n: others are not shared. */
function canShare(address: Address, { sharing }: Wanted): boolean {
	return sharing && address.members.length > 0;
}

/** Whether nothing would be written to an address, if all in it are alive. */
export function isInPlace(address: Address, state: KnownState, wanted: Wanted): boolean {
	const targets: Target[] = ['app', ...state.overrides.keys()];
	return targets
		.filter((target) => addressOf(state, target) === address)
		.every((target) => {
			const aim = aimAt(target, state, wanted);
			return 'reason' in aim ? aim.reason !== 'tooLong' : aim.url === address.url;
		});
}

function aimAt(target: Target, state: KnownState, wanted: Wanted): Aim | Conflict {
	const address = addressOf(state, target);
	const alone = { url: wanted.url, isHolder: true, isShared: false, leavesAccount: false };
	if (address === null || !canShare(address, wanted)) return alone;
	const isMember = wanted.targets.includes(target);
	const present = address.members;
	const [holder] = present;
	// A trigger of numbers or of the account only needs that some trigger holds the app's webhook.
	const isHeld =
		holder.is === 'alive' && (!holder.isTest || wanted.isTest || holder.isKnownToForward);
	if (!isMember && (isHeld || isProductionOf(wanted, address))) {
		const url = isHeld ? urlWithDependent(address, wanted) : address.url;
		return { ...alone, url, isHolder: false, isShared: true };
	}
	const inherits = present.some(({ is, leavesAccount }) => is === 'gone' && leavesAccount);
	const before = present.find(({ is }) => is === 'this');
	const trigger: Member = {
		...{ url: wanted.url, isTest: wanted.isTest, events: wanted.events },
		...{ is: 'this', isOfAccount: true, isOnApp: wanted.targets.includes('app') },
		...{ isKnownToLeave: null, isKnownToForward: false },
		leavesAccount: before?.leavesAccount ?? false,
	};
	const joint = membersWith(trigger, present);
	const isHolder = joint[0].url === wanted.url;
	// What its record says, in case that is lost.
	const mustLeave = !isHolder && (inherits || !state.joined);
	const members = joint.map((member) =>
		mustLeave && member.is === 'this' ? { ...trigger, leavesAccount: true } : member,
	);
	const [first, ...others] = members;
	const siblings = siblingsIn(members);
	const listed = others.filter((_, index) => siblings[index] !== null);
	if (!isHolder && !listed.some(({ url }) => url === wanted.url)) {
		// A test of the only trigger there can do without a list: it gives the address back.
		if (isProductionOf(wanted, address) && present.length === 1) return alone;
		return { reason: 'notListable', target, address, isTest: wanted.isTest };
	}
	const isSame = address.isAuthentic && isSameList([first, ...listed], present);
	const url = isSame ? address.url : addressText(members, address.other, wanted.appSecret);
	if (url.length > longestAddress(target) && url !== wanted.url) {
		return { reason: 'tooLong', target, address, count: members.length };
	}
	// A test that is replaced may be killed: then nothing says what it has to undo.
	const isReplaced = holder.is === 'alive' && holder.isOfAccount && isOnlyOurs(state.app);
	const leavesAccount = isHolder && (inherits || (isReplaced && (holder.isKnownToLeave ?? true)));
	return { url, isHolder, isShared: url !== wanted.url, leavesAccount };
}

/**
 * The app's address for a trigger that only needs the app's fields. Triggers of another account cannot see
 * at Meta that it needs them. Unless one of its account is in their list, it is there itself, without events,
 * and gets the app's webhook when they leave.
 */
function urlWithDependent(address: Address, { url, isTest, appSecret }: Wanted): string {
	const { members, other } = address;
	const isVisible = members.some(({ is, isOfAccount }) => is === 'alive' && isOfAccount);
	if (isVisible || members.some(({ is }) => is === 'this')) return address.url;
	const dependent: Member = {
		...{ url, isTest, events: [], is: 'this', isOfAccount: true, isOnApp: false },
		...{ leavesAccount: false, isKnownToLeave: null, isKnownToForward: false },
	};
	const listed = [...members.filter(({ is }) => is !== 'gone'), dependent];
	const text = addressText(listed, other, appSecret);
	return siblingsIn(listed).includes(null) || text.length > longestAddress('app')
		? address.url
		: text;
}

type TakenAddress = Address & { holder: Exclude<Holder, 'this' | 'gone'> };

/** Someone receives there, and it is not this trigger. */
function isTaken(address: Address | null): address is TakenAddress {
	return address !== null && address.holder !== 'this' && address.holder !== 'gone';
}

function conflictAt(target: Target, address: Address | null, wanted: Wanted): Conflict | null {
	if (!isTaken(address) || canShare(address, wanted)) return null;
	if (!wanted.forwards) return { reason: 'taken', target, address };
	return address.isRestorable ? null : { reason: 'wrongToken', address };
}

/**
 * Meta uses the address of an account before that of the app (Meta, "Webhook overrides"): with both, triggers on the
 * app would be published, and get nothing of the account.
 */
function levelConflict(
	state: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
): Conflict | null {
	const { targets } = wanted;
	const account = addressOf(state, 'businessAccount');
	if (targets.includes('app') && account !== null && isUsed(account, wanted, record)) {
		return { reason: 'otherLevel', target: 'businessAccount', address: account };
	}
	const app = addressOf(state, 'app');
	const isDeprived = app?.members.some(({ is, isOnApp }) => is === 'alive' && isOnApp);
	return targets.includes('businessAccount') && app && isDeprived
		? { reason: 'otherLevel', target: 'app', address: app }
		: null;
}

/** Whether an address of the account is that of anyone but this trigger, or is to be given back to anyone. */
function isUsed(address: Address, wanted: Wanted, record: RegistrationRecord | null): boolean {
	if (isTaken(address) || isProductionOf(wanted, address) || address.other !== null) return true;
	const isToGiveBack = record?.undo.some(
		(step) => step.do === 'pointOverride' && step.target === 'businessAccount' && step.url !== null,
	);
	return isToGiveBack || othersIn(address.members).length > 0;
}

/** In a test run, the production address of the same trigger, which gets its events back afterwards. */
function isProductionOf(wanted: Wanted, address: Address | null): boolean {
	return wanted.isTest && address?.holder === 'this' && holderUrl(address.url) !== wanted.url;
}

/**
 * Who received until now what is not for the trigger. Where a target has no address, its events go to the
 * next wider one: number, account, app (Meta, "Webhook overrides").
 *
 * @returns null if a webhook received it, and its URL is lost
 */
function otherReceivers(
	state: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
	aims: Map<Target, Aim>,
): string[] | null {
	const found = new Set<string>();
	for (const target of wanted.targets) {
		// At the address of another trigger, that one forwards.
		if (!aims.get(target)!.isHolder) continue;
		const own = addressOf(state, target);
		if (own?.other && canShare(own, wanted)) {
			found.add(record?.alsoReceives[0] ?? own.other.url);
			continue;
		}
		if (!wanted.forwards) continue;
		const address = receiverAt(state, target);
		if (isTaken(address) || (address !== null && isProductionOf(wanted, address))) {
			found.add(address.url);
		} else if (address?.holder === 'this') {
			const known =
				record?.alsoReceives ?? (wanted.otherWebhook ? [wanted.otherWebhook.url] : null);
			// Fields that this trigger does not need were those of the webhook before it.
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

/** The app's webhook is pointed to this trigger, or to another one with this trigger in its list. */
function planApp(
	state: KnownState,
	wanted: Wanted,
	record: RegistrationRecord | null,
	aim: Aim,
): Part {
	const { app } = state;
	const missing = missingFields(app, wanted);
	const inherited = aim.isHolder ? ownLeftovers(state, wanted, record) : [];
	if (app?.active && app.address.url === aim.url && missing.length === 0) {
		return { steps: [], inherited };
	}
	const step: Step = { do: 'pointApp', url: aim.url, fields: wanted.fields };
	if (aim.isShared) {
		const leave: Step = { do: 'leaveAddress', target: 'app' };
		return { steps: [{ step, inverse: [leave, ...removal(missing)] }], inherited };
	}
	const restored = restorable(app?.address ?? null, wanted);
	if (restored === null || !app) {
		return { steps: [{ step, inverse: removal(missing) }], inherited };
	}
	// Meta asks for a field; one that is there already changes nothing.
	const back: Step = { do: 'pointApp', url: restored, fields: app.fields.slice(0, 1) };
	// Also those that another trigger may add at this address later.
	const added = isTaken(app.address)
		? OUR_FIELDS.filter((field) => !app.fields.includes(field))
		: missing;
	return { steps: [{ step, inverse: [back, ...removal(added)] }], inherited };
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
	aim: Aim,
): Part | Conflict {
	const { app } = state;
	const missing = missingFields(app, wanted);
	const address = app?.address ?? null;
	if (isTaken(address) && !canShare(address, wanted)) {
		// An inactive webhook sends nothing, and only its holder can activate it again.
		const absent = app?.active ? missing : wanted.fields;
		if (absent.length > 0) return { reason: 'fieldsMissing', fields: absent, address };
		return { steps: [], inherited: [] };
	}
	const isProduction = isProductionOf(wanted, address);
	const inherited = isTaken(address) ? [] : ownLeftovers(state, wanted, record);
	const url = isProduction && address ? address.url : aim.url;
	if (app?.active && address?.url === url && missing.length === 0) return { steps: [], inherited };
	const step: Step = { do: 'pointApp', url, fields: wanted.fields };
	const leave: Step[] = aim.isShared ? [{ do: 'leaveAddress', target: 'app' }] : [];
	return { steps: [{ step, inverse: [...leave, ...removal(missing)] }], inherited };
}

/** Fields that this registration adds: all of them where the app had no webhook. */
function missingFields(app: KnownApp | null, { fields }: Wanted): string[] {
	return fields.filter((field) => !app?.fields.includes(field));
}

/**
 * What is at the trigger's own address was put there by it, whatever its record says: the record may have been
 * lost in a crash, by a new name of the node or by an import. Without a record, that the app is on the account
 * counts as ours too, if the app is subscribed to nothing that could be for others.
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
	// Then the address says what is to be put back.
	if (app.address.other !== null) return [];
	if (record === null && forwards && otherWebhook !== null && targets.includes('app')) {
		const before = app.fields.filter((field) => field !== 'calls');
		return [
			{ do: 'pointApp', url: otherWebhook.url, fields: before.slice(0, 1) },
			...removal(app.fields.filter((field) => field === 'calls')),
		];
	}
	const [holder] = app.address.members;
	const isLost = (record === null && holder?.isKnownToLeave !== false) || mayHaveToLeave(app);
	const leaves: Step[] = isLost && joined && isOnlyOurs(app) ? [{ do: 'leaveAccount' }] : [];
	return [...leaves, ...removal(fields)];
}

/**
 * Whether the holder of the app's address is gone, and may have had to take the app off the account. If this
 * process has its record, it is only being unpublished at the same moment, and does that itself; or the address
 * says it.
 */
export function mayHaveToLeave({ address: { holder, members } }: KnownApp): boolean {
	return holder === 'gone' && (members[0]?.isKnownToLeave ?? true);
}

/** Whether the app is subscribed to nothing that could be for others. */
export const isOnlyOurs = (app: KnownApp | null) =>
	app?.fields.every((field) => OUR_FIELDS.includes(field)) ?? false;

const ourFieldsOf = ({ fields }: KnownApp) => fields.filter((field) => OUR_FIELDS.includes(field));

export const removal = (fields: string[]): Step[] =>
	fields.length > 0 ? [{ do: 'removeFields', fields }] : [];

function planMembership({ joined }: KnownState, earlier: Step[], aims: Aim[]): Part {
	const inherited = earlier.filter(({ do: kind }) => kind === 'leaveAccount');
	if (joined && aims.some(({ leavesAccount }) => leavesAccount)) {
		inherited.push({ do: 'leaveAccount' });
	}
	if (joined) return { steps: [], inherited };
	return { steps: [{ step: { do: 'joinAccount' }, inverse: [{ do: 'leaveAccount' }] }], inherited };
}

function planOverride(
	target: OverrideTarget,
	state: KnownState,
	wanted: Wanted,
	earlier: Step[],
	aim: Aim,
): Part {
	const address = addressOf(state, target);
	const known = earlier.find((step) => step.do === 'pointOverride' && step.target === target);
	const cleared: Step = known ?? { do: 'pointOverride', target, url: null };
	const leave: Step = { do: 'leaveAddress', target };
	if (address?.url === aim.url) {
		const inherited = address.other === null && aim.isHolder ? [cleared] : [];
		return { steps: [], inherited: [...(aim.isShared ? [leave] : []), ...inherited] };
	}
	const step: Step = { do: 'pointOverride', target, url: aim.url };
	if (aim.isShared) return { steps: [{ step, inverse: [leave] }], inherited: [] };
	const url = restorable(address, wanted);
	const inverse: Step = url === null ? cleared : { do: 'pointOverride', target, url };
	return { steps: [{ step, inverse: [inverse] }], inherited: [] };
}

/** An address of the account where no one is left, such as that of a test that was killed, would keep all from the app's. */
function clearedAccount(state: KnownState, { targets }: Wanted): Part {
	const address = addressOf(state, 'businessAccount');
	if (!targets.includes('app') || address === null) return { steps: [], inherited: [] };
	const step: Step = { do: 'pointOverride', target: 'businessAccount', url: null };
	const mustLeave = address.members.some(({ leavesAccount }) => leavesAccount);
	return {
		steps: [{ step, inverse: [] }],
		inherited: mustLeave ? [{ do: 'leaveAccount' }] : [],
	};
}

/** The order in which steps are undone: until the last one, the app's webhook says whose the rest is. */
const UNDO_ORDER: Array<Step['do']> = [
	'leaveAddress',
	'pointOverride',
	'pointApp',
	'leaveAccount',
	'removeFields',
];

/**
 * One list of what is to be undone, in its order. Where two say something of the same target, the first
 * one counts; fields are added up.
 */
export function merge(steps: Step[]): Step[] {
	const merged = new Map<string, Step>();
	for (const step of steps) {
		const key = 'target' in step ? `${step.do} ${step.target}` : step.do;
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
