import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

import { OggOpusMeter } from '../../../nodes/WhatsAppBusinessCalling/media/oggOpus';
import { SAMPLE_AUDIO } from '../../../nodes/WhatsAppBusinessCalling/resources/setup/sampleAudio';
import { monoSampleAudio } from '../../../nodes/WhatsAppBusinessCalling/resources/setup/sendTestRecording';
import { decodeAudio } from '../../support/audio';

const FOLDER = join(__dirname, '../../fixtures/audio');
const FIXTURES = ['call-recording.ogg', 'announcement.ogg', 'user.ogg'];
const RECORDING = readFileSync(join(FOLDER, 'call-recording.ogg'));
const ANNOUNCEMENT = readFileSync(join(FOLDER, 'announcement.ogg'));
const SECOND = 48_000;
const NONE = 0xffff_ffff_ffff_ffffn;

function measure(...chunks: Uint8Array[]) {
	const meter = new OggOpusMeter();
	for (const chunk of chunks) meter.push(Buffer.from(chunk));
	return meter.result();
}

interface PageOrder {
	granule?: number | bigint;
	serial?: number;
	begins?: boolean;
	version?: number;
	/** Bytes of each packet on it. */
	packets?: Buffer[];
	/** Whether the last packet goes on in the next page. */
	open?: boolean;
}

/** A page without its checksum, which nobody looks at. */
function page(order: PageOrder): Buffer {
	const { granule = 0, serial = 1, begins = false, version = 0, packets = [], open } = order;
	const lacing = packets.flatMap((packet, index) => {
		const full = Array<number>(Math.floor(packet.length / 255)).fill(255);
		return open && index === packets.length - 1 ? full : [...full, packet.length % 255];
	});
	const header = Buffer.alloc(27);
	header.write('OggS');
	header[4] = version;
	header[5] = begins ? 2 : 0;
	header.writeBigUInt64LE(BigInt(granule), 6);
	header.writeUInt32LE(serial, 14);
	header[26] = lacing.length;
	return Buffer.concat([header, Buffer.from(lacing), ...packets]);
}

function head({
	serial = 1,
	channels = 1,
	preSkip = 312,
	version = 1,
	size = 19,
	magic = 'OpusHead',
} = {}) {
	const packet = Buffer.alloc(size);
	packet.write(magic);
	packet[8] = version;
	if (size > 9) packet[9] = channels;
	if (size > 11) packet.writeUInt16LE(preSkip, 10);
	return page({ begins: true, serial, packets: [packet] });
}

const tags = (serial = 1) => page({ serial, packets: [Buffer.from('OpusTags')] });
const audio = (granule: number | bigint, more: PageOrder = {}) =>
	page({ granule, packets: Array<Buffer>(50).fill(Buffer.alloc(60, 1)), ...more });
/** A whole file, whose last page ends there. */
const file = (samples = SECOND, { serial = 1, channels = 1 } = {}) => [
	head({ serial, channels }),
	tags(serial),
	audio(samples + 312, { serial }),
];

