import fc from 'fast-check';

import {
	accountPart,
	appLevelPart,
	deriveProof,
	deriveVerifyToken,
	endpointOf,
	isNonce,
	isOfSameN8n,
	isSameTrigger,
	isVerifyToken,
	looksLikeTestUrl,
} from '../../../nodes/WhatsAppBusinessCalling/registration/verifyToken';

const PRODUCTION = 'https://n8n.example/webhook/id/webhook';
const TEST = 'https://n8n.example/webhook-test/id/webhook';

describe('deriveVerifyToken', () => {
	const token = deriveVerifyToken('secret', PRODUCTION);

	it('The token is the same in production and in a test, in characters that a form leaves unchanged', () => {
		expect(deriveVerifyToken('secret', TEST)).toBe(token);
		expect(token).toMatch(/^[0-9a-f]{64}$/);
	});

	it.each([
		['secret', 'another', PRODUCTION, undefined],
		['workflow', 'secret', PRODUCTION, 'workflow'],
		['host', 'secret', 'https://two.example/webhook/id/webhook', undefined],
		['port', 'secret', 'https://n8n.example:8443/webhook/id/webhook', undefined],
		['path before it', 'secret', 'https://n8n.example/two/webhook/id/webhook', undefined],
		['webhook ID', 'secret', 'https://n8n.example/webhook/other/webhook', undefined],
		['query', 'secret', `${PRODUCTION}?also=x`, undefined],
		['text that is no address', 'secret', 'webhook', undefined],
	])('The token is another one for another %s', (_, secret, url, workflow) => {
		expect(deriveVerifyToken(secret, url, workflow)).not.toBe(token);
	});

	it('Address and workflow stay apart, and the secret is never shown', () => {
		const id = fc.string({ unit: fc.constantFrom(...'abc123-_'), minLength: 1, maxLength: 36 });
		fc.assert(
			fc.property(
				fc.string({ minLength: 8 }),
				id,
				id,
				id,
				id,
				(secret, webhook, workflow, otherWebhook, otherWorkflow) => {
					const url = (own: string) => `https://n8n.example/webhook/${own}/webhook`;
					const one = deriveVerifyToken(secret, url(webhook), workflow);
					const two = deriveVerifyToken(secret, url(otherWebhook), otherWorkflow);
					const same = webhook === otherWebhook && workflow === otherWorkflow;
					return (one === two) === same && !one.includes(secret);
				},
			),
			{ numRuns: 1000 },
		);
	});
});

describe('what earlier versions of the package have derived', () => {
	const url = 'https://n8n.example/webhook/5d9e2f3c-0a1b-4c2d-8e3f-112233445566/webhook';
	const token = (only?: string) => deriveVerifyToken('secret', url, only);

	// Other workflows of the same app, maybe in another n8n with another version, derive the same ones.
	it.each([
		['token', token(), '5b9ad8730648bd15447e71d3a2937c500e3b2b81d4721d3bdeb0bb3ea8d51696'],
		[
			'token of a workflow',
			token('workflow-1'),
			'540f7f185942f1793b8518b744666f7bc9cad48e3e4c27ee6ebac47fd0a2ce70',
		],
		[
			'token of an account',
			token(accountPart('102')),
			'e682bdab7badff4b0dd4bbd762ca830c812e8061ca5de2eca399014dff7c2cec',
		],
		[
			'token of an account on the app',
			token(appLevelPart('102')),
			'9f7d39a77f52505a798e6aab044d9421dfb1962bf4cbb9ba02fb06bffc1939ef',
		],
		[
			'proof',
			deriveProof('secret', url, endpointOf(new URL(url).pathname), 'nonce'),
			'abfb9c6a907e752f5d67534bc474e59f5ce6c27eb7af8ae88b4a9ed4045e4a8a',
		],
	])('The %s stays the same', (_, derived, expected) => {
		expect(derived).toBe(expected);
	});
});

describe('the form of what is asked', () => {
	const nonce = '5d9e2f3c-0a1b-4c2d-8e3f-112233445566';
	const token = 'a0'.repeat(32);

	it.each<[unknown, boolean, boolean]>([
		[token, true, false],
		[`${token}\n`, false, false],
		[`x${token}`, false, false],
		[`${token}0`, false, false],
		[[token], false, false],
		[nonce, false, true],
		[`x${nonce}`, false, false],
		[`${nonce}0`, false, false],
		[[nonce], false, false],
		[undefined, false, false],
	])('%j is a token: %s, a nonce: %s', (text, isToken, isOne) => {
		expect([isVerifyToken(text), isNonce(text)]).toEqual([isToken, isOne]);
	});
});

describe('URLs of n8n', () => {
	it.each([
		[PRODUCTION, TEST, true, true],
		[
			'https://n8n.example/base/webhook/id/webhook',
			'https://n8n.example/base/webhook-test/id/webhook',
			true,
			true,
		],
		[PRODUCTION, 'https://n8n.example/webhook/other/webhook', false, true],
		[PRODUCTION, 'https://n8n.example/webhook-test/other/hook', false, true],
		[PRODUCTION, 'https://two.example/webhook/id/webhook', false, false],
		[PRODUCTION, 'https://n8n.example/crm/hook', false, false],
		[PRODUCTION, 'https://n8n.example/', false, false],
		[PRODUCTION, 'not an address', false, false],
		[PRODUCTION, 'https://n8n.example/webhook-test-two/id/webhook', true, false],
		[
			'https://n8n.example/base/webhook/id/webhook',
			'https://n8n.example/other/webhook/id/webhook',
			false,
			false,
		],
	])('The URLs %s and %s have the same trigger %s, the same n8n %s', (own, other, trigger, n8n) => {
		expect(isSameTrigger(own, other)).toBe(trigger);
		expect(isOfSameN8n(other, own)).toBe(n8n);
	});

	it('A test URL is recognized by its path', () => {
		expect([PRODUCTION, TEST].map(looksLikeTestUrl)).toEqual([false, true]);
		expect(looksLikeTestUrl('https://n8n.example/a-test/b/webhook/id/webhook')).toBe(false);
	});
});
