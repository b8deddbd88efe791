import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { LocalServer } from '../support/localServer';
import type { ExpectedItem } from './traffic';

interface Entry {
	expected: ExpectedItem;
	times: number;
	arrived: Promise<void>;
	arrive: () => void;
}

/** What came of the expected items; names of the first few where something is wrong. */
export interface ItemTally {
	expected: number;
	arrivedOnce: number;
	lost: string[];
	duplicated: string[];
	/** The bytes were not those that Meta has. */
	damaged: string[];
	/** Nobody should have got it, or an item of a recording came without its file. */
	unexpected: string[];
	bytes: number;
}

const NAMED = 20;

/**
 * The operator's storage: PUT /<media ID> with the audio, POST / with an item that has no file. It
 * hashes what comes, drops it, and compares with what must come.
 */
export class CountingStorage extends LocalServer {
	private readonly entries = new Map<string, Entry>();

	private readonly damaged: string[] = [];

	private readonly unexpected: string[] = [];

	private bytes = 0;

	/** To be called before the item can come. */
	expect(items: ExpectedItem[]): void {
		for (const expected of items) {
			let arrive = () => {};
			const arrived = new Promise<void>((resolve) => (arrive = resolve));
			this.entries.set(expected.key, { expected, times: 0, arrived, arrive });
		}
	}

	/** Resolves when all of them are here. */
	async arrived(items: ExpectedItem[]): Promise<void> {
		await Promise.all(items.map(({ key }) => this.entries.get(key)?.arrived));
	}

	tally(): ItemTally {
		const all = [...this.entries.entries()];
		const named = (wanted: (entry: Entry) => boolean) =>
			all.filter(([, entry]) => wanted(entry)).map(([key]) => key);
		return {
			expected: all.length,
			arrivedOnce: all.filter(([, { times }]) => times === 1).length,
			lost: named(({ times }) => times === 0),
			duplicated: named(({ times }) => times > 1),
			damaged: this.damaged,
			unexpected: this.unexpected,
			bytes: this.bytes,
		};
	}

	protected override async respond(
		request: IncomingMessage,
		response: ServerResponse,
	): Promise<void> {
		await this.take(request).then(
			() => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
			(error: Error) => response.writeHead(500).end(error.message),
		);
	}

	private async take(request: IncomingMessage): Promise<void> {
		if (request.method === 'PUT') {
			const hash = createHash('sha256');
			for await (const chunk of request as AsyncIterable<Buffer>) {
				this.bytes += chunk.length;
				hash.update(chunk);
			}
			this.note((request.url ?? '/').slice(1), hash.digest('hex'));
			return;
		}
		const body = await text(request);
		const { event, callId } = JSON.parse(body) as { event?: string; callId?: string };
		if (event === 'terminate') this.note(String(callId), null);
		else this.complain(this.unexpected, body.slice(0, 500));
	}

	private note(key: string, sha256Hex: string | null): void {
		const entry = this.entries.get(key);
		if (!entry) return this.complain(this.unexpected, key);
		if (entry.expected.sha256Hex !== sha256Hex) this.complain(this.damaged, key);
		entry.times++;
		entry.arrive();
	}

	private complain(list: string[], what: string): void {
		if (list.length < NAMED) list.push(what);
	}
}
