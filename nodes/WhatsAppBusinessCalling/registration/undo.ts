import { failureTitle } from '../graph/nodeApiError';
import type { GraphFailure } from '../graph/types';
import { apply, isRefusedList, patiently } from './apply';
import { registrationError } from './errors';
import { keepRemoval } from './justRemoved';
import { knownState, withSiblings, type StateRead } from './knownState';
import { othersIn } from './members';
import { identify, verifyTokenFor, type Trigger } from './ownership';
import { addressesOf, merge, type Address } from './plan';
import { planUndo, undoAt, type Surroundings } from './planUndo';
import { bequeath, savedRecord, type RegistrationRecord, type Step } from './record';
import { holderUrl } from './sharedAddress';
import { forwards } from './thisTrigger';

/** Milliseconds for reading, and again for the changes. */
const UNDO_MS = 15_000;

/**
 * Undoes what a registration did, as far as it still makes sense with what Meta has now.
 *
 * @param onlyRecorded whether nothing but the recorded steps may be undone, as after a failed attempt
 * @returns steps that cannot be done yet, because other systems depend on what they would remove
 * @throws NodeOperationError if Meta refuses a change
 */
export async function undoSteps(
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
	if (!onlyRecorded) keepRemoval(trigger, done.steps, state);
	if (done.heir !== null) bequeath(done.heir, [{ do: 'leaveAccount' }]);
	for (const lost of done.lost) logForwardingLost(trigger, lost);
	if (done.kept.length > 0) warnFieldsRemain(trigger, state.failure);
	return done.kept;
}

/**
 * Whether Meta keeps an address with a list. A new one that it does not accept then has another cause, such as
 * an n8n that is slow to answer: without its list, the triggers in it would lose their events.
 */
export function hasList(state: StateRead): boolean {
	return addressesOf(state).some(({ url }) => url !== holderUrl(url));
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
		addresses.some(({ members }) => members.some(({ leavesAccount }) => leavesAccount));
	const isToAsk = ({ members, holder }: Address) =>
		othersIn(members).length > 0 &&
		(mayLeave || holder !== 'trigger' || members.some(({ is }) => is === 'this'));
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
	if (addresses.every(({ members }) => members.length < 2)) return tokens;
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
		? `n8n could not find out whether other webhooks depend on it (${failureTitle(failure)})`
		: 'another webhook address of the account or of a number depends on it';
	context.logger.warn(
		`WhatsApp Business Calling Trigger: the app stays subscribed to its webhook fields, because ${why}. When nothing needs them any more, turn them off in Meta's app dashboard (WhatsApp > Configuration > Webhook fields)`,
	);
}
