import { Readable } from 'node:stream';

import {
	askForChallenge,
	passOn,
	RELAY_HEADER,
} from '../../../nodes/WhatsAppBusinessCalling/trigger/otherWebhook';
import { fakeWebhook, type Respond } from '../fakes';

const ADDRESS = 'https://other.example/webhook?x=1';
const NEVER = new AbortController().signal;

const text = (said: string) => Readable.from([Buffer.from(said)]);

describe('askForChallenge', () => {
	const ask = async (respond: Respond) => {
		const { context, sent } = fakeWebhook({}, {}, respond);
		return { says: await askForChallenge(context, ADDRESS, 'T'), sent };
	};
	const challengeOf = (qs: unknown) => (qs as Record<string, string>)['hub.challenge'];

	it('asks as Meta does, without a credential, and reads the challenge back', async () => {
		const { says, sent } = await ask(({ qs }) => ({
			statusCode: 200,
			body: text(` ${challengeOf(qs)}\n`),
		}));
		expect(says).toBe('accepted');
		expect(sent).toEqual([
			expect.objectContaining({
				method: 'GET',
				url: ADDRESS,
				qs: {
					'hub.mode': 'subscribe',
					'hub.challenge': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
					'hub.verify_token': 'T',
				},
				headers: { 'User-Agent': 'n8n-nodes-whatsapp-business-calling' },
				encoding: 'stream',
				disableFollowRedirect: true,
				credential: null,
			}),
		]);
	});

	it('asks with another challenge each time', async () => {
		const seen = new Set<string>();
		for (let times = 0; times < 3; times++) {
			await ask(({ qs }) => {
				seen.add(challengeOf(qs));
				return { statusCode: 200, body: text('') };
			});
		}
		expect(seen.size).toBe(3);
	});

	it.each<[string, string, Respond]>([
		['another text', 'refused', () => ({ statusCode: 200, body: text('hello') })],
		['no stream', 'refused', ({ qs }) => ({ statusCode: 200, body: challengeOf(qs) })],
		['another status', 'refused', ({ qs }) => ({ statusCode: 201, body: text(challengeOf(qs)) })],
		['a refusal', 'refused', ({ qs }) => ({ statusCode: 403, body: text(challengeOf(qs)) })],
		[
			'the challenge and more than anybody needs',
			'refused',
			({ qs }) => ({ statusCode: 200, body: text(`${challengeOf(qs)}${' '.repeat(2_000)}x`) }),
		],
		[
			'nothing',
			'unreachable',
			() => {
				throw new Error('socket hang up');
			},
		],
		[
			'what n8n says where it has no webhook',
			'notRegistered',
			() => ({
				statusCode: 404,
				body: text(
					'{"code":404,"message":"The requested webhook \\"GET id\\" is not registered."}',
				),
			}),
		],
		['404 of another system', 'refused', () => ({ statusCode: 404, body: text('Not found') })],
	])('takes %s for: %s', async (_, says, respond) => {
		expect((await ask(respond)).says).toBe(says);
	});

	it('lets go of an answer without an end', async () => {
		const endless = new Readable({
			read() {
				this.push('x'.repeat(500));
			},
		});
		expect((await ask(() => ({ statusCode: 200, body: endless }))).says).toBe('refused');
		expect(endless.destroyed).toBe(true);
	});
});

describe('passOn', () => {
	const BODY = Buffer.from('{"entry": [] }');
	const pass = async (
		respond: Respond,
		headers: Record<string, unknown> = {},
		relayProof?: string,
	) => {
		const { context, sent } = fakeWebhook({}, { headers }, respond);
		return {
			answer: await passOn(context, { url: ADDRESS, relayProof }, BODY, 5_000, NEVER),
			sent,
		};
	};
	const ok: Respond = () => ({ statusCode: 200, body: text('') });

	it('hands on the bytes and what Meta said about them, and nothing of the connection', async () => {
		const { answer, sent } = await pass(ok, {
			'x-hub-signature-256': 'sha256=00',
			'content-type': 'application/json',
			'user-agent': 'facebookexternalua',
			host: 'n8n.example',
			Connection: 'close',
			'content-length': '14',
			'content-encoding': 'gzip',
			expect: '100-continue',
			'keep-alive': 'timeout=5',
			'proxy-authorization': 'Basic eA==',
			te: 'trailers',
			trailer: 'x',
			'transfer-encoding': 'chunked',
			upgrade: 'h2c',
			[RELAY_HEADER]: 'of somebody else',
			missing: undefined,
		});
		expect(answer).toEqual({ status: 200, isPage: false, isUnknownToN8n: false });
		expect(sent).toEqual([
			expect.objectContaining({
				method: 'POST',
				url: ADDRESS,
				headers: {
					'x-hub-signature-256': 'sha256=00',
					'content-type': 'application/json',
					'user-agent': 'facebookexternalua',
				},
				body: BODY,
				timeout: 5_000,
				disableFollowRedirect: true,
				credential: null,
			}),
		]);
	});

	it('gives a trigger its own proof, and not one that came', async () => {
		const { sent } = await pass(ok, { [RELAY_HEADER]: 'of somebody else' }, 'proof');
		expect(sent).toMatchObject([{ headers: { [RELAY_HEADER]: 'proof' } }]);
	});

	const NOT_REGISTERED = '{"code":404,"message":"The requested webhook is not registered."}';

	it.each<[string, number, string, string, object]>([
		['a page', 200, 'text/html; charset=utf-8', 'n8n is starting up', { isPage: true }],
		[
			'what n8n says where it has no webhook',
			404,
			'application/json',
			NOT_REGISTERED,
			{ isUnknownToN8n: true },
		],
		['404 of another system', 404, 'application/json', '{"code":404}', {}],
		['the same words with another status', 500, 'application/json', NOT_REGISTERED, {}],
	])('tells %s from others', async (_, statusCode, type, said, more) => {
		const body = text(said);
		const { answer } = await pass(() => ({ statusCode, body, headers: { 'content-type': type } }));
		expect(answer).toEqual({ status: statusCode, isPage: false, isUnknownToN8n: false, ...more });
		expect(body.destroyed).toBe(true);
	});

	it('throws where no answer comes', async () => {
		const dead: Respond = () => {
			throw new Error('socket hang up');
		};
		await expect(pass(dead)).rejects.toThrow('socket hang up');
	});
});
