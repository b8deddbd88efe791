import { parseExactJson, withoutByteOrderMark } from '../exactJson';
import { discard, isFileStream, type FileStream } from './streams';

/**
 * Maximum size of a response of the Graph API in bytes, uncompressed. The largest that we request, a page
 * of 100 phone numbers with their webhook addresses, is far smaller.
 */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** Thrown when a response exceeds the size limit. */
export class ResponseTooLargeError extends Error {}

/**
 * Reads the body of a response: as JSON, or as text if it is not JSON. n8n's own reading has no size
 * limit: a host that sends without end, or a few kilobytes that expand to gigabytes, would fill the memory.
 *
 * @param body of a request with `encoding: 'stream'`
 * @param signal ends the reading, and the connection with it
 * @throws ResponseTooLargeError, or the error of the connection
 */
export async function readBody(body: unknown, signal: AbortSignal): Promise<unknown> {
	// When n8n evaluates a workflow with a mocked service, its request helpers return parsed JSON.
	if (!isFileStream(body)) return body;
	const bytes = await readUpTo(body, MAX_BODY_BYTES, signal);
	if (bytes === null) throw new ResponseTooLargeError();
	const text = withoutByteOrderMark(bytes.toString('utf8'));
	try {
		return parseExactJson(text);
	} catch {
		return text;
	}
}

/** Reads and destroys a stream. Null if it holds more than `maxBytes`. */
export async function readUpTo(
	stream: FileStream,
	maxBytes: number,
	signal: AbortSignal,
): Promise<Buffer | null> {
	const stop = () => stream.destroy(new Error('timeout'));
	// Both the HTTP client and we emit an abort as an error, so both need a listener.
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
