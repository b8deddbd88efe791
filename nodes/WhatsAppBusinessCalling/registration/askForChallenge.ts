import { randomUUID } from 'crypto';
import type { IN8nHttpFullResponse } from 'n8n-workflow';

import type { GraphContext } from '../graph/types';
import { USER_AGENT } from '../http/limits';
import { isNotRegistered, isPage, readPrefix, requestOtherHost } from '../http/otherHost';

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
	try {
		const response = await requestOtherHost(
			context,
			{
				method: 'GET',
				url: address,
				qs: {
					'hub.mode': 'subscribe',
					'hub.challenge': challenge,
					'hub.verify_token': verifyToken,
				},
				headers: { 'User-Agent': USER_AGENT },
			},
			TIMEOUT_MS,
		);
		const text = await readPrefix(response.body);
		if (isTemporary(response)) return 'unavailable';
		if (response.statusCode === 200 && text.trim() === challenge) return 'accepted';
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
