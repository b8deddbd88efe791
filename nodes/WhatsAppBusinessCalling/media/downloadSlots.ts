import { SharedLimit, type Share } from '../sharedLimit';

interface WaitingDownload {
	limit: number;
	start: () => void;
}

/**
 * Limits how many files a trigger downloads at once in this process, over all its deliveries, and all triggers
 * together; of a trigger's downloads, the longest waiting is next. Downloads of the action node are not counted: they run in executions, which n8n limits, and
 * must not delay a delivery.
 */
export class DownloadSlots {
	private readonly share: Share;

	private readonly queue: WaitingDownload[] = [];

	/** @param common shared with other triggers */
	constructor(common = new SharedLimit()) {
		this.share = common.share();
	}

	/**
	 * Waits for a free slot.
	 *
	 * @param limit maximum number of downloads at once, from the caller's settings
	 * @returns a function that frees the slot, or null if the signal aborted first
	 */
	async take(limit: number, signal: AbortSignal): Promise<(() => void) | null> {
		if (signal.aborted) return null;
		const hasSlot = await new Promise<boolean>((resolve) => {
			const giveUp = () => {
				this.queue.splice(this.queue.indexOf(waiting), 1);
				resolve(false);
				this.startNext();
			};
			const start = () => {
				signal.removeEventListener('abort', giveUp);
				resolve(true);
			};
			const waiting = { limit, start };
			signal.addEventListener('abort', giveUp, { once: true });
			this.queue.push(waiting);
			this.startNext();
		});
		return hasSlot ? this.slot() : null;
	}

	/** Gives free slots to waiting downloads, before a new one can take them; returns whether one started. */
	private readonly startNext = (): boolean => {
		let hasStarted = false;
		while (this.queue.length > 0 && this.share.tryTake(this.queue[0].limit)) {
			this.queue.shift()?.start();
			hasStarted = true;
		}
		if (this.queue.length > 0) this.share.wait(this.startNext);
		else this.share.stopWaiting(this.startNext);
		return hasStarted;
	};

	private slot(): () => void {
		let held = true;
		return () => {
			if (!held) return;
			held = false;
			this.share.free();
		};
	}
}
