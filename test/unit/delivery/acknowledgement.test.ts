import { EventEmitter } from 'node:events';
import { get, type ClientRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import express, { type Response } from 'express';

import {
	answer503If,
	onAnswered,
	type WebhookResponse,
} from '../../../nodes/WhatsAppBusinessCalling/delivery/acknowledgement';
import { serve, type LocalServer } from '../../support/localServer';

type Outcome = 'accepted' | 'refused';

let server: LocalServer | undefined;

afterEach(async () => {
	await server?.stop();
	server = undefined;
});

/** One request to a real server that watches its answer, and what became of both. */
async function request(
	reply: (response: Response, client: ClientRequest) => void,
	{
		isMissing = false,
		afterClosedMs = 60_000,
	}: { isMissing?: boolean | Promise<boolean>; afterClosedMs?: number } = {},
) {
	const outcomes: Outcome[] = [];
	let settled: (outcome: Outcome) => void = () => {};
	const outcome = new Promise<Outcome>((resolve) => (settled = resolve));
	let client: ClientRequest | undefined;
	const app = express();
	app.get('/', (_request, response) => {
		answer503If(response as unknown as WebhookResponse, isMissing);
		onAnswered(response as unknown as WebhookResponse, afterClosedMs, (became) => {
			outcomes.push(became);
			settled(became);
		});
		if (client) reply(response, client);
	});
	const { url } = (server = await serve(app));
	const status = await new Promise<number | null>((resolve) => {
		client = get(url, (answer) => {
			answer.resume();
			answer.once('end', () => resolve(answer.statusCode ?? null));
		});
		client.once('error', () => resolve(null));
	});
	return { status, outcomes, outcome };
}

describe('onAnswered and answer503If', () => {
	it.each([
		[200, 'accepted'],
		[204, 'accepted'],
		[299, 'accepted'],
		[301, 'refused'],
		[404, 'refused'],
		[500, 'refused'],
		[503, 'refused'],
	])('An answer with %i is reported once as %s', async (code, expected) => {
		const { status, outcomes } = await request((response) => response.status(code).end());
		expect(status).toBe(code);
		expect(outcomes).toEqual([expected]);
	});

	it('An answer that is sent as JSON, as n8n does, is seen', async () => {
		const { status, outcomes } = await request((response) => {
			response.json({ message: 'Workflow was started' });
		});
		expect(status).toBe(200);
		expect(outcomes).toEqual(['accepted']);
	});

	it.each([
		['end', (response: Response) => response.end()],
		['json', (response: Response) => response.json({})],
		['send', (response: Response) => response.send('ok')],
	])(
		'A 200 becomes 503 if something is still missing (%s), and the items still count',
		async (_, reply) => {
			const { status, outcomes } = await request(reply, { isMissing: true });
			expect(status).toBe(503);
			expect(outcomes).toEqual(['accepted']);
		},
	);

	it('An error stays as it is if something is still missing', async () => {
		const { status, outcomes } = await request((response) => response.status(500).end(), {
			isMissing: true,
		});
		expect(status).toBe(500);
		expect(outcomes).toEqual(['refused']);
	});

	describe('answer503If while it is not yet known whether something is missing', () => {
		it.each([
			[false, 200],
			[true, 503],
		])('The answer waits, and the items count at once (missing: %j)', async (missing, code) => {
			let tell = (_missing: boolean) => {};
			const isMissing = new Promise<boolean>((resolve) => (tell = resolve));
			let answered = false;
			const asked = request(
				(response) => {
					response.json({ message: 'Workflow was started' });
					// n8n ends some answers a second time.
					response.end();
				},
				{ isMissing },
			).finally(() => (answered = true));
			// Time enough for an answer that does not wait.
			await new Promise((resolve) => setTimeout(resolve, 50));
			expect(answered).toBe(false);
			tell(missing);
			const { status, outcomes } = await asked;
			expect([status, outcomes]).toEqual([code, ['accepted']]);
		});

		it('An error does not wait', async () => {
			const { status, outcomes } = await request((response) => response.status(500).end(), {
				isMissing: new Promise(() => {}),
			});
			expect([status, outcomes]).toEqual([500, ['refused']]);
		});

		it('A connection that was closed meanwhile does not matter', async () => {
			let tell = (_missing: boolean) => {};
			const isMissing = new Promise<boolean>((resolve) => (tell = resolve));
			const { outcome, outcomes } = await request(
				(response, client) => {
					response.json({});
					client.destroy();
				},
				{ isMissing, afterClosedMs: 10 },
			);
			tell(true);
			expect([await outcome, outcomes]).toEqual(['accepted', ['accepted']]);
		});
	});

	it('A delivery is rejected some time after the connection was closed, if n8n reports nothing', async () => {
		const { status, outcome, outcomes } = await request((_response, client) => client.destroy(), {
			afterClosedMs: 30,
		});
		expect(status).toBeNull();
		expect(outcomes).toEqual([]);
		expect(await outcome).toBe('refused');
	});

	it('What n8n reports after the connection was closed counts', async () => {
		const { outcome } = await request((response, client) => {
			response.once('close', () => response.json({}));
			client.destroy();
		});
		expect(await outcome).toBe('accepted');
	});

	it('A failure that n8n reports after the connection was closed counts', async () => {
		const { outcome } = await request((response, client) => {
			response.once('close', () => response.status(500).end());
			client.destroy();
		});
		expect(await outcome).toBe('refused');
	});

	it('Nothing is kept of a delivery whose connection was closed, once n8n has reported its outcome', async () => {
		setFlagsFromString('--expose-gc');
		const collectGarbage = runInNewContext('gc') as () => void;
		const deliver = () => {
			const items = { file: 'a recording' };
			const response = Object.assign(new EventEmitter(), {
				statusCode: 200,
				headersSent: false,
				closed: false,
				end: () => undefined,
			});
			const settled = jest.fn(() => void items.file);
			onAnswered(response as unknown as WebhookResponse, 60 * 60_000, () => settled());
			response.emit('close');
			response.end();
			expect(settled).toHaveBeenCalledTimes(1);
			return [new WeakRef<object>(items), new WeakRef<object>(response)];
		};
		const held = deliver();
		// What a function has held in its last round may be seen as held until the next one.
		await new Promise((resolve) => setTimeout(resolve, 10));
		collectGarbage();
		expect(held.map((one) => one.deref())).toEqual([undefined, undefined]);
	});

	it('The time also applies if the connection was closed before onAnswered was called', async () => {
		const app = express();
		const outcome = new Promise<Outcome>((resolve) => {
			app.get('/', (_request, response) => {
				response.once('close', () =>
					onAnswered(response as unknown as WebhookResponse, 30, resolve),
				);
				client.destroy();
			});
		});
		server = await serve(app);
		const client = get(server.url);
		client.once('error', () => {});
		expect(await outcome).toBe('refused');
	});

	it('The outcome does not change any more', async () => {
		const { outcomes } = await request((response) => {
			response.end();
			response.statusCode = 500;
			response.end();
		});
		expect(outcomes).toEqual(['accepted']);
	});
});
