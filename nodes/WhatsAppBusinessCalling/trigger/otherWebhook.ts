import { randomUUID } from 'crypto';
import type {
	IDataObject,
	IHttpRequestOptions,
	IN8nHttpFullResponse,
	IWebhookFunctions,
} from 'n8n-workflow';

import type { GraphContext } from '../graph/types';
import { RAW_RESPONSE, timeoutSignal, USER_AGENT } from '../http/limits';
import { discard, isFileStream } from '../http/streams';

/** Headers that belong to one connection, or to the form in which the body came over it. */
const NOT_FORWARDED = new Set([
	'connection',
	'content-encoding',
	'content-length',
	'expect',
	'host',
	'keep-alive',
	'proxy-authorization',
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
]);

/** Milliseconds for the other webhook; Meta itself waits 20 seconds for both of us together. */
const TIMEOUT_MS = 10_000;

/** Bytes of the other webhook's answer that are read at most: room for a challenge. */
const MAX_ANSWER_BYTES = 1_024;

/**
 * What an address answers to a challenge:
 * - `accepted`: the verify token is right
 * - `refused`: something answers there, but not to this token
 * - `notRegistered`: it is an address of n8n, and n8n has no webhook there
 * - `unreachable`: no answer came; n8n may not be able to reach its own public address
 */
export type ChallengeAnswer = 'accepted' | 'refused' | 'notRegistered' | 'unreachable';

/** Asks an address as Meta does when it verifies one. */
export async function askForChallenge(
	context: GraphContext,
	address: string,
	verifyToken: string,
): Promise<ChallengeAnswer> {
	const challenge = randomUUID();
	try {
		const answer = await send(context, {
			method: 'GET',
			url: address,
			qs: {
				'hub.mode': 'subscribe',
				'hub.challenge': challenge,
				'hub.verify_token': verifyToken,
			},
			headers: { 'User-Agent': USER_AGENT },
		});
		const said = await beginningOf(answer.body);
		if (answer.statusCode === 200 && said.trim() === challenge) return 'accepted';
		const isUnknownToN8n = answer.statusCode === 404 && /"code":404\b.*not registered/.test(said);
		return isUnknownToN8n ? 'notRegistered' : 'refused';
	} catch {
		return 'unreachable';
	}
}

/**
 * Hands a delivery on to the webhook that was registered before: the same bytes under the same
 * headers, so that its signature holds there too.
 *
 * @returns whether the other webhook has accepted it
 */
export async function forward(
	context: IWebhookFunctions,
	address: string,
	body: Buffer,
	signal: AbortSignal,
): Promise<boolean> {
	const headers: IDataObject = {};
	for (const [name, value] of Object.entries(context.getHeaderData())) {
		if (!NOT_FORWARDED.has(name.toLowerCase()) && value !== undefined) headers[name] = value;
	}
	try {
		const answer = await send(context, { method: 'POST', url: address, headers, body }, signal);
		discard(answer.body);
		return answer.statusCode >= 200 && answer.statusCode < 300;
	} catch {
		return false;
	}
}

async function send(
	context: GraphContext,
	options: IHttpRequestOptions,
	signal?: AbortSignal,
): Promise<IN8nHttpFullResponse> {
	return (await context.helpers.httpRequest({
		...options,
		timeout: TIMEOUT_MS,
		abortSignal: timeoutSignal(TIMEOUT_MS, signal),
		// Nobody knows how much the other side sends.
		encoding: 'stream',
		...RAW_RESPONSE,
	})) as IN8nHttpFullResponse;
}

async function beginningOf(body: unknown): Promise<string> {
	if (!isFileStream(body)) return '';
	let text = '';
	for await (const chunk of body) {
		text += String(chunk);
		if (text.length > MAX_ANSWER_BYTES) break;
	}
	return text;
}
