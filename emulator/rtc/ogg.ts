/** One page of an Ogg stream (RFC 3533). */
export interface OggPage {
	serial: number;
	sequence: number;
	/** Samples up to the end of the last packet that ends in the page; -1 where none does. */
	granule: bigint;
	/** The first packet began in the page before. */
	continued: boolean;
	first: boolean;
	last: boolean;
	/** Lengths of the parts of packets: 255 says that the packet goes on in the next one. */
	lacing: Buffer;
	body: Buffer;
}

const HEADER_BYTES = 27;
const MAX_SEGMENTS = 255;
const NO_PACKET_ENDS = -1n;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
	let remainder = index << 24;
	for (let bit = 0; bit < 8; bit++) {
		remainder = remainder & 0x80000000 ? (remainder << 1) ^ 0x04c11db7 : remainder << 1;
	}
	return remainder >>> 0;
});

/** Over the whole page, with zeros where the sum stands. */
export function oggChecksum(page: Buffer): number {
	let crc = 0;
	for (const byte of page) crc = ((crc << 8) ^ CRC_TABLE[((crc >>> 24) ^ byte) & 0xff]) >>> 0;
	return crc;
}

function serialize(page: OggPage): Buffer {
	const bytes = Buffer.alloc(HEADER_BYTES + page.lacing.length + page.body.length);
	bytes.write('OggS', 0, 'latin1');
	bytes[5] = (page.continued ? 1 : 0) | (page.first ? 2 : 0) | (page.last ? 4 : 0);
	bytes.writeBigInt64LE(page.granule, 6);
	bytes.writeUInt32LE(page.serial, 14);
	bytes.writeUInt32LE(page.sequence, 18);
	bytes[26] = page.lacing.length;
	page.lacing.copy(bytes, HEADER_BYTES);
	page.body.copy(bytes, HEADER_BYTES + page.lacing.length);
	bytes.writeUInt32LE(oggChecksum(bytes), 22);
	return bytes;
}

/** Lays packets out in pages. */
export class OggWriter {
	private readonly pages: OggPage[] = [];
	private segments: Buffer[] = [];
	private granule = NO_PACKET_ENDS;
	private continued = false;

	constructor(private readonly serial: number) {}

	/** @param granule the stream's position, in samples, at the end of the packet */
	write(packet: Buffer, granule: bigint): void {
		for (let at = 0; ; at += 255) {
			const segment = packet.subarray(at, at + 255);
			this.segments.push(segment);
			const ends = segment.length < 255;
			if (ends) this.granule = granule;
			if (this.segments.length === MAX_SEGMENTS) {
				this.flush();
				this.continued = !ends;
			}
			if (ends) return;
		}
	}

	/** Ends the page, where one was begun. */
	flush(): void {
		if (this.segments.length === 0) return;
		this.pages.push({
			serial: this.serial,
			sequence: this.pages.length,
			granule: this.granule,
			continued: this.continued,
			first: this.pages.length === 0,
			last: false,
			lacing: Buffer.from(this.segments.map(({ length }) => length)),
			body: Buffer.concat(this.segments),
		});
		this.segments = [];
		this.granule = NO_PACKET_ENDS;
		this.continued = false;
	}

	/** The stream, whose last page is marked as such. */
	finish(): Buffer {
		this.flush();
		const last = this.pages.at(-1);
		if (last) last.last = true;
		return Buffer.concat(this.pages.map(serialize));
	}
}

/** Takes a stream apart, and throws where a page is damaged, missing, or of another stream. */
export function readOggPages(file: Buffer): OggPage[] {
	const pages: OggPage[] = [];
	for (let at = 0; at < file.length; ) {
		const page = readPage(file, at);
		const previous = pages.at(-1);
		const problem =
			page.sequence !== pages.length
				? `has number ${page.sequence}`
				: previous && page.serial !== previous.serial
					? 'belongs to another stream'
					: page.first !== !previous || previous?.last
						? 'does not stand where it says'
						: undefined;
		if (problem) throw new Error(`Page ${pages.length} of the Ogg file ${problem}`);
		pages.push(page);
		at += HEADER_BYTES + page.lacing.length + page.body.length;
	}
	if (!pages.at(-1)?.last) throw new Error('The Ogg file has no end');
	return pages;
}

function readPage(file: Buffer, at: number): OggPage {
	const lacingEnd = at + HEADER_BYTES + (file[at + 26] ?? 0);
	const lacing = file.subarray(at + HEADER_BYTES, lacingEnd);
	const bytes = lacing.reduce((sum, length) => sum + length, 0);
	if (lacingEnd + bytes > file.length || file.toString('latin1', at, at + 5) !== 'OggS\0') {
		throw new Error(`No whole page at byte ${at} of the Ogg file`);
	}
	const raw = Buffer.from(file.subarray(at, lacingEnd + bytes));
	const checksum = raw.readUInt32LE(22);
	raw.writeUInt32LE(0, 22);
	if (oggChecksum(raw) !== checksum) {
		throw new Error(`The page at byte ${at} of the Ogg file is damaged`);
	}
	const flags = raw[5];
	return {
		serial: raw.readUInt32LE(14),
		sequence: raw.readUInt32LE(18),
		granule: raw.readBigInt64LE(6),
		continued: (flags & 1) !== 0,
		first: (flags & 2) !== 0,
		last: (flags & 4) !== 0,
		lacing,
		body: file.subarray(lacingEnd, lacingEnd + bytes),
	};
}

/** The packets of a stream, put together again where they lie in several pages. */
export function packetsOf(pages: OggPage[]): Buffer[] {
	const packets: Buffer[] = [];
	let parts: Buffer[] = [];
	for (const page of pages) {
		if (page.continued !== parts.length > 0) {
			throw new Error(`Page ${page.sequence} of the Ogg file does not continue the one before`);
		}
		let at = 0;
		for (const length of page.lacing) {
			parts.push(page.body.subarray(at, at + length));
			at += length;
			if (length === 255) continue;
			packets.push(Buffer.concat(parts));
			parts = [];
		}
	}
	if (parts.length > 0) throw new Error('The Ogg file ends inside a packet');
	return packets;
}
