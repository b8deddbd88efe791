import { parseExactJson } from '../exactJson';
import {
	digitsOf,
	fieldsOf,
	identifier,
	isFields,
	listOf,
	safeForLog,
	text,
	upperCaseWord,
	type Fields,
} from '../values';
import { Contacts } from './contacts';
import type { EventFilter } from './eventFilter';
import {
	callEventType,
	EVENT_TYPES,
	eventTypesOf,
	OTHER_EVENTS,
	partiesOf,
	type ChangeContext,
	type EventType,
	type ReadEvent,
} from './eventTypes';

/** One event of one call, as it came in a delivery. */
export interface CallEvent extends ReadEvent {
	type: EventType;
	businessAccountId: string | null;
	phoneNumberId: string | null;
	displayPhoneNumber: string | null;
	/** The element as Meta sent it, with what stands next to it and belongs to it. */
	raw: () => Fields;
}

/** Called for each part of a delivery that is not used; for the log. */
export type OnSkipped = (reason: string) => void;

/** The JSON of a delivery; undefined where it is none. */
export function parseBody(rawBody: Buffer): unknown {
	try {
		return parseExactJson(rawBody.toString('utf8'));
	} catch {
		return undefined;
	}
}

/**
 * Reads the events that the operator chose out of a delivery. Every entry, change and element stands on its
 * own: an odd one costs none of the others. An element that has the name of a chosen event is always an
 * event, whatever else is in it. Other numbers and events are passed over unread. Never throws.
 *
 * Within a delivery, the status events of a call come before its end.
 *
 * @param delivery of `parseBody`; at most 3 MB with up to 1,000 updates (Meta, "Webhooks")
 */
export function parseDelivery(
	delivery: unknown,
	wanted: EventFilter,
	onSkipped: OnSkipped,
): CallEvent[] {
	if (delivery === undefined) {
		onSkipped('the body is not JSON');
		return [];
	}
	const { entry: entries } = fieldsOf(delivery);
	if (!Array.isArray(entries)) {
		onSkipped('the body has no list of entries');
		return [];
	}
	const budget = new ReadingBudget(onSkipped);
	return endsLast(
		entries.flatMap((entry: unknown) =>
			budget.whileWithinLimit(() => readEntry(entry, wanted, budget)),
		),
	);
}

/**
 * Meta sends up to 1,000 updates at once. To look into a million that are none would block the whole n8n
 * process: after so many, the rest of a delivery is not looked at.
 */
const MAX_UNUSED = 10_000;

/** Ten times what Meta sends at once; for the same reason. */
const MAX_EVENTS = 10_000;

class ReadingBudget {
	private count = 0;

	private events = 0;

	private isCutOff = false;

	constructor(private readonly onSkipped: OnSkipped) {}

	readonly skip: OnSkipped = (reason) => {
		this.count++;
		this.onSkipped(reason);
	};

	/** For the log only: what it is about is used. */
	readonly note: OnSkipped = (reason) => this.onSkipped(reason);

	/** For what is ordinary but not looked for, such as a text message. */
	readonly countIgnored = () => void this.count++;

	/** Reads one element, unless there was too much before it. */
	whileWithinLimit<T>(read: () => T[]): T[] {
		if (this.events > MAX_EVENTS || this.isCutOff) return [];
		if (this.count > MAX_UNUSED) {
			this.isCutOff = true;
			this.onSkipped(`after ${MAX_UNUSED} unused parts, the rest was not read`);
			return [];
		}
		return read();
	}

	/** Whether there is room for one event more. */
	countEvent(): boolean {
		this.events++;
		if (this.events === MAX_EVENTS + 1)
			this.onSkipped(`it contains more than ${MAX_EVENTS} events`);
		return this.events <= MAX_EVENTS;
	}
}

/** Whether a delivery holds something for others than us: fields of the webhook besides `calls`. */
export function holdsOtherFields(delivery: unknown): boolean {
	const { entry: entries } = fieldsOf(delivery);
	if (!Array.isArray(entries)) return false;
	return entries.some((entry: unknown) => {
		const { changes } = fieldsOf(entry);
		return Array.isArray(changes) && changes.some((change) => fieldsOf(change).field !== 'calls');
	});
}

/** Which of these events a delivery holds, of whatever number. */
export function eventsHeld(delivery: unknown, names: Iterable<string>): Set<string> {
	const wanted = { events: new Set(names), phoneNumbers: new Set<string>() };
	return new Set(parseDelivery(delivery, wanted, () => {}).map(({ type }) => type.name));
}

