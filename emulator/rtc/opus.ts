/** Samples a second in which Opus, its RTP timestamps and Ogg Opus count, whatever was encoded. */
export const OPUS_RATE = 48_000;

/** Samples of the 20 ms packets that WhatsApp asks for in its SDP. */
export const TICK = 960;

const MAX_FRAME_BYTES = 1275;
const MAX_PACKET_SAMPLES = 5760;

/** 20 ms of silence, as an encoder writes it. */
export const SILENCE = Buffer.from([0xf8, 0xff, 0xfe]);

/** Samples of one frame, by the configuration number in the first byte (RFC 6716, section 3.1). */
function frameSamples(toc: number): number {
	const config = toc >> 3;
	if (config < 12) return [480, 960, 1920, 2880][config & 3];
	if (config < 16) return [480, 960][config & 1];
	return [120, 240, 480, 960][config & 3];
}

interface Frames {
	/** Bytes of each frame. */
	sizes: number[];
	/** Where the first frame begins. */
	start: number;
	/** All frames have one size, so that only the packet's length tells it. */
	sameSize: boolean;
}

/** The length of a frame in one or two bytes (RFC 6716, section 3.2.1). */
function readSize(packet: Buffer, at: number): { size: number; next: number } {
	const first = packet[at];
	if (first === undefined) throw new Error('The Opus packet ends in the length of a frame');
	if (first < 252) return { size: first, next: at + 1 };
	const second = packet[at + 1];
	if (second === undefined) throw new Error('The Opus packet ends in the length of a frame');
	return { size: first + 4 * second, next: at + 2 };
}

function writeSize(size: number): Buffer {
	if (size < 252) return Buffer.from([size]);
	const low = 252 + (size & 3);
	return Buffer.from([low, (size - low) >> 2]);
}

/** Takes a packet apart as a decoder must, with the checks of RFC 6716, section 3.4. */
function framesOf(packet: Buffer): Frames {
	const toc = packet[0];
	if (toc === undefined) throw new Error('The Opus packet is empty');
	const code = toc & 3;
	let frames: Frames;
	if (code === 0) {
		frames = { sizes: [packet.length - 1], start: 1, sameSize: true };
	} else if (code === 1) {
		if (packet.length % 2 === 0) throw new Error('The Opus packet has two frames of unequal size');
		const size = (packet.length - 1) / 2;
		frames = { sizes: [size, size], start: 1, sameSize: true };
	} else if (code === 2) {
		const { size, next } = readSize(packet, 1);
		frames = { sizes: [size, packet.length - next - size], start: next, sameSize: false };
	} else {
		frames = manyFramesOf(packet);
	}
	if (frames.sizes.some((size) => size < 0 || size > MAX_FRAME_BYTES)) {
		throw new Error('The Opus packet has a frame of impossible size');
	}
	return frames;
}

function manyFramesOf(packet: Buffer): Frames {
	const counter = packet[1];
	if (counter === undefined) throw new Error('The Opus packet does not say how many frames it has');
	const count = counter & 0x3f;
	let at = 2;
	let padding = 0;
	if (counter & 0x40) {
		for (let more = 255; more === 255; ) {
			more = packet[at++] ?? NaN;
			padding += more === 255 ? 254 : more;
		}
	}
	if (!(padding <= packet.length - at)) throw new Error('The Opus packet is only padding');
	const end = packet.length - padding;
	if (counter & 0x80) {
		const sizes: number[] = [];
		while (sizes.length < count - 1) {
			const { size, next } = readSize(packet, at);
			sizes.push(size);
			at = next;
		}
		const last = end - at - sizes.reduce((sum, size) => sum + size, 0);
		return { sizes: count === 0 ? [] : [...sizes, last], start: at, sameSize: false };
	}
	if ((end - at) % count !== 0) throw new Error('The Opus packet has frames of unequal size');
	return { sizes: Array<number>(count).fill((end - at) / count), start: at, sameSize: true };
}

/** How long a packet plays, in samples. Throws where the bytes are no Opus packet. */
export function samplesOf(packet: Buffer): number {
	const { sizes } = framesOf(packet);
	const samples = sizes.length * frameSamples(packet[0]);
	if (samples === 0 || samples > MAX_PACKET_SAMPLES) {
		throw new Error(`An Opus packet cannot have ${sizes.length} frames of this length`);
	}
	return samples;
}

/**
 * A packet that asks the decoder to conceal the loss of 20 ms (RFC 7845, section 4.1).
 *
 * @param previous packet before the gap: its bandwidth is kept where its frames fit
 */
export function concealment(previous: Buffer): Buffer {
	const toc = previous[0];
	return Buffer.from([frameSamples(toc) === TICK ? toc & 0xfc : 0xf8 | (toc & 4)]);
}

/**
 * The same packet in the form that says where it ends, so that another can follow (RFC 6716,
 * appendix B). Padding is dropped.
 */
export function selfDelimited(packet: Buffer): Buffer {
	const { sizes, start, sameSize } = framesOf(packet);
	const toc = packet[0];
	const bytes = sizes.reduce((sum, size) => sum + size, 0);
	const frames = packet.subarray(start, start + bytes);
	if ((toc & 3) < 2) {
		return Buffer.concat([Buffer.from([toc]), writeSize(sizes[0]), frames]);
	}
	const counter = (toc & 3) === 3 ? [(packet[1] & 0x80) | sizes.length] : [];
	const lengths = sameSize ? [sizes[0] ?? 0] : sizes;
	return Buffer.concat([Buffer.from([toc, ...counter]), ...lengths.map(writeSize), frames]);
}

/** Undoes `selfDelimited` at the beginning of a buffer. Throws where it is not whole. */
export function takeSelfDelimited(bytes: Buffer): { packet: Buffer; rest: Buffer } {
	const toc = bytes[0];
	if (toc === undefined) throw new Error('The Opus packet is empty');
	const code = toc & 3;
	const counter = bytes[1] ?? 0;
	const count = [1, 2, 2, counter & 0x3f][code];
	const variable = code === 2 || (code === 3 && (counter & 0x80) !== 0);
	const sizes: number[] = [];
	let at = code === 3 ? 2 : 1;
	while (sizes.length < (variable ? count : 1)) {
		const { size, next } = readSize(bytes, at);
		sizes.push(size);
		at = next;
	}
	const length = variable ? sizes.reduce((sum, size) => sum + size, 0) : sizes[0] * count;
	if (at + length > bytes.length) throw new Error('The Opus packet is cut off');
	const head = code === 3 ? [toc, counter] : [toc];
	const lengths = variable ? sizes.slice(0, -1).map(writeSize) : [];
	const frames = bytes.subarray(at, at + length);
	return {
		packet: Buffer.concat([Buffer.from(head), ...lengths, frames]),
		rest: bytes.subarray(at + length),
	};
}
