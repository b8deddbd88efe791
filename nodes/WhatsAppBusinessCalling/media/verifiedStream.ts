import { createHash } from 'crypto';
import type { BinaryHelperFunctions } from 'n8n-workflow';

/** A readable stream, named without importing the module `stream`. */
export type FileStream = Exclude<Parameters<BinaryHelperFunctions['prepareBinaryData']>[0], Buffer>;

export function isFileStream(body: unknown): body is FileStream {
	return typeof body === 'object' && body !== null && 'pipe' in body && 'compose' in body;
}

/** Lets go of a body that is not read, or not any more. */
export function discard(body: unknown): void {
	if (!isFileStream(body)) return;
	body.on('error', () => {});
	body.destroy();
}

export type Flaw = 'hashMismatch' | 'tooLarge';

export interface VerifiedStream {
	/** What to store. It fails, so that nothing is kept, when the bytes are not the expected ones. */
	stream: FileStream;
	/** Filled while the stream is read. */
	seen: { bytes: number; sha256: Buffer | null; flaw: Flaw | null };
}

/**
 * Hashes and counts the bytes of a stream on their way to where they are stored.
 *
 * The stream that comes out ends with an error where the hash or the size is wrong. n8n's binary
 * store drops what it had written of a stream that fails, so that a bad file leaves nothing behind.
 * The bytes must go through here: a listener beside the store takes chunks away from it.
 *
 * @param expected the hash that the bytes must have, or null to only count and hash
 * @param maxBytes more bytes than this are an error at once
 */
export function verifiedStream(
	source: FileStream,
	expected: Buffer | null,
	maxBytes: number,
): VerifiedStream {
	const seen: VerifiedStream['seen'] = { bytes: 0, sha256: null, flaw: null };
	const hash = createHash('sha256');
	const fail = (flaw: Flaw): Error => {
		seen.flaw = flaw;
		return new Error(flaw);
	};
	async function* check(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
		for await (const chunk of chunks) {
			seen.bytes += chunk.length;
			if (seen.bytes > maxBytes) throw fail('tooLarge');
			hash.update(chunk);
			yield chunk;
		}
		// Where the connection was cut, the chunks just end here. The stream fails with the error of the
		// source by itself; that the hash is wrong as well says nothing about the file.
		if (source.errored) return;
		seen.sha256 = hash.digest();
		if (expected && !expected.equals(seen.sha256)) throw fail('hashMismatch');
	}
	const stream = source.compose(check) as unknown as FileStream;
	// A store that reads it as an iterator is told of the error there, and has let go of the stream
	// when it emits the error as well: without a listener that would end the process.
	stream.on('error', () => {});
	return { stream, seen };
}
