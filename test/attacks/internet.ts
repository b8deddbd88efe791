import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { CreatedRecording } from '../../emulator';
import { CertificateAuthority } from '../support/certificates';

/** Meta's hosts that are played here; what is sent to them is no leak. */
export const GRAPH_HOST = 'graph.facebook.com';
export const MEDIA_HOST = 'lookaside.fbsbx.com';
export const OTHER_MEDIA_HOST = 'scontent.xx.fbcdn.net';

/** Answers instead of Meta. */
export type Send = (response: ServerResponse) => void;

export const sendJson =
	(body: unknown): Send =>
	(response) =>
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** Of the characters of a header, each is a byte. */
export const redirectTo =
	(location: string): Send =>
	(response) =>
		response.writeHead(302, { location: Buffer.from(location).toString('latin1') }).end();

const META_HOSTS = [GRAPH_HOST, MEDIA_HOST, OTHER_MEDIA_HOST];

/** Something that reached a host which is not Meta's. */
export interface Caught {
	how: 'https' | 'http' | 'connection';
	/** The host that was meant, as far as it was said. */
	host: string;
	/** The request: line, headers and the beginning of its body. */
	text: string;
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const MAX_KEPT_CHARACTERS = 64 * 1024;

/** The first byte of a TLS connection. */
const TLS_HANDSHAKE = 0x16;

/**
 * All the hosts there are, on one loopback port, with certificates that n8n trusts. What is meant for
 * Meta's is handed on to the emulator; every other host keeps what it gets, and answers as if all were well.
 */
export class Internet {
	readonly caught: Caught[] = [];

	/** Requests that came to Meta's hosts. */
	readonly served: Array<{ url: string; withToken: boolean }> = [];

	readonly authority = new CertificateAuthority();

	/** Answers in Meta's place, if it wants to. */
	private hostile: ((request: IncomingMessage) => Answer | undefined) | undefined;

	private readonly sockets = new Set<Socket>();

	private readonly handle: Answer = (request, response) => {
		request.on('error', () => undefined);
		response.on('error', () => undefined);
		const answer = this.isMeta(request) ? this.meta(request) : this.trap;
		answer(request, response);
	};

	private readonly plain = createServer(this.handle);

	private readonly secure = createTlsServer(
		{
			// For clients that ask for no name: they want an address.
			...this.authority.identityOf('127.0.0.1', '169.254.169.254', '::1', 'localhost'),
			SNICallback: (name, done) =>
				done(null, createSecureContext(this.authority.identityOf(name, `${name}.`))),
		},
		this.handle,
	);

	private readonly listener = createTcpServer((socket) => this.accept(socket));

	/** @param emulator base URL of the emulator, which is Meta behind Meta's hosts */
	constructor(private readonly emulator: () => string) {
		this.secure.on('tlsClientError', (error, socket) => {
			const host = socket.servername || 'unknown';
			this.caught.push({ how: 'connection', host, text: error.message });
		});
	}

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.listener.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get port(): number {
		return (this.listener.address() as AddressInfo).port;
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.listener.close(() => resolve());
			for (const socket of this.sockets) socket.destroy();
		});
	}

	/** Until the work is done, requests to Meta's hosts may get another answer than Meta's. */
	async betrayed<T>(
		by: (request: IncomingMessage) => Answer | undefined,
		work: () => Promise<T>,
	): Promise<T> {
		this.hostile = by;
		try {
			return await work();
		} finally {
			this.hostile = undefined;
		}
	}

	/** Until the work is done, the Media API answers so about this file. */
	async mediaApi<T>({ mediaId }: CreatedRecording, send: Send, work: () => Promise<T>): Promise<T> {
		return await this.betrayed(
			({ headers, url }) =>
				headers.host === GRAPH_HOST && url?.includes(mediaId)
					? (_, response) => send(response)
					: undefined,
			work,
		);
	}

	/** Until the work is done, the media host answers so about this file. */
	async mediaHost<T>({ media }: CreatedRecording, send: Send, work: () => Promise<T>): Promise<T> {
		return await this.betrayed(
			({ headers, url }) =>
				headers.host === MEDIA_HOST && url?.includes(`mid=${media.attachmentId}`)
					? (_, response) => send(response)
					: undefined,
			work,
		);
	}

	private accept(socket: Socket): void {
		this.sockets.add(socket);
		let spoke = false;
		socket.once('close', () => {
			this.sockets.delete(socket);
			if (!spoke) this.caught.push({ how: 'connection', host: 'unknown', text: '' });
		});
		socket.on('error', () => undefined);
		socket.once('data', (first: Buffer) => {
			spoke = true;
			socket.pause();
			socket.unshift(first);
			(first[0] === TLS_HANDSHAKE ? this.secure : this.plain).emit('connection', socket);
			process.nextTick(() => socket.resume());
		});
	}

	private isMeta(request: IncomingMessage): boolean {
		const { socket, headers } = request;
		const named = socket instanceof TLSSocket && socket.servername === headers.host;
		return named && META_HOSTS.includes(headers.host ?? '');
	}

	private meta(incoming: IncomingMessage): Answer {
		const { host, authorization } = incoming.headers;
		const url = `https://${host}${incoming.url}`;
		this.served.push({ url, withToken: authorization !== undefined });
		return this.hostile?.(incoming) ?? this.handOn;
	}

	private readonly handOn: Answer = (incoming, response) => {
		const target = new URL(incoming.url ?? '/', this.emulator());
		const { method, headers } = incoming;
		const onward = request(target, { method, headers: { ...headers, host: target.host } });
		onward.on('error', () => response.destroy());
		onward.on('response', (answer) => {
			const { 'content-length': _, ...kept } = answer.headers;
			const isJson = String(kept['content-type']).startsWith('application/json');
			if (isJson && incoming.headers.host === GRAPH_HOST) {
				textOf(answer).then(
					(text) =>
						response.writeHead(answer.statusCode ?? 502, kept).end(this.withMetasHosts(text)),
					() => response.destroy(),
				);
			} else {
				response.writeHead(answer.statusCode ?? 502, answer.headers);
				answer.pipe(response);
			}
		});
		incoming.pipe(onward);
	};

	/** Addresses of files as Meta gives them, instead of the emulator's. */
	withMetasHosts(text: string): string {
		return text.replaceAll(`${this.emulator()}/whatsapp_business`, `${MEDIA}/whatsapp_business`);
	}

	private readonly trap: Answer = (request, response) => {
		const host = request.headers.host ?? 'unknown';
		const { rawHeaders, method, url } = request;
		const caught: Caught = {
			how: isSecure(request) ? 'https' : 'http',
			host,
			text: `${method} ${url}\n${rawHeaders.join('\n')}\n`,
		};
		this.caught.push(caught);
		request.on('data', (chunk: Buffer) => {
			if (caught.text.length < MAX_KEPT_CHARACTERS) caught.text += chunk.toString('latin1');
		});
		request.on('end', () =>
			response.writeHead(200, { 'content-type': 'application/json' }).end('{"success":true}'),
		);
	};
}

const MEDIA = `https://${MEDIA_HOST}`;

const isSecure = ({ socket }: IncomingMessage) => socket instanceof TLSSocket;

async function textOf(message: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of message) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}
