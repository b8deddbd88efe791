import { createHash } from 'node:crypto';
import { request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { serve, type LocalServer } from '../support/localServer';
import { isReadyAt } from '../support/n8nClient';

/** A webhook processor as the load balancer sees it. */
export interface Upstream {
	readonly port: number;
	/** Requests that it has taken and not answered. */
	inFlight: number;
	/** Requests that it was given. */
	taken: number;
}

/**
 * What stands before several webhook processors: gives them requests in turn, passes over one that is
 * not ready, and answers 502 where one breaks off in the middle, as nginx does with POST. It asks before
 * each request, because n8n answers whatever comes while it starts with 200.
 * Each upstream also has an address of its own here, which leads to it: so copies of a delivery can be
 * sent to all of them at the same time. That is for the first time that a body comes there. A repetition
 * goes to whose turn it is, as everything does at the balancer's own address.
 */
export class Balancer {
	readonly upstreams: Upstream[];

	/** Requests that an upstream broke off. */
	brokenOff = 0;

	private turn = 0;

	private shared!: LocalServer;

	private fronts!: LocalServer[];

	constructor(ports: number[]) {
		this.upstreams = ports.map((port) => ({ port, inFlight: 0, taken: 0 }));
	}

	async start(): Promise<this> {
		this.shared = await this.startFront(() => this.turn++);
		this.fronts = await Promise.all(
			this.upstreams.map(async (_, index) => {
				const seen = new Set<string>();
				return await this.startFront((body) => {
					const known = seen.size;
					seen.add(createHash('sha256').update(body).digest('base64'));
					return seen.size > known ? index : this.turn++;
				});
			}),
		);
		return this;
	}

	get url(): string {
		return this.shared.url;
	}

	/** The same address at the front of one upstream. */
	urlOf(index: number, url = this.url): string {
		const front = this.fronts[index];
		if (!front) throw new Error(`There is no upstream ${index}`);
		return url.replace(this.url, front.url);
	}

	async stop(): Promise<void> {
		await Promise.all([this.shared, ...this.fronts].map(async (server) => await server.stop()));
	}

	/** @param choose the number of the upstream that is asked first */
	private async startFront(choose: (body: Buffer) => number): Promise<LocalServer> {
		return await serve(async (request, response) => {
			const body = await buffer(request);
			const first = choose(body);
			const inTurn = this.upstreams.map(
				(_, offset) => this.upstreams[(first + offset) % this.upstreams.length],
			);
			await this.forward(request, body, response, inTurn);
		});
	}

	private async forward(
		request: IncomingMessage,
		body: Buffer,
		response: ServerResponse,
		inTurn: Upstream[],
	): Promise<void> {
		for (const upstream of inTurn) {
			if (await isReady(upstream)) return this.hand(request, body, response, upstream);
		}
		response.writeHead(502).end();
	}

	private hand(
		{ method, url: path, headers }: IncomingMessage,
		body: Buffer,
		response: ServerResponse,
		upstream: Upstream,
	): void {
		upstream.taken++;
		upstream.inFlight++;
		const outgoing = sendRequest(
			{ host: '127.0.0.1', port: upstream.port, method, path, headers, agent: false },
			(answer) => {
				response.writeHead(answer.statusCode ?? 502, answer.headers);
				answer.pipe(response);
				answer.once('error', () => response.destroy());
			},
		);
		outgoing.once('close', () => upstream.inFlight--);
		outgoing.once('error', () => {
			if (response.closed) return;
			this.brokenOff++;
			if (response.headersSent) response.destroy();
			else response.writeHead(502).end();
		});
		// The sender has hung up: so does the balancer.
		response.once('close', () => outgoing.destroy());
		outgoing.end(body);
	}
}

async function isReady({ port }: Upstream): Promise<boolean> {
	return await isReadyAt(`http://127.0.0.1:${port}`).catch(() => false);
}
