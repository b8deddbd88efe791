const PAGE_HEADER_BYTES = 27;

/** 20 ms of silence, as an Opus encoder writes it. */
export const SILENCE = Buffer.from([0xf8, 0xff, 0xfe]);

/**
 * The Opus packets of an Ogg Opus file, which must last 20 ms each, as WhatsApp wants them
 * (`opusenc --framesize 20`, one channel). Throws where the file is something else.
 */
export function readOpusPackets(file) {
	const [head, , ...packets] = readOggPackets(file);
	if (head?.toString('latin1', 0, 8) !== 'OpusHead') throw new Error('It is no Ogg Opus file');
	if (head[9] !== 1) throw new Error('It must have one channel');
	if (packets.length === 0) throw new Error('It is empty');
	if (!packets.every(lasts20Ms)) throw new Error('Its packets must last 20 ms each');
	return packets;
}

function readOggPackets(file) {
	const packets = [];
	let parts = [];
	for (let at = 0; at < file.length; ) {
		if (file.toString('latin1', at, at + 4) !== 'OggS') throw new Error('It is no Ogg file');
		const lacing = file.subarray(at + PAGE_HEADER_BYTES, at + PAGE_HEADER_BYTES + file[at + 26]);
		at += PAGE_HEADER_BYTES + lacing.length;
		for (const length of lacing) {
			parts.push(file.subarray(at, at + length));
			at += length;
			if (length === 255) continue;
			packets.push(Buffer.concat(parts));
			parts = [];
		}
		if (at > file.length) throw new Error('It is cut off');
	}
	return packets;
}

/** By the first byte: configuration, and one frame (RFC 6716, section 3.1). */
function lasts20Ms(packet) {
	const config = packet[0] >> 3;
	const is20Ms = config < 12 ? config % 4 === 1 : config < 16 ? config % 2 === 1 : config % 4 === 3;
	return is20Ms && (packet[0] & 3) === 0;
}
