import { WEBHOOK_RESOLVERS, type INodeParameters, type IWebhookDescription } from 'n8n-workflow';

/** When n8n answers: once the execution is stored, or once the workflow has ended. */
const template =
	'={{($parameter["options"] || {})["acknowledge"] === "finished" ? "lastNode" : "onReceived"}}' as const;

const resolve = ({ options }: INodeParameters) =>
	(options as INodeParameters | undefined)?.acknowledge === 'finished' ? 'lastNode' : 'onReceived';

/**
 * The response mode as an expression, and the same as a function: with it n8n 2.41 does not run its
 * expression engine for each delivery. Older versions know the expression only.
 */
export const responseMode: Pick<IWebhookDescription, 'responseMode'> = {
	responseMode: template,
	...((WEBHOOK_RESOLVERS as symbol | undefined) && {
		[WEBHOOK_RESOLVERS]: { responseMode: { template, resolve } },
	}),
};
