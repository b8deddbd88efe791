import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { poll, startScript, type StartedProcess } from '../support/processes';
import { REPOSITORY } from '../support/package';

const SCRIPT = join(REPOSITORY, 'examples/browser-phone/try.mjs');

/** An HTTP server on a free port of the loopback interface. */
export class LocalServer {
	private readonly server: Server;

	private constructor(listener: RequestListener) {
		this.server = createServer(listener);
	}

	static async start(listener: RequestListener): Promise<LocalServer> {
		const started = new LocalServer(listener);
		await new Promise<void>((resolve) => started.server.listen(0, '127.0.0.1', resolve));
		return started;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
	}
}

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
