import { randomInt } from 'node:crypto';

/** What a bad network does to the audio of a call, in both directions. */
export interface BadNetwork {
	/** Share of the packets that are lost, 0 to 1. */
	loss?: number;
	/** Each packet is delayed by up to so many milliseconds, so that some overtake others. */
	jitterMs?: number;
	/** The same seed loses the same packets of a sequence. */
	seed?: number;
}

export type Hand = (datagram: Buffer) => void;

/**
 * One direction of a bad network. Connectivity checks and the DTLS handshake are let through: to repeat
 * them is the libraries' matter. (werift gives up a handshake of which a part is lost.)
 */
export class Network {
	private readonly timers = new Set<NodeJS.Timeout>();
	private readonly random: () => number;

	constructor(private readonly conditions: BadNetwork = {}) {
		this.random = randomNumbers(conditions.seed ?? randomInt(2 ** 31));
	}

	/** Hands the datagram on at once, later, or never. */
	carry(datagram: Buffer, hand: Hand): void {
		const { loss = 0, jitterMs = 0 } = this.conditions;
		if (!isMedia(datagram)) return hand(datagram);
		if (this.random() < loss) return;
		if (jitterMs === 0) return hand(datagram);
		const timer = setTimeout(() => {
			this.timers.delete(timer);
			hand(datagram);
		}, this.random() * jitterMs);
		this.timers.add(timer);
	}

	/** Loses what is under way. */
	close(): void {
		for (const timer of this.timers) clearTimeout(timer);
		this.timers.clear();
	}
}

/** RFC 7983: the first byte tells protocols on one port apart. */
export const isDtls = (datagram: Buffer) => datagram[0] >= 20 && datagram[0] < 64;
export const isMedia = (datagram: Buffer) => datagram[0] >= 128 && datagram[0] < 192;

/** Numbers from 0 to 1 that look random (Mulberry32). */
function randomNumbers(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}
