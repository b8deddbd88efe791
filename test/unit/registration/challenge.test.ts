import { answerChallenge } from '../../../nodes/WhatsAppBusinessCalling/registration/challenge';
import {
	deriveProof,
	deriveVerifyToken,
	isVerifyToken,
} from '../../../nodes/WhatsAppBusinessCalling/registration/verifyToken';
import { APP_SECRET, fakeWebhook, NODE, WEBHOOK_URL } from '../fakes';

const DERIVED = deriveVerifyToken(APP_SECRET, WEBHOOK_URL);

/** Of an address that has a list. */
const ALSO = 'AAAA';
const DERIVED_OF_LIST = deriveVerifyToken(APP_SECRET, `${WEBHOOK_URL}?also=${ALSO}`);

const ask = async (parameters: Record<string, string>, query: Record<string, unknown>) => {
	const { context, answer } = fakeWebhook(parameters, { query });
	const returned = await answerChallenge(context);
	expect(returned).toEqual({ noWebhookResponse: true });
	return answer;
};

const asked = (token: unknown, more: Record<string, unknown> = {}) => ({
	'hub.mode': 'subscribe',
	'hub.verify_token': token,
	'hub.challenge': '1158201444',
	...more,
});

describe('answerChallenge', () => {
	it.each([
		['app', {}, DERIVED],
		['app', { verifyToken: 'left over' }, DERIVED],
		['app', {}, deriveVerifyToken(APP_SECRET, WEBHOOK_URL, 'workflow-1')],
		['manual', { verifyToken: ' chosen ' }, 'chosen'],
	])(
		'The challenge comes back as plain text (registration %s)',
		async (registration, more, token) => {
			const answer = await ask({ registration, ...more }, asked(token));
			expect(answer).toMatchObject({
				status: 200,
				body: '1158201444',
				headers: {
					'Content-Type': 'text/plain; charset=utf-8',
					'X-Content-Type-Options': 'nosniff',
				},
			});
		},
	);

	it.each<[string, Record<string, string>, Record<string, unknown>]>([
		['another token', { registration: 'app' }, asked('guess')],
		[
			'the token of another workflow',
			{ registration: 'app' },
			asked(deriveVerifyToken(APP_SECRET, WEBHOOK_URL, 'workflow-2')),
		],
		[
			'the token of another address',
			{ registration: 'app' },
			asked(deriveVerifyToken(APP_SECRET, 'https://n8n.example/webhook/other/webhook')),
		],
		['no token', { registration: 'app' }, asked(undefined)],
		['a list of tokens', { registration: 'app' }, asked([DERIVED])],
		[
			'the token of the node in another mode',
			{ registration: 'manual', verifyToken: 'x' },
			asked(DERIVED),
		],
		[
			'an empty token where none was chosen',
			{ registration: 'manual', verifyToken: ' ' },
			asked(''),
		],
		['another mode', { registration: 'app' }, asked(DERIVED, { 'hub.mode': 'unsubscribe' })],
		['no challenge', { registration: 'app' }, asked(DERIVED, { 'hub.challenge': undefined })],
		['a list as a challenge', { registration: 'app' }, asked(DERIVED, { 'hub.challenge': ['1'] })],
		['nothing at all', { registration: 'app' }, {}],
		[
			'the token of an address with a list that did not come with it',
			{ registration: 'app' },
			asked(DERIVED_OF_LIST),
		],
		...[ALSO, [ALSO], { toString: 'x' }, `${ALSO}&x=1`].map(
			(also): [string, Record<string, string>, Record<string, unknown>] => [
				`the token of another address than the one with the list ${JSON.stringify(also)}`,
				{ registration: 'app' },
				asked(DERIVED, { also }),
			],
		),
		[
			'a list with an odd webhook of before',
			{ registration: 'app' },
			asked(DERIVED_OF_LIST, { also: ALSO, other: { toString: 'x' } }),
		],
	])('The challenge is rejected with 403 and an empty body: %s', async (_, parameters, query) => {
		const answer = await ask(parameters, query);
		expect(answer).toMatchObject({ status: 403, body: undefined });
	});

	it('The answer is 503 while the credential cannot be used: another trigger must not conclude anything', async () => {
		const { context, answer } = fakeWebhook({ registration: 'app' }, { query: asked(DERIVED) });
		Object.assign(context, {
			getMode: () => 'manual',
			getCredentials: async () => await Promise.reject(new Error('deleted')),
		});
		await answerChallenge(context);
		expect(answer).toMatchObject({ status: 503, body: undefined });
	});

	it('The list proves that it reaches the trigger', async () => {
		const query = asked(DERIVED_OF_LIST, { also: ALSO });
		expect(await ask({ registration: 'app' }, query)).toMatchObject({ status: 200 });
	});

	it('The credential is not read for what is no token, and at most once a second for the rest', async () => {
		let reads = 0;
		const send = async (token: unknown) => {
			const { context } = fakeWebhook({ registration: 'app' }, { query: asked(token) });
			const getCredentials = context.getCredentials.bind(context);
			Object.assign(context, {
				getMode: () => 'webhook',
				getNode: () => ({ ...NODE, id: 'asked often' }),
				getCredentials: async (type: string) => {
					reads++;
					return await getCredentials(type);
				},
			});
			await answerChallenge(context);
			return reads;
		};
		expect(await send('guess')).toBe(0);
		for (let guess = 0; guess < 5; guess++) await send(String(guess).repeat(64));
		expect(reads).toBe(1);
	});
});

describe('the proof that a trigger has the app secret', () => {
	const NONCE = '0f3a7f0e-6f4b-4b6c-9d0e-0123456789ab';
	const prove = (nonce: unknown) => ({ 'hub.mode': 'prove', 'hub.challenge': nonce });
	const proofAt = (endpoint: string) => deriveProof(APP_SECRET, WEBHOOK_URL, endpoint, NONCE);

	it.each([
		['app', {}],
		['manual', { verifyToken: 'chosen' }],
	])('The proof is given whatever the registration is: %s', async (registration, more) => {
		const answer = await ask({ registration, ...more }, prove(NONCE));
		expect(answer).toMatchObject({
			status: 200,
			body: proofAt('webhook'),
			headers: { 'Content-Type': 'text/plain; charset=utf-8' },
		});
	});

	it.each([undefined, '', 'x', [NONCE], { toString: 'x' }, `${NONCE}x`, 'g'.repeat(36)])(
		'The proof is not given for %j',
		async (nonce) => {
			expect(await ask({ registration: 'app' }, prove(nonce))).toMatchObject({
				status: 403,
				body: undefined,
			});
		},
	);

	it('The proof is good for one URL and one question, and for nothing else', () => {
		const proof = proofAt('webhook');
		const otherNonce = NONCE.replace('0', '1');
		const otherUrl = WEBHOOK_URL.replace('id', 'other');
		for (const other of [
			proofAt('webhook-test'),
			proofAt('other-app'),
			deriveProof(APP_SECRET, WEBHOOK_URL, 'webhook', otherNonce),
			deriveProof(APP_SECRET, otherUrl, 'webhook', NONCE),
			deriveProof('of another app', WEBHOOK_URL, 'webhook', NONCE),
		]) {
			expect(other).not.toBe(proof);
		}
		// It has the form of a verify token, and is none.
		expect(isVerifyToken(proof)).toBe(true);
		for (const only of [undefined, 'workflow-1', NONCE]) {
			expect(deriveVerifyToken(APP_SECRET, WEBHOOK_URL, only)).not.toBe(proof);
		}
	});
});
