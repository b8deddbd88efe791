import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Longer than any client keeps an idle connection: a server must not close one under a request. */
const KEEP_ALIVE_MS = 10 * 60_000;

/** An HTTP server on a free port of the loopback interface. */
export abstract class LocalServer {
	private readonly server = createServer((request, response) => {
		// A sender that hangs up ends the reading of its request.
		Promise.resolve(this.respond(request, response)).catch(() => response.destroy());
	});

	protected abstract respond(
		request: IncomingMessage,
		response: ServerResponse,
	): void | Promise<void>;

	async start(): Promise<this> {
		this.server.keepAliveTimeout = KEEP_ALIVE_MS;
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	/** `http://127.0.0.1:PORT` */
	get origin(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	/** Where requests go. */
	get url(): string {
		return this.origin;
	}

	/** Ends all connections, answered or not. */
	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
	}
}

type Respond = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

class ListenerServer extends LocalServer {
	constructor(protected override readonly respond: Respond) {
		super();
	}
}

/** Starts a server that answers as the listener does. */
export async function serve(listener: Respond): Promise<LocalServer> {
	return await new ListenerServer(listener).start();
}
