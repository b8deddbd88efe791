import { createHmac, randomUUID } from 'node:crypto';
import { request, type Dispatcher } from 'undici';
import { digitsOf, type Account } from './account';
import type { Clock } from './clock';
import type { Subscriptions } from './subscriptions';
import type {
	DeliverOptions,
	DeliveryAttempt,
	DeliveryHandle,
	DeliveryRecord,
	Settings,
	WebhookAnswer,
	WebhookUpdate,
} from './types';

/** Meta, "Overview" of webhooks. */
const MAX_UPDATES = 1000;
const MAX_PAYLOAD_BYTES = 3 * 1024 * 1024;
const MAX_ANSWER_CHARACTERS = 64 * 1024;

/** Packs updates into deliveries, signs and sends them, and sends again what got no 200. */
export class Webhooks {
	readonly deliveries: DeliveryRecord[] = [];
	private readonly handles = new Map<string, DeliveryHandle>();
	private readonly open = new Set<Promise<unknown>>();
	private readonly stopping = new AbortController();

	constructor(
		private readonly account: Account,
		private readonly clock: Clock,
		private readonly subscriptions: Subscriptions,
		private readonly dispatcher: Dispatcher,
		private readonly settings: Settings,
	) {}

	/** Sends all updates as one delivery. */
	deliver(updates: WebhookUpdate[], options: DeliverOptions = {}): DeliveryHandle {
		if (updates.length > MAX_UPDATES) {
			throw new Error(`A delivery has at most ${MAX_UPDATES} updates`);
		}
		const body = Buffer.from(options.rawBody ?? this.serialize(updates, options.layout));
		if (body.length > MAX_PAYLOAD_BYTES) {
			throw new Error(`A delivery has at most ${MAX_PAYLOAD_BYTES} bytes`);
		}
		const route = () => options.url ?? this.routeOf(updates);
		route();

		const record: DeliveryRecord = {
			id: randomUUID(),
			summary: summaryOf(updates),
			body: body.toString(),
			headers: this.headers(body, options),
			attempts: [],
			outcome: 'pending',
		};
		this.deliveries.push(record);
		let answered: (answer: WebhookAnswer) => void = () => {};
		const answer = new Promise<WebhookAnswer>((resolve) => {
			answered = resolve;
		});
		const settled = this.track(this.run(record, body, route, options, answered));
		const handle = { id: record.id, record, answer, settled };
		this.handles.set(record.id, handle);
		return handle;
	}

	waitFor(id: string): Promise<DeliveryRecord> {
		const handle = this.handles.get(id);
		return handle ? handle.settled : Promise.reject(new Error(`No delivery ${id}`));
	}

	/** Counts as work that `whenIdle` waits for. */
	track<T>(work: Promise<T>): Promise<T> {
		this.open.add(work);
		const done = () => this.open.delete(work);
		work.then(done, done);
		return work;
	}

	async whenIdle(): Promise<void> {
		while (this.open.size > 0) await Promise.allSettled(this.open);
	}

	/** Resolves after the time, or at once and with false when the emulator stops. */
	sleep(ms: number): Promise<boolean> {
		return new Promise((resolve) => {
			const { signal } = this.stopping;
			if (signal.aborted) return resolve(false);
			const finish = (elapsed: boolean) => {
				clearTimeout(timer);
				signal.removeEventListener('abort', stopped);
				resolve(elapsed);
			};
			const stopped = () => finish(false);
			const timer = setTimeout(() => finish(true), ms);
			signal.addEventListener('abort', stopped);
		});
	}

	async stop(): Promise<void> {
		this.stopping.abort();
		await this.whenIdle();
	}

	forget(): void {
		this.deliveries.length = 0;
		for (const [id, handle] of this.handles) {
			if (handle.record.outcome !== 'pending') this.handles.delete(id);
		}
	}

	private async run(
		record: DeliveryRecord,
		body: Buffer,
		route: () => string | undefined,
		{ redeliver = true, timeoutMs = this.settings.deliveryTimeoutMs }: DeliverOptions,
		answered: (answer: WebhookAnswer) => void,
	): Promise<DeliveryRecord> {
		const delays = redeliver ? [...this.settings.redeliveryDelaysMs] : [];
		for (;;) {
			const url = route();
			const answer: WebhookAnswer = url
				? await this.attempt(record, body, url, timeoutMs)
				: { status: 0, headers: {}, body: '', error: 'not subscribed' };
			this.logAttempt(record, answer);
			answered(answer);
			if (answer.status === 200) {
				record.outcome = 'delivered';
				return record;
			}
			const delay = delays.shift();
			if (!url && record.attempts.length === 0) {
				record.outcome = 'notSubscribed';
				return record;
			}
			if (delay === undefined) {
				record.outcome = 'failed';
				return record;
			}
			if (!(await this.sleep(delay))) {
				record.outcome = 'cancelled';
				return record;
			}
		}
	}

