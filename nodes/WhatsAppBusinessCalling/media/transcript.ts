import type { IBinaryData, IDataObject } from 'n8n-workflow';
import { z } from 'zod';

import type { FileContext } from '../graph/types';

/** Bytes; a larger document is handed on as a file only, so that it does not fill the execution. */
const MAX_PARSED_BYTES = 10 * 1024 * 1024;

/** More than a day of talk; a longer list is handed on in the file only, because each costs time to read. */
const MAX_SEGMENTS = 20_000;

const number = z.number().nullable().catch(null);
const text = z.string().nullable().catch(null);

const segmentSchema = z.object({
	id: number,
	speaker: text,
	channel: number,
	start: number,
	end: number,
	text,
	confidence: number,
});

const documentSchema = z.object({
	transcript: z.object({
		text: z.string(),
		language: text,
		duration: number,
		confidence: number,
		segments: z
			.unknown()
			.refine((list) => !Array.isArray(list) || list.length <= MAX_SEGMENTS)
			.pipe(z.array(segmentSchema).catch([])),
	}),
});

/**
 * Reads the transcript out of the JSON document of a call (Meta, "Call transcription"; times in
 * seconds, channel 0 is the business and 1 the user). The single words stay in the file.
 *
 * @returns null where the document is not as documented
 */
export function parseTranscript(document: string): IDataObject | null {
	let json: unknown;
	try {
		json = JSON.parse(document);
	} catch {
		return null;
	}
	const parsed = documentSchema.safeParse(json);
	return parsed.success ? parsed.data.transcript : null;
}

/** Reads the transcript out of a file that was stored. */
export async function readTranscript(
	context: FileContext,
	binary: IBinaryData,
	sizeBytes: number,
): Promise<IDataObject | null> {
	if (sizeBytes > MAX_PARSED_BYTES) return null;
	const content = binary.id
		? await context.helpers.binaryToBuffer(await context.helpers.getBinaryStream(binary.id))
		: Buffer.from(binary.data, 'base64');
	return parseTranscript(content.toString('utf8'));
}
