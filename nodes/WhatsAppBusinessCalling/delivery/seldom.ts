/** Lets something be said once in a while for each key, however often it happens. */
export class Seldom {
	/** When it was last said, in milliseconds since 1970. */
	private readonly saidAt = new Map<string, number>();

	constructor(private readonly everyMs: number) {}

	/** Whether it is time to say it; then it counts as said. */
	isDue(key: string): boolean {
		const now = Date.now();
		if (Math.abs(now - (this.saidAt.get(key) ?? -Infinity)) < this.everyMs) return false;
		this.saidAt.set(key, now);
		return true;
	}

	/** The next time is due again. */
	reset(key: string): void {
		this.saidAt.delete(key);
	}
}
