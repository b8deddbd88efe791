import { digitsOf, fieldsOf, identifier, text, type Fields } from '../values';

/** One side of a call. */
export interface Party {
	phoneNumber: string | null;
	/** Business-scoped user ID. */
	userId: string | null;
	parentUserId: string | null;
}

/** A person as Meta describes them next to the calls (Meta, "Business-scoped user IDs"). */
export interface Contact extends Party {
	name: string | null;
	username: string | null;
	raw: unknown;
}

export const NOBODY: Party = { phoneNumber: null, userId: null, parentUserId: null };

/** A change holds 1,000 updates at most; more contacts than that are not read. */
const MAX_CONTACTS = 1_000;

/** The contacts of one change: read once, found by any of their IDs. */
export class Contacts {
	private readonly byId = new Map<string, Contact>();

	private readonly only: Contact | null;

	constructor(contacts: unknown[]) {
		const read = contacts.slice(0, MAX_CONTACTS).map(readContact);
		this.only = read.length === 1 ? read[0] : null;
		for (const contact of read) {
			for (const id of idsOf(contact)) if (!this.byId.has(id)) this.byId.set(id, contact);
		}
	}

	/**
	 * The contact that belongs to a call: the one with an ID of the call, or the only one if nothing contradicts
	 * that.
	 *
	 * @param parties both sides of the call
	 * @param businessNumber of the business, which is on one side
	 * @param isOnlyCall whether the change is about one call
	 */
	of(parties: Party[], businessNumber: string | null, isOnlyCall: () => boolean): Contact | null {
		for (const id of parties.flatMap(idsOf)) {
			const contact = this.byId.get(id);
			if (contact) return contact;
		}
		const { only } = this;
		return only !== null && isOnlyCall() && mayBelongTo(only, parties, businessNumber)
			? only
			: null;
	}
}

/** In some countries `wa_id` differs from the number that was dialed, but not in these last digits. */
const SAME_LAST_DIGITS = 8;

/** False if the call names another person than the contact. */
function mayBelongTo(contact: Contact, parties: Party[], businessNumber: string | null): boolean {
	const lastDigits = (number: string | null) => digitsOf(number).slice(-SAME_LAST_DIGITS);
	const business = lastDigits(businessNumber);
	const named = parties.filter(
		({ phoneNumber }) => business === '' || lastDigits(phoneNumber) !== business,
	);
	const agrees = (ids: Array<string | null>, id: string | null) => {
		const known = ids.filter((one) => one !== null && one !== '');
		return !id || known.length === 0 || known.includes(id);
	};
	return (
		agrees(
			named.map(({ phoneNumber }) => lastDigits(phoneNumber)),
			lastDigits(contact.phoneNumber),
		) &&
		agrees(
			named.map(({ userId }) => userId),
			contact.userId,
		)
	);
}

function readContact(contact: unknown): Contact {
	const fields = fieldsOf(contact);
	const profile = fieldsOf(fields.profile);
	return {
		phoneNumber: text(fields.wa_id),
		userId: identifier(fields.user_id),
		parentUserId: identifier(fields.parent_user_id),
		name: text(profile.name),
		username: text(profile.username) ?? text(fields.username),
		raw: contact,
	};
}

function idsOf({ phoneNumber, userId, parentUserId }: Party): string[] {
	return [phoneNumber, userId, parentUserId].filter((id) => id !== null);
}

/** Whether two parties share an ID, so that they are the same person. */
export function isSamePerson(one: Party, other: Party): boolean {
	const ids = idsOf(other);
	return idsOf(one).some((id) => ids.includes(id));
}

/**
 * One side of a call, named by the fields `from...` or `to...` (or `recipient...` in a status). The number
 * is missing for people with a username, and a user ID was seen instead: only digits are a phone number.
 */
export function readParty(element: Fields, side: 'from' | 'to' | 'recipient'): Party {
	const named = text(side === 'recipient' ? element.recipient_id : element[side]);
	const isPhoneNumber = named !== null && /^\+?\d+$/.test(named);
	return {
		phoneNumber: isPhoneNumber ? named : null,
		userId: identifier(element[`${side}_user_id`]) ?? (isPhoneNumber ? null : identifier(named)),
		parentUserId: identifier(element[`${side}_parent_user_id`]),
	};
}

/** A side of a call with the gaps filled from its contact. */
export function filledFrom(contact: Contact, party: Party): Party {
	return {
		phoneNumber: party.phoneNumber ?? contact.phoneNumber,
		userId: party.userId ?? contact.userId,
		parentUserId: party.parentUserId ?? contact.parentUserId,
	};
}
