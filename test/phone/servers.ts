import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { readFile } from 'node:fs/promises';
import { poll } from '../support/processes';
import { PAGE } from './policy';

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

/** The web space that the page lies on, which keeps what it was asked for. */
export async function startWebSpace(): Promise<{ server: LocalServer; requests: string[] }> {
	const html = await readFile(PAGE);
	const requests: string[] = [];
	const server = await LocalServer.start(({ url = '' }, response) => {
		requests.push(url);
		const isPage = url.split('?')[0] === '/phone.html';
		response.writeHead(isPage ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
		response.end(isPage ? html : '');
	});
	return { server, requests };
}

/** The agents' chat, which takes messages as Slack's incoming webhooks do. */
export class Chat {
	private readonly messages: string[] = [];
	private seen = 0;

	private constructor(readonly server: LocalServer) {}

	static async start(): Promise<Chat> {
		const chat: Chat = new Chat(
			await LocalServer.start((request, response) => {
				void text(request).then((body) => {
					chat.messages.push((JSON.parse(body) as { text: string }).text);
					response.end('ok');
				});
			}),
		);
		return chat;
	}

	/** The next message that was not asked for before. */
	async next(): Promise<string> {
		const message = await poll(
			'message to the agents',
			20_000,
			async () => this.messages[this.seen],
			{
				interval: 10,
			},
		);
		this.seen++;
		return message;
	}
}
