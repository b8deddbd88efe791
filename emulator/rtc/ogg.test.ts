import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { oggChecksum, OggWriter, packetsOf, readOggPages, type OggPage } from './ogg';

const AUDIO = join(__dirname, '../../test/fixtures/audio');
const file = readFileSync(join(AUDIO, 'call-recording.ogg'));

/** Jest compares long texts much faster than long buffers. */
const texts = (packets: Buffer[]) => packets.map((packet) => packet.toString('latin1'));

const write = (lengths: number[]) => {
	const writer = new OggWriter(7);
	const packets = lengths.map((length, index) => Buffer.alloc(length, index + 1));
	packets.forEach((packet, index) => writer.write(packet, BigInt(index + 1)));
	return { packets, pages: readOggPages(writer.finish()) };
};

it('A file of another writer gives the same packets after reading and writing, checksums included', () => {
	const pages = readOggPages(file);
	expect(pages.length).toBeGreaterThan(20);
	const writer = new OggWriter(pages[0].serial);
	// As opusenc did: header and tags on pages of their own.
	let granule = 0n;
	for (const [index, packet] of packetsOf(pages).entries()) {
		if (index > 1) granule += 960n;
		writer.write(packet, granule);
		if (index < 2 || (index - 1) % 50 === 0) writer.flush();
	}
	const copy = readOggPages(writer.finish());
	expect(texts(packetsOf(copy))).toEqual(texts(packetsOf(pages)));
	// Page by page, but for the last, whose end opusenc trimmed to the sample.
	const withoutLast = (all: OggPage[]) =>
		all.slice(0, -1).map((page) => ({ ...page, body: '', lacing: [...page.lacing] }));
	expect(withoutLast(copy)).toEqual(withoutLast(pages));
});

it('The checksum is right for a page of zeros and for one byte', () => {
	expect(oggChecksum(Buffer.alloc(100))).toBe(0);
	expect(oggChecksum(Buffer.from([1]))).toBe(0x04c11db7);
});

it.each([
	['an empty packet', [0], [[0]]],
	['a packet of 254 bytes', [254], [[254]]],
	['a packet of 255 bytes, which needs a zero', [255], [[255, 0]]],
	['a packet of 600 bytes', [600], [[255, 255, 90]]],
	[
		'a packet that fills a page to the last byte but not the last segment',
		[254 * 255 + 3],
		[[...Array<number>(254).fill(255), 3]],
	],
	['a packet that ends with the page', [255 * 255], [Array<number>(255).fill(255), [0]]],
	[
		'many small packets',
		Array<number>(300).fill(1),
		[Array<number>(255).fill(1), Array<number>(45).fill(1)],
	],
])('The writer lays out %s', (_, lengths, lacing) => {
	const { packets, pages } = write(lengths);
	expect(pages.map((page) => [...page.lacing])).toEqual(lacing);
	expect(texts(packetsOf(pages))).toEqual(texts(packets));
});

it('A page says that no packet ends in it, and that it continues the one before', () => {
	const { pages } = write([3, 255 * 255 * 2]);
	expect(
		pages.map(({ granule, continued, first, last }) => [granule, continued, first, last]),
	).toEqual([
		[1n, false, true, false],
		[-1n, true, false, false],
		[2n, true, false, true],
	]);
});

it('Every packet is the same after writing and reading', () => {
	const length = fc.oneof(fc.nat(600), fc.constantFrom(0, 254, 255, 256, 510, 65_025, 70_000));
	fc.assert(
		fc.property(fc.array(length, { minLength: 1, maxLength: 20 }), (lengths) => {
			const { packets, pages } = write(lengths);
			expect(texts(packetsOf(pages))).toEqual(texts(packets));
			expect(pages.at(-1)!.granule).toBe(BigInt(lengths.length));
			expect(pages.map(({ sequence }) => sequence)).toEqual(pages.map((_, index) => index));
		}),
		{ numRuns: 50 },
	);
});

it('The reader detects every flipped bit', () => {
	const start = readFileSync(join(AUDIO, 'announcement.ogg'));
	fc.assert(
		fc.property(fc.nat(start.length - 1), fc.nat(7), (at, bit) => {
			const damaged = Buffer.from(start);
			damaged[at] = damaged[at] ^ (1 << bit);
			expect(() => packetsOf(readOggPages(damaged))).toThrow(/Ogg file/);
		}),
		{ numRuns: 300 },
	);
});

it('The reader detects every end that comes too early', () => {
	fc.assert(
		fc.property(fc.nat(file.length - 1), (length) => {
			expect(() => readOggPages(file.subarray(0, length))).toThrow(/Ogg file/);
		}),
		{ numRuns: 100 },
	);
});

it('The reader detects a page that is missing, duplicate or of another stream', () => {
	const writer = new OggWriter(1);
	for (const granule of [1n, 2n, 3n]) {
		writer.write(Buffer.from('packet'), granule);
		writer.flush();
	}
	const whole = writer.finish();
	const page = (index: number) =>
		whole.subarray((index * whole.length) / 3, ((index + 1) * whole.length) / 3);
	const stranger = new OggWriter(2);
	stranger.write(Buffer.from('packet'), 1n);
	for (const pages of [
		[page(0), page(2)],
		[page(0), page(1), page(1), page(2)],
		[page(1), page(2)],
		[stranger.finish(), page(1), page(2)],
		[page(0), page(1), page(2), page(2)],
	]) {
		expect(() => readOggPages(Buffer.concat(pages))).toThrow(/Page \d of the Ogg file/);
	}
});
