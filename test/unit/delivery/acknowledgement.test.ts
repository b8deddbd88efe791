import { EventEmitter } from 'node:events';
import { get, type ClientRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import express, { type Response } from 'express';

import {
	watchAnswer,
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
		alsoMissing = false,
		afterClosedMs = 60_000,
	}: { alsoMissing?: boolean | Promise<boolean>; afterClosedMs?: number } = {},
) {
	const outcomes: Outcome[] = [];
	let settled: (outcome: Outcome) => void = () => {};
	const outcome = new Promise<Outcome>((resolve) => (settled = resolve));
	let client: ClientRequest | undefined;
	const app = express();
	app.get('/', (_request, response) => {
		watchAnswer(
			response as unknown as WebhookResponse,
			alsoMissing,
			{ afterClosedMs },
			(became) => {
				outcomes.push(became);
				settled(became);
			},
		);
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

describe('watchAnswer', () => {
	it.each([
		[200, 'accepted'],
		[204, 'accepted'],
		[299, 'accepted'],
		[301, 'refused'],
		[404, 'refused'],
		[500, 'refused'],
		[503, 'refused'],
	])('tells once what an answer with %i means: %s', async (code, expected) => {
		const { status, outcomes } = await request((response) => response.status(code).end());
		expect(status).toBe(code);
		expect(outcomes).toEqual([expected]);
	});

	it('sees answers that are sent as JSON, as n8n does', async () => {
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
		'turns 200 into 503 where something is still missing (%s), and yet counts the items',
		async (_, reply) => {
			const { status, outcomes } = await request(reply, { alsoMissing: true });
			expect(status).toBe(503);
			expect(outcomes).toEqual(['accepted']);
		},
	);

	it('leaves an error as it is where something is still missing', async () => {
		const { status, outcomes } = await request((response) => response.status(500).end(), {
			alsoMissing: true,
		});
		expect(status).toBe(500);
		expect(outcomes).toEqual(['refused']);
	});

	describe('where it takes time to find out whether something is missing', () => {
		it.each([
			[false, 200],
			[true, 503],
		])(
			'waits with the answer, and counts the items at once (missing: %j)',
			async (missing, code) => {
				let tell = (_isMissing: boolean) => {};
				const alsoMissing = new Promise<boolean>((resolve) => (tell = resolve));
				let answered = false;
				const asked = request(
					(response) => {
						response.json({ message: 'Workflow was started' });
						// n8n ends some answers a second time.
						response.end();
					},
					{ alsoMissing },
				).finally(() => (answered = true));
				// Time enough for an answer that does not wait.
				await new Promise((resolve) => setTimeout(resolve, 50));
				expect(answered).toBe(false);
				tell(missing);
				const { status, outcomes } = await asked;
				expect([status, outcomes]).toEqual([code, ['accepted']]);
			},
		);

		it('does not wait with an error', async () => {
			const { status, outcomes } = await request((response) => response.status(500).end(), {
				alsoMissing: new Promise(() => {}),
			});
			expect([status, outcomes]).toEqual([500, ['refused']]);
		});

		it('does not mind that the connection was closed meanwhile', async () => {
			let tell = (_isMissing: boolean) => {};
			const alsoMissing = new Promise<boolean>((resolve) => (tell = resolve));
			const { outcome, outcomes } = await request(
				(response, client) => {
					response.json({});
					client.destroy();
				},
				{ alsoMissing, afterClosedMs: 10 },
			);
			tell(true);
			expect([await outcome, outcomes]).toEqual(['accepted', ['accepted']]);
		});
	});

	it('refuses, after a while, where the connection is closed and n8n says nothing', async () => {
		const { status, outcome, outcomes } = await request((_response, client) => client.destroy(), {
			afterClosedMs: 30,
		});
		expect(status).toBeNull();
		expect(outcomes).toEqual([]);
		expect(await outcome).toBe('refused');
	});

	it('counts what n8n says after the connection was closed', async () => {
		const { outcome } = await request((response, client) => {
			response.once('close', () => response.json({}));
			client.destroy();
		});
		expect(await outcome).toBe('accepted');
	});

	it('counts a failure that n8n tells after the connection was closed', async () => {
		const { outcome } = await request((response, client) => {
			response.once('close', () => response.status(500).end());
			client.destroy();
		});
		expect(await outcome).toBe('refused');
	});

	it('keeps nothing of a delivery whose connection was closed, once n8n has said what became of it', async () => {
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
			watchAnswer(
				response as unknown as WebhookResponse,
				false,
				{ afterClosedMs: 60 * 60_000 },
				() => settled(),
			);
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

	it('gives the time also where the connection was closed before it began to watch', async () => {
		const app = express();
		const outcome = new Promise<Outcome>((resolve) => {
			app.get('/', (_request, response) => {
				response.once('close', () =>
					watchAnswer(
						response as unknown as WebhookResponse,
						false,
						{ afterClosedMs: 30 },
						resolve,
					),
				);
				client.destroy();
			});
		});
		server = await serve(app);
		const client = get(server.url);
		client.once('error', () => {});
		expect(await outcome).toBe('refused');
	});

	it('does not change its mind', async () => {
		const { outcomes } = await request((response) => {
			response.end();
			response.statusCode = 500;
			response.end();
		});
		expect(outcomes).toEqual(['accepted']);
	});
});
