import type { IBinaryData, IDataObject } from 'n8n-workflow';
import { z } from 'zod';

import { withoutByteOrderMark } from '../graph/answerBody';
import { within } from '../graph/http';
import type { FileContext } from '../graph/types';

/** Bytes; a larger document is passed on as a file only, so that it does not fill the execution. */
const MAX_PARSED_BYTES = 10 * 1024 * 1024;

/** More than a day of talk; a longer list stays in the file, because each costs time to read. */
const MAX_SEGMENTS = 20_000;

const asText = (value: unknown) => (typeof value === 'string' ? value : null);

const asNumber = (value: unknown) => {
	const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	return typeof number === 'number' && Number.isFinite(number) ? number : null;
};

const text = z.unknown().transform(asText);
const number = z.unknown().transform(asNumber);

const documentSchema = z.object({
	transcript: z.object({
		text,
		language: text,
		duration: number,
		confidence: number,
		segments: z
			.unknown()
			.refine((list) => !Array.isArray(list) || list.length <= MAX_SEGMENTS)
			.transform((list) => (Array.isArray(list) ? list.flatMap(readSegment) : [])),
	}),
});

/** By hand, because zod takes ten times as long. What is no segment costs only itself. */
function readSegment(segment: unknown): IDataObject[] {
	if (typeof segment !== 'object' || segment === null || Array.isArray(segment)) return [];
	const given = segment as Record<string, unknown>;
	return [
		{
			id: asNumber(given.id),
			speaker: asText(given.speaker),
			channel: asNumber(given.channel),
			start: asNumber(given.start),
			end: asNumber(given.end),
			text: asText(given.text),
			confidence: asNumber(given.confidence),
		},
	];
}

/**
 * Reads the transcript out of the JSON document of a call (Meta, "Call transcription"; times in
 * seconds, channel 0 is the business and 1 the user). The single words stay in the file.
 *
 * @returns null where the document has neither a text nor segments where they are documented
 */
export function parseTranscript(document: string): IDataObject | null {
	let json: unknown;
	try {
		json = JSON.parse(withoutByteOrderMark(document));
	} catch {
		return null;
	}
	const transcript = documentSchema.safeParse(json).data?.transcript;
	const isEmpty = transcript?.text === null && transcript.segments.length === 0;
	return transcript === undefined || isEmpty ? null : transcript;
}

/**
 * Reads the transcript out of a file that was stored.
 *
 * @param signal ends the reading
 * @throws what n8n's store fails with, or a timeout
 */
export async function readTranscript(
	context: FileContext,
	binary: IBinaryData,
	sizeBytes: number,
	signal: AbortSignal,
): Promise<IDataObject | null> {
	if (sizeBytes > MAX_PARSED_BYTES) return null;
	const content = await within(signal, readBinary(context, binary));
	return parseTranscript(content.toString('utf8'));
}

async function readBinary({ helpers }: FileContext, binary: IBinaryData): Promise<Buffer> {
	return binary.id
		? await helpers.binaryToBuffer(await helpers.getBinaryStream(binary.id))
		: Buffer.from(binary.data, 'base64');
}
