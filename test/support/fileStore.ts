import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { LocalServer } from './localServer';

/** The operator's storage: keeps what is put to it, and can be down or slow. */
export class FileStore extends LocalServer {
	readonly files = new Map<string, Buffer>();

	/** How many of the next requests are answered 500. */
	failNext = 0;

	delayMs = 0;

	requests = 0;

	protected override async respond(
		request: IncomingMessage,
		response: ServerResponse,
	): Promise<void> {
		this.requests++;
		const content = await buffer(request);
		const fails = this.failNext > 0;
		if (fails) this.failNext--;
		else this.files.set((request.url ?? '/').slice(1), content);
		setTimeout(() => response.writeHead(fails ? 500 : 200).end('{}'), this.delayMs).unref();
	}
}
