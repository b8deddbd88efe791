import { z } from 'zod';

import { errorEntry } from './errorCatalogue';
import type { GraphFailure } from './types';
import { wholeNumber } from './wholeNumber';

const number = wholeNumber.nullable().catch(null);
const text = z.string().min(1).nullable().catch(null);

const envelopeSchema = z.object({
	error: z.object({
		message: text,
		code: number,
		error_subcode: number,
		error_data: z.object({ details: text }).nullable().catch(null),
		error_user_msg: text,
		fbtrace_id: text,
		is_transient: z.boolean().catch(false),
	}),
});

/** Characters of a text of Meta's that people get to read. */
const MAX_TEXT_LENGTH = 1_000;

/** Shorter ones would blank out words. */
const MIN_SECRET_LENGTH = 8;

/**
 * A text of Meta's as it may reach items, errors and the log: in one line, of a readable length, and
 * without secrets. Meta repeats a token that it cannot read, an operator's typing error is enough; and a
 * proxy may repeat anything, so that the credential's own values go whatever they look like.
 */
export function legible(said: string, secrets: string[]): string {
	return secrets
		.filter((secret) => secret.length >= MIN_SECRET_LENGTH)
		.reduce((text, secret) => text.replaceAll(secret, '(token)'), said)
		.replace(/\bEAA[A-Za-z0-9_-]{12,}|\b\d+\|[A-Za-z0-9_-]{12,}/g, '(token)')
		.replace(/\p{Cc}+/gu, ' ')
		.slice(0, MAX_TEXT_LENGTH);
}

const RETRYABLE_STATUS = new Set([408, 425, 429]);

/**
 * Reads an answer of the Graph API that is not a success.
 *
 * @param body the answer's body, parsed where it was JSON; anything else is not looked at
 * @param secrets of the credential; they are taken out of what Meta says
 * @source Meta, "Cloud API error codes": `{error: {message, code, error_subcode, error_data, fbtrace_id}}`
 */
export function failureFromAnswer(
	status: number,
	body: unknown,
	headers: Record<string, unknown> = {},
	secrets: string[] = [],
): GraphFailure {
	const envelope = envelopeSchema.safeParse(body);
	const error = envelope.success ? envelope.data.error : null;
	const code = error?.code ?? null;
	const said = (text: string | null | undefined) => (text ? legible(text, secrets) : null);
	const entry = errorEntry(code);
	return {
		kind: error === null ? 'unreadable' : 'http',
		status,
		code,
		subcode: error?.error_subcode ?? null,
		message: said(error?.message) ?? `HTTP ${status} without an error message`,
		details: said(error?.error_data?.details ?? error?.error_user_msg),
		traceId: said(error?.fbtrace_id),
		transient:
			error?.is_transient === true ||
			(entry ? entry.transient : status >= 500 || RETRYABLE_STATUS.has(status)),
		retryAfterMs: parseRetryAfter(headers['retry-after']),
	};
}

/**
 * An answer with a good status that is not what it should be: the page of a proxy, or half an answer. It
 * must not be taken for "there is nothing".
 */
export function unreadableAnswer(message: string): GraphFailure {
	return {
		kind: 'unreadable',
		status: 200,
		code: null,
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

/**
 * Turns what a request helper threw into a failure. Only the name of the cause is taken over: the
 * error object holds the request with its token, and must not reach an item, a log or an execution.
 */
export function failureFromThrown(thrown: unknown, host: string): GraphFailure {
	const code = networkCode(thrown);
	const cause = NETWORK_CAUSES[code ?? ''] ?? (code ? code : 'no response was received');
	return {
		kind: 'network',
		status: null,
		code: null,
		subcode: null,
		message: `${host} could not be reached: ${cause}`,
		details: null,
		traceId: null,
		transient: true,
		retryAfterMs: null,
	};
}

function networkCode(thrown: unknown, depth = 0): string | null {
	if (typeof thrown !== 'object' || thrown === null || depth > 4) return null;
	const { code, cause } = thrown as { code?: unknown; cause?: unknown };
	if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return code;
	return networkCode(cause, depth + 1);
}

/** Retry-After in seconds, as milliseconds; null for none or for a date, which Meta does not send. */
function parseRetryAfter(header: unknown): number | null {
	if (typeof header !== 'string' || !/^\d{1,6}$/.test(header)) return null;
	return Number(header) * 1000;
}
