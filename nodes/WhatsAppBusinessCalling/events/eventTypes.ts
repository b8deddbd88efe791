import { hash } from 'crypto';
import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';

import { errorEntry } from '../graph/errorCatalogue';
import type { FileProperty } from '../media/fileNames';
import { parseSha256 } from '../media/sha256';
import { copyOf } from '../nesting';
import {
	amount,
	digitsOf,
	fieldsOf,
	identifier,
	integer,
	isFields,
	isoTimeOfMs,
	listOf,
	text,
	timeMs,
	upperCaseWord,
	yesOrNo,
	type Fields,
} from '../values';
import { filledFrom, isSamePerson, NOBODY, readParty, type Contact, type Party } from './contacts';
import { readMediaReferences, readMessageAudio, type MediaReference } from './mediaReference';

/** Milliseconds in which an incoming call must be accepted (Meta, "User-initiated calls": 30 to 60 seconds). */
const ANSWER_WITHIN_MS = 30_000;

/** A call as its events name it. */
export interface Call {
	/** Null where Meta sent none that can be used. */
	id: string | null;
	/** Milliseconds since 1970. */
	timestamp: number | null;
	from: Party;
	to: Party;
}

export interface EventFile {
	property: FileProperty;
	/** Null where the event names no file that can be asked for. */
	media: MediaReference | null;
}

/** One event of one call, as read from an element of Meta's lists. */
export interface ReadEvent {
	/** The item's `event`: our name for known events, Meta's for others. */
	name: string | null;
	call: Call;
	/** The item's fields besides those of all events. */
	fields: IDataObject;
	file: EventFile | null;
	/** Distinguishes this event from others of the same name on the same call. */
	detail: string;
	/** True where something decisive could not be read: the item then has the raw event in any case. */
	isIncomplete: boolean;
	/** The same event with its further files, if it names several. */
	others?: ReadEvent[];
}

/** What is next to an element in its change, as far as it belongs to the element. */
export interface ChangeContext {
	/** The person that the call is with. */
	contact: Contact | null;
	/** Errors next to the calls. */
	errors: unknown[];
	displayPhoneNumber: string | null;
}

export interface EventType {
	/** The API's own name; saved workflows hold it. */
	name: string;
	/** Other names under which the same event was seen. */
	aliases: string[];
	label: string;
	description: string;
	/** Field of Meta's webhook that has to be subscribed. */
	field: 'calls' | 'messages';
	/** List in the change's value whose elements are such events. */
	list: 'calls' | 'statuses' | 'messages';
	/** Reads an element of the list; null if it is not such an event. Fields that cannot be read are null. */
	read: (element: Fields, context: ChangeContext) => ReadEvent | null;
}

