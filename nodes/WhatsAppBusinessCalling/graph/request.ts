import type { IDataObject, IHttpRequestOptions, IN8nHttpFullResponse } from 'n8n-workflow';
import { sleep } from 'n8n-workflow';
import type { z } from 'zod';

import { MAX_BODY_BYTES, readBody, ResponseTooLargeError } from '../http/body';
import { raceWithSignal, RAW_RESPONSE, timeoutSignal, USER_AGENT } from '../http/limits';
import { isFields } from '../values';
import { accessTokenOf, CREDENTIAL_NAME, decryptedCredential, type Account } from './account';
import { appSecretProof } from './appSecretProof';
import { errorEntry } from './errorCatalogue';
import { failureFromResponse, failureFromThrown, unreadableResponse } from './failure';
import type { GraphContext, GraphFailure, Result } from './types';

/**
 * When a failed request is repeated automatically.
 * - `freely`: after any temporary failure; for requests that change nothing or can be repeated
 * - `whenRefused`: only after a retryable error of Meta's; not where the response was lost
 * - `whenNotPlaced`: only after an error that proves that no call was placed; for starting a call,
 *   where a repetition would ring the person twice
 * - `never`
 */
export type Repeat = 'freely' | 'whenRefused' | 'whenNotPlaced' | 'never';

export interface GraphRequest {
	method: 'GET' | 'POST' | 'DELETE';
	/** Path below the API version, each part already safe for a path. */
	path: string;
	query?: Record<string, string>;
	/** Sent as JSON; bytes as they are. */
	body?: IDataObject | Buffer;
	/** Of a body of bytes. */
	contentType?: string;
	/** `app`: with the app access token `APP_ID|APP_SECRET`, which `/subscriptions` requires. */
	as?: 'user' | 'app';
	repeat: Repeat;
	/** Maximum number of attempts. Default 3. */
	attempts?: number;
	/** Milliseconds for one attempt. Default 30,000. */
	timeoutMs?: number;
	signal?: AbortSignal;
}

/** How often and for how long a request is tried, for callers that do not use the defaults. */
export type Effort = Pick<GraphRequest, 'attempts' | 'timeoutMs'>;

const DEFAULT_ATTEMPTS = 3;
const DEFAULT_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 8_000;

/**
 * Sends a request to the Graph API and reads its JSON response. Errors of Meta and of the network are
 * returned and not thrown, so that callers decide what they mean.
 */
export async function graphRequest(
	context: GraphContext,
	account: Account,
	request: GraphRequest,
): Promise<Result<unknown>> {
	const attempts = request.repeat === 'never' ? 1 : (request.attempts ?? DEFAULT_ATTEMPTS);
	for (let attempt = 1; ; attempt++) {
		const result = await sendOnce(context, account, request);
		if (result.ok || attempt >= attempts || request.signal?.aborted) return result;
		if (!isRepeatable(result.failure, request.repeat)) return result;
		const backOff = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), MAX_PAUSE_MS);
		await sleep(Math.min(result.failure.retryAfterMs ?? backOff, MAX_PAUSE_MS));
	}
}

/**
 * Sends a request that changes something, and fails unless Meta confirms the change with
 * `{"success": true}`: a proxy may respond with status 200 to anything.
 */
export async function graphChange(
	context: GraphContext,
	account: Account,
	request: GraphRequest,
): Promise<Result<unknown>> {
	const result = await graphRequest(context, account, request);
	if (!result.ok || isConfirmed(result.value)) return result;
	return { ok: false, failure: unreadableResponse('Meta did not confirm the change') };
}

/**
 * Reads a response with a schema.
 *
 * @param message for a response that does not fit, which usually comes from a proxy
 */
export function parseResponse<Schema extends z.ZodTypeAny>(
	response: Result<unknown>,
	schema: Schema,
	message: string,
): Result<z.output<Schema>> {
	if (!response.ok) return response;
	const parsed = schema.safeParse(response.value);
	if (parsed.success) return { ok: true, value: parsed.data as z.output<Schema> };
	return { ok: false, failure: unreadableResponse(message) };
}

function isConfirmed(value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return value === true;
	return (value as { success?: unknown }).success === true;
}

function isRepeatable(failure: GraphFailure, repeat: Repeat): boolean {
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
	const timeout = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
	const signal = timeoutSignal(timeout, request.signal);
	const options: IHttpRequestOptions = {
		method: request.method,
		url,
		qs: request.query,
		body: request.body,
		json: true,
		headers: {
			'User-Agent': USER_AGENT,
			...(request.contentType && { 'Content-Type': request.contentType }),
		},
		timeout,
		abortSignal: signal,
		// Read here with a size limit; n8n has none.
		encoding: 'stream',
		...RAW_RESPONSE,
	};
	const send = async () => {
		const response =
			request.as === 'app'
				? await sendAsApp(context, account, options)
				: await sendAsUser(context, account, options);
		return { ...response, body: await readBody(response.body, signal) };
	};
	try {
		return readResponse(account, await raceWithSignal(signal, send()), request.as);
	} catch (thrown) {
		const failure =
			thrown instanceof ResponseTooLargeError
				? unreadableResponse(`The response is larger than ${MAX_BODY_BYTES / 1024 / 1024} MB`)
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
	const token = `${account.appId}|${account.appSecret}`;
	return (await context.helpers.httpRequest({
		...options,
		qs: { ...options.qs, appsecret_proof: appSecretProof(token, account.appSecret) },
		headers: { ...options.headers, Authorization: `Bearer ${token}` },
	})) as IN8nHttpFullResponse;
}

function readResponse(
	account: Account,
	response: Omit<IN8nHttpFullResponse, 'body'> & { body: unknown },
	as: GraphRequest['as'],
): Result<unknown> {
	const { statusCode, body, headers } = response;
	const isError = isFields(body) && (body.error ?? null) !== null;
	if (statusCode >= 200 && statusCode < 300 && !isError) return { ok: true, value: body };
	const secrets = [accessTokenOf(account), account.appSecret];
	return { ok: false, failure: failureFromResponse(statusCode, body, headers, secrets, as) };
}
