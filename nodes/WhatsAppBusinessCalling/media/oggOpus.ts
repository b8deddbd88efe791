/** Bytes of a page header before its segment table (RFC 3533, section 6). */
const HEADER_BYTES = 27;

const CAPTURE_PATTERN = Buffer.from('OggS');

/** Flag in a page header: a logical stream begins here. */
const BEGINS_STREAM = 2;

const OPUS_HEAD = Buffer.from('OpusHead');

/** Shortest identification header (RFC 7845, section 5.1). */
const OPUS_HEAD_BYTES = 19;

/** Granule positions count samples at 48 kHz, whatever the sample rate of the source (RFC 7845, section 4). */
const SAMPLES_PER_MS = 48;

/** An Opus packet holds 120 ms at most. */
const MAX_PACKET_SAMPLES = 120 * SAMPLES_PER_MS;

/** Places that are no page where one should be. Files have none; a hostile one must not cost much. */
const MAX_FAULTS = 1_000;

export interface AudioLength {
	durationSeconds: number;
	channels: number;
}

interface OpusHead {
	channels: number;
	/** Samples at the start that a decoder drops. */
	preSkip: number;
}

interface Page {
	serial: number;
	beginsStream: boolean;
	opusHead: OpusHead | null;
	/** Samples until the end of the page; null where no packet ends on it. */
	granule: number | null;
	/** Packets that end on it. */
	packets: number;
	/** Bytes, header included. */
	size: number;
}

/** One link of a chained file: its logical streams, of which one is Opus. */
interface Link {
	serial: number | null;
	opusHead: OpusHead | null;
	/** Whether data has come: a stream that begins afterwards belongs to the next link. */
	hasData: boolean;
	/** Samples until the end of the last page of audio; null before the first. */
	end: number | null;
}

/**
 * Measures the length of an Ogg Opus file while it passes by.
 *
 * It jumps from page header to page header and keeps one of them at most, so it costs next to nothing and
 * no memory. Checksums are not compared: the file as a whole is verified by its SHA-256. A file that is not
 * Ogg Opus or contradicts itself has no length. No input makes it throw.
 *
 * @source RFC 3533 (Ogg), RFC 7845 (Opus in Ogg)
 */
export class OggOpusMeter {
	/** Bytes of a header that has not come as a whole. */
	private rest: Buffer = Buffer.alloc(0);

	/** A page whose last bytes have not come, and their number. */
	private unfinished: { page: Page; missing: number } | null = null;

	private hasPages = false;

	private isLost = false;

	private faults = 0;

	private link: Link | null = null;

	private samples = 0;

	private channels: number | null = null;

	/** Set once it is certain that there is no length to tell. */
	private isOver = false;

	push(chunk: Buffer): void {
		if (this.isOver) return;
		if (this.unfinished === null) return this.read(chunk);
		const { page, missing } = this.unfinished;
		this.unfinished.missing -= chunk.length;
		if (missing > chunk.length) return;
		this.unfinished = null;
		this.take(page);
		this.read(chunk.subarray(missing));
	}

	/** The length, at the end of the file. Of a file that is cut off, the length of its whole pages. */
	result(): AudioLength | null {
		this.closeLink();
		if (this.isOver || this.channels === null || !Number.isSafeInteger(this.samples)) return null;
		const durationSeconds = Math.round(this.samples / SAMPLES_PER_MS) / 1000;
		return { durationSeconds, channels: this.channels };
	}

	private read(chunk: Buffer): void {
		const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
		let at = 0;
		while (!this.isOver && at < bytes.length) {
			const page = readPage(bytes, at);
			if (page === 'incomplete') break;
			if (page === null) {
				at = this.search(bytes, at);
				continue;
			}
			this.hasPages = true;
			this.isLost = false;
			at += page.size;
			if (at > bytes.length) this.unfinished = { page, missing: at - bytes.length };
			else this.take(page);
		}
		// A copy, so that it does not keep the chunk.
		this.rest = Buffer.from(bytes.subarray(at));
	}

