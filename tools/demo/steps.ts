import { Listr } from 'listr2';
import { stopAll } from '../../test/support/processes';

export interface StepTools {
	/** Shows what is going on at the moment. */
	progress(text: string): void;
	/** Replaces the step's title: what came of it. */
	result(text: string): void;
}

export interface Step {
	title: string;
	/** Seconds. */
	limit: number;
	run(tools: StepTools): Promise<void>;
}

export class Interrupted extends Error {}

export class StepFailed extends Error {
	constructor(
		readonly step: string,
		override readonly cause: unknown,
	) {
		super(cause instanceof Error ? cause.message : String(cause));
	}
}

/** How often progress is printed where lines cannot be overwritten, in milliseconds. */
const QUIET_INTERVAL = 15_000;

/** Takes steps one after the other, shows them, and stops at the first that fails or takes too long. */
export class StepRunner {
	private readonly interruption: Promise<never>;
	private interrupt: (reason: Interrupted) => void = () => undefined;
	private current: Promise<unknown> = Promise.resolve();

	constructor() {
		this.interruption = new Promise<never>((_resolve, reject) => {
			this.interrupt = reject;
		});
		this.interruption.catch(() => undefined);
		for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
			process.on(signal, () => {
				this.interrupt(new Interrupted(signal));
				stopAll();
			});
		}
	}

	/** Rejects with `Interrupted` on Ctrl-C, and never resolves. */
	async untilInterrupted(): Promise<never> {
		return await this.interruption;
	}

	async run(steps: Step[]): Promise<void> {
		const list = new Listr(
			steps.map((step) => ({
				title: step.title,
				task: async (_context, task) => {
					let lastLine = 0;
					const tools: StepTools = {
						progress(text) {
							if (!process.stdout.isTTY && Date.now() - lastLine < QUIET_INTERVAL) return;
							lastLine = Date.now();
							task.output = text;
						},
						result(text) {
							task.title = text;
						},
					};
					await this.limited(step, tools);
				},
			})),
			{ registerSignalListeners: false, renderer: 'default', fallbackRenderer: 'simple' },
		);
		await list.run();
	}

	/** Gives a step that was broken off some time to clean up behind itself. */
	async settle(timeout = 15_000): Promise<void> {
		await Promise.race([
			this.current.catch(() => undefined),
			new Promise((resolve) => setTimeout(resolve, timeout).unref()),
		]);
	}

	private async limited(step: Step, tools: StepTools): Promise<void> {
		let timer: NodeJS.Timeout | undefined;
		const timeout = new Promise<never>((_resolve, reject) => {
			timer = setTimeout(
				() => reject(new Error(`It took more than ${step.limit} seconds`)),
				step.limit * 1_000,
			);
		});
		const work = step.run(tools);
		this.current = work;
		try {
			await Promise.race([work, timeout, this.interruption]);
		} catch (error) {
			throw error instanceof Interrupted ? error : new StepFailed(step.title, error);
		} finally {
			clearTimeout(timer);
		}
	}
}
