interface Waiting {
	limit: number;
	start: () => void;
}

/**
 * Bounds how many files a trigger downloads at once in this process, over all its deliveries. First come,
 * first served. Downloads of the action node are not counted: they run in executions, whose number n8n
 * limits, and must not keep a delivery of Meta waiting.
 */
export class DownloadSlots {
	private running = 0;

	private readonly queue: Waiting[] = [];

	/**
	 * Waits for a free slot.
	 *
	 * @param limit how many downloads may run at once, in the eyes of the caller
	 * @returns a function that frees the slot, or null when the signal came first
	 */
	async take(limit: number, signal: AbortSignal): Promise<(() => void) | null> {
		if (signal.aborted) return null;
		const got = await new Promise<boolean>((resolve) => {
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
		return got ? this.slot() : null;
	}

	/** Gives free slots to those who wait, before anything that comes now can take them. */
	private startNext(): void {
		while (this.queue.length > 0 && this.running < this.queue[0].limit) {
			this.running++;
			this.queue.shift()?.start();
		}
	}

	private slot(): () => void {
		let held = true;
		return () => {
			if (!held) return;
			held = false;
			this.running--;
			this.startNext();
		};
	}
}
