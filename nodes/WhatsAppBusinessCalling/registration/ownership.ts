import { randomBytes } from 'crypto';
import { sleep, type IHookFunctions } from 'n8n-workflow';

import type { Account } from '../graph/account';
import { askForChallenge, type ChallengeAnswer } from './askForChallenge';
import type { Member } from './members';
import type { Address } from './plan';
import { isRememberedElsewhere, rememberedAt, type RegistrationRecord } from './record';
import {
	EVENT_BITS,
	holderUrl,
	readSharedAddress,
	readUnverifiedAddress,
	siblingUrl,
	type SharedAddress,
} from './sharedAddress';
import {
	accountPart,
	appLevelPart,
	deriveVerifyToken,
	isOfSameN8n,
	isSameTrigger,
	looksLikeTestUrl,
} from './verifyToken';

export interface Trigger {
	context: IHookFunctions;
	account: Account;
	/** The trigger's address: production or test. */
	url: string;
	isTest: boolean;
	/** Whether it is being registered; otherwise it is being removed. */
	isActivating: boolean;
	/** The verify token of another system's webhook; empty for none. */
	otherVerifyToken: string;
	/** Verify tokens that are known besides, by the address. */
	tokens: ReadonlyMap<string, string>;
}

/** Who holds an address; `is` says what has answered there. */
type Held = Pick<Address, 'holder' | 'isRestorable'> & { is?: 'alive' | 'refusing' };

/**
 * Who holds an address at Meta, and who else receives there. The URL alone is proof only for this trigger's
 * own production and test address; a copy of a workflow has the same webhook ID, so there the holder is asked.
 *
 * n8n may not be able to reach its own public address. Then nothing is concluded from silence.
 */
export async function identify(
	trigger: Trigger,
	url: string,
	record: RegistrationRecord | null,
): Promise<Address> {
	const verified = readSharedAddress(url, trigger.account.appSecret);
	const list = verified ?? readUnverifiedAddress(url);
	// Only a trigger of this app can have written it, and only if a trigger holds the address.
	const isProven = verified !== null && url !== holderUrl(url) && isOfSameN8n(url, trigger.url);
	const { is = 'gone', ...held } = await holderOf(trigger, url, record, isProven);
	const isKnown = ['this', 'trigger', 'gone'].includes(held.holder);
	return {
		url,
		...held,
		members: isKnown ? await membersAt(trigger, list, is, held.holder, record) : [],
		other: isKnown ? list.other : null,
		isAuthentic: verified !== null,
	};
}

async function holderOf(
	trigger: Trigger,
	url: string,
	record: RegistrationRecord | null,
	isProven: boolean,
): Promise<Held> {
	if (isSameTrigger(url, trigger.url)) return await identifyOwn(trigger, url, record, isProven);
	const { context, account, otherVerifyToken } = trigger;
	if (holderUrl(url) === record?.url && (await isFormerUrl(trigger, url))) {
		return { holder: 'this', isRestorable: false };
	}
	const ask = async () =>
		await askForChallenge(context, url, deriveVerifyToken(account.appSecret, url));
	const answer = await ask();
	const isHere = isOfSameN8n(url, trigger.url);
	if (answer === 'notRegistered' && isHere) return { holder: 'gone', isRestorable: false };
	if (isProven) {
		// One that is not sure of the app secret any more receives nothing: others must not depend on it.
		const isRefusing = answer === 'refused' && (await ask()) === 'refused';
		return { holder: 'trigger', isRestorable: true, is: isRefusing ? 'refusing' : 'alive' };
	}
	// Some servers answer every challenge: they are no trigger of this package.
	if (answer === 'accepted' && !(await answersEverything(trigger, url))) {
		return { holder: isHere ? 'trigger' : 'instance', isRestorable: true, is: 'alive' };
	}
	const isRestorable =
		mayGetToken(trigger, url) &&
		(await askForChallenge(context, url, otherVerifyToken)) === 'accepted';
	return { holder: isHere ? 'workflow' : 'other', isRestorable };
}

