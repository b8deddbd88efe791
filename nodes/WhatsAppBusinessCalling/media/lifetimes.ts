import type { MediaProblem } from './types';

/**
 * Milliseconds for which a file may be late: the event can be faster than the systems that hold its file.
 * Until then no answer of Meta that the file is missing is final.
 */
const SETTLING_MS = 10 * 60_000;

/** Whether so little time has passed since an event that its file may still come; false when unknown. */
export function isYoung(eventAt: number | null): boolean {
	return eventAt !== null && Date.now() - eventAt < SETTLING_MS;
}

/** @param why one sentence that says who answered what */
export function notYet(why: string): MediaProblem {
	return {
		reason: 'unavailable',
		message: `Meta does not have the file yet: ${why}`,
		transient: true,
	};
}
