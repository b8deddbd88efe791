import type { IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { knownAccount, RECHECK_MS } from './knownAccount';
import { isSameSecret } from './signature';
import { deriveVerifyToken, isVerifyToken } from './verifyToken';

/**
 * Answers the request by which Meta verifies the webhook address: the challenge as plain text where
 * the verify token is right, 403 otherwise (Meta, "Create a webhook endpoint").
 */
export async function answerChallenge(context: IWebhookFunctions): Promise<IWebhookResponseData> {
	const query = context.getQueryData() as Record<string, unknown>;
	const challenge = query['hub.challenge'];
	const response = context.getResponseObject();
	const isRight =
		query['hub.mode'] === 'subscribe' &&
		typeof challenge === 'string' &&
		isSameSecret(query['hub.verify_token'], await expectedToken(context, query));
	if (isRight) {
		response
			.status(200)
			.set({ 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' })
			.end(challenge);
	} else {
		response.status(403).end();
	}
	return { noWebhookResponse: true };
}

/** Empty for none: then nothing is right. */
async function expectedToken(
	context: IWebhookFunctions,
	query: Record<string, unknown>,
): Promise<string> {
	if (context.getNodeParameter('registration', 'app') === 'manual') {
		return String(context.getNodeParameter('verifyToken', '')).trim();
	}
	// Anybody can ask: what has not the form needs no credential to be refused.
	if (!isVerifyToken(query['hub.verify_token'])) return '';
	const account = await knownAccount(context, RECHECK_MS);
	if (account === null) return '';
	return deriveVerifyToken(account.appSecret, context.getWorkflow().id ?? '', context.getNode().id);
}
