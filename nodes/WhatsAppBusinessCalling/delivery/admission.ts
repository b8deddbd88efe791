import { perTrigger } from '../trigger/nodeKey';
import { watchAnswer, type WebhookResponse } from './acknowledgement';

/** Milliseconds that a place is kept after Meta has hung up, for n8n to end what it has begun. */
const KEEP_AFTER_CLOSED_MS = 60_000;

/** Milliseconds between two lines of the log about deliveries that found no place. */
const TELL_EVERY_MS = 60_000;

/**
 * Bounds how many deliveries this process works on at once.
 *
 * n8n has no such bound: with its default expression engine each delivery holds two isolates, of some 11 MB
 * each (`npm run bench -- --only 7` prints it). When more come than n8n can store, all of them become slow
 * together, Meta gets no answer to any of them in time and sends all of them again; so it never recovers.
 * Where some are turned away at once, the others are stored, and Meta brings the rest later.
 */
export class Admission {
	private inside = 0;

	private turnedAway = 0;

	private toldAt = -Infinity;

	/**
	 * Takes a place until n8n ends the answer, and at most for a minute after Meta has hung up: a workflow
	 * that runs for hours is none of our business.
	 *
	 * @param limit how many deliveries may be worked on at once, in the eyes of the caller
	 * @returns false where there is no place
	 */
	enter(limit: number, response: WebhookResponse): boolean {
		if (this.inside >= limit) {
			this.turnedAway++;
			return false;
		}
		this.inside++;
		watchAnswer(response, false, { afterClosedMs: KEEP_AFTER_CLOSED_MS }, () => this.inside--);
		return true;
	}

	/** How many were turned away since this was last told; 0 where that was a short while ago. */
	toTell(now: number): number {
		if (now - this.toldAt < TELL_EVERY_MS) return 0;
		const count = this.turnedAway;
		this.turnedAway = 0;
		this.toldAt = now;
		return count;
	}
}

/**
 * The bounds of each trigger, so that none takes the places of another one's deliveries. Within a trigger,
 * four kinds of deliveries are counted apart: a media host that hangs, a workflow that is slow to finish, or
 * another receiver that does not answer must not keep a ringing call from being answered.
 */
export const admissionsOf = perTrigger(() => ({
	calls: new Admission(),
	files: new Admission(),
	forwarded: new Admission(),
	others: new Admission(),
}));
