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

/** Maximum number of positions without a page where one is expected. Good files have none; a hostile one must not cost time. */
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
	/** Samples until the end of the page; null if no packet ends on it. */
	granule: number | null;
	/** Number of packets that end on the page. */
	packets: number;
	/** Size in bytes, including the header. */
	size: number;
}

/** One link of a chained file: its logical streams, of which one is Opus. */
interface Link {
	serial: number | null;
	opusHead: OpusHead | null;
	/** Whether there was data: a stream that begins after it belongs to the next link. */
	hasData: boolean;
	/** Samples until the end of the last page of audio; null before the first. */
	end: number | null;
}

/**
 * Measures the length of an Ogg Opus file from its chunks.
 *
 * It skips from page header to page header and keeps at most one of them, so it needs little time and memory.
 * Checksums are not compared: the whole file is verified by its SHA-256. A file that is not Ogg Opus, or is
 * inconsistent, has no length. It never throws.
 *
 * @source RFC 3533 (Ogg), RFC 7845 (Opus in Ogg)
 */
export class OggOpusMeter {
	/** Bytes of an incomplete header. */
	private rest: Buffer = Buffer.alloc(0);

	/** An incomplete page, and the number of its missing bytes. */
	private unfinished: { page: Page; missing: number } | null = null;

	private hasPages = false;

	private isLost = false;

	private faults = 0;

	private link: Link | null = null;

	private samples = 0;

	private channels: number | null = null;

	/** Set as soon as it is certain that the file has no length. */
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

	/** Call it after the last chunk. An incomplete file has the length of its complete pages. */
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
		// A copy, so that the chunk can be freed.
		this.rest = Buffer.from(bytes.subarray(at));
	}

	/** The position where the next page may be. */
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
			// A page with headers only.
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

/** The page at a position; null if there is none, `incomplete` if more bytes are needed. */
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

/** A signed 64-bit number; -1 means none. Other negative numbers are read as positive ones that are too large. */
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