function readEntry(entry: unknown, wanted: EventFilter, budget: ReadingBudget): CallEvent[] {
	const { id, changes } = fieldsOf(entry);
	if (!Array.isArray(changes)) {
		budget.skip('an entry has an unknown shape');
		return [];
	}
	return changes.flatMap((change: unknown) =>
		budget.whileWithinLimit(() => readChange(change, identifier(id), wanted, budget)),
	);
}

/** What the elements of one change have in common. */
interface Change {
	value: Fields;
	origin: Pick<CallEvent, 'businessAccountId' | 'phoneNumberId' | 'displayPhoneNumber'>;
	lists: Record<EventType['list'], unknown[]>;
	contacts: Contacts;
	/** Whether all its elements name the same call. */
	isAboutOneCall: () => boolean;
	/** The one call to which errors next to the calls can belong; null where it is not clear. */
	ownerOfErrors: () => unknown;
	budget: ReadingBudget;
	isWanted: (type: EventType) => boolean;
}

function readChange(
	change: unknown,
	businessAccountId: string | null,
	wanted: EventFilter,
	budget: ReadingBudget,
): CallEvent[] {
	const { field, value } = fieldsOf(change);
	if (typeof field !== 'string') {
		budget.skip('a change has an unknown shape');
		return [];
	}
	const isWanted = (type: EventType) => wanted.events.has(type.name);
	// Other fields of the app share its webhook, and not all that is ours need be wanted.
	if (!EVENT_TYPES.some((type) => type.field === field && isWanted(type))) return [];
	const { skip } = field === 'calls' ? budget : { skip: budget.countIgnored };
	if (!isFields(value)) {
		skip('a change of the field calls has an unknown shape');
		return [];
	}
	const lists = {
		calls: readList(value, 'calls', skip),
		statuses: readList(value, 'statuses', skip),
		messages: readList(value, 'messages', skip),
	};
	if (field === 'calls' && !value.calls && !value.statuses) {
		skip('a change of the field calls has an unknown shape');
		return [];
	}
	const metadata = fieldsOf(value.metadata);
	const origin = {
		businessAccountId,
		phoneNumberId: identifier(metadata.phone_number_id),
		displayPhoneNumber: text(metadata.display_phone_number),
	};
	const match = matchNumber(origin, wanted.phoneNumbers);
	if (match === 'other') {
		budget.countIgnored();
		return [];
	}
	if (match === 'unknown') {
		budget.note('a change does not name a chosen phone number; its events are emitted anyway');
	}
	const read: Change = {
		value,
		origin,
		lists,
		contacts: new Contacts(listOf(value.contacts) ?? []),
		isAboutOneCall: lazily(() => namesOneCall(Object.values(lists).flat())),
		ownerOfErrors: lazily(() => ownerOfErrors(lists.calls)),
		budget,
		isWanted,
	};
	return field === 'calls'
		? [
				...readElements(read, 'calls', (element) => namedType(read, element)),
				...readNameless(read, 'statuses', () => skip('a status of a call has an unknown shape')),
			]
		: readNameless(read, 'messages', budget.countIgnored);
}

function readList(value: Fields, name: EventType['list'], skip: OnSkipped): unknown[] {
	const list = listOf(value[name]);
	if (list === null) skip(`"${name}" of a change is not a list`);
	return list ?? [];
}

/**
 * Compares the number that a change names with those that the operator chose, by ID or as a display number.
 * What does not say which number it is about is not taken for another number.
 */
function matchNumber(
	{ phoneNumberId, displayPhoneNumber }: Change['origin'],
	chosen: EventFilter['phoneNumbers'],
): 'chosen' | 'other' | 'unknown' {
	if (chosen.size === 0) return 'chosen';
	const displayed = digitsOf(displayPhoneNumber);
	if (chosen.has(phoneNumberId ?? '') || (displayed !== '' && chosen.has(displayed)))
		return 'chosen';
	if (phoneNumberId === null) return 'unknown';
	// IDs of Meta have 14 digits and more: what has fewer may be a display number.
	const needsDisplayed = displayed === '' && [...chosen].some((entry) => /^\d{7,13}$/.test(entry));
	return needsDisplayed ? 'unknown' : 'other';
}

/**
 * Reads the elements of a list.
 *
 * @param typesOf the events that an element may be, of which the first that can read it is it; none where
 * it is not wanted
 */
