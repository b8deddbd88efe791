import { randomUUID } from 'crypto';
import type {
	IDataObject,
	IHttpRequestOptions,
	IN8nHttpFullResponse,
	IWebhookFunctions,
} from 'n8n-workflow';

import { ANSWER_AS_IT_IS, endsWithin, USER_AGENT } from '../graph/http';
import type { GraphContext } from '../graph/types';
import { discard, isFileStream } from '../streams';

/** Proves to a trigger that a delivery comes from another one, which has passed it on to everyone. */
export const RELAY_HEADER = 'x-whatsapp-business-calling-relay';

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
	RELAY_HEADER,
]);

/** Milliseconds for the other webhook; Meta itself waits 20 seconds for both of us together. */
export const TIMEOUT_MS = 10_000;

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
		return answer.statusCode === 404 && isNotRegistered(said) ? 'notRegistered' : 'refused';
	} catch {
		return 'unreachable';
	}
}

/** What came back for a delivery that was passed on. */
export interface PassedOn {
	status: number;
	/** Whether it is a page of HTML, as proxies give it, and n8n itself while it starts. */
	isPage: boolean;
	/** Whether n8n says that it has no webhook there. */
	isUnknownToN8n: boolean;
}

/**
 * Passes a delivery on: the same bytes under the same headers, so that its signature holds there too.
 *
 * @param to with a `relayProof` for another trigger of this package
 * @param limitMs for the whole of it
 * @throws where no answer comes
 */
export async function passOn(
	context: IWebhookFunctions,
	to: { url: string; relayProof?: string },
	body: Buffer,
	limitMs: number,
	signal: AbortSignal,
): Promise<PassedOn> {
	const headers: IDataObject = {};
	for (const [name, value] of Object.entries(context.getHeaderData())) {
		if (!NOT_FORWARDED.has(name.toLowerCase()) && value !== undefined) headers[name] = value;
	}
	if (to.relayProof !== undefined) headers[RELAY_HEADER] = to.relayProof;
	const request = { method: 'POST', url: to.url, headers, body } as const;
	const answer = await send(context, request, signal, limitMs);
	try {
		const { statusCode: status } = answer;
		const type = String(answer.headers['content-type'] ?? '');
		return {
			status,
			isPage: type.includes('text/html'),
			isUnknownToN8n: status === 404 && isNotRegistered(await beginningOf(answer.body)),
		};
	} finally {
		discard(answer.body);
	}
}

/** n8n's words for an address at which it has no webhook. */
const isNotRegistered = (said: string) => /"code":404\b.*not registered/.test(said);

async function send(
	context: GraphContext,
	options: IHttpRequestOptions,
	signal?: AbortSignal,
	limitMs = TIMEOUT_MS,
): Promise<IN8nHttpFullResponse> {
	return (await context.helpers.httpRequest({
		...options,
		timeout: limitMs,
		abortSignal: endsWithin(limitMs, signal),
		// Nobody knows how much the other side sends.
		encoding: 'stream',
		...ANSWER_AS_IT_IS,
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