/** Every event that the trigger knows, in the panel's order: options, subscription, parsing and items come from here. */
export const EVENT_TYPES: EventType[] = [
	{
		name: 'call_recording_available',
		aliases: [],
		label: 'Call Recording Available',
		description: 'The recording of a call is ready: its audio, downloaded and verified',
		field: 'calls',
		list: 'calls',
		read: (element, context) => readFile('call_recording_available', element, context, 'recording'),
	},
	{
		name: 'call_transcription_available',
		// Documented as above, seen on the wire as below.
		aliases: ['call_transcript_available'],
		label: 'Call Transcription Available',
		description: 'The transcript of a call is ready: its text, and its file, verified',
		field: 'calls',
		list: 'calls',
		read: (element, context) =>
			readFile('call_transcription_available', element, context, 'transcription'),
	},
	{
		name: 'connect',
		aliases: [],
		label: 'Call Connecting',
		description: 'Someone is calling you, or the SDP answer to your call has arrived',
		field: 'calls',
		list: 'calls',
		read: (element, context) => {
			const session = readSession(element);
			const incoming = isIncoming(element, session);
			const side = session === null ? null : incoming ? 'from' : 'to';
			const fields = {
				answerBefore: incoming ? answerBefore(element) : null,
				session,
				...callDetails(element),
			};
			const event = readCall('connect', element, context, fields, side);
			const isIncomplete = event.isIncomplete || session === null;
			// One without its SDP must not pass for the one that has it.
			return { ...event, detail: isIncomplete ? fingerprint(element) : '', isIncomplete };
		},
	},
	{
		name: 'status',
		aliases: [],
		label: 'Call Status',
		description: 'A call you started is ringing, was answered, or was declined',
		field: 'calls',
		list: 'statuses',
		read: (element, context) => {
			if (typeof element.type === 'string' && element.type !== 'call') return null;
			const status = upperCaseWord(element.status);
			const fields = {
				status,
				bizOpaqueCallbackData: text(element.biz_opaque_callback_data),
			};
			const event = readCall('status', element, context, fields, 'to');
			const isIncomplete = event.isIncomplete || status === null;
			return { ...event, detail: isIncomplete ? fingerprint(element) : status, isIncomplete };
		},
	},
	{
		name: 'terminate',
		aliases: [],
		label: 'Call Ended',
		description: 'A call ended or was missed, with its duration and any errors',
		field: 'calls',
		list: 'calls',
		read: (element, context) => {
			const own = listOf(element.errors) ?? [];
			return readCall('terminate', element, context, {
				answered: wasAnswered(element),
				durationSeconds: amount(element.duration),
				startedAt: isoTimeOfMs(timeMs(element.start_time)),
				endedAt: isoTimeOfMs(timeMs(element.end_time)),
				status: upperCaseWord(element.status),
				errors: readErrors(own.length > 0 ? own : context.errors),
				...callDetails(element),
			});
		},
	},
	{
		name: 'call_permission_reply',
		aliases: [],
		label: 'Call Permission Reply',
		description: 'A person allowed or declined calls; also subscribes to messages',
		field: 'messages',
		list: 'messages',
		read: (element, context) => {
			const interactive = fieldsOf(element.interactive);
			const isReply =
				interactive.type === 'call_permission_reply' || isFields(interactive.call_permission_reply);
			return isReply ? readPermissionReply(element, interactive, context) : null;
		},
	},
	{
		name: 'voicemail',
		aliases: [],
		label: 'Voicemail Received',
		description: 'What a person said after a call that you missed; also subscribes to messages',
		field: 'messages',
		list: 'messages',
		read: (element, context) => (isVoicemail(element) ? readVoicemail(element, context) : null),
	},
	{
		name: 'other',
		aliases: [],
		label: 'Other Call Events',
		description: 'Events that Meta adds later, as Meta sent them (event: their name)',
		field: 'calls',
		list: 'calls',
		read: (element, context) => ({
			...readCall(text(element.event), element, context, callDetails(element)),
			detail: `${text(element.event)}\n${fingerprint(element)}`,
			isIncomplete: true,
		}),
	},
	{
		name: 'call_created',
		aliases: [],
		label: 'Call Created',
		description: 'A call began on a number that uses SIP with webhooks',
		field: 'calls',
		list: 'calls',
		read: (element, context) => readCall('call_created', element, context, callDetails(element)),
	},
];

/** Events of the list `calls` whose name is not known. */
export const OTHER_EVENTS = EVENT_TYPES.find(({ name }) => name === 'other') as EventType;

const CALL_EVENTS = new Map(
	EVENT_TYPES.filter((type) => type.list === 'calls' && type !== OTHER_EVENTS).flatMap((type) =>
		[type.name, ...type.aliases].map((name) => [name, type] as const),
	),
);

/** The event of the list `calls` that has this name. */
export function callEventType(name: string): EventType | undefined {
	return CALL_EVENTS.get(name);
}

const EVENTS_BY_NAME = new Map(
	EVENT_TYPES.flatMap((type) => [type.name, ...type.aliases].map((name) => [name, type] as const)),
);

/** The event that an operator chose by this name. */
export function eventTypeNamed(name: string): EventType | undefined {
	return EVENTS_BY_NAME.get(name);
}

/** The events whose list is another than `calls`; their elements carry no name. */
export function eventTypesOf(list: 'statuses' | 'messages'): EventType[] {
	return EVENT_TYPES.filter((type) => type.list === list);
}

/** Fields of Meta's webhook that the chosen events need; `calls` always. */
export function webhookFields(events: Iterable<string>): string[] {
	const chosen = new Set(events);
	const needed = EVENT_TYPES.filter((type) => chosen.has(type.name)).map((type) => type.field);
	return [...new Set(['calls', ...needed])];
}

/** With the value of the item's field `event`, which a Switch node needs. */
export const eventOptions: INodePropertyOptions[] = EVENT_TYPES.map((type) => ({
	name: type.label,
	value: type.name,
	description:
		type === OTHER_EVENTS ? type.description : `${type.description} (event: ${type.name})`,
}));

