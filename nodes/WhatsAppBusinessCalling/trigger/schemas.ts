import { z } from 'zod';

import { wholeNumber } from '../graph/wholeNumber';
import { MEDIA_ID_PATTERN } from '../media/mediaInfo';

/**
 * Shapes of Meta's calling webhooks (Meta, "Calling API: reference", "Call recording", "Call
 * transcription", "User call permissions", "Business-scoped user IDs"). What decides is strict: IDs
 * are text. What only informs is lenient: absent, empty or odd becomes null.
 *
 * A delivery may hold 1,000 events, so what each of them has does without transforms, refinements and
 * failures: those cost zod closures and errors, twice as much as all the rest. The functions at the end
 * read what the schemas let pass.
 */
const id = z
	.string()
	.min(1)
	.max(512)
	.regex(/^[\P{Cc}\u0080-\u009f]*$/u, 'holds control characters');

/** Absent, empty or odd becomes null. */
function lenient<T extends z.ZodTypeAny>(schema: T) {
	return schema.nullable().default(null).catch(null);
}

const text = lenient(z.string().min(1));

/** Unix seconds, as text in all samples; read with `milliseconds`. */
const unixSeconds = lenient(
	z.union([z.string().regex(/^\d{1,12}$/), z.number().int().positive().max(999_999_999_999)]),
);

/** One word, read with `upperCaseWord`; flow examples of the documentation show a list, in any case. */
const word = lenient(z.union([z.string(), z.array(z.string()).min(1)]));

/** The elements of lists are not looked at: of millions, zod would make a copy and some objects for each. */
export const entrySchema = z.object({ id: text, changes: z.custom<unknown[]>(Array.isArray) });

export const changeSchema = z.object({ field: z.string(), value: z.unknown() });

/** Its lists are read with `listOf`. */
export const valueSchema = z.object({
	// It only says which number a call came to: that it is missing must not cost a recording.
	metadata: z
		.object({
			phone_number_id: id.nullish(),
			display_phone_number: text,
		})
		.nullable()
		.default(null),
	contacts: z.unknown(),
	errors: z.unknown(),
	calls: z.unknown(),
	statuses: z.unknown(),
	messages: z.unknown(),
});

export const eventNameSchema = z.object({ event: z.string().min(1) });

const partiesShape = {
	from: text,
	from_user_id: text,
	from_parent_user_id: text,
	to: text,
	to_user_id: text,
	to_parent_user_id: text,
};

export const callSchema = z.object({ id, timestamp: unixSeconds, ...partiesShape });

/** A status names the person who is called as the recipient. */
export const statusCallSchema = z.object({
	id,
	timestamp: unixSeconds,
	recipient_id: text,
	recipient_user_id: text,
	recipient_parent_user_id: text,
});

const mediaSchema = z.object({
	id: z.string().regex(MEDIA_ID_PATTERN),
	sha256: text,
	mime_type: z.unknown(),
	url: text,
});

export const recordingSchema = z.object({ call_recording: z.object({ audio: mediaSchema }) });

export const transcriptionSchema = z.object({
	call_transcript: z.object({ document: mediaSchema }),
});

/** What several events say of a call. */
export const callDetailsSchema = z.object({
	direction: text,
	deeplink_payload: text,
	cta_payload: text,
	biz_opaque_callback_data: text,
});

export const connectSchema = z.object({
	session: lenient(z.object({ sdp_type: text, sdp: text })),
});

export const terminateSchema = z.object({
	status: word,
	start_time: unixSeconds,
	end_time: unixSeconds,
	duration: lenient(wholeNumber.pipe(z.number().min(0))),
	errors: z.unknown(),
});

export const callErrorSchema = z.object({
	code: wholeNumber,
	message: text,
	title: text,
	error_data: lenient(z.object({ details: text })),
});

export const statusSchema = z.object({ type: z.literal('call').optional(), status: word });

export const permissionReplySchema = z.object({
	id,
	timestamp: unixSeconds,
	from: text,
	from_user_id: text,
	from_parent_user_id: text,
	context: lenient(z.object({ id: text })),
	interactive: z.object({
		type: z.literal('call_permission_reply'),
		call_permission_reply: z.object({
			response: z.string().transform((response) => response.toLowerCase()),
			is_permanent: z.boolean().catch(false),
			expiration_timestamp: unixSeconds,
			response_source: text,
		}),
	}),
});

/** Phone numbers and user IDs of both sides of a call, and of whom a status is about. */
export const partiesSchema = z.object({
	from: text,
	from_user_id: text,
	to: text,
	to_user_id: text,
	recipient_id: text,
	recipient_user_id: text,
});

export const contactSchema = z.object({
	wa_id: text,
	user_id: text,
	profile: lenient(z.object({ name: text })),
});

/** A call as its events name it; the time in milliseconds since 1970. */
export type Call = Omit<z.infer<typeof callSchema>, 'timestamp'> & { timestamp: number | null };

export type AnnouncedMedia = z.infer<typeof mediaSchema>;

export type MediaReference = Omit<AnnouncedMedia, 'mime_type'> & {
	mime_type: string | null;
};

/** A time in Unix seconds, as milliseconds. */
export function milliseconds(seconds: string | number | null): number | null {
	return seconds === null ? null : Number(seconds) * 1000;
}

export function upperCaseWord(given: string | string[] | null): string | null {
	const first = Array.isArray(given) ? given[0] : given;
	return first === null ? null : first.toUpperCase();
}

/** The elements of a list, none where it is absent; null where something else stands in its place. */
export function listOf(given: unknown): unknown[] | null {
	if (given === undefined || given === null) return [];
	return Array.isArray(given) ? (given as unknown[]) : null;
}
