import fc from 'fast-check';

import {
	deriveVerifyToken,
	isOfSameN8n,
	isSameTrigger,
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
	])('The URLs %s and %s have the same trigger %s, the same n8n %s', (own, other, trigger, n8n) => {
		expect(isSameTrigger(own, other)).toBe(trigger);
		expect(isOfSameN8n(other, own)).toBe(n8n);
	});

	it('A test URL is recognized by its path', () => {
		expect([PRODUCTION, TEST].map(looksLikeTestUrl)).toEqual([false, true]);
	});
});
