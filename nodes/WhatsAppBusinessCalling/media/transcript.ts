import type { IBinaryData, IDataObject } from 'n8n-workflow';

import { withoutByteOrderMark } from '../exactJson';
import { raceWithSignal } from '../http/limits';
import type { FileContext } from '../graph/types';
import { decimal, fieldsOf, isFields } from '../values';

/** Bytes; a larger document is passed on as a file only, so that it does not fill the execution. */
const MAX_PARSED_BYTES = 10 * 1024 * 1024;

/** More than a day of talk; a longer list stays in the file, because each costs time to read. */
const MAX_SEGMENTS = 20_000;

const spoken = (value: unknown) => (typeof value === 'string' ? value : null);

function readSegment(segment: unknown): IDataObject[] {
	if (!isFields(segment)) return [];
	return [
		{
			id: decimal(segment.id),
			speaker: spoken(segment.speaker),
			channel: decimal(segment.channel),
			start: decimal(segment.start),
			end: decimal(segment.end),
			text: spoken(segment.text),
			confidence: decimal(segment.confidence),
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
	const { transcript } = fieldsOf(json);
	if (!isFields(transcript)) return null;
	const list: unknown[] = Array.isArray(transcript.segments) ? transcript.segments : [];
	if (list.length > MAX_SEGMENTS) return null;
	// What is no segment costs only itself.
	const segments = list.flatMap(readSegment);
	const text = spoken(transcript.text);
	if (text === null && segments.length === 0) return null;
	return {
		text,
		language: spoken(transcript.language),
		duration: decimal(transcript.duration),
		confidence: decimal(transcript.confidence),
		segments,
	};
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
	const content = await raceWithSignal(signal, readBinary(context, binary));
	return parseTranscript(content.toString('utf8'));
}

async function readBinary({ helpers }: FileContext, binary: IBinaryData): Promise<Buffer> {
	return binary.id
		? await helpers.binaryToBuffer(await helpers.getBinaryStream(binary.id))
		: Buffer.from(binary.data, 'base64');
}
