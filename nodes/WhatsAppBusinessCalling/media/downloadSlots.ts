/**
 * Bounds how many downloads run at once in this process, over all deliveries, workflows and nodes.
 * First come, first served.
 */
export class DownloadSlots {
	private running = 0;

	private readonly queue: Array<() => void> = [];

	/**
	 * Waits for a free slot.
	 *
	 * @param limit how many downloads may run at once, in the eyes of the caller
	 * @returns a function that frees the slot, or null when the signal came first
	 */
	async take(limit: number, signal: AbortSignal): Promise<(() => void) | null> {
		while (this.running >= limit && !signal.aborted) await this.nextRelease(signal);
		if (signal.aborted) {
			// A slot that was freed for this caller goes to the next one.
			this.queue.shift()?.();
			return null;
		}
		this.running++;
		let held = true;
		return () => {
			if (!held) return;
			held = false;
			this.running--;
			this.queue.shift()?.();
		};
	}

	private async nextRelease(signal: AbortSignal): Promise<void> {
		await new Promise<void>((resolve) => {
			const wake = () => {
				signal.removeEventListener('abort', giveUp);
				resolve();
			};
			const giveUp = () => {
				this.queue.splice(this.queue.indexOf(wake), 1);
				resolve();
			};
			this.queue.push(wake);
			signal.addEventListener('abort', giveUp, { once: true });
		});
	}
}

export const downloadSlots = new DownloadSlots();
