import {
	callEventType,
	EVENT_TYPES,
	eventTypesOf,
	printable,
	type EventType,
	type ReadEvent,
	type Surroundings,
} from './events';
import {
	changeSchema,
	contactSchema,
	entrySchema,
	eventNameSchema,
	listOf,
	partiesSchema,
	valueSchema,
} from './schemas';
import type { TriggerFilter } from './settings';

/** One event of one call, as it came in a delivery. */
export interface CallEvent extends ReadEvent {
	type: EventType;
	businessAccountId: string | null;
	phoneNumberId: string | null;
	displayPhoneNumber: string | null;
	/** The element as Meta sent it. */
	raw: unknown;
}

/** Said for each part of a delivery that is not used; for the log. */
export type Skip = (reason: string) => void;

type TypedEvent = ReadEvent & { type: EventType };

/**
 * Reads the events of calls that are wanted out of a delivery. Every entry, change and call stands on its
 * own: one that is odd is skipped with a word to the log, and the others are read. What is of other
 * numbers or events is passed over unread. Never throws.
 *
 * @param rawBody JSON of at most 3 MB with up to 1,000 updates (Meta, "Webhooks")
 */
export function parseDelivery(rawBody: Buffer, wanted: TriggerFilter, skip: Skip): CallEvent[] {
	let delivery: unknown;
	try {
		delivery = JSON.parse(rawBody.toString('utf8'));
	} catch {
		skip('the body is not JSON');
		return [];
	}
	const entries = (delivery as { entry?: unknown } | null)?.entry;
	if (!Array.isArray(entries)) {
		skip('the body has no list of entries');
		return [];
	}
	const budget = new ReadingBudget(skip);
	return entries.flatMap((entry: unknown) => budget.guard(() => readEntry(entry, wanted, budget)));
}

/**
 * Meta sends up to 1,000 updates at once. To look into a million that are none would hold up the whole
 * n8n process: after so many, what follows in a delivery is not looked at.
 */
const MAX_UNUSED = 10_000;

/** Ten times what Meta sends at once; for the same reason. */
const MAX_EVENTS = 10_000;

const MAX_CONTACTS = 1_000;

type Contact = NonNullable<ReturnType<typeof contactSchema.safeParse>['data']>;

class ReadingBudget {
	private count = 0;

	private events = 0;

	private isCutOff = false;

	constructor(private readonly tell: Skip) {}

	readonly skip: Skip = (reason) => {
		this.count++;
		this.tell(reason);
	};

	/** For what is ordinary but not looked for, such as a text message. */
	readonly pass = () => void this.count++;

	/** Reads one element, unless there was too much before it. */
	guard<T>(read: () => T[]): T[] {
		if (this.events > MAX_EVENTS || this.isCutOff) return [];
		if (this.count > MAX_UNUSED) {
			this.isCutOff = true;
			this.tell(`after ${MAX_UNUSED} parts that are not used, the rest was not looked at`);
			return [];
		}
		return read();
	}

	/** Whether there is room for one event more. */
	takes(): boolean {
		this.events++;
		if (this.events === MAX_EVENTS + 1) this.tell(`it holds more than ${MAX_EVENTS} events`);
		return this.events <= MAX_EVENTS;
	}
}

/** Whether a delivery holds something for others than us: fields of the webhook besides `calls`. */
export function holdsOtherFields(rawBody: Buffer): boolean {
	try {
		const { entry } = JSON.parse(rawBody.toString('utf8')) as { entry: unknown[] };
		return entry.some((one) => {
			const changes = (one as { changes?: unknown } | null)?.changes;
			if (!Array.isArray(changes)) return false;
			return changes.some((change: { field?: unknown } | null) => change?.field !== 'calls');
		});
	} catch {
		return false;
	}
}

function readEntry(entry: unknown, wanted: TriggerFilter, budget: ReadingBudget): CallEvent[] {
	const parsed = entrySchema.safeParse(entry);
	if (!parsed.success) {
		budget.skip('an entry has an unknown shape');
		return [];
	}
	return parsed.data.changes.flatMap((change) =>
		budget.guard(() => readChange(change, parsed.data.id, wanted, budget)),
	);
}

