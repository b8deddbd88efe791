import { randomInt } from 'node:crypto';
import { OggWriter, packetsOf, readOggPages } from './ogg';
import {
	concealment,
	OPUS_RATE,
	samplesOf,
	selfDelimited,
	SILENCE,
	takeSelfDelimited,
	TICK,
} from './opus';

/** Packets of 20 ms by their place in time: 0 is the first of the file. */
export type Side = ReadonlyMap<number, Buffer>;

export interface OpusFile {
	channels: number;
	/** One list for each stream: more than one where the channels were encoded separately. */
	streams: Buffer[][];
	/** What a player plays, in seconds. */
	seconds: number;
}

/** How far the decoded sound of usual encoders lags behind, in samples. */
const PRE_SKIP = 312;
/** Only for the reader's information: the file always plays at 48 kHz. */
const INPUT_SAMPLE_RATE = 16_000;
const TICKS_IN_PAGE = 50;

/**
 * An Ogg Opus file (RFC 7845) with the first side on the left channel and the second on the right,
 * although neither is decoded: each packet of the file holds one of both, as two uncoupled streams of
 * channel mapping family 1. Where a side has not begun, there is silence; where a packet is missing,
 * the decoder is asked to conceal that. So everything plays at its time.
 *
 * @param ticks length of the file in packets of 20 ms
 */
export function writeTwoSidedFile(sides: [Side, Side], ticks: number): Buffer {
	const writer = new OggWriter(randomInt(2 ** 32));
	writer.write(opusHead(), 0n);
	writer.flush();
	writer.write(opusTags(), 0n);
	writer.flush();
	const [left, right] = sides.map((side) => everyTick(side, ticks)) as [Buffer[], Buffer[]];
	left.forEach((packet, tick) => {
		const both = Buffer.concat([selfDelimited(packet), right[tick]]);
		writer.write(both, BigInt((tick + 1) * TICK));
		if ((tick + 1) % TICKS_IN_PAGE === 0) writer.flush();
	});
	return writer.finish();
}

function everyTick(side: Side, ticks: number): Buffer[] {
	let previous: Buffer | undefined;
	return Array.from({ length: ticks }, (_, tick) => {
		const packet = side.get(tick);
		if (!packet) return previous ? concealment(previous) : SILENCE;
		if (samplesOf(packet) !== TICK) throw new Error('The packets of a side must last 20 ms');
		previous = packet;
		return packet;
	});
}

function opusHead(): Buffer {
	const head = Buffer.alloc(19);
	head.write('OpusHead', 0, 'latin1');
	head[8] = 1;
	head[9] = 2;
	head.writeUInt16LE(PRE_SKIP, 10);
	head.writeUInt32LE(INPUT_SAMPLE_RATE, 12);
	head[18] = 1;
	// Two streams, none coupled; the first is left, the second right.
	return Buffer.concat([head, Buffer.from([2, 0, 0, 1])]);
}

function opusTags(): Buffer {
	const vendor = Buffer.from('emulator of WhatsApp calls');
	const length = Buffer.alloc(4);
	length.writeUInt32LE(vendor.length);
	return Buffer.concat([Buffer.from('OpusTags'), length, vendor, Buffer.alloc(4)]);
}

/** Reads an Ogg Opus file whole, and throws where it is damaged or its parts contradict each other. */
export function readOpusFile(file: Buffer): OpusFile {
	const pages = readOggPages(file);
	const [head, tags, ...packets] = packetsOf(pages);
	const { channels, preSkip, streamCount } = readHead(head);
	if (tags?.toString('latin1', 0, 8) !== 'OpusTags') throw new Error('The Opus file has no tags');
	const split = packets.map((packet) => splitPacket(packet, streamCount));
	const lengths = split.map((parts) => {
		const [first = 0, ...others] = parts.map(samplesOf);
		if (others.some((other) => other !== first)) {
			throw new Error('A packet of the Opus file has streams of unequal length');
		}
		return first;
	});
	const samples = lengths.reduce((sum, length) => sum + length, 0);
	const end = Number(pages.at(-1)!.granule);
	if (end > samples || end < samples - (lengths.at(-1) ?? 0)) {
		throw new Error(`The Opus file says that it ends at ${end}, and has ${samples} samples`);
	}
	return {
		channels,
		streams: Array.from({ length: streamCount }, (_, index) => split.map((parts) => parts[index])),
		seconds: Math.max(0, end - preSkip) / OPUS_RATE,
	};
}

function readHead(head: Buffer | undefined) {
	if (head?.toString('latin1', 0, 8) !== 'OpusHead' || head.length < 19 || head[8] > 15) {
		throw new Error('The Ogg file is no Opus file');
	}
	const channels = head[9];
	const mapped = head[18] !== 0;
	const streamCount = mapped ? (head[19] ?? 0) : 1;
	const decoded = streamCount + (mapped ? (head[20] ?? 0) : channels - 1);
	const mapping = [...head.subarray(21)];
	const fits = mapped
		? mapping.length === channels && mapping.every((from) => from < decoded || from === 255)
		: channels <= 2 && head.length === 19;
	if (!fits || channels === 0 || streamCount === 0 || decoded > 255) {
		throw new Error('The header of the Opus file contradicts itself');
	}
	return { channels, streamCount, preSkip: head.readUInt16LE(10) };
}

function splitPacket(packet: Buffer, streamCount: number): Buffer[] {
	const parts: Buffer[] = [];
	let rest = packet;
	while (parts.length < streamCount - 1) {
		const taken = takeSelfDelimited(rest);
		parts.push(taken.packet);
		rest = taken.rest;
	}
	return [...parts, rest];
}
