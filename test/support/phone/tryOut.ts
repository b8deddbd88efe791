import { dirname, join } from 'node:path';
import { poll, startScript, type StartedProcess } from '../processes';
import { REPOSITORY } from '../package';

const SCRIPT = join(REPOSITORY, 'examples/browser-phone/try.mjs');

/** examples/browser-phone/try.mjs: the web space that the page lies on, and the agents' chat. */
export class TryOut {
	private output = '';
	private seen = 0;
	private readonly process: StartedProcess;

	private constructor() {
		this.process = startScript(SCRIPT, ['--port', '0'], {
			cwd: dirname(SCRIPT),
			env: process.env,
			onOutput: (text) => {
				this.output += text;
			},
		});
	}

	static async start(): Promise<TryOut> {
		const started = new TryOut();
		await poll('page on this machine', 20_000, async () =>
			started.output.includes('/agents') ? true : undefined,
		);
		return started;
	}

	get pageUrl(): string {
		return /http:\S+\/phone\.html/.exec(this.output)![0];
	}

	get chatUrl(): string {
		return /http:\S+\/agents/.exec(this.output)![0];
	}

	/** The next message to the agents that was not asked for before. */
	async nextMessage(): Promise<string> {
		const messages = () => this.output.match(/^WhatsApp call from .*\n/gm) ?? [];
		const message = await poll('message to the agents', 20_000, async () => messages()[this.seen], {
			interval: 10,
		});
		this.seen++;
		return message.trim();
	}

	async stop(): Promise<void> {
		await this.process.stop();
	}
}
