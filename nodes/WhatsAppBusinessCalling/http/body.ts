import { parseExactJson, withoutByteOrderMark } from '../exactJson';
import { discard, isFileStream, type FileStream } from './streams';

/**
 * Bytes of an answer of the Graph API that are read at most, after it was unpacked. The largest that we
 * ask for, a page of 100 phone numbers with their webhook addresses, stays far below.
 */
export const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/** What an answer is taken for that goes on after so many bytes. */
export class AnswerTooLarge extends Error {}

/**
 * Reads the JSON of an answer, or its text where it is no JSON. n8n's own reading knows no bound: a
 * host that sends without an end, or a few kilobytes that unpack to gigabytes, would fill the memory.
 *
 * @param body of a request with `encoding: 'stream'`
 * @param signal ends the reading, and the connection with it
 * @throws AnswerTooLarge, or what the connection failed with
 */
export async function readAnswerBody(body: unknown, signal: AbortSignal): Promise<unknown> {
	// n8n answers by itself where an evaluation of a workflow stands in for the service.
	if (!isFileStream(body)) return body;
	const bytes = await readUpTo(body, MAX_ANSWER_BYTES, signal);
	if (bytes === null) throw new AnswerTooLarge();
	const text = withoutByteOrderMark(bytes.toString('utf8'));
	try {
		return parseExactJson(text);
	} catch {
		return text;
	}
}

/** The bytes of a stream, or null where there are more of them than may be. It is let go of in any case. */
async function readUpTo(
	stream: FileStream,
	maxBytes: number,
	signal: AbortSignal,
): Promise<Buffer | null> {
	const stop = () => stream.destroy(new Error('timeout'));
	// An abort is told twice, by the HTTP client and by us: each needs a listener.
	stream.on('error', () => {});
	signal.addEventListener('abort', stop, { once: true });
	if (signal.aborted) stop();
	const chunks: Buffer[] = [];
	let bytes = 0;
	try {
		for await (const chunk of stream as AsyncIterable<Buffer>) {
			bytes += chunk.length;
			if (bytes > maxBytes) return null;
			chunks.push(chunk);
		}
		return Buffer.concat(chunks);
	} finally {
		signal.removeEventListener('abort', stop);
		discard(stream);
	}
}
