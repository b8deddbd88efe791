import { samplesOf, TICK } from './opus';
import { writeTwoSidedFile } from './opusFile';

/** What an RTP stream is known by. */
interface Stream {
	firstTimestamp: number;
	/** Highest timestamp so far, in packets of 20 ms since the first. */
	newest: number;
	/** Tick of the call at which the first packet would have come without any delay. */
	start: number;
}

/** Recordings stop here, so that a forgotten call does not fill the memory. */
const MAX_TICKS = 60 * 60 * 50;

/**
 * Puts the packets of both sides of a call at their places in time, which are counted in ticks of 20 ms
 * since the call was connected. Packets of the business are placed by their RTP timestamps, so that
 * neither jitter nor wrong order moves them.
 */
export class Recorder {
	private readonly business = new Map<number, Buffer>();
	private readonly user = new Map<number, Buffer>();
	private readonly streams = new Map<number, Stream>();
	private startTick: number | undefined;

	/** Packets that are not 20 ms of Opus, as the SDP asks for. */
	refused = 0;

	/** From this tick on, everything is kept. */
	start(tick: number): void {
		this.startTick ??= tick;
	}

	get started(): boolean {
		return this.startTick !== undefined;
	}

	addUser(tick: number, packet: Buffer): void {
		this.keep(this.user, tick, packet);
	}

	/** @param arrival tick at which the packet came */
	addBusiness(ssrc: number, timestamp: number, packet: Buffer, arrival: number): void {
		if (!isTick(packet)) {
			this.refused++;
			return;
		}
		const stream = this.streams.get(ssrc) ?? {
			firstTimestamp: timestamp,
			newest: 0,
			start: arrival,
		};
		this.streams.set(ssrc, stream);
		const position = positionOf(timestamp, stream);
		stream.newest = Math.max(stream.newest, position);
		// The least delayed packet tells best when the stream began; a recording does not shift anymore.
		if (!this.started) stream.start = Math.min(stream.start, arrival - position);
		this.keep(this.business, stream.start + position, packet);
	}

	/** The recording up to a tick; undefined when there is none. */
	finish(tick: number): { file: Buffer; seconds: number } | undefined {
		if (this.startTick === undefined) return undefined;
		const ticks = Math.min(tick - this.startTick, MAX_TICKS);
		if (ticks <= 0) return undefined;
		const file = writeTwoSidedFile([this.business, this.user], ticks);
		return { file, seconds: (ticks * TICK) / 48_000 };
	}

	private keep(side: Map<number, Buffer>, tick: number, packet: Buffer): void {
		if (this.startTick === undefined) return;
		const place = tick - this.startTick;
		// What came twice is kept once.
		if (place < 0 || place >= MAX_TICKS || side.has(place)) return;
		side.set(place, Buffer.from(packet));
	}
}

/** Ticks since the first packet of the stream; timestamps have 32 bits and may wrap. */
function positionOf(timestamp: number, { firstTimestamp, newest }: Stream): number {
	const newestTimestamp = firstTimestamp + newest * TICK;
	return newest + Math.round(((timestamp - newestTimestamp) | 0) / TICK);
}

function isTick(packet: Buffer): boolean {
	try {
		return samplesOf(packet) === TICK;
	} catch {
		return false;
	}
}
