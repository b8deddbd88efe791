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
	/** The element as Meta sent it, with what is next to it and belongs to it. */
	raw: () => Fields;
}

/** Called for each part of a delivery that is not used; for the log. */
export type OnSkipped = (reason: string) => void;

/** The JSON of a delivery; undefined if the body is not JSON. */
export function parseBody(rawBody: Buffer): unknown {
	try {
		return parseExactJson(rawBody.toString('utf8'));
	} catch {
		return undefined;
	}
}

/**
 * Reads the events that the operator chose from a delivery. Every entry, change and element is independent: a
 * malformed one does not affect the others. An element that has the name of a chosen event is always an event,
 * whatever else is in it. Other numbers and events are skipped unread. Never throws.
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
	const entries = entriesOf(delivery);
	if (entries === null) {
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
 * Meta sends up to 1,000 updates at once. Reading a million parts that are not updates would block the whole n8n
 * process: after this many unused parts, the rest of a delivery is not read.
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

	/** For parts that are ordinary but not wanted, such as a text message. */
	readonly countIgnored = () => void this.count++;

	/** Reads one element, unless a limit was reached before it. */
	whileWithinLimit<T>(read: () => T[]): T[] {
		if (this.events > MAX_EVENTS || this.isCutOff) return [];
		if (this.count > MAX_UNUSED) {
			this.isCutOff = true;
			this.onSkipped(`after ${MAX_UNUSED} unused parts, the rest was not read`);
			return [];
		}
		return read();
	}

	/** Counts an event. False if it exceeds the limit. */
	countEvent(): boolean {
		this.events++;
		if (this.events === MAX_EVENTS + 1)
			this.onSkipped(`it contains more than ${MAX_EVENTS} events`);
		return this.events <= MAX_EVENTS;
	}
}

/** Whether a delivery has something for other receivers than us: fields of the webhook besides `calls`. */
export function holdsOtherFields(delivery: unknown): boolean {
	return (entriesOf(delivery) ?? []).some((entry) =>
		(changesOf(entry) ?? []).some((change) => fieldsOf(change).field !== 'calls'),
	);
}

/** Null where there are none. */
const entriesOf = (delivery: unknown) => listIn(fieldsOf(delivery).entry);
const changesOf = (entry: unknown) => listIn(fieldsOf(entry).changes);
const listIn = (value: unknown) => ((value ?? null) === null ? null : listOf(value));

/** Which of these events a delivery has, of any number. */
export function eventsHeld(delivery: unknown, names: Iterable<string>): Set<string> {
	const wanted = { events: new Set(names), phoneNumbers: new Set<string>() };
	return new Set(parseDelivery(delivery, wanted, () => {}).map(({ type }) => type.name));
}

function readEntry(entry: unknown, wanted: EventFilter, budget: ReadingBudget): CallEvent[] {
	const { id } = fieldsOf(entry);
	const changes = changesOf(entry);
	if (changes === null) {
		budget.skip('an entry has an unknown shape');
		return [];
	}
	return changes.flatMap((change: unknown) =>
		budget.whileWithinLimit(() => readChange(change, identifier(id), wanted, budget)),
	);
}

/** One change, with what its elements have in common. */
interface Change {
	value: Fields;
	origin: Pick<CallEvent, 'businessAccountId' | 'phoneNumberId' | 'displayPhoneNumber'>;
	lists: Record<EventType['list'], unknown[]>;
	contacts: Contacts;
	/** Whether all its elements name the same call. */
	isAboutOneCall: () => boolean;
	/** The call to which the errors next to the calls belong; null if that is not clear. */
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
	// Other fields of the app share its webhook, and not all of our own events need be chosen.
	if (!EVENT_TYPES.some((type) => type.field === field && isWanted(type))) return [];
	const skip = field === 'calls' ? budget.skip : budget.countIgnored;
	const lists = isFields(value) ? readLists(value, skip) : null;
	if (
		!isFields(value) ||
		lists === null ||
		(field === 'calls' && !value.calls && !value.statuses)
	) {
		skip('a change of the field calls has an unknown shape');
		return [];
	}
	const origin = originOf(value, businessAccountId);
	if (isOfOtherAccount(businessAccountId, wanted)) {
		skip(
			`it is about the WhatsApp Business account ${businessAccountId}, and Registration is Business Account`,
		);
		return [];
	}
	if (!isForChosenNumber(origin, wanted, budget)) return [];
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

function readLists(value: Fields, skip: OnSkipped): Change['lists'] {
	return {
		calls: readList(value, 'calls', skip),
		statuses: readList(value, 'statuses', skip),
		messages: readList(value, 'messages', skip),
	};
}

function readList(value: Fields, name: EventType['list'], skip: OnSkipped): unknown[] {
	const list = listOf(value[name]);
	if (list === null) skip(`"${name}" of a change is not a list`);
	return list ?? [];
}

function originOf(value: Fields, businessAccountId: string | null): Change['origin'] {
	const metadata = fieldsOf(value.metadata);
	return {
		businessAccountId,
		phoneNumberId: identifier(metadata.phone_number_id),
		displayPhoneNumber: text(metadata.display_phone_number),
	};
}

/** An ID that is none counts as the right one, such as the 0 of the test events in Meta's app dashboard. */
function isOfOtherAccount(id: string | null, { businessAccountId: chosen }: EventFilter): boolean {
	return chosen !== undefined && id !== chosen && /^\d{10,}$/.test(id ?? '');
}

function isForChosenNumber(
	origin: Change['origin'],
	wanted: EventFilter,
	budget: ReadingBudget,
): boolean {
	const match = matchNumber(origin, wanted.phoneNumbers);
	if (match === 'other') budget.countIgnored();
	if (match === 'unknown') {
		budget.note('a change does not name a chosen phone number; its events are emitted anyway');
	}
	return match !== 'other';
}

/**
 * Compares the number that a change names with those that the operator chose, by ID or as a display number. A
 * change that does not name its number does not count as one of another number.
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
 * @param typesOf the types that an element may have, of which the first that can read it counts; none if the
 * element is not wanted
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
		const { others = [], ...first } = event;
		const raw = () => rawOf(change, element, context);
		return [first, ...others].flatMap((one) =>
			change.budget.countEvent() ? [{ ...one, type, ...change.origin, raw }] : [],
		);
	}
	onUnknown();
	return [];
}

/** The type of an element of `calls` by its name, if it is wanted. */
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
 * The errors next to the calls, if it is clear that they belong to this one. Meta writes the errors of a failed
 * call into the call and next to it; those of several calls are in one list that does not name the calls.
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

/** An element's own fields take precedence over what is next to it. */
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

/** Moves the end of a call after its last status, if both are in one delivery. */
function endsLast(events: CallEvent[]): CallEvent[] {
	const lastStatus = new Map<string, number>();
	events.forEach(({ type, call }, index) => {
		if (type.name === 'status' && call.id !== null) lastStatus.set(call.id, index);
	});
	if (lastStatus.size === 0) return events;
	const position = events.map(({ type, call }, index) =>
		type.name === 'terminate' ? Math.max(index, lastStatus.get(call.id ?? '') ?? -1) : index,
	);
	// Stable: a moved end comes directly after the status at its position.
	const order = events.map((_, index) => index);
	order.sort(
		(a, b) => position[a] - position[b] || Number(position[a] !== a) - Number(position[b] !== b),
	);
	return order.map((index) => events[index]);
}
