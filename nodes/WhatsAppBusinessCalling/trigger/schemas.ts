import { z } from 'zod';

import { wholeNumber } from '../graph/wholeNumber';
import { safeMimeType } from '../media/fileNames';
import { MEDIA_ID_PATTERN } from '../media/mediaInfo';

/**
 * Shapes of Meta's calling webhooks (Meta, "Calling API: reference", "Call recording", "Call
 * transcription", "User call permissions", "Business-scoped user IDs"). What decides is strict: IDs
 * are text. What only informs is lenient: absent, empty or odd becomes null.
 */
const id = z
	.string()
	.min(1)
	.max(512)
	.refine((text) => !hasControlCharacters(text), 'holds control characters');

const text = z.string().min(1).nullable().catch(null);

/** Unix seconds, as text in all samples; read as milliseconds. */
const timestamp = z
	.union([z.string().regex(/^\d{1,12}$/), z.number().int().positive().max(999_999_999_999)])
	.transform((seconds) => Number(seconds) * 1000)
	.nullable()
	.catch(null);

/** One word; flow examples of the documentation show a list, in any case. */
const word = z
	.union([z.string(), z.array(z.string()).min(1)])
	.transform((value) => (typeof value === 'string' ? value : value[0]).toUpperCase())
	.nullable()
	.catch(null);

/** Its elements are not looked at: of millions, zod would make a copy and some objects for each. */
const elements = z.custom<unknown[]>(Array.isArray);

export const entrySchema = z.object({ id: text, changes: elements });

export const changeSchema = z.object({ field: z.string(), value: z.unknown() });

const list = elements.nullish().transform((given) => given ?? []);

export const valueSchema = z.object({
	metadata: z
		.object({ phone_number_id: id, display_phone_number: text })
		.nullable()
		.optional()
		.transform((metadata) => metadata ?? null),
	contacts: elements.catch([]),
	errors: elements.catch([]),
	calls: list,
	statuses: list,
	messages: list,
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

export const callSchema = z.object({ id, timestamp, ...partiesShape });

/** A status names the person who is called as the recipient. */
export const statusCallSchema = z
	.object({
		id,
		timestamp,
		recipient_id: text,
		recipient_user_id: text,
		recipient_parent_user_id: text,
	})
	.transform((status) => ({
		id: status.id,
		timestamp: status.timestamp,
		from: null,
		from_user_id: null,
		from_parent_user_id: null,
		to: status.recipient_id,
		to_user_id: status.recipient_user_id,
		to_parent_user_id: status.recipient_parent_user_id,
	}));

const mediaSchema = z.object({
	id: z.string().regex(MEDIA_ID_PATTERN),
	sha256: text,
	mime_type: z.unknown().transform(safeMimeType),
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
	session: z.object({ sdp_type: text, sdp: text }).nullable().catch(null),
});

export const terminateSchema = z.object({
	status: word,
	start_time: timestamp,
	end_time: timestamp,
	duration: wholeNumber.pipe(z.number().min(0)).nullable().catch(null),
	errors: elements.catch([]),
});

export const callErrorSchema = z.object({
	code: wholeNumber,
	message: text,
	title: text,
	error_data: z.object({ details: text }).nullable().catch(null),
});

export const statusSchema = z.object({ type: z.literal('call').optional(), status: word });

export const permissionReplySchema = z.object({
	id,
	timestamp,
	from: text,
	from_user_id: text,
	from_parent_user_id: text,
	context: z.object({ id: text }).nullable().catch(null),
	interactive: z.object({
		type: z.literal('call_permission_reply'),
		call_permission_reply: z.object({
			response: z.string().transform((response) => response.toLowerCase()),
			is_permanent: z.boolean().catch(false),
			expiration_timestamp: timestamp,
			response_source: text,
		}),
	}),
});

/** Phone numbers and user IDs of both sides of a call, and of whom a status is about. */
export const partiesSchema = z
	.object({
		from: text,
		from_user_id: text,
		to: text,
		to_user_id: text,
		recipient_id: text,
		recipient_user_id: text,
	})
	.transform((parties) => Object.values(parties));

export const contactSchema = z.object({
	wa_id: text,
	user_id: text,
	profile: z.object({ name: text }).nullable().catch(null),
});

export type Call = z.infer<typeof callSchema>;
export type MediaReference = z.infer<typeof mediaSchema>;

function hasControlCharacters(value: string): boolean {
	for (const character of value) {
		const code = character.codePointAt(0) ?? 0;
		if (code < 0x20 || code === 0x7f) return true;
	}
	return false;
}
