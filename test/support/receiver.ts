import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { LocalServer } from './localServer';

export interface ReceivedWebhook {
	method: string;
	url: URL;
	headers: IncomingHttpHeaders;
	raw: Buffer;
}

type Reply = { status?: number; body?: string; delayMs?: number; headers?: Record<string, string> };

/** A callback as an integration would have: passes the challenge and answers 200. */
export class Receiver extends LocalServer {
	readonly webhooks: ReceivedWebhook[] = [];
	readonly challenges: ReceivedWebhook[] = [];
	verifyToken = 'a verify token';
	/** Answers for the next webhooks; 200 when empty. */
	replies: Reply[] = [];
	challengeReply: Reply | undefined;
	private readonly timers: NodeJS.Timeout[] = [];

	override get url(): string {
		return `${this.origin}/hook`;
	}

	/** Parsed, one element per update, in order of arrival. */
	get events(): Array<Record<string, unknown>> {
		return this.webhooks.flatMap(({ raw }) => eventsOf(JSON.parse(raw.toString()) as Payload));
	}

	get names(): string[] {
		return this.events.map(({ event, status }) => String(event ?? status));
	}

	override async stop(): Promise<void> {
		this.timers.forEach(clearTimeout);
		await super.stop();
	}

	protected override async respond(
		request: IncomingMessage,
		response: ServerResponse,
	): Promise<void> {
		const { method = '', url = '/', headers } = request;
		const raw = await buffer(request);
		const received = { method, url: new URL(url, this.origin), headers, raw };
		const reply = method === 'GET' ? this.challenge(received) : this.webhook(received);
		const answer = () =>
			response.writeHead(reply.status ?? 200, reply.headers).end(reply.body ?? '');
		if (reply.delayMs === undefined) answer();
		else this.timers.push(setTimeout(answer, reply.delayMs));
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
