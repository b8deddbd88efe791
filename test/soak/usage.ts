import { readFile } from 'node:fs/promises';

/** Of the kernel's clock; fixed at 100 for all programs on Linux. */
const TICKS_PER_SECOND = 100;

/** Processor time that all programs of the machine have used so far, in seconds. Linux only. */
export async function machineSeconds(): Promise<number> {
	const text = await readFile('/proc/stat', 'utf8');
	const [user, nice, system, , , interrupts, softInterrupts] = text
		.slice(0, text.indexOf('\n'))
		.split(/\s+/)
		.slice(1)
		.map(Number);
	return (user + nice + system + interrupts + softInterrupts) / TICKS_PER_SECOND;
}

export interface Sample {
	atMs: number;
	value: number;
}

/** Slope of the straight line that fits best (least squares), per minute. */
export function slopePerMinute(samples: Sample[]): number {
	const mean = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
	const minutes = samples.map(({ atMs }) => atMs / 60_000);
	const values = samples.map(({ value }) => value);
	const [middle, level] = [mean(minutes), mean(values)];
	const rise = mean(minutes.map((minute, i) => (minute - middle) * (values[i] - level)));
	return rise / mean(minutes.map((minute) => (minute - middle) ** 2));
}

/** Takes a sample at once, and then again and again until it is stopped. */
export class Sampler {
	readonly samples: Sample[] = [];

	private readonly timer: NodeJS.Timeout;

	constructor(
		private readonly read: () => Promise<number>,
		everyMs: number,
		private readonly startedAt = performance.now(),
	) {
		void this.take();
		this.timer = setInterval(() => void this.take(), everyMs);
	}

	get peak(): number {
		return Math.max(...this.samples.map(({ value }) => value));
	}

	stop(): void {
		clearInterval(this.timer);
	}

	private async take(): Promise<void> {
		const atMs = performance.now() - this.startedAt;
		const value = await this.read().catch(() => null);
		if (value !== null) this.samples.push({ atMs, value });
	}
}
