import { createHash } from 'crypto';

import type { FileStream } from '../streams';

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
 * The stream that comes out ends with an error where the hash or the size is wrong. The binary store of
 * newer n8n drops what it had written of a stream that fails, so that a bad file leaves nothing behind.
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
	async function* check(): AsyncGenerator<Buffer> {
		// Throws where the connection is cut, so that half a file is not taken for one with a wrong hash.
		for await (const chunk of source as AsyncIterable<Buffer>) {
			seen.bytes += chunk.length;
			if (seen.bytes > maxBytes) throw fail('tooLarge');
			hash.update(chunk);
			yield chunk;
		}
		seen.sha256 = hash.digest();
		if (expected && !expected.equals(seen.sha256)) throw fail('hashMismatch');
	}
	const stream = streamOf(source, check());
	// A store that reads it as an iterator is told of the error there, and has let go of the stream
	// when it emits the error as well: without a listener that would end the process.
	stream.on('error', () => {});
	return { stream, seen };
}

/**
 * `Readable.from`, which every class of streams inherits: the module `stream` can't be imported. Not
 * `compose`, because what it makes never ends when its source fails under Node.js 22 (22.22.3).
 */
function streamOf(relative: FileStream, chunks: AsyncGenerator<Buffer>): FileStream {
	const Stream = relative.constructor as unknown as {
		from(chunks: AsyncIterable<Buffer>, options: { objectMode: boolean }): FileStream;
	};
	return Stream.from(chunks, { objectMode: false });
}
