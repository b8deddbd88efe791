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
 * Asks an address as Meta does when it verifies one. Only with the right verify token can an address
 * be put back at Meta later.
 */
export async function passesChallenge(
	context: GraphContext,
	address: string,
	verifyToken: string,
): Promise<boolean> {
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
		return answer.statusCode === 200 && said.trim() === challenge;
	} catch {
		return false;
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
		abortSignal: endsWithin(TIMEOUT_MS, signal),
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
