import { deriveVerifyToken } from '../../nodes/WhatsAppBusinessCalling/registration/verifyToken';
import type { Workflow } from '../support/stage';
import { SECRETS, type AttackStage } from './attackStage';

const CHALLENGE = '1158201444';

type Question = Array<[name: string, value: string]>;

const asked = (
	token: string,
	{ mode = 'subscribe', challenge = CHALLENGE }: { mode?: string; challenge?: string } = {},
): Question => [
	['hub.mode', mode],
	['hub.challenge', challenge],
	['hub.verify_token', token],
];

const RIGHT = SECRETS.verifyToken;

const without = (name: string) => asked(RIGHT).filter(([other]) => other !== name);

const renamed = (name: string, to: string) =>
	asked(RIGHT).map(([other, value]): [string, string] => [other === name ? to : other, value]);

const WRONG: Array<[string, Question]> = [
	['another token', asked('guessed')],
	['an empty token', asked('')],
	['no token', without('hub.verify_token')],
	['the token without its last letter', asked(RIGHT.slice(0, -1))],
	['the token and a letter more', asked(`${RIGHT}x`)],
	['the token and a NUL', asked(`${RIGHT}\0`)],
	['the token in capitals', asked(RIGHT.toUpperCase())],
	['the app secret for the token', asked(SECRETS.appSecret)],
	['the word undefined for the token', asked('undefined')],
	['another mode', asked(RIGHT, { mode: 'unsubscribe' })],
	['the mode in capitals', asked(RIGHT, { mode: 'SUBSCRIBE' })],
	['an empty mode', asked(RIGHT, { mode: '' })],
	['no mode', without('hub.mode')],
	['no challenge', without('hub.challenge')],
	['a list of two right tokens', [...asked(RIGHT), ['hub.verify_token', RIGHT]]],
	['a list of a wrong and the right token', [['hub.verify_token', 'x'], ...asked(RIGHT)]],
	['a list with one token', renamed('hub.verify_token', 'hub.verify_token[]')],
	['a list of two modes', [...asked(RIGHT), ['hub.mode', 'subscribe']]],
	['a list with one mode', renamed('hub.mode', 'hub.mode[]')],
	['a list of two challenges', [...asked(RIGHT), ['hub.challenge', '<script>']]],
	['a list with one challenge', renamed('hub.challenge', 'hub.challenge[]')],
	['an object for the token', renamed('hub.verify_token', 'hub.verify_token[toString]')],
	[
		'an object for the token with a length',
		renamed('hub.verify_token', 'hub.verify_token[length]'),
	],
	['an object for the mode', renamed('hub.mode', 'hub.mode[subscribe]')],
	['an object for the challenge', renamed('hub.challenge', 'hub.challenge[toString]')],
	[
		'names in brackets',
		[
			['hub[mode]', 'subscribe'],
			['hub[challenge]', '1'],
			['hub[verify_token]', RIGHT],
		],
	],
	[
		'a prototype with all three',
		asked(RIGHT).map(([name, value]) => [`__proto__[${name}]`, value]),
	],
	[
		'a constructor with all three',
		asked(RIGHT).map(([name, value]) => [`constructor[prototype][${name}]`, value]),
	],
	['nothing at all', []],
	['1,000 parameters', Array.from({ length: 1_000 }, (_, n) => [`a${n}`, '1'])],
];

const CHALLENGES: Array<[string, string]> = [
	['HTML', '<html><script>alert(document.domain)</script></html>'],
	['the end of a header', '1\r\nSet-Cookie: session=stolen\r\n\r\n<script>alert(1)</script>'],
	['JSON', '{"a":"<b>"}'],
	['an expression of n8n', '={{ $env }}'],
	['letters of other scripts, a NUL and a line end', 'ü\u202e\0\n😀'],
	['8,000 characters', 'x'.repeat(8_000)],
];

export function challengeAttacks(stage: () => AttackStage): void {
	const ask = async (question: Question, { url }: Workflow = stage().workflow) =>
		await stage().send({
			method: 'GET',
			url: `${url}?${new URLSearchParams(question).toString()}`,
		});

	describe('challenges', () => {
		it.each(WRONG)('A challenge with %s is rejected', async (_, question) => {
			await stage().survives(async () => {
				expect(await ask(question)).toMatchObject({ status: 403, body: '' });
			});
		});

		it.each(CHALLENGES)(
			'A challenge of %s comes back as plain text, byte for byte',
			async (_, challenge) => {
				await stage().survives(async () => {
					const { status, headers, body } = await ask(asked(RIGHT, { challenge }));
					expect({ status, body }).toEqual({ status: 200, body: challenge });
					expect(headers).toMatchObject({
						'content-type': 'text/plain; charset=utf-8',
						'x-content-type-options': 'nosniff',
					});
					expect(headers).not.toHaveProperty('set-cookie');
				});
			},
		);

		it('The derived token alone is accepted, not a guessed one or the one of another workflow', async () => {
			const workflow = await stage().addWorkflow();
			const derive = (secret: string, id?: string, url = workflow.url) =>
				deriveVerifyToken(secret, url, id);
			const derived = [derive(SECRETS.appSecret), derive(SECRETS.appSecret, workflow.id)];
			stage().derivedTokens.push(...derived);
			await stage().survives(async () => {
				const guessed = [derive(''), derive('x'), derive(SECRETS.appSecret, 'x')];
				const ofAnother = derive(SECRETS.appSecret, undefined, stage().workflow.url);
				for (const token of [RIGHT, ...guessed, ofAnother, '']) {
					expect((await ask(asked(token), workflow)).status).toBe(403);
				}
				for (const token of derived) {
					expect((await ask(asked(token))).status).toBe(403);
					expect(await ask(asked(token), workflow)).toMatchObject({ status: 200, body: CHALLENGE });
				}
			});
		});
	});

	it.each(['PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])(
		'A challenge or a delivery sent with %s executes nothing',
		async (method) => {
			const body = stage().body(await stage().recording());
			await stage().survives(async () => {
				const query = new URLSearchParams(asked(RIGHT)).toString();
				const asking = await stage().send({ method, url: `${stage().workflow.url}?${query}` });
				expect(asking.body).not.toBe(CHALLENGE);
				expect((await stage().deliver(body, { method })).status).not.toBe(200);
			});
		},
	);

	it('A challenge by POST and a signed delivery by GET execute nothing', async () => {
		const body = stage().body(await stage().recording());
		await stage().survives(async () => {
			const query = new URLSearchParams(asked(RIGHT)).toString();
			const { status } = await stage().send({ url: `${stage().workflow.url}?${query}` });
			expect(status).toBe(401);
			expect((await stage().deliver(body, { method: 'GET' })).status).not.toBe(200);
		});
	});
}
