import type { IBinaryData, IDataObject } from 'n8n-workflow';

import { withoutByteOrderMark } from '../exactJson';
import { raceWithSignal } from '../http/limits';
import { decimal, fieldsOf, isFields } from '../values';
import type { FileContext } from './types';

/** A larger document is emitted as a file only: its text would make the execution too large. */
const MAX_PARSED_BYTES = 10 * 1024 * 1024;

/** More than a day of speech. A document with more segments is emitted as a file only, as they take time to read. */
const MAX_SEGMENTS = 20_000;

const stringOrNull = (value: unknown) => (typeof value === 'string' ? value : null);

function readSegment(segment: unknown): IDataObject[] {
	if (!isFields(segment)) return [];
	return [
		{
			id: decimal(segment.id),
			speaker: stringOrNull(segment.speaker),
			channel: decimal(segment.channel),
			start: decimal(segment.start),
			end: decimal(segment.end),
			text: stringOrNull(segment.text),
			confidence: decimal(segment.confidence),
		},
	];
}

/**
 * Reads the transcript from the JSON document of a call (Meta, "Call transcription"). Times are in seconds;
 * channel 0 is the business and 1 the user. The document's list of words is left out.
 *
 * @returns null if the document has neither a text nor segments where they are documented
 * @example parseTranscript('{"transcript": {"text": "Hello", "segments": []}}')?.text // 'Hello'
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
	// A malformed segment is skipped.
	const segments = list.flatMap(readSegment);
	const text = stringOrNull(transcript.text);
	if (text === null && segments.length === 0) return null;
	return {
		text,
		language: stringOrNull(transcript.language),
		duration: decimal(transcript.duration),
		confidence: decimal(transcript.confidence),
		segments,
	};
}

/**
 * Reads the transcript from a stored file.
 *
 * @param signal ends the reading
 * @throws the error of n8n's binary store, or a timeout
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
