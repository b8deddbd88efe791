import {
	addressText,
	isSameList,
	longestAddress,
	membersWithout,
	othersIn,
	type Member,
} from './members';
import {
	addressesOf,
	isOnlyOurs,
	mayHaveToLeave,
	merge,
	OUR_FIELDS,
	removal,
	type Address,
	type KnownState,
} from './plan';
import type { Step, Target } from './record';
import { holderUrl, type OtherWebhook } from './sharedAddress';

export interface Undo {
	steps: Step[];
	/** What must stay for now, because others depend on it; for a later deactivation. */
	kept: Step[];
	/** URL of the trigger that must take the app off the account later, if no address can say that. */
	heir: string | null;
	/** Other webhooks that no address can name, so that the remaining triggers do not forward to them. */
	lost: string[];
}

export interface Surroundings {
	/** The trigger's address that is given up. */
	url: string;
	isTest: boolean;
	/** Whether the state holds the addresses of the account and of all its numbers. */
	allRead: boolean;
	/** For an activation that failed: what an earlier one had registered stays. */
	onlyRecorded: boolean;
	/** Whether there is no record of the trigger at all. */
	isLost: boolean;
	/** Whether fields besides `calls` may be those of another webhook whose address is lost. */
	isShared: boolean;
	/** Whether Meta keeps addresses with lists. */
	sharing: boolean;
	appSecret: string;
	/** URL that the trigger forwards to; null for none. */
	forwardsTo: string | null;
	/** Verify tokens of the webhooks that may be put back, by their addresses. */
	tokens: ReadonlyMap<string, string>;
}

/** Steps that follow from what Meta has now, whatever the record says. */
export function undoAt({ app, overrides }: KnownState, surroundings: Surroundings): Step[] {
	const steps: Step[] = [];
	if (app?.address.other && isOursToUndo(app.address, surroundings)) {
		const { url, verifyToken, addedFields } = app.address.other;
		if (verifyToken !== '') steps.push({ do: 'pointApp', url, fields: [] });
		steps.push(...removal(addedFields));
	}
	for (const [target, address] of overrides) {
		if (!isOursToUndo(address, surroundings)) continue;
		const url = address.other?.verifyToken ? address.other.url : null;
		steps.push({ do: 'pointOverride', target, url });
	}
	return steps;
}

/** A test undoes only its own address: the production address of the trigger does not belong to it. */
function isOursToUndo(address: Address, { url, isTest }: Surroundings): boolean {
	if (address.members.some(({ is }) => is === 'this')) return true;
	if (address.holder !== 'this' && address.holder !== 'gone') return false;
	return !isTest || holderUrl(address.url) === url;
}

/** Addresses that other triggers keep, with those who receive there from now on. */
type Remaining = Map<Target, { address: Address; members: Member[]; fields: string[] }>;

/**
 * What the trigger is at an address:
 * - `last`: no other trigger receives there
 * - `among`: it leaves others
 * - `stays`: a failed activation had not put it there
 * - `elsewhere`: it does not receive there
 */
type Role = 'last' | 'among' | 'stays' | 'elsewhere';

function roleAt(target: Target, address: Address, undo: Step[], surroundings: Surroundings): Role {
	if (!isOursToUndo(address, surroundings)) return 'elsewhere';
	const rest = membersWithout(address.members);
	if (rest.length === 0) return 'last';
	const isRecorded = undo.some((step) => step.do === 'leaveAddress' && step.target === target);
	if (surroundings.onlyRecorded && !isRecorded) return 'stays';
	return isSameList(rest, address.members) ? 'elsewhere' : 'among';
}

/**
 * Which of the recorded inverses still make sense at Meta as it is now. Pure. An address that another system
 * has taken over meanwhile stays, with everything that belongs to it; what is at the trigger's own address is
 * removed, whatever the record says. A shared address stays, without the trigger.
 */
