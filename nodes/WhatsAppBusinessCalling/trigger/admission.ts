/** Milliseconds that a place is kept after Meta has hung up, for n8n to end what it has begun. */
const KEEP_AFTER_CLOSED_MS = 60_000;

/** Milliseconds between two lines of the log about deliveries that found no place. */
const TELL_EVERY_MS = 60_000;

/** Where the delivery came in: what tells when its sender is gone. */
interface Connection {
	readonly closed: boolean;
	once(event: 'close', listener: () => void): unknown;
}

/**
 * Bounds how many deliveries this process works on at once, over all workflows.
 *
 * n8n has no such bound: with its default expression engine each delivery holds some 20 MB from the
 * request to the answer. When more come than n8n can store, all of them become slow together, Meta gets no
 * answer to any of them in time and sends all of them again; so it never recovers. Where some are turned
 * away at once, the others are stored, and Meta brings the rest later.
 */
export class Admission {
	private inside = 0;

	private turnedAway = 0;

	private toldAt = -Infinity;

	/**
	 * @param limit how many deliveries may be worked on at once, in the eyes of the caller
	 * @returns a function that gives the place back, or null when there is none. A place is also given back
	 * a minute after the connection is closed: a workflow that runs for hours is none of our business
	 */
	enter(limit: number, connection: Connection): (() => void) | null {
		if (this.inside >= limit) {
			this.turnedAway++;
			return null;
		}
		this.inside++;
		let held = true;
		const leave = () => {
			if (!held) return;
			held = false;
			this.inside--;
		};
		const leaveLater = () => {
			if (held) AbortSignal.timeout(KEEP_AFTER_CLOSED_MS).addEventListener('abort', leave);
		};
		if (connection.closed) leaveLater();
		else connection.once('close', leaveLater);
		return leave;
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

/** Apart from each other: a media host that hangs must not keep calls from being answered. */
export const withFiles = new Admission();
export const withoutFiles = new Admission();
