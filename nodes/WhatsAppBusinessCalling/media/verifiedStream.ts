import { createHash } from 'crypto';

import type { FileStream } from '../http/streams';
import { OggOpusMeter, type AudioLength } from './oggOpus';

export type ContentError = 'hashMismatch' | 'otherContent' | 'tooLarge';

/** What is known about the bytes so far. */
export interface Progress {
	bytes: number;
	/** The first bytes, enough to recognize a web page. */
	head: Buffer;
	/** Null until the end. */
	sha256: Buffer | null;
	/** Null until the end, and for other formats than Ogg Opus. */
	audio: AudioLength | null;
	/** Why the stream failed, if the bytes are the reason. */
	error: ContentError | null;
	/** Whether the source failed. If the store fails, the source is destroyed as well, which is no such failure. */
	isCut: boolean;
}

export interface VerifiedStream {
	/** The stream to store. It fails if the bytes are not the expected ones, so that nothing is kept. */
	stream: FileStream;
	/** Updated while the stream is read. */
	progress: Progress;
}

export interface Expected {
	/** The hash that the bytes must have; null if there is none. */
	sha256: Buffer | null;
	/** Called at the end if there is no hash: whether the bytes are something other than the file. */
	isOtherContent: (progress: Progress) => boolean;
	/** The stream fails as soon as it exceeds this size. */
	maxBytes: number;
}

const HEAD_BYTES = 512;

/**
 * Hashes, counts and measures the bytes of a stream while they are stored.
 *
 * The returned stream ends with an error if the hash or the size is wrong. The binary store of newer n8n
 * deletes what it has written when a stream fails, so nothing of a bad file is kept. The bytes must pass
 * through this stream: a second listener on the source would take chunks from the store.
 */
export function verifiedStream(source: FileStream, expected: Expected): VerifiedStream {
	const progress: Progress = {
		bytes: 0,
		head: Buffer.alloc(0),
		sha256: null,
		audio: null,
		error: null,
		isCut: false,
	};
	const hash = createHash('sha256');
	const meter = new OggOpusMeter();
	const fail = (error: ContentError): Error => {
		progress.error = error;
		return new Error(error);
	};
	async function* check(): AsyncGenerator<Buffer> {
		let isWaiting = true;
		try {
			// Throws if the connection is cut, so that an incomplete file is not reported as a wrong hash.
			for await (const chunk of source as AsyncIterable<Buffer>) {
				isWaiting = false;
				progress.bytes += chunk.length;
				if (progress.bytes > expected.maxBytes) throw fail('tooLarge');
				hash.update(chunk);
				meter.push(chunk);
				if (progress.head.length < HEAD_BYTES) {
					progress.head = Buffer.concat([
						progress.head,
						chunk.subarray(0, HEAD_BYTES - progress.head.length),
					]);
				}
				yield chunk;
				isWaiting = true;
			}
			isWaiting = false;
		} finally {
			progress.isCut = isWaiting;
		}
		progress.sha256 = hash.digest();
		progress.audio = meter.result();
		if (expected.sha256 === null) {
			if (expected.isOtherContent(progress)) throw fail('otherContent');
		} else if (!expected.sha256.equals(progress.sha256)) {
			throw fail('hashMismatch');
		}
	}
	const stream = streamOf(source, check());
	// A store that iterates over the stream gets the error from the iterator and has removed its listeners
	// when the stream emits the error as well: without a listener that would end the process.
	stream.on('error', () => {});
	return { stream, progress };
}

/**
 * `Readable.from`, which every stream class inherits, as the module `stream` can't be imported. Not `compose`:
 * with Node.js 22 (22.22.3) its stream never ends if the source fails.
 */
function streamOf(relative: FileStream, chunks: AsyncGenerator<Buffer>): FileStream {
	const Stream = relative.constructor as unknown as {
		from(chunks: AsyncIterable<Buffer>, options: { objectMode: boolean }): FileStream;
	};
	return Stream.from(chunks, { objectMode: false });
}
