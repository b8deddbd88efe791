import { MINUTE_MS } from '../support/constants';
import type { Random } from './random';

export interface Pace {
	durationMs: number;
	arrivalsPerSecond: number;
	/** Starts of the bursts. */
	burstsAtMs: number[];
	burstMs: number;
	burstFactor: number;
}

const BURST_EVERY_MS = 5 * MINUTE_MS;
const BURST_MS = 20_000;
const BURST_FACTOR = 3;

/**
 * A burst of three times the rate for 20 seconds, every 5 minutes. Where the run is shorter than two
 * such intervals there is one burst in its middle, of at most a fifteenth of its length.
 */
export function paceOf(durationMs: number, arrivalsPerSecond: number): Pace {
	const every = Math.min(BURST_EVERY_MS, durationMs / 2);
	const burstMs = Math.min(BURST_MS, durationMs / 15);
	const burstsAtMs: number[] = [];
	for (let at = every; at + burstMs < durationMs; at += every) burstsAtMs.push(at);
	return { durationMs, arrivalsPerSecond, burstsAtMs, burstMs, burstFactor: BURST_FACTOR };
}

/** Milliseconds from the start of the run: independent of each other, as calls of many people are. */
export function* arrivals(pace: Pace, random: Random): Generator<number> {
	let at = 0;
	for (;;) {
		const burst = pace.burstsAtMs.some((start) => at >= start && at < start + pace.burstMs);
		const perSecond = pace.arrivalsPerSecond * (burst ? pace.burstFactor : 1);
		at += (-Math.log(1 - random.next()) / perSecond) * 1000;
		if (at >= pace.durationMs) return;
		yield at;
	}
}