export function planUndo(state: KnownState, undo: Step[], surroundings: Surroundings): Undo {
	const { onlyRecorded, isShared, isLost } = surroundings;
	const { app } = state;
	const { steps, remaining } = undoOverrides(state, undo, surroundings);
	const leaves = undo.filter(({ do: kind }) => kind === 'leaveAccount');
	if (!onlyRecorded && hasToLeave(state, surroundings)) leaves.push({ do: 'leaveAccount' });
	const ended = (
		more: Step[],
		{ left = false, kept = [] }: { left?: boolean; kept?: Step[] } = {},
	): Undo => {
		const { lost, heir, steps: pointed } = pointRemaining(remaining, undo, surroundings);
		const own = left ? leaving(steps) : steps;
		// If n8n is killed in between, the others know already what is left to them.
		return { steps: [...pointed, ...merge([...own, ...more])], kept, heir, lost };
	};
	if (app === null) {
		const { left, kept } = leaveOthers(state, leaves, remaining, surroundings);
		return ended([], { left: left || kept.length > 0 });
	}

	const added = undo.flatMap((step) => (step.do === 'removeFields' ? step.fields : []));
	const addedNow = app.fields.filter((field) => added.includes(field));
	const role = roleAt('app', app.address, undo, surroundings);
	if (role !== 'last') {
		if (role === 'elsewhere' && app.address.members.every(({ is }) => is === 'gone')) {
			return ended([]);
		}
		if (role === 'among') {
			const rest = membersWithout(app.address.members);
			// Those of other accounts cannot see at Meta who of this one needs the app's webhook.
			const isVisible = rest.some(({ is, isOfAccount }) => is === 'alive' && isOfAccount);
			const { heir } = dependents(state, remaining, surroundings);
			const isListed = isVisible || !heir || rest.some(({ url }) => url === heir.url);
			const members = isListed ? rest : [...rest, { ...heir, events: [], leavesAccount: false }];
			remaining.set('app', { address: app.address, members, fields: aField(app.fields) });
		}
		const { left, kept } = leaveOthers(state, leaves, remaining, surroundings);
		// Fields are removed by the last one; a failed activation removes what it has added itself.
		return ended(removal(onlyRecorded ? addedNow : []), { left, kept });
	}
	// As in `ownLeftovers`: the app's webhook shows that the record was lost, not that there was none.
	if (isLost && state.joined) leaves.push({ do: 'leaveAccount' });

	const restored = undo.find((step) => step.do === 'pointApp');
	const ours = restored || onlyRecorded ? [] : isShared ? ['calls'] : OUR_FIELDS;
	// Meta may not show the fields that a failed activation has added.
	const fields = onlyRecorded
		? added
		: app.fields.filter((field) => added.includes(field) || ours.includes(field));
	if (restored) {
		const some = aField([...restored.fields, ...app.fields]);
		return ended([{ ...restored, fields: some }, ...removal(fields)]);
	}
	const { heir, system, isNeeded } = dependents(state, remaining, surroundings);
	// No one can depend yet on fields that a failed activation has just added.
	if (fields.length > 0 && isNeeded && !onlyRecorded) {
		// Another trigger of this package needs the app's webhook: it gets it.
		if (heir) {
			remaining.set('app', { address: { ...app.address, other: null }, members: [heir], fields });
			leaveOthers(state, leaves, remaining, surroundings);
			return ended([]);
		}
		if (system) return ended([{ do: 'pointApp', url: system.url, fields }]);
		return ended([], { kept: merge([...leaves, ...removal(fields)]) });
	}
	// As long as the app gets something, another system may rely on its getting this account's.
	const isLast = onlyRecorded || fields.length === app.fields.length;
	return ended(removal(fields), { left: isLast && leaves.length > 0 });
}

/** Meta takes no address of the app without a field; one that is there already changes nothing. */
const aField = ([field = 'calls']: string[]) => [field];

/** Steps for the addresses of the account and of numbers, and those that other triggers keep. */
function undoOverrides(
	{ overrides }: KnownState,
	undo: Step[],
	surroundings: Surroundings,
): { steps: Step[]; remaining: Remaining } {
	const remaining: Remaining = new Map();
	const steps: Step[] = [];
	for (const [target, address] of overrides) {
		const role = roleAt(target, address, undo, surroundings);
		if (role === 'among') {
			remaining.set(target, { address, members: membersWithout(address.members), fields: [] });
		} else if (role === 'last') {
			steps.push(...undo.filter((step) => step.do === 'pointOverride' && step.target === target));
		}
	}
	return { steps, remaining };
}

/**
 * Whether an address says that this trigger, or one that is gone, has to take the app off the account. What
 * a holder had to undo that is gone is not known: the same is presumed as in `ownLeftovers`.
 */
function hasToLeave(state: KnownState, surroundings: Surroundings): boolean {
	const { app } = state;
	const addresses = addressesOf(state);
	const isAnywhere = addresses.some(({ members }) => members.some(({ is }) => is === 'this'));
	if (app && mayHaveToLeave(app) && isAnywhere && isOnlyOurs(app)) return true;
	return addresses
		.filter((address) => isOursToUndo(address, surroundings))
		.flatMap(({ members }) => members)
		.some(({ is, leavesAccount }) => leavesAccount && (is === 'this' || is === 'gone'));
}

/**
 * The app stays on the account as long as another trigger of this n8n receives what is the account's; that
 * one takes it off.
 */
