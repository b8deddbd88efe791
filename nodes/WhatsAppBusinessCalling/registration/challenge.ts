import type { IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { isSameSecret } from '../sameSecret';
import { cachedAccount, RECHECK_INTERVAL_MS } from '../trigger/accountCache';
import { addressOfRequest } from './sharedAddress';
import {
	accountPart,
	appLevelPart,
	deriveProof,
	deriveVerifyToken,
	endpointOf,
	isNonce,
	isVerifyToken,
	PROVE_MODE,
} from './verifyToken';

/**
 * Answers the request by which Meta verifies the webhook address: the challenge as plain text if the verify
 * token is right, otherwise 403 (Meta, "Create a webhook endpoint"). 503 if the credential cannot be used at the
 * moment, so that another trigger does not conclude that this one belongs to another app.
 */
export async function answerChallenge(context: IWebhookFunctions): Promise<IWebhookResponseData> {
	const query = context.getQueryData() as Record<string, unknown>;
	if (query['hub.mode'] === PROVE_MODE) return await prove(context, query['hub.challenge']);
	const challenge = query['hub.challenge'];
	const response = context.getResponseObject();
	const isAsked = query['hub.mode'] === 'subscribe' && typeof challenge === 'string';
	const tokens = isAsked ? await acceptedTokens(context, query) : [];
	if (tokens?.some((token) => isSameSecret(query['hub.verify_token'], token))) {
		response.status(200).set(AS_TEXT).end(challenge);
	} else {
		response.status(tokens === null ? 503 : 403).end();
	}
	return { noWebhookResponse: true };
}

const AS_TEXT = {
	'Content-Type': 'text/plain; charset=utf-8',
	'X-Content-Type-Options': 'nosniff',
};

/** Answers the action Setup > Send Test Recording, which signs something only for a trigger of the same app. */
async function prove(context: IWebhookFunctions, nonce: unknown): Promise<IWebhookResponseData> {
	const response = context.getResponseObject();
	const url = context.getNodeWebhookUrl('default');
	// Anybody can ask: the credential is not read for what has not the form.
	const account =
		isNonce(nonce) && url ? await cachedAccount(context, RECHECK_INTERVAL_MS) : undefined;
	if (account && isNonce(nonce) && url) {
		response
			.status(200)
			.set(AS_TEXT)
			.end(deriveProof(account.appSecret, url, endpointOf(context.getRequestObject().path), nonce));
	} else {
		response.status(account === null ? 503 : 403).end();
	}
	return { noWebhookResponse: true };
}

/**
 * The token with which Meta and other triggers of this package verify the address, the one with which the
 * same workflow asks whether it is its own, and those that ask for the account and for the level.
 *
 * @returns null if the credential cannot be used at the moment
 */
async function acceptedTokens(
	context: IWebhookFunctions,
	query: Record<string, unknown>,
): Promise<string[] | null> {
	const registration = context.getNodeParameter('registration', 'app');
	if (registration === 'manual') {
		return [String(context.getNodeParameter('verifyToken', '')).trim()];
	}
	// Anyone can send this request: a text that is no token is rejected without reading the credential.
	if (!isVerifyToken(query['hub.verify_token'])) return [];
	const account = await cachedAccount(context, RECHECK_INTERVAL_MS);
	const url = addressOfRequest(context.getNodeWebhookUrl('default'), query);
	if (account === null) return null;
	if (url === null) return [];
	const { appSecret, businessAccountId } = account;
	const parts = [undefined, context.getWorkflow().id, accountPart(businessAccountId)];
	if (registration === 'app') parts.push(appLevelPart(businessAccountId));
	return parts.map((only) => deriveVerifyToken(appSecret, url, only));
}
