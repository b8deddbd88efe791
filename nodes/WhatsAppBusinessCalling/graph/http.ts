import type { IHttpRequestOptions } from 'n8n-workflow';

/** Sent with every request: some of Meta's hosts refuse requests without one (Media API reference). */
export const USER_AGENT = 'n8n-nodes-whatsapp-business-calling';

/**
 * Every answer is handed over as it came, whatever its status. Redirects are answers too: nothing that
 * holds a token or a signature is sent on to where somebody else points.
 */
export const ANSWER_AS_IT_IS = {
	returnFullResponse: true,
	ignoreHttpStatusErrors: true,
	disableFollowRedirect: true,
	sendCredentialsOnCrossOriginRedirect: false,
} as const satisfies Partial<IHttpRequestOptions>;

/**
 * Bounds the whole of a request, its answer included. n8n's own timeout is about silence only: an answer
 * that comes drop by drop would never end.
 *
 * @param milliseconds from now
 * @param signal another reason to end, where there is one
 */
export function endsWithin(milliseconds: number, signal?: AbortSignal): AbortSignal {
	const total = AbortSignal.timeout(milliseconds);
	return signal ? AbortSignal.any([signal, total]) : total;
}