	private async attempt(
		record: DeliveryRecord,
		body: Buffer,
		url: string,
		timeoutMs: number,
	): Promise<WebhookAnswer> {
		const started = performance.now();
		const time = this.clock.now();
		const timeout = new AbortController();
		const timer = setTimeout(
			() => timeout.abort(new Error(`no answer in ${timeoutMs} ms`)),
			timeoutMs,
		);
		let answer: WebhookAnswer;
		try {
			const response = await request(url, {
				dispatcher: this.dispatcher,
				method: 'POST',
				headers: record.headers,
				body,
				signal: AbortSignal.any([timeout.signal, this.stopping.signal]),
			});
			answer = {
				status: response.statusCode,
				headers: response.headers,
				body: (await response.body.text()).slice(0, MAX_ANSWER_CHARACTERS),
			};
		} catch (error) {
			const reason: unknown = timeout.signal.aborted ? timeout.signal.reason : error;
			const text = reason instanceof Error ? reason.message : String(reason);
			answer = { status: 0, headers: {}, body: '', error: text };
		} finally {
			clearTimeout(timer);
		}
		const attempt: DeliveryAttempt = {
			url,
			time,
			status: answer.status,
			durationMs: Math.round(performance.now() - started),
			...(answer.error !== undefined && { error: answer.error }),
		};
		record.attempts.push(attempt);
		return answer;
	}

	private logAttempt(record: DeliveryRecord, answer: WebhookAnswer): void {
		const attempt = record.attempts.at(-1);
		this.settings.log(
			attempt
				? `webhook  ${record.summary} -> ${attempt.url}  ${answer.error ?? answer.status} (${attempt.durationMs} ms, attempt ${record.attempts.length})`
				: `webhook  ${record.summary} not sent: nobody is subscribed to it`,
		);
	}

	private headers(body: Buffer, options: DeliverOptions): Record<string, string> {
		const signature = this.signature(body, options.signature ?? 'valid');
		return {
			'content-type': 'application/json',
			'user-agent': 'facebookexternalua',
			accept: '*/*',
			...(signature !== undefined && { 'x-hub-signature-256': signature }),
			...options.headers,
		};
	}

	/** Meta, "Create a webhook endpoint": over the raw bytes, with the app secret. */
	private signature(body: Buffer, kind: string): string | undefined {
		if (kind === 'missing') return undefined;
		if (kind !== 'valid' && kind !== 'wrong') return kind;
		const secret = kind === 'valid' ? this.account.appSecret : 'not the app secret';
		return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
	}

	private routeOf(updates: WebhookUpdate[]): string | undefined {
		const routes = new Set(
			updates.map((update) => this.subscriptions.route(update.phoneNumberId, update.field)),
		);
		if (routes.size > 1) {
			throw new Error('These updates go to different callbacks: deliver them separately');
		}
		return [...routes][0];
	}

	private serialize(updates: WebhookUpdate[], layout: DeliverOptions['layout']): string {
		const entries: Array<{ id: string; changes: Change[] }> = [];
		for (const update of updates) {
			const id = update.businessAccountId ?? this.account.businessAccountId;
			let entry = entries.find((known) => known.id === id);
			if (!entry || layout === 'entries') {
				entry = { id, changes: [] };
				entries.push(entry);
			}
			const change = this.change(update);
			const fellow =
				layout === 'merged' ? entry.changes.find((known) => canMerge(known, change)) : undefined;
			if (fellow) merge(fellow, change);
			else entry.changes.push(change);
		}
		return escapeJson(JSON.stringify({ object: 'whatsapp_business_account', entry: entries }));
	}

	private change({ phoneNumberId, field, value }: WebhookUpdate): Change {
		const number = this.account.phoneNumbers.find(({ id }) => id === phoneNumberId);
		return {
			value: {
				messaging_product: 'whatsapp',
				metadata: {
					phone_number_id: phoneNumberId,
					display_phone_number: digitsOf(number?.displayPhoneNumber ?? ''),
				},
				...structuredClone(value),
			},
			field,
		};
	}
}

interface Change {
	field: string;
	value: Record<string, unknown>;
}

function canMerge(one: Change, other: Change): boolean {
	return (
		one.field === other.field &&
		JSON.stringify(one.value.metadata) === JSON.stringify(other.value.metadata)
	);
}

function merge(into: Change, from: Change): void {
	for (const [name, list] of Object.entries(from.value)) {
		if (!Array.isArray(list)) continue;
		const known: unknown = into.value[name];
		if (!Array.isArray(known)) into.value[name] = list;
		else if (name === 'contacts') into.value[name] = distinct([...known, ...list]);
		else into.value[name] = [...(known as unknown[]), ...(list as unknown[])];
	}
}

/** A person of several updates is named once. */
function distinct(contacts: unknown[]): unknown[] {
	return [...new Map(contacts.map((contact) => [JSON.stringify(contact), contact])).values()];
}

/**
 * Meta sends, and signs, the escaped form: non-ASCII as \uXXXX with lower-case digits (older
 * "Getting started" of Graph API webhooks), and slashes as \/. A receiver that hashes
 * re-serialised JSON is found out.
 */
export function escapeJson(json: string): string {
	return json
		.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
		.replace(/\//g, '\\/');
}

function summaryOf(updates: WebhookUpdate[]): string {
	const names = new Set<string>();
	for (const { field, value } of updates) {
		for (const list of [value.statuses, value.calls, value.messages]) {
			if (!Array.isArray(list)) continue;
			for (const item of list as Array<{
				event?: string;
				status?: string;
				type?: string;
			} | null>) {
				names.add(item?.event ?? item?.status ?? item?.type ?? field);
			}
		}
	}
	const text = [...names].join(', ') || updates[0]?.field || 'custom body';
	return updates.length > 1 ? `${text} (${updates.length} updates)` : text;
}