/** A call as an element names it; a status names the person who is called as the recipient. */
export function partiesOf(element: Fields): { from: Party; to: Party } {
	const to = readParty(element, 'to');
	return {
		from: readParty(element, 'from'),
		to: Object.values(to).some((id) => id !== null) ? to : readParty(element, 'recipient'),
	};
}

function readCall(
	name: string | null,
	element: Fields,
	context: ChangeContext,
	fields: IDataObject,
	fallbackSide: Side | null = null,
): ReadEvent {
	const { contact } = context;
	const parties = partiesOf(element);
	const side = contact && (personSide(element, parties, contact, context) ?? fallbackSide);
	if (contact && side) parties[side] = filledFrom(contact, parties[side]);
	const id = identifier(element.id);
	return {
		name,
		call: { id, timestamp: timeMs(element.timestamp), ...parties },
		fields: {
			...fields,
			contactName: contact?.name ?? null,
			contactUsername: contact?.username ?? null,
		},
		file: null,
		// Without the ID of its call, only the whole element distinguishes an event from others.
		detail: id === null ? fingerprint(element) : '',
		isIncomplete: id === null,
	};
}

type Side = 'from' | 'to';

/**
 * The side of a call on which the person is whom a contact describes: by an ID that both have, or by the
 * direction of the call, or because the other side is the business number. Null if that is not known.
 */
function personSide(
	element: Fields,
	{ from, to }: Record<Side, Party>,
	contact: Contact,
	{ displayPhoneNumber }: ChangeContext,
): Side | null {
	if (isSamePerson(from, contact)) return 'from';
	if (isSamePerson(to, contact)) return 'to';
	const direction = text(element.direction)?.toUpperCase();
	if (direction === 'USER_INITIATED') return 'from';
	if (direction === 'BUSINESS_INITIATED') return 'to';
	const business = digitsOf(displayPhoneNumber);
	if (business === '') return null;
	if (digitsOf(to.phoneNumber) === business) return 'from';
	return digitsOf(from.phoneNumber) === business ? 'to' : null;
}

function readFile(
	name: string,
	element: Fields,
	context: ChangeContext,
	property: FileProperty,
): ReadEvent {
	const fields = {
		direction: text(element.direction),
		bizOpaqueCallbackData: text(element.biz_opaque_callback_data),
	};
	// Meta's samples name the person as the one from whom the file comes.
	const event = readCall(name, element, context, fields, 'from');
	const withMedia = (media: MediaReference | null) => withFile(event, element, { property, media });
	const [first = null, ...others] = readMediaReferences(property, element);
	return { ...withMedia(first), ...(others.length > 0 && { others: others.map(withMedia) }) };
}

function withFile(event: ReadEvent, element: Fields, file: EventFile): ReadEvent {
	const { media } = file;
	const isIncomplete = event.isIncomplete || media === null;
	return {
		...event,
		file,
		// With its hash: Meta may correct an event of a file.
		detail: `${media?.id ?? ''}\n${isIncomplete ? fingerprint(element) : hashOf(media)}`,
		isIncomplete,
	};
}

/** The hash of a file, which is the same in base64 and in hexadecimal digits. */
function hashOf(media: MediaReference | null): string {
	return parseSha256(media?.sha256)?.toString('hex') ?? media?.sha256 ?? '';
}

/** An audio message with the ID of a call (Meta, "Call settings", voicemail webhooks). */
function isVoicemail(element: Fields): boolean {
	const isAudio = element.type === 'audio' || isFields(element.audio);
	return isAudio && identifier(element.id)?.startsWith('wacid.') === true;
}

/** Has the fields of a recording. A message says nothing of the direction of the call, or of its callback data. */
function readVoicemail(element: Fields, context: ChangeContext): ReadEvent {
	const fields = { direction: null, bizOpaqueCallbackData: null };
	const event = readCall('voicemail', element, context, fields, 'from');
	event.call.to = NOBODY;
	return withFile(event, element, { property: 'recording', media: readMessageAudio(element) });
}

