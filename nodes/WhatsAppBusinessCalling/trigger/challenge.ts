import type { IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { isSameSecret } from './signature';
import { usableAccount } from './usableAccount';
import { deriveVerifyToken } from './verifyToken';

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
		isSameSecret(query['hub.verify_token'], await expectedToken(context));
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

async function expectedToken(context: IWebhookFunctions): Promise<string> {
	if (context.getNodeParameter('registration', 'app') === 'manual') {
		return String(context.getNodeParameter('verifyToken', '')).trim();
	}
	const account = await usableAccount(context);
	if (account === null) return '';
	return deriveVerifyToken(account.appSecret, context.getWorkflow().id ?? '', context.getNode().id);
}
