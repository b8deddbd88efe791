import type { MediaProblem } from './types';

/** How long a URL of a file works (Meta, "Call recording": Download the recording). */
export const URL_LIFETIME_MS = 5 * 60_000;

/** How long Meta keeps a file after its event (Meta, "Call recording", Retention). */
export const RETENTION_MS = 7 * 24 * 60 * 60_000;

/**
 * How long after its event a file may still be missing: the event can arrive before the systems that hold
 * the file know it. Until then no response that the file is missing is final.
 */
const SETTLING_MS = 10 * 60_000;

/** Whether an event is so recent that its file may still appear. False without a time. */
export function isYoung(eventAt: number | null): boolean {
	return eventAt !== null && Date.now() - eventAt < SETTLING_MS;
}

/** @param why a sentence that names who responded and how */
export function notYet(why: string): MediaProblem {
	return {
		reason: 'unavailable',
		message: `Meta does not have the file yet: ${why}`,
		transient: true,
	};
}
