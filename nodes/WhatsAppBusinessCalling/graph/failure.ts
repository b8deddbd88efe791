import { z } from 'zod';

import { fieldsOf, listOf, text as textOf, yesOrNo } from '../values';
import { errorEntry } from './errorCatalogue';
import { orNull, text, wholeNumber } from './scalars';
import type { GraphFailure } from './types';

const errorSchema = z.object({
	message: text,
	code: orNull(wholeNumber),
	error_subcode: orNull(wholeNumber),
	// An object by the documentation; older parts of the Graph API have a text there.
	error_data: orNull(
		z.union([z.object({ details: text }), z.string().transform((details) => ({ details }))]),
	),
	error_user_msg: text,
	fbtrace_id: text,
	is_transient: z.unknown().transform((value) => yesOrNo(value) ?? false),
});

/** The error in a response. Documented is `error`; webhooks, and proxies for Meta's API, have a list `errors`. */
function errorIn(body: unknown): unknown {
	const { error, errors } = fieldsOf(body);
	const [found] = listOf(error) ?? [];
	const [listed] = listOf(errors) ?? [];
	return found ?? listed;
}

/** Meta's codes for an access token, of an app too, that it does not accept. */
const REFUSED_TOKEN = [0, 101, 102, 190];

/** Maximum number of characters of a text of Meta's that is shown. */
const MAX_TEXT_LENGTH = 1_000;

/** Shorter secrets could be parts of words. */
const MIN_SECRET_LENGTH = 8;

/**
 * Prepares a text of Meta's for items, errors and the log: one line, limited length, no secrets. Meta
 * quotes a token that it cannot parse, for example after a typing error. A proxy may quote anything, so the
 * values of the credential are removed whatever they look like.
 *
 * @param secrets values of the credential
 * @example sanitizeMessage('Malformed access token EAAabc123def456', []) // 'Malformed access token (token)'
 */
export function sanitizeMessage(message: string, secrets: string[]): string {
	return secrets
		.filter((secret) => secret.length >= MIN_SECRET_LENGTH)
		.reduce((cleaned, secret) => cleaned.replaceAll(secret, '(token)'), message)
		.replace(/\bEAA[A-Za-z0-9_-]{12,}|\b\d+\|[A-Za-z0-9_-]{12,}/g, '(token)')
		.replace(/\p{Cc}+/gu, ' ')
		.slice(0, MAX_TEXT_LENGTH);
}

/** Proxies, and interfaces for tokens, describe an error with a text. */
function textIn(body: unknown): string | null {
	const { error_description: description, error, message, detail } = fieldsOf(body);
	return textOf(description) ?? textOf(error) ?? textOf(message) ?? textOf(detail);
}

const withoutEnvelope = (status: number, error: string | null) =>
	error === null ? `HTTP ${status} without an error message` : `HTTP ${status}: ${error}`;

const RETRYABLE_STATUS = new Set([408, 425, 429]);

/**
 * Reads a response of the Graph API that is an error.
 *
 * @param body parsed JSON; any other body is ignored
 * @param secrets values of the credential, which are removed from Meta's texts
 * @param as what the request was signed with
 * @source Meta, "Cloud API error codes": `{error: {message, code, error_subcode, error_data, fbtrace_id}}`
 */
export function failureFromResponse(
	status: number,
	body: unknown,
	headers: Record<string, unknown> = {},
	secrets: string[] = [],
	as: 'user' | 'app' = 'user',
): GraphFailure {
	const read = errorSchema.safeParse(errorIn(body));
	const error = read.success ? read.data : null;
	const code = error?.code ?? null;
	const clean = (value: string | null | undefined) =>
		value ? sanitizeMessage(value, secrets) : null;
	// The code is that of any wrong parameter, so here the text has to be looked at.
	const isProof = /\bappsecret_proof\b/.test(error?.message ?? '');
	const isApp = as === 'app' && code !== null && (isProof || REFUSED_TOKEN.includes(code));
	const refused = isApp ? 'app' : isProof ? 'appSecret' : null;
	const entry = errorEntry(code);
	return {
		kind: error === null ? 'unreadable' : 'http',
		status,
		code,
		refused,
		subcode: error?.error_subcode ?? null,
		message: clean(error?.message) ?? withoutEnvelope(status, clean(textIn(body))),
		details: clean(error?.error_data?.details ?? error?.error_user_msg),
		traceId: clean(error?.fbtrace_id),
		transient:
			refused === null &&
			(error?.is_transient === true ||
				(entry ? entry.transient : status >= 500 || RETRYABLE_STATUS.has(status))),
		retryAfterMs: parseRetryAfter(headers['retry-after']),
	};
}

/**
 * A response with a success status that is not as documented: the page of a proxy, or an incomplete response.
 * It must not be read as "there is nothing".
 */
export function unreadableResponse(message: string): GraphFailure {
	return {
		kind: 'unreadable',
		status: 200,
		code: null,
		refused: null,
		subcode: null,
		message,
		details: null,
		traceId: null,
		transient: true,
		retryAfterMs: null,
	};
}

const NETWORK_CAUSES: Record<string, string> = {
	ECONNREFUSED: 'the connection was refused',
	ECONNRESET: 'the connection was interrupted',
	ECONNABORTED: 'it took too long',
	ENOTFOUND: 'the host name is unknown',
	EAI_AGAIN: 'the host name could not be looked up',
	EPIPE: 'the connection was interrupted',
	ERR_BAD_RESPONSE: 'the response could not be read',
	ERR_CANCELED: 'it took too long',
	ETIMEDOUT: 'it took too long',
	DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate could not be verified',
	CERT_HAS_EXPIRED: 'its certificate has expired',
};

/** Causes for which nothing of a request was sent. */
const UNSENT = new Set([
	'ECONNREFUSED',
	'ENOTFOUND',
	'EAI_AGAIN',
	'DEPTH_ZERO_SELF_SIGNED_CERT',
	'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
	'CERT_HAS_EXPIRED',
]);

/**
 * Converts what a request helper threw into a failure. Only the code of the cause is kept: the error object
 * holds the request with its token, and must not reach an item, a log or an execution.
 */
export function failureFromThrown(thrown: unknown, host: string): GraphFailure {
	const code = networkCode(thrown);
	const cause = NETWORK_CAUSES[code ?? ''] ?? code ?? 'no response was received';
	return {
		kind: 'network',
		status: null,
		code: null,
		refused: null,
		subcode: null,
		message: `${host} could not be reached: ${cause}`,
		details: null,
		traceId: null,
		transient: true,
		...(code !== null && UNSENT.has(code) && { unsent: true }),
		retryAfterMs: null,
	};
}

function networkCode(thrown: unknown, depth = 0): string | null {
	if (typeof thrown !== 'object' || thrown === null || depth > 4) return null;
	const { code, cause } = thrown as { code?: unknown; cause?: unknown };
	if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return code;
	return networkCode(cause, depth + 1);
}

/** The header is in seconds, the result in milliseconds. Null for a date, which Meta does not send. */
function parseRetryAfter(header: unknown): number | null {
	if (typeof header !== 'string' || !/^\d{1,6}$/.test(header)) return null;
	return Number(header) * 1000;
}
