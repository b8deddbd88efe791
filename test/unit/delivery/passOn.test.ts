import { Readable } from 'node:stream';

import { passOn, RELAY_HEADER } from '../../../nodes/WhatsAppBusinessCalling/delivery/passOn';
import { fakeWebhook, type Respond } from '../fakes';

const ADDRESS = 'https://other.example/webhook?x=1';
const NEVER = new AbortController().signal;

const text = (said: string) => Readable.from([Buffer.from(said)]);

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

	it('The bytes and what Meta said about them are passed on, and nothing of the connection', async () => {
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
			// Cloudflare answers 403 to a request that has these.
			'cf-connecting-ip': '192.0.2.1',
			'cf-ray': '1',
			'cdn-loop': 'cloudflare',
			'true-client-ip': '192.0.2.1',
			[RELAY_HEADER]: 'of another one',
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

	it('A trigger gets the signature and its own proof, and nothing of the proxies in front of n8n', async () => {
		const signed = { 'x-hub-signature-256': 'sha256=00', 'content-type': 'application/json' };
		const added = { 'x-forwarded-for': '192.0.2.1', via: '1.1 proxy', cookie: 'a=b' };
		const came = { ...signed, ...added, [RELAY_HEADER]: 'of another one' };
		const { sent } = await pass(ok, came, 'proof');
		expect(sent[0].headers).toEqual({ ...signed, [RELAY_HEADER]: 'proof' });
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
	])('The response %s is told from others', async (_, statusCode, type, said, more) => {
		const body = text(said);
		const { answer } = await pass(() => ({ statusCode, body, headers: { 'content-type': type } }));
		expect(answer).toEqual({ status: statusCode, isPage: false, isUnknownToN8n: false, ...more });
		expect(body.destroyed).toBe(true);
	});

	it('A missing response throws', async () => {
		const dead: Respond = () => {
			throw new Error('socket hang up');
		};
		await expect(pass(dead)).rejects.toThrow('socket hang up');
	});
});