function readPermissionReply(
	element: Fields,
	interactive: Fields,
	context: ChangeContext,
): ReadEvent {
	const reply = fieldsOf(interactive.call_permission_reply);
	const messageId = identifier(element.id);
	const contextId = identifier(fieldsOf(element.context).id);
	const response = text(reply.response)?.toLowerCase() ?? null;
	const fields = {
		accepted: wasAccepted(response),
		response,
		isPermanent: yesOrNo(reply.is_permanent),
		expiresAt: isoTimeOfMs(timeMs(reply.expiration_timestamp)),
		responseSource: text(reply.response_source),
		messageId,
		requestMessageId: contextId?.startsWith('wamid.') ? contextId : null,
	};
	const event = readCall('call_permission_reply', element, context, fields, 'from');
	// Not an event of a call: its ID is that of a message.
	event.call.id = contextId?.startsWith('wacid.') ? contextId : null;
	event.call.to = NOBODY;
	return {
		...event,
		detail: messageId ?? fingerprint(element),
		isIncomplete: event.isIncomplete || response === null,
	};
}

/** Documented as `accept` and `reject`; other clients were sent `accepted` and `rejected`, too. */
function wasAccepted(response: string | null): boolean | null {
	if (response === null) return null;
	if (/^(?:accept|allow|approve|grant)/.test(response)) return true;
	return /^(?:reject|decline|den|refuse|revoke)/.test(response) ? false : null;
}

/**
 * Whether a call that has ended was picked up. Meta gives its times only then, and calls an unanswered
 * call `COMPLETED` as well (Meta, "Business-initiated calls"). Null if a failed call does not show it.
 */
function wasAnswered(element: Fields): boolean | null {
	const duration = amount(element.duration);
	if (timeMs(element.start_time) !== null || (duration !== null && duration > 0)) return true;
	if (duration === 0) return false;
	const isSilent = [element.start_time, element.end_time, element.duration].every(
		(value) => value === undefined || value === null,
	);
	return isSilent && upperCaseWord(element.status) === 'COMPLETED' ? false : null;
}

function callDetails(element: Fields): IDataObject {
	return {
		direction: text(element.direction),
		bizOpaqueCallbackData: text(element.biz_opaque_callback_data),
		deeplinkPayload: text(element.deeplink_payload),
		ctaPayload: text(element.cta_payload),
	};
}

interface Session extends IDataObject {
	sdpType: string | null;
	sdp: string | null;
}

/** The SDP of a call. One of Meta's samples has it only under `connection`, as JSON text or as bare SDP. */
function readSession(element: Fields): Session | null {
	const session = fieldsOf(element.session);
	if (isFields(element.session) && (session.sdp !== undefined || session.sdp_type !== undefined)) {
		return { sdpType: text(session.sdp_type)?.toLowerCase() ?? null, sdp: text(session.sdp) };
	}
	const carried = text(fieldsOf(fieldsOf(element.connection).webrtc).sdp);
	if (carried === null) return null;
	try {
		const { sdp, type } = fieldsOf(JSON.parse(carried));
		return { sdpType: text(type)?.toLowerCase() ?? null, sdp: text(sdp) };
	} catch {
		return carried.startsWith('v=0') ? { sdpType: null, sdp: carried } : null;
	}
}

function isIncoming(element: Fields, session: Session | null): boolean {
	if (session?.sdpType) return session.sdpType === 'offer';
	return text(element.direction)?.toUpperCase() === 'USER_INITIATED';
}

function answerBefore(element: Fields): string | null {
	const since = timeMs(element.timestamp);
	return isoTimeOfMs(since === null ? null : since + ANSWER_WITHIN_MS);
}

/** They are read again for each call beside them; Meta sends one. */
const MAX_ERRORS = 10;

function readErrors(errors: unknown[]): IDataObject[] {
	return errors.slice(0, MAX_ERRORS).flatMap((error) => {
		const fields = fieldsOf(error);
		const code = integer(fields.code);
		const title = text(fields.title);
		const message = text(fields.message) ?? title;
		if (code === null && message === null) return [];
		const entry = errorEntry(code);
		return {
			code,
			title: entry?.title ?? title ?? message,
			message,
			details: text(fieldsOf(fields.error_data).details),
			hint: entry?.hint ?? null,
		};
	});
}

/** Levels of an element that count; deeper ones could not be written as JSON. */
const MAX_LEVELS = 200;

/** Tells an element from every other, where its own fields do not. */
function fingerprint(element: Fields): string {
	return hash(
		'sha256',
		JSON.stringify(copyOf(element, { levels: MAX_LEVELS, deeper: '...' })),
		'base64url',
	);
}
