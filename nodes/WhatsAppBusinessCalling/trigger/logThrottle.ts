/** Limits how often a line is logged for each key, whatever causes it. */
export class LogThrottle {
	/** Milliseconds since 1970. */
	private readonly loggedAt = new Map<string, number>();

	constructor(private readonly intervalMs: number) {}

	/** Whether the line may be logged now. If so, the next one may follow after the interval. */
	isDue(key: string): boolean {
		const now = Date.now();
		// The absolute age, so that a clock set back cannot suppress the line.
		if (Math.abs(now - (this.loggedAt.get(key) ?? -Infinity)) < this.intervalMs) return false;
		this.loggedAt.set(key, now);
		return true;
	}

	/** The next line may be logged at once. */
	reset(key: string): void {
		this.loggedAt.delete(key);
	}
}