/** The triggers that receive at an address. Whether siblings are alive is asked later, if it matters. */
async function membersAt(
	trigger: Trigger,
	list: SharedAddress,
	is: 'alive' | 'refusing' | 'gone',
	holder: string,
	record: RegistrationRecord | null,
): Promise<Member[]> {
	const isOwnHolder = holder === 'this' && list.url === trigger.url;
	// The address of n8n has changed since: the others have a new one as well.
	const isFormer = holder === 'this' && !isOfSameN8n(list.url, trigger.url);
	const base = isFormer ? trigger.url : list.url;
	const first: Member = {
		url: list.url,
		isTest: looksLikeTestUrl(list.url),
		events: EVENT_BITS,
		is: isOwnHolder ? 'this' : is,
		isOfAccount: false,
		isOnApp: false,
		leavesAccount: list.leavesAccount,
		...knownOf(trigger, list.url, list.isKnownToLeave),
	};
	const others = list.siblings.map(async (sibling): Promise<Member> => {
		const { isTest, events, leavesAccount = false } = sibling;
		const url = siblingUrl(base, sibling) ?? '';
		const isOwn = isSibling(trigger, sibling.webhookId, isTest) && (await isOurs(trigger, record));
		return {
			...{ url: isOwn ? trigger.url : url, isTest, events, leavesAccount },
			...{ is: isOwn ? 'this' : 'silent', isOfAccount: false, isOnApp: false },
			...knownOf(trigger, url, leavesAccount),
		};
	});
	return [first, ...(await Promise.all(others))];
}

/** What this process knows of another trigger, and otherwise what the address says. */
function knownOf({ context }: Trigger, url: string, told: boolean | null) {
	const { isKnownToLeave, isKnownToForward } = rememberedAt(context, url);
	return { isKnownToLeave: isKnownToLeave ?? told, isKnownToForward };
}

/** Whether an entry is that of this trigger; the address of n8n may be another one by now. */
function isSibling({ url, isTest }: Trigger, webhookId: string, isTestEntry: boolean): boolean {
	return url.split('/').at(-2) === webhookId && isTest === isTestEntry;
}

/** n8n also removes a copy that it could not publish, because another workflow has its path. */
async function isOurs(trigger: Trigger, record: RegistrationRecord | null): Promise<boolean> {
	const { holder } = await identifyOwn(trigger, trigger.url, record, false);
	return holder !== 'trigger';
}

const IS = {
	accepted: 'alive',
	refused: 'refusing',
	notRegistered: 'gone',
	unavailable: 'silent',
	unreachable: 'silent',
} as const satisfies Record<ChallengeAnswer, Member['is']>;

/** Milliseconds to wait before a sibling that did not answer as one is asked again. */
const PAUSES_MS = [300, 1_000];

export interface Manner {
	/** Whether to ask those again that do not answer: they may be lost otherwise. */
	isPatient: boolean;
	/** Whether it matters who is of the same account. */
	mayLeave?: boolean;
	/** Whether it matters besides which of them have Registration set to App. */
	asksLevel?: boolean;
}

/** Asks the triggers in an address whether they are there, and whether they are of the same account. */
export async function askSiblings(
	trigger: Trigger,
	address: Address,
	{ isPatient, mayLeave = false, asksLevel = false }: Manner,
): Promise<Address> {
	const ask = async (member: Member, only?: string) => {
		const token = deriveVerifyToken(trigger.account.appSecret, member.url, only);
		return await askForChallenge(trigger.context, member.url, token);
	};
	const members = address.members.map(async (member): Promise<Member> => {
		if (member.is === 'this' || member.is === 'gone') return member;
		let is: Member['is'] = member.is;
		for (const pause of [0, ...(isPatient ? PAUSES_MS : [])]) {
			if (is === 'alive') break;
			if (pause > 0) await sleep(pause);
			is = IS[await ask(member)];
			if (is === 'gone') return { ...member, is };
		}
		const { businessAccountId } = trigger.account;
		const accepts = async (part: string) => (await ask(member, part)) === 'accepted';
		const isOfAccount =
			mayLeave && is === 'alive' && (await accepts(accountPart(businessAccountId)));
		const isOnApp = isOfAccount && asksLevel && (await accepts(appLevelPart(businessAccountId)));
		return { ...member, is, isOfAccount, isOnApp };
	});
	return { ...address, members: await Promise.all(members) };
}

