/**
 * The emulator's time. It runs with the machine's clock and can be moved, so that a test can
 * let five minutes or seven days pass at once.
 */
export class Clock {
	private offsetMs: number;

	/** @param start Unix milliseconds that the clock shows now; the machine's time by default. */
	constructor(start?: number) {
		this.offsetMs = start === undefined ? 0 : start - Date.now();
	}

	/** Unix milliseconds. */
	now(): number {
		return Date.now() + this.offsetMs;
	}

	/** Unix seconds as a string, the form of every timestamp in a webhook. */
	timestamp(): string {
		return toTimestamp(this.now());
	}

	advance(ms: number): void {
		this.offsetMs += ms;
	}

	set(unixMs: number): void {
		this.offsetMs = unixMs - Date.now();
	}
}

export function toTimestamp(unixMs: number): string {
	return String(Math.floor(unixMs / 1000));
}
