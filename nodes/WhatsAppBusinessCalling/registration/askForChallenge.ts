import { randomUUID } from 'crypto';
import type { IDataObject, IN8nHttpFullResponse } from 'n8n-workflow';

import type { GraphContext } from '../graph/types';
import { USER_AGENT } from '../http/limits';
import { isNotRegistered, isPage, readPrefix, requestOtherHost } from '../http/otherHost';
import { isSameSecret } from '../sameSecret';
import { deriveProof, endpointOf, PROVE_MODE } from './verifyToken';

const TIMEOUT_MS = 10_000;

/**
 * What an address answers to a challenge:
 * - `accepted`: the verify token is right
 * - `refused`: something answers there, but not to this token
 * - `notRegistered`: it is an address of n8n, and n8n has no webhook there
 * - `unavailable`: a proxy answers, or a server that is overloaded, starting or broken
 * - `unreachable`: no answer came; n8n may not be able to reach its own public address
 */
export type ChallengeAnswer =
	| 'accepted'
	| 'refused'
	| 'notRegistered'
	| 'unavailable'
	| 'unreachable';

/** Asks an address as Meta does when it verifies one. */
export async function askForChallenge(
	context: GraphContext,
	address: string,
	verifyToken: string,
): Promise<ChallengeAnswer> {
	const challenge = randomUUID();
	const question = {
		'hub.mode': 'subscribe',
		'hub.challenge': challenge,
		'hub.verify_token': verifyToken,
	};
	return await ask(context, address, question, challenge);
}

/**
 * Asks whether a trigger is at an address that has the app secret. `accepted` proves it: a server that is no such
 * trigger cannot answer, nor can one that passes the question on to a trigger at another address.
 */
export async function askForProof(
	context: GraphContext,
	address: string,
	appSecret: string,
): Promise<ChallengeAnswer> {
	const nonce = randomUUID();
	const question = { 'hub.mode': PROVE_MODE, 'hub.challenge': nonce };
	const endpoint = endpointOf(new URL(address).pathname);
	return await ask(context, address, question, deriveProof(appSecret, address, endpoint, nonce));
}

async function ask(
	context: GraphContext,
	address: string,
	question: IDataObject,
	expected: string,
): Promise<ChallengeAnswer> {
	const headers = { 'User-Agent': USER_AGENT };
	try {
		const response = await requestOtherHost(
			context,
			{ method: 'GET', url: address, qs: question, headers },
			TIMEOUT_MS,
		);
		const text = await readPrefix(response.body);
		if (isTemporary(response)) return 'unavailable';
		if (response.statusCode === 200 && isSameSecret(text.trim(), expected)) return 'accepted';
		return response.statusCode === 404 && isNotRegistered(text) ? 'notRegistered' : 'refused';
	} catch {
		return 'unreachable';
	}
}

function isTemporary(response: IN8nHttpFullResponse): boolean {
	const { statusCode } = response;
	return (
		statusCode >= 500 || [408, 429].includes(statusCode) || (statusCode < 300 && isPage(response))
	);
}
