import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';

import {
	connectSchema,
	recordingSchema,
	transcriptionSchema,
	type MediaReference,
} from './schemas';

/** Item property that holds what is known of a file. */
export type FileProperty = 'recording' | 'transcription';

export type EventBody =
	| { kind: 'file'; property: FileProperty; media: MediaReference }
	| { kind: 'fields'; fields: IDataObject };

export interface EventType {
	/** The API's own name; saved workflows hold it. */
	name: string;
	/** Other names under which the same event was seen. */
	aliases: string[];
	label: string;
	description: string;
	/** Reads the part of the call object that belongs to this event; null where it is not there. */
	read: (call: unknown, contactName: string | null) => EventBody | null;
}

/** Every event that the trigger knows: its options, its parsing and its items come from here. */
export const EVENT_TYPES: EventType[] = [
	{
		name: 'connect',
		aliases: [],
		label: 'Call Connecting',
		description:
			'Someone calls (with the SDP offer to answer), or a call that you started gets its SDP answer. Comes at once: a call must be accepted within 30 seconds.',
		read: (call, contactName) => {
			const parsed = connectSchema.safeParse(call);
			if (!parsed.success) return null;
			const { direction, session } = parsed.data;
			return {
				kind: 'fields',
				fields: {
					direction,
					contactName,
					session: session ? { sdpType: session.sdp_type, sdp: session.sdp } : null,
					bizOpaqueCallbackData: parsed.data.biz_opaque_callback_data,
					deeplinkPayload: parsed.data.deeplink_payload,
					ctaPayload: parsed.data.cta_payload,
				},
			};
		},
	},
	{
		name: 'call_recording_available',
		aliases: [],
		label: 'Call Recording Available',
		description:
			'The recording of a call is ready, usually within a minute after the call. The audio is downloaded and verified.',
		read: (call) => {
			const parsed = recordingSchema.safeParse(call);
			if (!parsed.success) return null;
			return { kind: 'file', property: 'recording', media: parsed.data.call_recording.audio };
		},
	},
	{
		name: 'call_transcription_available',
		// Documented as above, seen on the wire as below.
		aliases: ['call_transcript_available'],
		label: 'Call Transcription Available',
		description:
			'The transcript of a call is ready. The JSON file is downloaded, verified and read into the item.',
		read: (call) => {
			const parsed = transcriptionSchema.safeParse(call);
			if (!parsed.success) return null;
			return {
				kind: 'file',
				property: 'transcription',
				media: parsed.data.call_transcript.document,
			};
		},
	},
];

const BY_NAME = new Map(
	EVENT_TYPES.flatMap((type) => [type.name, ...type.aliases].map((name) => [name, type] as const)),
);

export function eventType(name: string): EventType | undefined {
	return BY_NAME.get(name);
}

export const eventOptions: INodePropertyOptions[] = EVENT_TYPES.map((type) => ({
	name: type.label,
	value: type.name,
	description: type.description,
}));
