import { SharedLimit, type TakePlace } from '../sharedLimit';
import { perTrigger } from '../trigger/nodeKey';
import { onAnswered, type WebhookResponse } from './acknowledgement';

/** How long a place is kept after Meta has hung up, for n8n to finish what it has begun. */
const KEEP_AFTER_CLOSED_MS = 60_000;

/** Minimum time between two log lines about rejected deliveries. */
const LOG_INTERVAL_MS = 60_000;

/**
 * Limits how many deliveries a trigger works on at once, and all triggers of this process together.
 *
 * n8n has no such limit: with its default expression engine each delivery holds two isolates of about 11 MB
 * (`npm run bench -- --only 7` prints it). If more arrive than n8n can store, all of them slow down together,
 * Meta gets no answer to any of them in time and sends all of them again, so n8n never recovers. If some are
 * rejected at once, the others are stored, and Meta delivers the rest later.
 */
export class Admission {
	private readonly takePlace: TakePlace;

	private rejected = 0;

	private loggedAt = -Infinity;

	/** @param common shared with other triggers */
	constructor(common = new SharedLimit()) {
		this.takePlace = common.addParticipant();
	}

	/**
	 * Takes a place until n8n ends its answer, and at most for a minute after Meta has hung up: a workflow
	 * that runs for hours must not hold it.
	 *
	 * @param limit maximum number of deliveries at once, from the caller's settings
	 * @returns false if all places are taken
	 */
	tryEnter(limit: number, response: WebhookResponse): boolean {
		const leave = this.takePlace(limit);
		if (leave === null) {
			this.rejected++;
			return false;
		}
		onAnswered(response, KEEP_AFTER_CLOSED_MS, leave);
		return true;
	}

	/**
	 * The number of deliveries that were rejected since the last log line about them; 0 if that was less than a
	 * minute ago.
	 *
	 * @param now in milliseconds since 1970
	 */
	takeRejectedCount(now: number): number {
		if (now - this.loggedAt < LOG_INTERVAL_MS) return 0;
		const count = this.rejected;
		this.rejected = 0;
		this.loggedAt = now;
		return count;
	}
}

const common = {
	files: new SharedLimit(),
	forwarded: new SharedLimit(),
	others: new SharedLimit(),
};

/**
 * The limits of each trigger. Four kinds of deliveries are counted separately: a media host that hangs, a workflow
 * that is slow to finish, or another receiver that does not answer must not prevent a ringing call from being
 * answered. All but ringing calls, which are few and need little, share their limit with the other triggers.
 */
export const admissionsOf = perTrigger(() => ({
	calls: new Admission(),
	files: new Admission(common.files),
	forwarded: new Admission(common.forwarded),
	others: new Admission(common.others),
}));
