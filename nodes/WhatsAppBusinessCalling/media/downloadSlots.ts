import { SharedLimit, type TakePlace } from '../sharedLimit';

interface WaitingDownload {
	limit: number;
	start: (freeSlot: () => void) => void;
}

/**
 * Limits how many files a trigger downloads at once in this process, over all its deliveries, and all triggers
 * together. Of a trigger's downloads, the longest waiting is next. Downloads of the action node are not counted: they
 * run in executions, which n8n limits, and must not delay a delivery.
 */
export class DownloadSlots {
	private readonly takePlace: TakePlace;

	private readonly queue: WaitingDownload[] = [];

	/** @param common shared with other triggers */
	constructor(private readonly common = new SharedLimit()) {
		this.takePlace = common.addParticipant();
	}

	/**
	 * Waits for a free slot.
	 *
	 * @param limit maximum number of downloads at once, from the caller's settings
	 * @returns a function that frees the slot, or null if the signal aborted first
	 */
	async take(limit: number, signal: AbortSignal): Promise<(() => void) | null> {
		if (signal.aborted) return null;
		return await new Promise((resolve) => {
			const giveUp = () => {
				this.queue.splice(this.queue.indexOf(waiting), 1);
				resolve(null);
				this.startNext();
			};
			const start = (freeSlot: () => void) => {
				signal.removeEventListener('abort', giveUp);
				resolve(freeSlot);
			};
			const waiting = { limit, start };
			signal.addEventListener('abort', giveUp, { once: true });
			this.queue.push(waiting);
			this.startNext();
		});
	}

	/** Gives free slots to waiting downloads, before a new one can take them; returns whether one started. */
	private readonly startNext = (): boolean => {
		let hasStarted = false;
		while (this.queue.length > 0) {
			const freeSlot = this.takePlace(this.queue[0].limit);
			if (freeSlot === null) break;
			this.queue.shift()?.start(freeSlot);
			hasStarted = true;
		}
		if (this.queue.length > 0) this.common.waiting.add(this.startNext);
		else this.common.waiting.delete(this.startNext);
		return hasStarted;
	};
}