function readChange(
	change: unknown,
	businessAccountId: string | null,
	wanted: TriggerFilter,
	budget: ReadingBudget,
): CallEvent[] {
	const { skip } = budget;
	const parsed = changeSchema.safeParse(change);
	if (!parsed.success) {
		skip('a change has an unknown shape');
		return [];
	}
	const { field } = parsed.data;
	const isWanted = (type: EventType) => wanted.events.has(type.name);
	// Other fields of the app share its webhook, and not all that is ours need be wanted.
	if (!EVENT_TYPES.some((type) => type.field === field && isWanted(type))) return [];
	const value = valueSchema.safeParse(parsed.data.value);
	const calls = listOf(value.data?.calls);
	const statuses = listOf(value.data?.statuses);
	const messages = listOf(value.data?.messages);
	const isEmpty = !value.data?.calls && !value.data?.statuses;
	if (!value.success || !calls || !statuses || !messages || (field === 'calls' && isEmpty)) {
		if (field === 'calls') skip('a change of the field calls has an unknown shape');
		return [];
	}
	const { metadata } = value.data;
	const phoneNumberId = metadata?.phone_number_id ?? null;
	if (wanted.phoneNumberIds.size > 0 && !wanted.phoneNumberIds.has(phoneNumberId ?? '')) {
		if (phoneNumberId === null) skip('a change names no phone number, and only some are chosen');
		else budget.pass();
		return [];
	}
	const errors = listOf(value.data.errors) ?? [];
	// Once for all: there may be as many contacts as elements.
	const contacts = (listOf(value.data.contacts) ?? [])
		.slice(0, MAX_CONTACTS)
		.map((contact) => contactSchema.safeParse(contact).data ?? null);
	const context = {
		businessAccountId,
		phoneNumberId,
		displayPhoneNumber: metadata?.display_phone_number ?? null,
	};
	const read = (
		elements: unknown[],
		readOne: (element: unknown, beside: Surroundings) => TypedEvent | null,
	) =>
		elements.flatMap((raw) =>
			budget.guard(() => {
				const event = readOne(raw, { contactName: contactNameOf(raw, contacts), errors });
				return event !== null && budget.takes() ? [{ ...event, ...context, raw }] : [];
			}),
		);
	/** Elements of some lists carry no event name: the one that can read them is it. */
	const readNameless = (list: 'statuses' | 'messages', elements: unknown[], odd: () => void) => {
		const types = eventTypesOf(list).filter(isWanted);
		if (types.length === 0) return [];
		return read(elements, (element, beside) => {
			const event = firstThatReads(types, element, beside);
			if (event === null) odd();
			return event;
		});
	};
	return field === 'calls'
		? [
				...read(calls, (element, beside) => readCallEvent(element, beside, isWanted, budget)),
				...readNameless('statuses', statuses, () =>
					skip('a status of a call has an unknown shape'),
				),
			]
		: readNameless('messages', messages, budget.pass);
}

function readCallEvent(
	element: unknown,
	beside: Surroundings,
	isWanted: (type: EventType) => boolean,
	{ skip, pass }: ReadingBudget,
): TypedEvent | null {
	const named = eventNameSchema.safeParse(element);
	if (!named.success) {
		skip('a call has no event name');
		return null;
	}
	const type = callEventType(named.data.event);
	if (!type) {
		skip(`the event "${printable(named.data.event)}" is not known`);
		return null;
	}
	if (!isWanted(type)) {
		pass();
		return null;
	}
	const event = type.read(element, beside);
	if (event === null) {
		skip(`an event "${type.name}" has an unknown shape`);
		return null;
	}
	return { ...event, type };
}

function firstThatReads(
	types: EventType[],
	element: unknown,
	beside: Surroundings,
): TypedEvent | null {
	for (const type of types) {
		const event = type.read(element, beside);
		if (event !== null) return { ...event, type };
	}
	return null;
}

/** Contacts stand beside the calls; with several, the one that is a party of this call. */
function contactNameOf(element: unknown, contacts: Array<Contact | null>): string | null {
	if (contacts.length <= 1) return contacts[0]?.profile?.name ?? null;
	const parties: unknown[] = Object.values(partiesSchema.safeParse(element).data ?? {});
	const own = contacts.find((contact) =>
		[contact?.wa_id, contact?.user_id].some((id) => typeof id === 'string' && parties.includes(id)),
	);
	return own?.profile?.name ?? null;
}
