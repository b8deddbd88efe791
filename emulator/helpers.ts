import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Emulator } from './index';

export interface ReceivedWebhook {
	method: string;
	url: URL;
	headers: IncomingHttpHeaders;
	raw: Buffer;
}

type Reply = { status?: number; body?: string; delayMs?: number; headers?: Record<string, string> };

/** A callback as an integration would have: passes the challenge and answers 200. */
export class Receiver {
	readonly webhooks: ReceivedWebhook[] = [];
	readonly challenges: ReceivedWebhook[] = [];
	verifyToken = 'a verify token';
	/** Answers for the next webhooks; 200 when empty. */
	replies: Reply[] = [];
	challengeReply: Reply | undefined;
	private readonly timers: NodeJS.Timeout[] = [];
	private readonly server = createServer((req, res) => {
		const chunks: Buffer[] = [];
		req.on('data', (chunk: Buffer) => chunks.push(chunk));
		req.on('end', () => {
			const received = {
				method: req.method ?? '',
				url: new URL(req.url ?? '/', this.url),
				headers: req.headers,
				raw: Buffer.concat(chunks),
			};
			const reply = received.method === 'GET' ? this.challenge(received) : this.webhook(received);
			const answer = () => res.writeHead(reply.status ?? 200, reply.headers).end(reply.body ?? '');
			if (reply.delayMs === undefined) answer();
			else this.timers.push(setTimeout(answer, reply.delayMs));
		});
	});

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
	}

	/** Parsed, one element per update, in order of arrival. */
	get events(): Array<Record<string, unknown>> {
		return this.webhooks.flatMap(({ raw }) => eventsOf(JSON.parse(raw.toString()) as Payload));
	}

	get names(): string[] {
		return this.events.map(({ event, status }) => String(event ?? status));
	}

	stop(): Promise<void> {
		this.timers.forEach(clearTimeout);
		return new Promise((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
	}

	private challenge(received: ReceivedWebhook): Reply {
		this.challenges.push(received);
		if (this.challengeReply) return this.challengeReply;
		const query = received.url.searchParams;
		return query.get('hub.mode') === 'subscribe' &&
			query.get('hub.verify_token') === this.verifyToken
			? { body: query.get('hub.challenge') ?? '' }
			: { status: 403 };
	}

	private webhook(received: ReceivedWebhook): Reply {
		this.webhooks.push(received);
		return this.replies.shift() ?? {};
	}
}

interface Payload {
	entry: Array<{
		changes: Array<{ value: Record<string, Array<Record<string, unknown>> | undefined> }>;
	}>;
}

export function eventsOf(payload: Payload): Array<Record<string, unknown>> {
	return payload.entry.flatMap(({ changes }) =>
		changes.flatMap(({ value }) => [
			...(value.calls ?? []),
			...(value.statuses ?? []),
			...(value.messages ?? []),
		]),
	);
}

export interface GraphReply {
	status: number;
	headers: Headers;
	body: Record<string, unknown>;
	/** Of the error envelope; empty when the answer is none. */
	error: {
		code?: number;
		message?: string;
		error_subcode?: number;
		is_transient?: boolean;
		fbtrace_id?: string;
		error_data?: { messaging_product: string; details: string };
	};
}

/** A Graph API request with the account's token; the body goes out as JSON. */
export async function graph(
	emulator: Emulator,
	method: string,
	path: string,
	body?: unknown,
	headers: Record<string, string> = {},
): Promise<GraphReply> {
	const response = await fetch(`${emulator.baseUrl}/v26.0/${path}`, {
		method,
		headers: {
			authorization: `Bearer ${emulator.account.accessToken}`,
			...(body !== undefined && { 'content-type': 'application/json' }),
			...headers,
		},
		...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
	});
	const text = await response.text();
	const parsed = (text.startsWith('{') ? JSON.parse(text) : { text }) as GraphReply['body'];
	return {
		status: response.status,
		headers: response.headers,
		body: parsed,
		error: (parsed.error ?? {}) as GraphReply['error'],
	};
}

export const appToken = ({ account }: Emulator) => ({
	authorization: `Bearer ${account.appId}|${account.appSecret}`,
});

export const download = (emulator: Emulator, url: string, headers: Record<string, string> = {}) =>
	fetch(url, {
		redirect: 'manual',
		headers: {
			authorization: `Bearer ${emulator.account.accessToken}`,
			'user-agent': 'test',
			...headers,
		},
	});
