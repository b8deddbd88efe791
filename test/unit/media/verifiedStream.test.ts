import { PassThrough, Readable } from 'node:stream';
import { createGunzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';

import { verifiedStream } from '../../../nodes/WhatsAppBusinessCalling/media/verifiedStream';
import { sha256 } from '../fakes';

const BYTES = Buffer.from('OggS and so on');

async function store(source: Readable, expected: Buffer | null, maxBytes = 1000) {
	const { stream, progress } = verifiedStream(source, {
		sha256: expected,
		isOtherContent: () => false,
		maxBytes,
	});
	const chunks: Buffer[] = [];
	const error = await (async () => {
		for await (const chunk of stream) chunks.push(chunk as Buffer);
	})().then(
		() => null,
		(thrown: Error) => thrown.message,
	);
	return { stored: Buffer.concat(chunks), error, progress };
}

describe('verifiedStream', () => {
	it.each([
		['the right hash', sha256(BYTES)],
		['no hash to compare with', null],
	])('The bytes are passed on, counted and hashed: %s', async (_, expected) => {
		expect(await store(Readable.from([BYTES]), expected)).toEqual({
			stored: BYTES,
			error: null,
			progress: {
				bytes: BYTES.length,
				head: BYTES,
				sha256: sha256(BYTES),
				audio: null,
				error: null,
				isCut: false,
			},
		});
	});

	it('The stream fails at the end if the hash is another', async () => {
		const { error, progress } = await store(Readable.from([BYTES]), sha256(Buffer.from('other')));
		expect(error).toBe('hashMismatch');
		expect(progress).toMatchObject({ error: 'hashMismatch', bytes: BYTES.length });
	});

	it('As many bytes as are allowed pass, and not one more', async () => {
		const { length } = BYTES;
		expect(await store(Readable.from([BYTES]), null, length)).toMatchObject({ error: null });
		const { error, stored, progress } = await store(
			Readable.from([BYTES, BYTES]),
			null,
			length * 2 - 1,
		);
		expect({ error, stored }).toEqual({ error: 'tooLarge', stored: BYTES });
		expect(progress).toMatchObject({ error: 'tooLarge', sha256: null });
	});

	it('The source is destroyed once it is too large', async () => {
		const source = Readable.from(Array<Buffer>(1000).fill(BYTES));
		await store(source, null, BYTES.length * 3);
		expect(source.destroyed).toBe(true);
	});

	it('An error of the source is not reported as an error of the bytes', async () => {
		async function* broken() {
			yield BYTES;
			throw new Error('socket hang up');
		}
		const { error, progress } = await store(Readable.from(broken()), sha256(BYTES));
		expect(error).toBe('socket hang up');
		expect(progress).toMatchObject({
			bytes: BYTES.length,
			sha256: null,
			error: null,
			isCut: true,
		});
	});

	it.each([
		['with an error', new Error('timeout'), 'timeout'],
		['without one', undefined, 'Premature close'],
	])('The stream ends when its source is destroyed %s', async (_, error, message) => {
		const source = new Readable({ read: () => undefined });
		source.on('error', () => undefined);
		source.push(BYTES);
		setImmediate(() => source.destroy(error));
		const stored = await store(source, sha256(BYTES));
		expect(stored).toMatchObject({ error: message, progress: { sha256: null, error: null } });
	});

	it('The source is destroyed when the stream is destroyed', async () => {
		const source = Readable.from(Array<Buffer>(1000).fill(BYTES));
		const { stream } = verifiedStream(source, {
			sha256: null,
			isOtherContent: () => false,
			maxBytes: 1_000_000,
		});
		for await (const _ of stream) break;
		expect(source.destroyed).toBe(true);
	});

	it.each([
		['a stream that unpacks', () => Readable.from([gzipSync(BYTES)]).pipe(createGunzip())],
		['a stream of a class of its own', () => new (class extends PassThrough {})().end(BYTES)],
	])('The stream accepts %s', async (_, source) => {
		expect(await store(source(), sha256(BYTES))).toMatchObject({ stored: BYTES, error: null });
	});

	it('An empty file is accepted as such', async () => {
		const nothing = Buffer.alloc(0);
		expect(await store(Readable.from([]), sha256(nothing))).toMatchObject({
			error: null,
			progress: { bytes: 0 },
		});
		expect(await store(Readable.from([]), sha256(BYTES))).toMatchObject({ error: 'hashMismatch' });
	});

	it('The bytes are stored as they came, however they were cut', async () => {
		const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
		await fc.assert(
			fc.asyncProperty(chunks, fc.nat(3000), fc.boolean(), async (arrays, maxBytes, right) => {
				const bytes = Buffer.concat(arrays);
				const source = Readable.from(arrays.map((array) => Buffer.from(array)));
				const expected = right ? sha256(bytes) : sha256(Buffer.concat([bytes, BYTES]));
				const { stored, error, progress } = await store(source, expected, maxBytes);
				if (bytes.length > maxBytes) {
					expect(error).toBe('tooLarge');
					expect(stored.length).toBeLessThanOrEqual(maxBytes);
				} else {
					expect(error).toBe(right ? null : 'hashMismatch');
					expect(progress).toMatchObject({ bytes: bytes.length, sha256: sha256(bytes) });
					expect(progress.head.equals(bytes.subarray(0, 512))).toBe(true);
					expect(stored.equals(bytes)).toBe(true);
				}
			}),
			{ numRuns: 1000 },
		);
	});
});
