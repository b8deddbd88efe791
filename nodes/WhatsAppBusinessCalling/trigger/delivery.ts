import {
	callSchema,
	changeSchema,
	contactSchema,
	entrySchema,
	eventNameSchema,
	valueSchema,
	type Call,
} from './schemas';
import { eventType, type EventBody, type EventType } from './events';

/** One event of one call, as it came in a delivery. */
export interface CallEvent {
	type: EventType;
	body: EventBody;
	call: Call;
	businessAccountId: string | null;
	phoneNumberId: string | null;
	displayPhoneNumber: string | null;
	/** The call object as Meta sent it. */
	raw: unknown;
}

/** Said for each part of a delivery that is not used; for the log. */
export type Skip = (reason: string) => void;

/**
 * Reads the events of calls out of a delivery. Every entry, change and call stands on its own: one
 * that is odd is skipped with a word to the log, and the others are read. Never throws.
 *
 * @param rawBody JSON of at most 3 MB with up to 1,000 updates (Meta, "Webhooks")
 */
export function parseDelivery(rawBody: Buffer, skip: Skip): CallEvent[] {
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
	return entries.flatMap((entry: unknown) => readEntry(entry, skip));
}

function readEntry(entry: unknown, skip: Skip): CallEvent[] {
	const parsed = entrySchema.safeParse(entry);
	if (!parsed.success) {
		skip('an entry has an unknown shape');
		return [];
	}
	return parsed.data.changes.flatMap((change) => readChange(change, parsed.data.id, skip));
}

function readChange(change: unknown, businessAccountId: string | null, skip: Skip): CallEvent[] {
	const parsed = changeSchema.safeParse(change);
	if (!parsed.success) {
		skip('a change has an unknown shape');
		return [];
	}
	// Messages and other fields share the webhook of the app; they are none of ours.
	if (parsed.data.field !== 'calls') return [];
	const value = valueSchema.safeParse(parsed.data.value);
	if (!value.success) {
		skip('a change of the field calls has an unknown shape');
		return [];
	}
	const { metadata, contacts, calls } = value.data;
	const contactName = readContactName(contacts);
	return (calls ?? []).flatMap((raw) => {
		const event = readCall(raw, contactName, skip);
		return event === null
			? []
			: {
					...event,
					businessAccountId,
					phoneNumberId: metadata?.phone_number_id ?? null,
					displayPhoneNumber: metadata?.display_phone_number ?? null,
					raw,
				};
	});
}

function readCall(
	raw: unknown,
	contactName: string | null,
	skip: Skip,
): Pick<CallEvent, 'type' | 'body' | 'call'> | null {
	const named = eventNameSchema.safeParse(raw);
	if (!named.success) {
		skip('a call has no event name');
		return null;
	}
	const type = eventType(named.data.event);
	if (!type) {
		skip(`the event "${printable(named.data.event)}" is not known`);
		return null;
	}
	const call = callSchema.safeParse(raw);
	const body = type.read(raw, contactName);
	if (!call.success || body === null) {
		skip(`an event "${type.name}" has an unknown shape`);
		return null;
	}
	return { type, body, call: call.data };
}

function readContactName(contacts: unknown[]): string | null {
	const parsed = contactSchema.safeParse(contacts[0]);
	return parsed.success ? (parsed.data.profile?.name ?? null) : null;
}

/** A name from outside, cut and freed of what could forge lines of a log. */
function printable(name: string): string {
	return name.slice(0, 64).replace(/[^\w.-]/g, '?');
}
