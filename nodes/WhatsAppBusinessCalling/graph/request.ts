import type { IDataObject, IHttpRequestOptions, IN8nHttpFullResponse } from 'n8n-workflow';
import { sleep } from 'n8n-workflow';

import { CREDENTIAL_NAME, decryptedCredential, type Account } from './account';
import { AnswerTooLarge, MAX_ANSWER_BYTES, readAnswerBody } from './answerBody';
import { errorEntry } from './errorCatalogue';
import { failureFromAnswer, failureFromThrown, unreadableAnswer } from './failure';
import { ANSWER_AS_IT_IS, endsWithin, USER_AGENT, within } from './http';
import type { GraphContext, GraphFailure, Result } from './types';

/**
 * When a request may be sent again by itself.
 * - `freely`: after any failure that may pass; for requests that change nothing or can be repeated
 * - `whenRefused`: only after Meta's own retryable answer; a lost answer is not repeated
 * - `whenNotPlaced`: only after an answer that proves that no call was placed; for starting a call,
 *   where a repetition would ring the person twice
 * - `never`
 */
export type Repeat = 'freely' | 'whenRefused' | 'whenNotPlaced' | 'never';

export interface GraphRequest {
	method: 'GET' | 'POST' | 'DELETE';
	/** Path below the API version, each part already safe for a path. */
	path: string;
	query?: Record<string, string>;
	body?: IDataObject;
	/** `app`: with the app access token `APP_ID|APP_SECRET`, which `/subscriptions` asks for. */
	as?: 'user' | 'app';
	repeat: Repeat;
	/** How often at most the request is sent; 3 unless told. */
	attempts?: number;
	/** Milliseconds for one answer; 30,000 unless told. */
	timeoutMs?: number;
	signal?: AbortSignal;
}

const LONGEST_ANSWER_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/**
 * Sends a request to the Graph API and reads its JSON answer. Never throws for what Meta or the
 * network does: the failure is returned, so that callers decide what it means for them.
 */
export async function graphRequest(
	context: GraphContext,
	account: Account,
	request: GraphRequest,
): Promise<Result<unknown>> {
	const attempts = request.repeat === 'never' ? 1 : (request.attempts ?? 3);
	for (let attempt = 1; ; attempt++) {
		const result = await sendOnce(context, account, request);
		if (result.ok || attempt >= attempts || request.signal?.aborted) return result;
		if (!mayRepeat(result.failure, request.repeat)) return result;
		const backOff = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
		await sleep(Math.min(result.failure.retryAfterMs ?? backOff, LONGEST_PAUSE_MS));
	}
}

/**
 * Sends a request that changes something, and makes sure that Meta said so (`{"success": true}`): what
 * stands between may answer 200 to anything.
 */
export async function graphChange(
	context: GraphContext,
	account: Account,
	request: GraphRequest,
): Promise<Result<unknown>> {
	const result = await graphRequest(context, account, request);
	if (!result.ok || isConfirmed(result.value)) return result;
	return { ok: false, failure: unreadableAnswer('Meta did not confirm the change') };
}

function isConfirmed(value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return value === true;
	return (value as { success?: unknown }).success === true;
}

function mayRepeat(failure: GraphFailure, repeat: Repeat): boolean {
	if (repeat === 'freely') return failure.transient;
	if (failure.code === null || !failure.transient) return false;
	if (repeat === 'whenRefused') return true;
	return errorEntry(failure.code)?.refusedBeforeCalling === true;
}

async function sendOnce(
	context: GraphContext,
	account: Account,
	request: GraphRequest,
): Promise<Result<unknown>> {
	const url = `${account.baseUrl}/${account.apiVersion}/${request.path}`;
	const timeout = request.timeoutMs ?? LONGEST_ANSWER_MS;
	const signal = endsWithin(timeout, request.signal);
	const options: IHttpRequestOptions = {
		method: request.method,
		url,
		qs: request.query,
		body: request.body,
		json: true,
		headers: { 'User-Agent': USER_AGENT },
		timeout,
		abortSignal: signal,
		// Read by hand: nobody knows how much comes.
		encoding: 'stream',
		...ANSWER_AS_IT_IS,
	};
	const send = async () => {
		const answer =
			request.as === 'app'
				? await sendAsApp(context, account, options)
				: await sendAsUser(context, account, options);
		return { ...answer, body: await readAnswerBody(answer.body, signal) };
	};
	try {
		return await readAnswer(context, account, await within(signal, send()));
	} catch (thrown) {
		const failure =
			thrown instanceof AnswerTooLarge
				? unreadableAnswer(`The response is larger than ${MAX_ANSWER_BYTES / 1024 / 1024} MB`)
				: failureFromThrown(thrown, new URL(url).host);
		return { ok: false, failure };
	}
}

async function sendAsUser(
	context: GraphContext,
	account: Account,
	options: IHttpRequestOptions,
): Promise<IN8nHttpFullResponse> {
	return (await context.helpers.httpRequestWithAuthentication.call(
		context,
		CREDENTIAL_NAME,
		options,
		decryptedCredential(account),
	)) as IN8nHttpFullResponse;
}

async function sendAsApp(
	context: GraphContext,
	account: Account,
	options: IHttpRequestOptions,
): Promise<IN8nHttpFullResponse> {
	return (await context.helpers.httpRequest({
		...options,
		headers: { ...options.headers, Authorization: `Bearer ${account.appId}|${account.appSecret}` },
	})) as IN8nHttpFullResponse;
}

async function readAnswer(
	context: GraphContext,
	account: Account,
	answer: Omit<IN8nHttpFullResponse, 'body'> & { body: unknown },
): Promise<Result<unknown>> {
	const { statusCode, body, headers } = answer;
	const isError = typeof body === 'object' && body !== null && 'error' in body;
	if (statusCode >= 200 && statusCode < 300 && !isError) return { ok: true, value: body };
	const { accessToken } = await context.getCredentials(CREDENTIAL_NAME);
	const secrets = [String(accessToken).trim(), account.appSecret];
	return { ok: false, failure: failureFromAnswer(statusCode, body, headers, secrets) };
}
