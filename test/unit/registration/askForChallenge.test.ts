import { Readable } from 'node:stream';

import { askForChallenge } from '../../../nodes/WhatsAppBusinessCalling/registration/askForChallenge';
import { fakeWebhook, type Respond } from '../fakes';

const ADDRESS = 'https://other.example/webhook?x=1';

const text = (said: string) => Readable.from([Buffer.from(said)]);

describe('askForChallenge', () => {
	const ask = async (respond: Respond) => {
		const { context, sent } = fakeWebhook({}, {}, respond);
		return { says: await askForChallenge(context, ADDRESS, 'T'), sent };
	};
	const challengeOf = (qs: unknown) => (qs as Record<string, string>)['hub.challenge'];

	it('The request is the one that Meta sends, without a credential, and the challenge is read back', async () => {
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

	const page =
		(statusCode: number): Respond =>
		() => ({ statusCode, body: text('<html>'), headers: { 'content-type': 'text/html' } });

	it('Each request has another challenge', async () => {
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
		['a page', 'unavailable', page(200)],
		['an overloaded proxy', 'unavailable', page(503)],
		['a limit on requests', 'unavailable', () => ({ statusCode: 429, body: text('') })],
		['a page that forbids it', 'refused', page(403)],
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
	])('The response %s counts as: %s', async (_, says, respond) => {
		expect((await ask(respond)).says).toBe(says);
	});

	it('A response without an end is dropped', async () => {
		const endless = new Readable({
			read() {
				this.push('x'.repeat(500));
			},
		});
		expect((await ask(() => ({ statusCode: 200, body: endless }))).says).toBe('refused');
		expect(endless.destroyed).toBe(true);
	});
});
