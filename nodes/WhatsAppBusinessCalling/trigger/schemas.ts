import { z } from 'zod';

import { safeMimeType } from '../media/fileNames';
import { MEDIA_ID_PATTERN } from '../media/mediaInfo';

/**
 * Shapes of Meta's calling webhooks (Meta, "Calling API: reference", "Call recording", "Call
 * transcription", "Business-scoped user IDs"). What decides is strict: IDs are text. What only
 * informs is lenient: absent, empty or odd becomes null.
 */
const id = z
	.string()
	.min(1)
	.max(512)
	.refine((text) => !hasControlCharacters(text), 'holds control characters');

const text = z.string().min(1).nullable().catch(null);

/** Unix seconds, as text in all samples; read as milliseconds. */
const timestamp = z
	.union([z.string().regex(/^\d{1,12}$/), z.number().int().positive()])
	.transform((seconds) => Number(seconds) * 1000)
	.refine((milliseconds) => milliseconds < 8.64e15)
	.nullable()
	.catch(null);

export const entrySchema = z.object({ id: text, changes: z.array(z.unknown()) });

export const changeSchema = z.object({ field: z.string(), value: z.unknown() });

export const valueSchema = z.object({
	metadata: z
		.object({ phone_number_id: id, display_phone_number: text })
		.nullable()
		.optional()
		.transform((metadata) => metadata ?? null),
	contacts: z.array(z.unknown()).catch([]),
	calls: z.array(z.unknown()).optional(),
});

export const eventNameSchema = z.object({ event: z.string().min(1) });

export const callSchema = z.object({
	id,
	timestamp,
	from: text,
	from_user_id: text,
	from_parent_user_id: text,
	to: text,
	to_user_id: text,
	to_parent_user_id: text,
});

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

export const connectSchema = z.object({
	direction: text,
	deeplink_payload: text,
	cta_payload: text,
	biz_opaque_callback_data: text,
	session: z.object({ sdp_type: text, sdp: text }).nullable().catch(null),
});

export const contactSchema = z.object({
	profile: z.object({ name: text }).nullable().catch(null),
	wa_id: text,
	user_id: text,
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
