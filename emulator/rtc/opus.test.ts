import fc from 'fast-check';
import { concealment, samplesOf, selfDelimited, SILENCE, takeSelfDelimited } from './opus';

/** A first byte (TOC) with this configuration, for this number of channels and kind of packet. */
const toc = (config: number, code = 0, stereo = false) => (config << 3) | (stereo ? 4 : 0) | code;
const packet = (...bytes: number[]) => Buffer.from(bytes);
const filled = (length: number) => Array<number>(length).fill(7);

describe('the length of a packet', () => {
	it.each([
		['silence', SILENCE, 960],
		['a lost frame', packet(toc(15)), 960],
		['10 ms of narrowband speech', packet(toc(0), 1, 2), 480],
		['60 ms of narrowband speech', packet(toc(3), 1, 2), 2880],
		['40 ms of wideband speech', packet(toc(10), 1, 2), 1920],
		['10 ms of hybrid', packet(toc(12), 1), 480],
		['20 ms of hybrid in stereo', packet(toc(15, 0, true), 1), 960],
		['2.5 ms of music', packet(toc(28), 1), 120],
		['two frames of equal size', packet(toc(30, 1), 1, 1), 960],
		['two frames of their own sizes', packet(toc(30, 2), 1, 8, 9, 9), 960],
		['three frames of equal size', packet(toc(31, 3), 3, 1, 1, 1), 2880],
		['three frames of their own sizes', packet(toc(31, 3), 0x83, 1, 0, 1, 1, 1, 1), 2880],
		['a frame and padding', packet(toc(31, 3), 0x41, 2, 5, 5, 5, 0, 0), 960],
		['a frame and long padding', packet(toc(31, 3), 0x41, 255, 1, 5, ...filled(255)), 960],
		['a frame of 1275 bytes', packet(toc(31), ...filled(1275)), 960],
		['a long first frame', packet(toc(31, 2), 252, 1, ...filled(256), 3), 1920],
	])('The length is known for %s', (_, bytes, samples) => {
		expect(samplesOf(bytes)).toBe(samples);
	});

	it.each([
		['no byte', packet()],
		['two frames of equal size in an even number of bytes', packet(toc(31, 1), 1)],
		['a frame longer than the packet', packet(toc(31, 2), 9, 1)],
		['half a length', packet(toc(31, 2), 252)],
		['no length', packet(toc(31, 2))],
		['no number of frames', packet(toc(31, 3))],
		['zero frames', packet(toc(31, 3), 0)],
		['zero frames of their own sizes', packet(toc(31, 3), 0x80)],
		['three frames of equal size that do not fit', packet(toc(31, 3), 3, 1, 1)],
		['more padding than bytes', packet(toc(31, 3), 0x41, 200, 1)],
		['padding without an end', packet(toc(31, 3), 0x41, 255, 255)],
		['a frame of 1276 bytes', packet(toc(31), ...filled(1276))],
		['more than 120 ms', packet(toc(31, 3), 7, ...filled(7))],
		['frames after the end', packet(toc(31, 3), 0x83, 9, 9, 1)],
	])('The length is unknown for %s', (_, bytes) => {
		expect(() => samplesOf(bytes)).toThrow(/Opus packet/);
	});
});

describe('a replacement for a lost packet', () => {
	it.each([
		['keeps bandwidth and channels', packet(toc(15, 0, true), 1), packet(toc(15, 0, true))],
		['has one frame, whatever was before', packet(toc(15, 1), 1, 1), packet(toc(15))],
		['lasts 20 ms after longer frames', packet(toc(3), 1), packet(toc(31))],
		['lasts 20 ms after shorter ones', packet(toc(30, 0, true), 1), packet(toc(31, 0, true))],
	])('The replacement %s', (_, previous, expected) => {
		expect(concealment(previous)).toEqual(expected);
		expect(samplesOf(concealment(previous))).toBe(960);
	});
});

const frame = fc.uint8Array({ maxLength: 1275 }).map((bytes) => [...bytes]);
/** Packets of every kind, well-formed. */
const anyPacket = fc.oneof(
	fc.tuple(fc.nat(31), frame).map(([config, bytes]) => packet(toc(config), ...bytes)),
	fc.tuple(fc.nat(31), frame).map(([config, bytes]) => packet(toc(config, 1), ...bytes, ...bytes)),
	fc.tuple(fc.nat(31), frame, frame).map(([config, first, second]) => {
		const { length } = first;
		const low = 252 + (length & 3);
		const size = length < 252 ? [length] : [low, (length - low) / 4];
		return packet(toc(config, 2), ...size, ...first, ...second);
	}),
	fc
		.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(251), fc.nat(300))
		.map(([count, size, padding]) => {
			const frames = filled(count * size);
			const long = padding > 254 ? [255, padding - 254] : [padding];
			return packet(toc(31, 3), 0x40 | count, ...long, ...frames, ...filled(padding));
		}),
	fc.array(fc.nat(251), { minLength: 1, maxLength: 6 }).map((sizes) => {
		const frames = sizes.flatMap(filled);
		return packet(toc(31, 3), 0x80 | sizes.length, ...sizes.slice(0, -1), ...frames);
	}),
);

it('A packet is the same after it was written with its length, whatever follows', () => {
	fc.assert(
		fc.property(anyPacket, fc.uint8Array({ maxLength: 50 }), (original, following) => {
			const { packet: taken, rest } = takeSelfDelimited(
				Buffer.concat([selfDelimited(original), following]),
			);
			expect(rest).toEqual(Buffer.from(following));
			expect(samplesOf(taken)).toBe(samplesOf(original));
			// Only padding is lost.
			if (((original[1] ?? 0) & 0x40) === 0) expect(taken).toEqual(original);
			expect(selfDelimited(taken)).toEqual(selfDelimited(original));
		}),
	);
});

it.each([
	['nothing', packet()],
	['a first byte', packet(toc(31))],
	['half a length', packet(toc(31), 252)],
	['half a frame', packet(toc(31), 5, 1, 2)],
	['one of two frames', packet(toc(31, 1), 2, 1, 1)],
])('The reader throws for %s', (_, bytes) => {
	expect(() => takeSelfDelimited(bytes)).toThrow(/Opus packet/);
});

it('The reader gives an error or a length for any bytes', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
			for (const read of [samplesOf, takeSelfDelimited]) {
				try {
					read(Buffer.from(bytes));
				} catch (error) {
					expect((error as Error).message).toMatch(/Opus packet/);
				}
			}
		}),
	);
});