function readElements(
	change: Change,
	list: EventType['list'],
	typesOf: (element: unknown) => EventType[],
	onUnknown: () => void = () => {},
): CallEvent[] {
	return change.lists[list].flatMap((element) =>
		change.budget.whileWithinLimit(() => {
			const types = typesOf(element);
			return types.length > 0 ? readElement(change, fieldsOf(element), types, onUnknown) : [];
		}),
	);
}

function readElement(
	change: Change,
	element: Fields,
	types: EventType[],
	onUnknown: () => void,
): CallEvent[] {
	const context = contextOf(change, element);
	for (const type of types) {
		const event = type.read(element, context);
		if (event === null) continue;
		if (!change.budget.countEvent()) return [];
		return [{ ...event, type, ...change.origin, raw: () => rawOf(change, element, context) }];
	}
	onUnknown();
	return [];
}

/** The event that an element of `calls` is by its name, if it is wanted. */
function namedType({ budget, isWanted }: Change, element: unknown): EventType[] {
	const name = text(fieldsOf(element).event);
	const known = name === null ? undefined : callEventType(name);
	const type = known ?? OTHER_EVENTS;
	if (isFields(element) && isWanted(type)) return [type];
	if (known) budget.countIgnored();
	else budget.skip(name === null ? 'a call has no event name' : unknownEvent(name));
	return [];
}

const unknownEvent = (name: string) =>
	`the event "${safeForLog(name)}" is not known (choose Other Call Events to receive it)`;

/** Elements of some lists have no event name. */
function readNameless(
	change: Change,
	list: 'statuses' | 'messages',
	onUnknown: () => void,
): CallEvent[] {
	const types = eventTypesOf(list).filter(change.isWanted);
	if (types.length === 0) return [];
	const typesOf = (element: unknown) => {
		if (!isFields(element)) onUnknown();
		return isFields(element) ? types : [];
	};
	return readElements(change, list, typesOf, onUnknown);
}

function contextOf(change: Change, element: Fields): ChangeContext {
	const { from, to } = partiesOf(element);
	const { displayPhoneNumber } = change.origin;
	return {
		contact: change.contacts.of([from, to], displayPhoneNumber, change.isAboutOneCall),
		errors: sharedErrors(change, element),
		displayPhoneNumber,
	};
}

function namesOneCall(elements: unknown[]): boolean {
	const { id } = fieldsOf(elements[0]);
	if (elements.length === 1) return true;
	return id !== undefined && elements.every((element) => fieldsOf(element).id === id);
}

/**
 * The errors next to the calls, where it is clear that they belong to this one. Meta puts the errors of a
 * failed call into the call and next to it; those of several calls are in one list that does not name them.
 */
function sharedErrors({ value, lists, ownerOfErrors: owner }: Change, element: Fields): unknown[] {
	const shared = listOf(value.errors) ?? [];
	if (shared.length === 0 || lists.calls.length <= 1) return shared;
	return owner() === element ? shared : [];
}

function ownerOfErrors(calls: unknown[]): unknown {
	const candidates = calls.filter((call) => {
		const { event, errors, status } = fieldsOf(call);
		const hasOwn = (listOf(errors) ?? []).length > 0;
		return event === 'terminate' && !hasOwn && upperCaseWord(status) !== 'COMPLETED';
	});
	return candidates.length === 1 ? candidates[0] : null;
}

/** An element's own fields take precedence over what stands next to it. */
function rawOf({ value }: Change, element: Fields, { contact, errors }: ChangeContext): Fields {
	return {
		...(value.metadata !== undefined && { metadata: value.metadata }),
		...(contact && { contacts: [contact.raw] }),
		...(errors.length > 0 && { errors }),
		...element,
	};
}

function lazily<T>(make: () => T): () => T {
	let made: { value: T } | null = null;
	return () => (made ??= { value: make() }).value;
}

/** Moves the end of a call behind its last status, where both are in one delivery. */
function endsLast(events: CallEvent[]): CallEvent[] {
	const lastStatus = new Map<string, number>();
	events.forEach(({ type, call }, index) => {
		if (type.name === 'status' && call.id !== null) lastStatus.set(call.id, index);
	});
	if (lastStatus.size === 0) return events;
	const place = events.map(({ type, call }, index) =>
		type.name === 'terminate' ? Math.max(index, lastStatus.get(call.id ?? '') ?? -1) : index,
	);
	// Stable: a moved end comes directly behind the status at its place.
	const order = events.map((_, index) => index);
	order.sort((a, b) => place[a] - place[b] || Number(place[a] !== a) - Number(place[b] !== b));
	return order.map((index) => events[index]);
}
