import {
	formatSharedAddress,
	LONGEST_APP_ADDRESS,
	LONGEST_OVERRIDE,
	siblingOf,
	type OtherWebhook,
	type Sibling,
} from './sharedAddress';

/** A trigger that receives what arrives at a shared address: its holder, or a sibling in its list. */
export interface Member {
	/** The trigger's own URL: production or test. */
	url: string;
	isTest: boolean;
	/** Those that it chose; all of them for the holder, whose events no address names. */
	events: string[];
	/**
	 * - `this`: the trigger that is being registered or removed
	 * - `alive`: it has answered as a trigger of this app
	 * - `gone`: nothing is registered there any more
	 * - `silent`: n8n could not reach it, or has not asked
	 * - `refusing`: something answers there, but not as a trigger of this app
	 */
	is: 'this' | 'alive' | 'gone' | 'silent' | 'refusing';
	/** Whether its credential is known to be of the same account. */
	isOfAccount: boolean;
	/** Whether it is besides known to have Registration set to App. */
	isOnApp: boolean;
	/** Whether the address says that it takes the app off its account, if it is the last one of the account. */
	leavesAccount: boolean;
	/** Whether it does so anyway, as far as this process or the address knows; null where neither does. */
	isKnownToLeave: boolean | null;
	/** Whether this process knows that it forwards to another webhook; no address says so. */
	isKnownToForward: boolean;
}

/** Those besides this trigger that receive there, or may do so again. */
export const othersIn = (members: Member[]): Member[] =>
	members.filter(({ is }) => is !== 'this' && is !== 'gone');

/**
 * Who receives at an address once the trigger does as well; the first one is the holder. A production
 * trigger that holds the address keeps it, and so does a test that has taken it over from another system: it
 * passes on what is to be put back when it ends. What is gone is left out.
 */
export function membersWith(trigger: Member, present: Member[]): Member[] {
	const [holder] = present;
	const others = othersIn(present);
	const hasProduction = others.some(({ isTest }) => !isTest);
	const isTest = holder?.isTest && !holder.isKnownToForward;
	if (holder?.is === 'alive' && (!isTest || (trigger.isTest && !hasProduction))) {
		const isListed = present.some(({ is }) => is === 'this');
		const listed = present
			.map((member) => (member.is === 'this' ? trigger : member))
			.filter(({ is }) => is !== 'gone');
		return isListed ? listed : [...listed, trigger];
	}
	const first = trigger.isTest
		? (others.find(({ is, isTest }) => is === 'alive' && !isTest) ?? trigger)
		: trigger;
	return [
		first,
		...others.filter((member) => member !== first),
		...(first === trigger ? [] : [trigger]),
	];
}

/**
 * Who still receives at an address without the trigger, and without those that are gone; empty where
 * no trigger can hold it. Its holder stays; otherwise a published trigger gets it, or else a test.
 */
export function membersWithout(present: Member[]): Member[] {
	const others = othersIn(present);
	if (others.length === 0 || others[0] === present[0]) return others;
	const heir =
		others.find(({ is, isTest }) => is === 'alive' && !isTest) ??
		others.find(({ is }) => is === 'alive') ??
		// n8n may not reach its own address at this moment: Meta finds out.
		others.find(({ is, isTest }) => is === 'silent' && !isTest);
	return heir ? [heir, ...others.filter((member) => member !== heir)] : [];
}

/** Whether two lists give the same address. */
export function isSameList(one: Member[], other: Member[]): boolean {
	const texts = [one, other].map((members) =>
		JSON.stringify(
			members.map(({ url, events, isTest, leavesAccount }, index) =>
				index === 0 ? [url, leavesAccount] : [url, leavesAccount, isTest, [...events].sort()],
			),
		),
	);
	return texts[0] === texts[1];
}

/** The siblings in an address, for its holder; null for one that cannot be listed there. */
export function siblingsIn([holder, ...others]: Member[]): Array<Sibling | null> {
	return others.map(({ leavesAccount, ...member }) =>
		siblingOf(holder.url, { ...member, ...(leavesAccount && { leavesAccount }) }),
	);
}

/** The address that lists who receives there; triggers that cannot be listed are left out. */
export function addressText(
	members: Member[],
	other: OtherWebhook | null,
	appSecret: string,
): string {
	const [{ url, leavesAccount, isKnownToLeave }] = members;
	const siblings = siblingsIn(members).filter((sibling) => sibling !== null);
	return formatSharedAddress({ url, siblings, leavesAccount, isKnownToLeave, other }, appSecret);
}

/** How long Meta lets the address of a target be. */
export const longestAddress = (target: string) =>
	target === 'app' ? LONGEST_APP_ADDRESS : LONGEST_OVERRIDE;