describe('OggOpusMeter', () => {
	it.each(FIXTURES)('The file %s is measured as long as a decoder does', async (name) => {
		const bytes = readFileSync(join(FOLDER, name));
		const decoded = await decodeAudio(bytes);
		const measured = measure(bytes)!;
		expect(measured.channels).toBe(decoded.channels.length);
		expect(measured.durationSeconds).toBeCloseTo(decoded.seconds, 3);
	});

	it.each<[string, Buffer[], number, number]>([
		['a file', file(), 1, 1],
		['a file in stereo', file(SECOND, { channels: 2 }), 1, 2],
		['a length of a fraction of a millisecond', file(SECOND + 30), 1.001, 1],
		['audio that ends before its pre-skip', [head(), tags(), audio(100)], 0, 1],
		[
			'pages on which no packet ends',
			[...file(), audio(NONE, { open: true }), audio(2 * SECOND + 312)],
			2,
			1,
		],
		[
			'a comment of several pages',
			[
				head(),
				page({ granule: NONE, packets: [Buffer.alloc(510)], open: true }),
				...file().slice(1),
			],
			1,
			1,
		],
		['a chain of files', [...file(), ...file(2 * SECOND, { serial: 2 }), ...file()], 4, 1],
		['a chain in which one has no audio', [head(), tags(), ...file()], 1, 1],
		[
			'an Opus stream among others',
			[
				head({ serial: 7, magic: 'fishead\0' }),
				...file().slice(0, 1),
				tags(7),
				...file().slice(1),
				audio(5, { serial: 7 }),
			],
			1,
			1,
		],
		[
			'two Opus streams side by side: the first',
			[
				head(),
				head({ serial: 2, channels: 2 }),
				tags(2),
				tags(),
				audio(9 * SECOND, { serial: 2 }),
				...file().slice(2),
			],
			1,
			1,
		],
		[
			'a page of another stream with a later end',
			[...file(), audio(NONE - 1n, { serial: 9 })],
			1,
			1,
		],
		[
			'garbage between pages',
			[...file().slice(0, 2), Buffer.from('OggS?OggOggS'), ...file().slice(2)],
			1,
			1,
		],
		['garbage at the end', [...file(), Buffer.alloc(5_000, 'Ogg')], 1, 1],
		[
			'a file that is cut off in a page: its whole pages',
			[...file(), audio(3 * SECOND).subarray(0, -1)],
			1,
			1,
		],
		['a file that is cut off in a header', [...file(), audio(3 * SECOND).subarray(0, 20)], 1, 1],
		['an empty page', [...file(), page({ granule: SECOND + 312 })], 1, 1],
	])('The length is measured of %s', (_, pages, durationSeconds, channels) => {
		expect(measure(Buffer.concat(pages))).toEqual({ durationSeconds, channels });
	});

	it.each<[string, Buffer[]]>([
		['nothing', []],
		['something else', [Buffer.from('RIFF....WAVEfmt ')]],
		['something before the first page', [Buffer.from('ID3'), ...file()]],
		['an identification alone', [head()]],
		['headers without audio', [head(), tags()]],
		['no identification', file().slice(1)],
		['another codec', [head({ magic: '\x01vorbis\0' }), ...file().slice(1)]],
		['an identification of a later version', [head({ version: 16 }), ...file().slice(1)]],
		['an identification without channels', [head({ channels: 0 }), ...file().slice(1)]],
		['an identification that is too short', [head({ size: 18 }), ...file().slice(1)]],
		['pages of another version', file().map((one) => Buffer.from(one).fill(1, 4, 5))],
		['a position that goes back', [...file(), audio(100)]],
		['a first page that ends later than its packets last', [head(), tags(), audio(50 * 5_760 + 1)]],
		['a negative position', [...file(), audio(NONE - 1n), ...file()]],
		['a chain with another codec', [...file(), head({ magic: '\x01vorbis\0' }), tags(), audio(1)]],
		['a chain with other channels', [...file(), ...file(SECOND, { channels: 2 })]],
		[
			'more false pages than there are by chance',
			[...file(), Buffer.from('OggS'.repeat(1_010)), audio(SECOND + 400)],
		],
	])('The length is unknown for %s', (_, pages) => {
		expect(measure(Buffer.concat(pages))).toBeNull();
	});

	const mixed = fc
		.array(
			fc.oneof(
				fc.uint8Array({ maxLength: 40 }),
				fc.constantFrom<Uint8Array>(
					...file(),
					...file(SECOND, { serial: 2 }),
					Buffer.from('OggS\0'),
				),
				fc
					.record({
						granule: fc.bigInt({ min: 0n, max: NONE }),
						serial: fc.nat(2),
						begins: fc.boolean(),
						packets: fc.array(fc.uint8Array({ maxLength: 600 }).map(Buffer.from), {
							maxLength: 20,
						}),
						open: fc.boolean(),
					})
					.map(page),
			),
			{ maxLength: 12 },
		)
		.map((parts) => Buffer.concat(parts));

	it('The length is the same however the bytes are cut, and nothing throws', () => {
		const beginning = fc.constantFrom(Buffer.alloc(0), Buffer.concat(file()), ANNOUNCEMENT);
		const cuts = fc.array(fc.oneof(fc.nat(30), fc.nat(15_000)), { maxLength: 40 });
		fc.assert(
			fc.property(beginning, mixed, cuts, (first, second, sizes) => {
				const bytes = Buffer.concat([first, second]);
				const chunks = [];
				let at = 0;
				for (const size of sizes) chunks.push(bytes.subarray(at, (at += size)));
				const whole = measure(bytes);
				expect(measure(...chunks, bytes.subarray(at))).toEqual(whole);
				if (whole !== null) expect(whole.durationSeconds).toBeGreaterThanOrEqual(0);
			}),
			{ numRuns: 5_000 },
		);
	});

	it('The length is the same byte by byte', () => {
		for (const bytes of [RECORDING, Buffer.concat([...file(), Buffer.from('OggS?'), ...file()])]) {
			const single = [...bytes].map((byte) => Buffer.from([byte]));
			expect(measure(...single)).toEqual(measure(bytes));
		}
	});
});

/** The checksum of a page (RFC 3533, section 6), computed with its own field as zero. */
function checksum(page: Buffer): number {
	let crc = 0;
	for (const [position, byte] of page.entries()) {
		crc ^= (position >= 22 && position < 26 ? 0 : byte) << 24;
		for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
	}
	return crc >>> 0;
}

it('The mono sample is the sample in one channel: same length, and a first page with its own checksum', () => {
	const mono = monoSampleAudio();
	const stereo = Buffer.from(SAMPLE_AUDIO, 'base64');
	expect(mono).toHaveLength(stereo.length);
	expect(measure(mono)).toEqual({ ...measure(stereo), channels: 1 });
	// Made anew with another encoder, the sample would have another first page.
	const [head, original] = [mono, stereo].map((bytes) => Buffer.from(bytes.subarray(0, 47)));
	expect(head.readUInt32LE(22)).toBe(checksum(head));
	original[28 + 9] = 1;
	original.writeUInt32LE(checksum(original), 22);
	expect(head.equals(original)).toBe(true);
});
