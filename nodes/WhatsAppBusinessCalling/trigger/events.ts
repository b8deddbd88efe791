import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';

import { errorEntry } from '../graph/errorCatalogue';
import { safeMimeType, type FileProperty } from '../media/fileNames';
import {
	callDetailsSchema,
	callErrorSchema,
	callSchema,
	connectSchema,
	listOf,
	milliseconds,
	permissionReplySchema,
	recordingSchema,
	statusCallSchema,
	statusSchema,
	terminateSchema,
	transcriptionSchema,
	upperCaseWord,
	type AnnouncedMedia,
	type Call,
	type MediaReference,
} from './schemas';

export type EventBody =
	| { kind: 'file'; property: FileProperty; media: MediaReference }
	| { kind: 'fields'; fields: IDataObject };

/** What stands beside a call in a change, and belongs to it. */
export interface Surroundings {
	/** Name of the person of the element, in WhatsApp. */
	contactName: string | null;
	/** Errors of a failed call stand at the level of the value, not in the call. */
	errors: unknown[];
}

export interface ReadEvent {
	call: Call;
	body: EventBody;
	/** What tells this event from others of the same name on the same call. */
	detail: string;
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
	/** Reads an element of the list; null where it is not as documented. */
	read: (element: unknown, beside: Surroundings) => ReadEvent | null;
}

/** Every event that the trigger knows: options, subscription, parsing and items come from here. */
export const EVENT_TYPES: EventType[] = [
	{
		name: 'connect',
		aliases: [],
		label: 'Call Connecting',
		description:
			'Someone calls (accept within 30 seconds), or a call you started gets its SDP answer',
		field: 'calls',
		list: 'calls',
		read: (element, { contactName }) =>
			readCall(element, connectSchema, ({ session }) => ({
				...callDetails(element),
				contactName,
				session: session ? { sdpType: session.sdp_type, sdp: session.sdp } : null,
			})),
	},
	{
		name: 'call_created',
		aliases: [],
		label: 'Call Created',
		description:
			'A call began on a number that uses SIP with webhooks; other numbers do not get it',
		field: 'calls',
		list: 'calls',
		read: (element, { contactName }) =>
			readCall(element, callDetailsSchema, () => ({ ...callDetails(element), contactName })),
	},
	{
		name: 'status',
		aliases: [],
		label: 'Call Status',
		description: 'The person whom you called hears it ring, has picked up or has declined',
		field: 'calls',
		list: 'statuses',
		read: (element, { contactName }) => {
			const parsed = statusCallSchema.safeParse(element);
			const status = upperCaseWord(statusSchema.safeParse(element).data?.status ?? null);
			if (!parsed.success || status === null) return null;
			const { id, timestamp, ...recipient } = parsed.data;
			const bizOpaqueCallbackData = callDetails(element).bizOpaqueCallbackData ?? null;
			return {
				call: {
					id,
					timestamp: milliseconds(timestamp),
					from: null,
					from_user_id: null,
					from_parent_user_id: null,
					to: recipient.recipient_id,
					to_user_id: recipient.recipient_user_id,
					to_parent_user_id: recipient.recipient_parent_user_id,
				},
				body: { kind: 'fields', fields: { status, bizOpaqueCallbackData, contactName } },
				detail: status,
			};
		},
	},
	{
		name: 'terminate',
		aliases: [],
		label: 'Call Terminated',
		description:
			'A call has ended or was missed: whether it was answered, its times, and what went wrong',
		field: 'calls',
		list: 'calls',
		read: (element, { contactName, errors }) =>
			readCall(element, terminateSchema, (ended) => ({
				...callDetails(element),
				contactName,
				status: upperCaseWord(ended.status),
				// An unanswered call may be reported as COMPLETED: only its start tells.
				answered: ended.start_time !== null,
				startedAt: isoTime(milliseconds(ended.start_time)),
				endedAt: isoTime(milliseconds(ended.end_time)),
				durationSeconds: ended.duration,
				errors: readErrors(errors.length > 0 ? errors : (listOf(ended.errors) ?? [])),
			})),
	},
	{
		name: 'call_recording_available',
		aliases: [],
		label: 'Call Recording Available',
		description: 'The recording of a call is ready: its audio, downloaded and verified',
		field: 'calls',
		list: 'calls',
		read: (element) =>
			readFile(element, 'recording', recordingSchema.safeParse(element).data?.call_recording.audio),
	},
	{
		name: 'call_transcription_available',
		// Documented as above, seen on the wire as below.
		aliases: ['call_transcript_available'],
		label: 'Call Transcription Available',
		description: 'The transcript of a call is ready: its file, verified, and its text in the item',
		field: 'calls',
		list: 'calls',
		read: (element) =>
			readFile(
				element,
				'transcription',
				transcriptionSchema.safeParse(element).data?.call_transcript.document,
			),
	},
	{
		name: 'call_permission_reply',
		aliases: [],
		label: 'Call Permission Reply',
		description:
			'A person allowed or refused calls. Activating subscribes your app to the field messages, too.',
		field: 'messages',
		list: 'messages',
		read: (element) => {
			const parsed = permissionReplySchema.safeParse(element);
			if (!parsed.success) return null;
			const { id, timestamp, context, interactive, ...from } = parsed.data;
			const reply = interactive.call_permission_reply;
			const contextId = context?.id ?? null;
			return {
				call: {
					id,
					timestamp: milliseconds(timestamp),
					...from,
					to: null,
					to_user_id: null,
					to_parent_user_id: null,
				},
				body: {
					kind: 'fields',
					fields: {
						// Not an event of a call: what stands there for others is the ID of the message.
						callId: contextId?.startsWith('wacid.') ? contextId : null,
						messageId: id,
						requestMessageId: contextId?.startsWith('wamid.') ? contextId : null,
						response: reply.response,
						accepted: reply.response === 'accept',
						isPermanent: reply.is_permanent,
						expiresAt: isoTime(milliseconds(reply.expiration_timestamp)),
						responseSource: reply.response_source,
					},
				},
				detail: '',
			};
		},
	},
];

