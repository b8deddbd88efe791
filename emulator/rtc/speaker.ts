import { randomInt } from 'node:crypto';
import { TICK } from './opus';

const TICK_MS = 20;
/** After a pause of the whole machine, packets are not all sent at once. */
const MAX_AT_ONCE = 10;

export interface OutgoingRtp {
	sequenceNumber: number;
	timestamp: number;
	marker: boolean;
	payload: Buffer;
}

/** Sends one Opus packet every 20 ms, and counts them: the clock of the call's audio. */
export class Speaker {
	/** Packets sent so far. */
	ticks = 0;
	private readonly firstSequence = randomInt(2 ** 15);
	private readonly firstTimestamp = randomInt(2 ** 32);
	private startedAt = 0;
	private timer: NodeJS.Timeout | undefined;

	/** @param next gives the packet of a tick */
	constructor(
		private readonly next: (tick: number) => Buffer,
		private readonly send: (packet: OutgoingRtp) => void,
	) {}

	start(): void {
		this.startedAt = performance.now();
		this.timer = setInterval(() => this.catchUp(), TICK_MS);
		this.catchUp();
	}

	stop(): void {
		clearInterval(this.timer);
	}

	/** The tick that the time belongs to, whether or not its packet has been sent. */
	tickNow(): number {
		return Math.floor((performance.now() - this.startedAt) / TICK_MS);
	}

	private catchUp(): void {
		const due = Math.min(this.tickNow() + 1, this.ticks + MAX_AT_ONCE);
		while (this.ticks < due) {
			const tick = this.ticks++;
			this.send({
				sequenceNumber: (this.firstSequence + tick) % 2 ** 16,
				timestamp: (this.firstTimestamp + tick * TICK) % 2 ** 32,
				marker: tick === 0,
				payload: this.next(tick),
			});
		}
	}
}
