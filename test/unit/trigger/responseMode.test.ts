import { resolveWebhookDescriptionField, WEBHOOK_RESOLVERS } from 'n8n-workflow';

import { WhatsAppBusinessCallingTrigger } from '../../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCallingTrigger.node';

const [, webhook] = new WhatsAppBusinessCallingTrigger().description.webhooks ?? [];

/** What an expression engine makes of the template. */
const evaluate = (template: string, parameters: object): unknown =>
	new Function('$parameter', `return ${template.replace(/^=\{\{|\}\}$/g, '')}`)(parameters);

describe('the response mode', () => {
	it.each([
		['stored', 'onReceived'],
		['finished', 'lastNode'],
		['anything else', 'onReceived'],
		[undefined, 'onReceived'],
	])('The mode for acknowledge %s is %s, with and without the engine', (value, mode) => {
		const parameters = value === undefined ? {} : { options: { acknowledge: value } };
		expect(resolveWebhookDescriptionField({ parameters }, webhook, 'responseMode')).toEqual({
			resolved: true,
			value: mode,
		});
		expect(evaluate(webhook.responseMode as string, parameters)).toBe(mode);
	});

	it('The mode is left to the engine if a parameter is an expression', () => {
		const parameters = { options: { retryFor: '={{ 2 }}' } };
		expect(resolveWebhookDescriptionField({ parameters }, webhook, 'responseMode')).toEqual({
			resolved: false,
		});
	});

	it('The mode is only the expression for the editor', () => {
		expect(webhook[WEBHOOK_RESOLVERS]).toBeDefined();
		const { responseMode } = JSON.parse(JSON.stringify(webhook)) as { responseMode: string };
		expect(responseMode).toMatch(/^=\{\{.*\}\}$/);
	});

	it('The mode is only the expression for versions of n8n that know nothing else', () => {
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