function leaveOthers(
	state: KnownState,
	leaves: Step[],
	remaining: Remaining,
	{ allRead, onlyRecorded }: Surroundings,
): { left: boolean; kept: Step[] } {
	if (leaves.length === 0) return { left: false, kept: [] };
	const { app, overrides } = state;
	const living = (target: Target, address: Address) => {
		const fields = aField(app?.fields ?? []);
		const found = remaining.get(target) ?? { address, members: address.members, fields };
		return found.members
			.filter(({ is, isOfAccount }) => is === 'alive' && isOfAccount)
			.map((member) => ({ target, member, found }));
	};
	const all = [
		// It is the last address that is removed.
		...(app ? living('app', app.address) : []),
		...[...overrides].flatMap(([target, address]) => living(target, address)),
	];
	// A test may be killed, and with it goes what this process knows of it.
	const published = all.filter(({ member }) => !member.isTest);
	const heirs = published.length > 0 ? published : all;
	if (heirs.some(({ member }) => member.leavesAccount || member.isKnownToLeave)) {
		return { left: false, kept: [] };
	}
	const [heir] = heirs;
	if (heir) {
		const { found } = heir;
		const members = found.members.map((member) =>
			member === heir.member ? { ...member, leavesAccount: true } : member,
		);
		remaining.set(heir.target, { ...found, members });
		return { left: false, kept: [] };
	}
	if (!allRead) return { left: false, kept: leaves };
	const isNeeded =
		[...overrides].some(([target, address]) => !remaining.has(target) && isOfOthers(address)) ||
		app?.fields.some((field) => !OUR_FIELDS.includes(field));
	return { left: onlyRecorded || !isNeeded, kept: [] };
}

const isOfOthers = ({ holder }: Address) => !['this', 'trigger', 'gone'].includes(holder);

/** Addresses of the account or of numbers get only what the app itself is subscribed to. */
function dependents(
	{ overrides }: KnownState,
	remaining: Remaining,
	{ allRead }: Surroundings,
): { heir?: Member; system?: Address; isNeeded: boolean } {
	if (!allRead) return { isNeeded: true };
	const members = [...overrides].flatMap(([target, address]) => {
		if (remaining.has(target)) return remaining.get(target)!.members;
		// Production and a test of the same trigger can be on different levels.
		return othersIn(address.members);
	});
	const living = members.filter(({ is }) => is === 'alive');
	const heir = living.find(({ isTest }) => !isTest) ?? living.at(0);
	const others = [...overrides.values()].filter(isOfOthers);
	// Only a trigger of this package: the address of another system must not receive the calls of all numbers.
	const system = others.find(({ holder, isRestorable }) => isRestorable && holder === 'instance');
	return { heir, system, isNeeded: others.length > 0 || members.length > 0 };
}

function pointRemaining(
	remaining: Remaining,
	undo: Step[],
	surroundings: Surroundings,
): Pick<Undo, 'steps' | 'heir' | 'lost'> {
	const { sharing, appSecret } = surroundings;
	const steps: Step[] = [];
	const lost: string[] = [];
	let heir: string | null = null;
	for (const [target, { address, members, fields }] of heirsFirst(remaining)) {
		const other = otherWebhookAt(target, address, undo, surroundings);
		const isWritable = (text: string) => sharing && text.length <= longestAddress(target);
		let text = addressText(members, other, appSecret);
		if (other !== null && !isWritable(text)) {
			lost.push(other.url);
			text = addressText(members, null, appSecret);
		}
		if (!isWritable(text)) {
			text = members[0].url;
			heir = members.find(({ leavesAccount }) => leavesAccount)?.url ?? heir;
		}
		steps.push(
			target === 'app'
				? { do: 'pointApp', url: text, fields }
				: { do: 'pointOverride', target, url: text },
		);
	}
	return { steps, heir, lost };
}

/** Those first that say who takes the app off the account: the others may have said it until now. */
function heirsFirst(remaining: Remaining) {
	const isHeir = ({ members }: { members: Member[] }) =>
		members.some(({ leavesAccount }) => leavesAccount);
	return [...remaining].sort(([, one], [, other]) => Number(isHeir(other)) - Number(isHeir(one)));
}

/** The other webhook that the address names, or that of the trigger which was its holder. */
function otherWebhookAt(
	target: Target,
	{ other, members }: Address,
	undo: Step[],
	{ forwardsTo, tokens, onlyRecorded }: Surroundings,
): OtherWebhook | null {
	if (other !== null || forwardsTo === null || onlyRecorded) return other;
	if (members[0]?.is !== 'this') return null;
	const back = undo.find((step) =>
		target === 'app'
			? step.do === 'pointApp'
			: step.do === 'pointOverride' && step.target === target,
	);
	const url = back && 'url' in back && back.url !== null ? back.url : null;
	return {
		url: url ?? forwardsTo,
		verifyToken: url === null ? '' : (tokens.get(url) ?? ''),
		addedFields:
			target === 'app'
				? undo.flatMap((step) => (step.do === 'removeFields' ? step.fields : []))
				: [],
	};
}

/** With its place on the account, the app loses the address of the account as well. */
function leaving(steps: Step[]): Step[] {
	const isClearing = (step: Step) =>
		step.do === 'pointOverride' && step.target === 'businessAccount' && step.url === null;
	return [...steps.filter((step) => !isClearing(step)), { do: 'leaveAccount' }];
}