/** Whether a server accepts any token, also one that it cannot know. */
async function answersEverything({ context }: Trigger, url: string): Promise<boolean> {
	return (await askForChallenge(context, url, randomBytes(32).toString('hex'))) === 'accepted';
}

/**
 * Whether the operator's token for the other webhook may be sent to an address: while that address is
 * about to be taken over or put back, over https or within this n8n's own origin.
 */
function mayGetToken({ otherVerifyToken, isActivating, url: own }: Trigger, url: string): boolean {
	if (otherVerifyToken === '' || !isActivating || !URL.canParse(url)) return false;
	const { protocol, hostname } = new URL(url);
	return protocol === 'https:' || hostname === new URL(own).hostname;
}

/**
 * The production or test URL of this trigger. n8n gives a path to one workflow only, so it is this one's
 * while it is registered. The production URL may be that of a workflow from which this one was copied,
 * when this one only listens for a test event, and when n8n removes it because its path was taken.
 */
async function identifyOwn(
	trigger: Trigger,
	url: string,
	record: RegistrationRecord | null,
	isProven: boolean,
): Promise<Held> {
	const { context, account, url: own, isTest, isActivating } = trigger;
	const isOwnAddress = holderUrl(url) === own;
	const ours: Held = { holder: 'this', isRestorable: true, ...(isProven && { is: 'alive' }) };
	const mayBeCopied = isActivating
		? isTest && !isOwnAddress
		: !isTest && isOwnAddress && record === null;
	const ask = async (only?: string) =>
		await askForChallenge(context, url, deriveVerifyToken(account.appSecret, url, only));
	if (!mayBeCopied) {
		if (isOwnAddress) return ours;
		// The other one of production and test: it may have ended without a word.
		const answer = await ask();
		const isAlive = answer === 'accepted' || (isProven && answer !== 'notRegistered');
		return { ...ours, is: isAlive ? 'alive' : undefined };
	}
	const theirs: Held = { holder: 'trigger', isRestorable: true, is: 'alive' };
	if (isRememberedElsewhere(context, holderUrl(url))) return theirs;
	const answer = await ask(context.getWorkflow().id ?? '');
	if (answer === 'notRegistered') return { holder: 'gone', isRestorable: false };
	if (answer === 'accepted' || answer === 'unavailable') return { ...ours, is: 'alive' };
	// Where n8n cannot reach its own address, triggers cannot share it: a test takes it over for its time.
	if (answer === 'unreachable') return ours;
	return (await ask()) === 'accepted' ? theirs : ours;
}

/**
 * Whether this trigger had an address before that of this n8n was changed. If a trigger answers there to
 * the token of that address, another n8n is alive from which this one was copied.
 */
async function isFormerUrl({ context, account, url: own }: Trigger, url: string): Promise<boolean> {
	const ask = async (address: string) =>
		await askForChallenge(context, url, deriveVerifyToken(account.appSecret, address));
	const ownWithList = own + url.slice(holderUrl(url).length);
	return (await ask(url)) !== 'accepted' || (await ask(ownWithList)) === 'accepted';
}

/** The token with which Meta can be pointed to an address. */
export async function verifyTokenFor(trigger: Trigger, url: string): Promise<string> {
	const { context, account, otherVerifyToken, tokens } = trigger;
	const known = tokens.get(url);
	if (known !== undefined) return known;
	const derived = deriveVerifyToken(account.appSecret, url);
	if (isOfSameN8n(url, trigger.url) && url !== holderUrl(url)) return derived;
	if (isSameTrigger(url, trigger.url) || otherVerifyToken === '') return derived;
	const isDerived = (await askForChallenge(context, url, derived)) === 'accepted';
	return isDerived ? derived : otherVerifyToken;
}
