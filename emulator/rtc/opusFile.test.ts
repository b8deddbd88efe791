import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { decodeAudio } from '../../test/support/audio';
import { OggWriter, packetsOf, readOggPages } from './ogg';
import { concealment, samplesOf, SILENCE } from './opus';
import { readOpusFile, writeTwoSidedFile } from './opusFile';

const read = (path: string) => readFileSync(join(__dirname, '../..', path));
const user = readOpusFile(read('test/fixtures/audio/user.ogg')).streams[0];
const prompt = readOpusFile(read('examples/media-gateway/prompt.ogg')).streams[0];
/** Jest compares long texts much faster than long buffers. */
const texts = (packets: Buffer[]) => packets.map((packet) => packet.toString('latin1'));
const side = (packets: Buffer[], from = 0) =>
	new Map(packets.map((packet, index) => [from + index, packet]));

describe('reading an Opus file', () => {
	it.each([
		['test/fixtures/audio/call-recording.ogg', 2, 20.605],
		['test/fixtures/audio/announcement.ogg', 1, 5.18],
		['test/fixtures/audio/user.ogg', 1, 7.583],
		['examples/media-gateway/prompt.ogg', 1, 5.554],
	])(
		'The file %s has packets of 20 ms and the length that opusinfo shows',
		(path, channels, seconds) => {
			const audio = readOpusFile(read(path));
			expect(audio.channels).toBe(channels);
			expect(audio.seconds).toBeCloseTo(seconds, 2);
			expect(audio.streams).toHaveLength(1);
			expect(new Set(audio.streams[0].map(samplesOf))).toEqual(new Set([960]));
		},
	);

	const rewrite = (change: (packets: Buffer[]) => void, end?: bigint) => {
		const packets = packetsOf(readOggPages(read('test/fixtures/audio/announcement.ogg')));
		change(packets);
		const writer = new OggWriter(1);
		packets.forEach((packet, index) =>
			writer.write(packet, end ?? BigInt(Math.max(0, index - 1) * 960)),
		);
		return () => readOpusFile(writer.finish());
	};
	it.each([
		['no Opus', rewrite(([head]) => head.write('Vorbis', 0)), /no Opus file/],
		['an empty header', rewrite((packets) => packets.splice(0, 1, Buffer.alloc(0))), /no Opus/],
		['a version to come', rewrite(([head]) => head.writeUInt8(16, 8)), /no Opus file/],
		['no channels', rewrite(([head]) => head.writeUInt8(0, 9)), /contradicts itself/],
		['three channels without a map', rewrite(([head]) => head.writeUInt8(3, 9)), /contradicts/],
		['a map that is not there', rewrite(([head]) => head.writeUInt8(1, 18)), /contradicts/],
		['no tags', rewrite((packets) => packets.splice(1, 1)), /no tags/],
		['an end behind the packets', rewrite(() => undefined, 10_000_000n), /says that it ends/],
		['an end before the last packet', rewrite(() => undefined, 960n), /says that it ends/],
		['a packet that is none', rewrite((packets) => packets.push(Buffer.alloc(0))), /Opus packet/],
	])('The reader rejects %s', (_, reading, problem) => {
		expect(reading).toThrow(problem);
	});
});

describe('a recording of both sides', () => {
	it('Each side is on its own channel, for as long as the call lasts', async () => {
		const file = writeTwoSidedFile([side(prompt, 50), side(user)], user.length);
		const { seconds, channels, problems } = await decodeAudio(file);
		expect(seconds).toBeCloseTo(user.length * 0.02 - 0.0065, 4);
		expect(channels).toHaveLength(2);
		for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.03);
		expect(problems).toEqual([]);
	});

	it.each([
		['business', 0],
		['user', 1],
	])('The other channel is silent where only the %s speaks', async (_, speaking) => {
		const sides: [Map<number, Buffer>, Map<number, Buffer>] = [new Map(), new Map()];
		sides[speaking] = side(user);
		const { channels } = await decodeAudio(writeTwoSidedFile(sides, user.length));
		expect(channels[speaking].loudness).toBeGreaterThan(0.03);
		expect(channels[1 - speaking].loudness).toBeLessThan(0.0001);
	});

	it('The recording keeps its length and stays audible when every second packet is lost', async () => {
		const half = new Map([...side(user)].filter(([tick]) => tick % 2 === 0));
		const file = writeTwoSidedFile([new Map(), half], user.length);
		const { seconds, channels, problems } = await decodeAudio(file);
		expect(seconds).toBeCloseTo(user.length * 0.02 - 0.0065, 4);
		expect(channels[1].loudness).toBeGreaterThan(0.015);
		expect(problems).toEqual([]);
	});

	it('Each packet is in its place, with silence before the first and concealment in each gap', () => {
		const packets = fc
			.uniqueArray(fc.nat(200), { maxLength: 60 })
			.map((ticks) => new Map(ticks.map((tick) => [tick, user[tick]])));
		fc.assert(
			fc.property(packets, packets, fc.integer({ min: 1, max: 220 }), (left, right, ticks) => {
				const audio = readOpusFile(writeTwoSidedFile([left, right], ticks));
				expect(audio.channels).toBe(2);
				expect(audio.seconds).toBeCloseTo(ticks * 0.02 - 0.0065, 6);
				[left, right].forEach((packetsOfSide, index) => {
					let previous: Buffer | undefined;
					const expected = Array.from({ length: ticks }, (_, tick) => {
						const packet = packetsOfSide.get(tick);
						previous = packet ?? previous;
						return packet ?? (previous ? concealment(previous) : SILENCE);
					});
					expect(texts(audio.streams[index])).toEqual(texts(expected));
				});
			}),
			{ numRuns: 50 },
		);
	});

	it('The recorder rejects packets of another length', () => {
		const tenMs = Buffer.from([0xf0, 1]);
		expect(() => writeTwoSidedFile([new Map(), new Map([[0, tenMs]])], 1)).toThrow(/20 ms/);
	});
});