const CALL_EVENTS = new Map(
	EVENT_TYPES.filter((type) => type.list === 'calls').flatMap((type) =>
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

/** A name from outside, cut and freed of what could forge lines of a log. */
export function printable(name: string): string {
	return name.slice(0, 64).replace(/[^\w.-]/g, '?');
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

export const eventOptions: INodePropertyOptions[] = EVENT_TYPES.map((type) => ({
	name: type.label,
	value: type.name,
	description: type.description,
}));

export function isoTime(milliseconds: number | null): string | null {
	return milliseconds === null ? null : new Date(milliseconds).toISOString();
}

interface Schema<T> {
	safeParse: (value: unknown) => { success: true; data: T } | { success: false };
}

function readCall<T>(
	element: unknown,
	schema: Schema<T>,
	fields: (data: T) => IDataObject,
): ReadEvent | null {
	const call = callOf(element);
	const parsed = schema.safeParse(element);
	if (call === null || !parsed.success) return null;
	return { call, body: { kind: 'fields', fields: fields(parsed.data) }, detail: '' };
}

function readFile(
	element: unknown,
	property: FileProperty,
	file: AnnouncedMedia | undefined,
): ReadEvent | null {
	const call = callOf(element);
	if (call === null || file === undefined) return null;
	const media: MediaReference = { ...file, mime_type: safeMimeType(property, file.mime_type) };
	return { call, body: { kind: 'file', property, media }, detail: media.id };
}

function callOf(element: unknown): Call | null {
	const { data } = callSchema.safeParse(element);
	return data ? { ...data, timestamp: milliseconds(data.timestamp) } : null;
}

function callDetails(element: unknown): IDataObject {
	const parsed = callDetailsSchema.safeParse(element);
	if (!parsed.success) return {};
	return {
		direction: parsed.data.direction,
		bizOpaqueCallbackData: parsed.data.biz_opaque_callback_data,
		deeplinkPayload: parsed.data.deeplink_payload,
		ctaPayload: parsed.data.cta_payload,
	};
}

/** They are read again for each call beside them; Meta sends one. */
const MAX_ERRORS = 10;

function readErrors(errors: unknown[]): IDataObject[] {
	return errors.slice(0, MAX_ERRORS).flatMap((error) => {
		const parsed = callErrorSchema.safeParse(error);
		if (!parsed.success) return [];
		const { code, message, title, error_data: data } = parsed.data;
		const entry = errorEntry(code);
		return {
			code,
			title: entry?.title ?? title ?? message,
			message: message ?? title,
			details: data?.details ?? null,
			hint: entry?.hint ?? null,
		};
	});
}
