import { createHash } from 'crypto';

import type { FileStream } from '../http/streams';
import { OggOpusMeter, type AudioLength } from './oggOpus';

export type Flaw = 'hashMismatch' | 'otherContent' | 'tooLarge';

/** What is known of the bytes that have passed. */
export interface Seen {
	bytes: number;
	/** The first bytes, enough to tell a page from a file. */
	head: Buffer;
	/** Null until the end. */
	sha256: Buffer | null;
	/** Null until the end, and for anything but Ogg Opus. */
	audio: AudioLength | null;
	/** Why the stream failed, where the bytes are the reason. */
	flaw: Flaw | null;
}

export interface VerifiedStream {
	/** What to store. It fails, so that nothing is kept, when the bytes are not the expected ones. */
	stream: FileStream;
	/** Filled while the stream is read. */
	seen: Seen;
}

export interface Expected {
	/** The hash that the bytes must have. Null where nobody gives one. */
	sha256: Buffer | null;
	/** Decides where there is no hash: whether the bytes are something other than the file. */
	isOtherContent: (seen: Seen) => boolean;
	/** More bytes than this are an error at once. */
	maxBytes: number;
}

const HEAD_BYTES = 512;

/**
 * Hashes, counts and measures the bytes of a stream on their way to where they are stored.
 *
 * The stream that comes out ends with an error where the hash or the size is wrong. The binary store of
 * newer n8n drops what it had written of a stream that fails, so that a bad file leaves nothing behind.
 * The bytes must go through here: a listener beside the store takes chunks away from it.
 */
export function verifiedStream(source: FileStream, expected: Expected): VerifiedStream {
	const seen: Seen = { bytes: 0, head: Buffer.alloc(0), sha256: null, audio: null, flaw: null };
	const hash = createHash('sha256');
	const meter = new OggOpusMeter();
	const fail = (flaw: Flaw): Error => {
		seen.flaw = flaw;
		return new Error(flaw);
	};
	async function* check(): AsyncGenerator<Buffer> {
		// Throws where the connection is cut, so that half a file is not taken for one with a wrong hash.
		for await (const chunk of source as AsyncIterable<Buffer>) {
			seen.bytes += chunk.length;
			if (seen.bytes > expected.maxBytes) throw fail('tooLarge');
			hash.update(chunk);
			meter.push(chunk);
			if (seen.head.length < HEAD_BYTES) {
				seen.head = Buffer.concat([seen.head, chunk.subarray(0, HEAD_BYTES - seen.head.length)]);
			}
			yield chunk;
		}
		seen.sha256 = hash.digest();
		seen.audio = meter.result();
		if (expected.sha256 === null) {
			if (expected.isOtherContent(seen)) throw fail('otherContent');
		} else if (!expected.sha256.equals(seen.sha256)) {
			throw fail('hashMismatch');
		}
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