	/** Where the next page may be. */
	private search(bytes: Buffer, at: number): number {
		if (!this.isLost || startsPage(bytes, at)) this.faults++;
		this.isLost = true;
		if (!this.hasPages || this.faults > MAX_FAULTS) this.isOver = true;
		const next = bytes.indexOf(CAPTURE_PATTERN, at + 1);
		// The pattern may begin in the last bytes.
		return next === -1 ? bytes.length - CAPTURE_PATTERN.length + 1 : next;
	}

	private take(page: Page): void {
		if (page.beginsStream) return this.begin(page);
		if (this.link === null) return this.giveUp();
		this.link.hasData = true;
		if (page.serial !== this.link.serial || page.granule === null) return;
		if (this.link.end === null) {
			// Still a page of the headers.
			if (page.granule === 0) return;
			// Audio that does not begin at 0 would seem longer than it is.
			if (page.granule > page.packets * MAX_PACKET_SAMPLES) return this.giveUp();
		} else if (page.granule < this.link.end) {
			return this.giveUp();
		}
		this.link.end = page.granule;
	}

	private begin({ serial, opusHead }: Page): void {
		if (this.link === null || this.link.hasData) {
			this.closeLink();
			this.link = { serial: null, opusHead: null, hasData: false, end: null };
		}
		if (this.link.opusHead === null && opusHead !== null)
			Object.assign(this.link, { serial, opusHead });
	}

	private closeLink(): void {
		if (this.link === null) return;
		const { opusHead, end } = this.link;
		this.link = null;
		if (opusHead === null) return this.giveUp();
		if (end === null) return;
		if (this.channels !== null && this.channels !== opusHead.channels) return this.giveUp();
		this.channels = opusHead.channels;
		this.samples += Math.max(0, end - opusHead.preSkip);
	}

	private giveUp(): void {
		this.isOver = true;
	}
}

function startsPage(bytes: Buffer, at: number): boolean {
	return bytes.readUInt32BE(at) === CAPTURE_PATTERN.readUInt32BE();
}

/** The page at a position, null where there is none, or `incomplete` where more bytes are needed to know. */
function readPage(bytes: Buffer, at: number): Page | 'incomplete' | null {
	if (bytes.length < at + HEADER_BYTES) return 'incomplete';
	const version = bytes[at + 4];
	if (!startsPage(bytes, at) || version !== 0) return null;
	const bodyStart = at + HEADER_BYTES + bytes[at + 26];
	if (bytes.length < bodyStart) return 'incomplete';
	let bodySize = 0;
	let packets = 0;
	for (let segment = at + HEADER_BYTES; segment < bodyStart; segment++) {
		bodySize += bytes[segment];
		if (bytes[segment] < 255) packets++;
	}
	const beginsStream = (bytes[at + 5] & BEGINS_STREAM) !== 0;
	if (beginsStream && bytes.length < bodyStart + Math.min(bodySize, OPUS_HEAD_BYTES)) {
		return 'incomplete';
	}
	return {
		serial: bytes.readUInt32LE(at + 14),
		beginsStream,
		opusHead: beginsStream ? readOpusHead(bytes, bodyStart, bodySize) : null,
		granule: readGranule(bytes, at + 6),
		packets,
		size: bodyStart + bodySize - at,
	};
}

/** A signed number of 64 bits, of which -1 means none; other negative ones come out too large to count. */
function readGranule(bytes: Buffer, at: number): number | null {
	const low = bytes.readUInt32LE(at);
	const high = bytes.readUInt32LE(at + 4);
	return low === 0xffffffff && high === 0xffffffff ? null : high * 2 ** 32 + low;
}

function readOpusHead(bytes: Buffer, at: number, size: number): OpusHead | null {
	if (size < OPUS_HEAD_BYTES || !bytes.subarray(at, at + OPUS_HEAD.length).equals(OPUS_HEAD))
		return null;
	const majorVersion = bytes[at + 8] >> 4;
	const channels = bytes[at + 9];
	if (majorVersion !== 0 || channels === 0) return null;
	return { channels, preSkip: bytes.readUInt16LE(at + 10) };
}
