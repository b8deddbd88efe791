import { resolveWebhookDescriptionField, WEBHOOK_RESOLVERS } from 'n8n-workflow';

import { WhatsAppBusinessCallingTrigger } from '../../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCallingTrigger.node';

const [, webhook] = new WhatsAppBusinessCallingTrigger().description.webhooks ?? [];

/** What an expression engine makes of the template. */
const evaluate = (template: string, parameters: object): unknown =>
	new Function('$parameter', `return ${template.replace(/^=\{\{|\}\}$/g, '')}`)(parameters);

describe('The response mode', () => {
	it.each([
		['stored', 'onReceived'],
		['finished', 'lastNode'],
		['anything else', 'onReceived'],
		[undefined, 'onReceived'],
	])('where it is to be acknowledged when %s is %s, with and without the engine', (value, mode) => {
		const parameters = value === undefined ? {} : { options: { acknowledge: value } };
		expect(resolveWebhookDescriptionField({ parameters }, webhook, 'responseMode')).toEqual({
			resolved: true,
			value: mode,
		});
		expect(evaluate(webhook.responseMode as string, parameters)).toBe(mode);
	});

	it('is left to the engine where a parameter is an expression', () => {
		const parameters = { options: { retryFor: '={{ 2 }}' } };
		expect(resolveWebhookDescriptionField({ parameters }, webhook, 'responseMode')).toEqual({
			resolved: false,
		});
	});

	it('is the expression alone for the editor', () => {
		expect(webhook[WEBHOOK_RESOLVERS]).toBeDefined();
		const { responseMode } = JSON.parse(JSON.stringify(webhook)) as { responseMode: string };
		expect(responseMode).toMatch(/^=\{\{.*\}\}$/);
	});

	it('is the expression alone for versions of n8n that know nothing else', () => {
		jest.isolateModules(() => {
			jest.doMock('n8n-workflow', () => ({ WEBHOOK_RESOLVERS: undefined }));
			const { responseMode } =
				require('../../../nodes/WhatsAppBusinessCalling/trigger/responseMode') as {
					responseMode: object;
				};
			expect(Reflect.ownKeys(responseMode)).toEqual(['responseMode']);
		});
	});
});
