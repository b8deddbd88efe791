import type { IHttpRequestOptions } from 'n8n-workflow';

/** Sent with every request: some of Meta's hosts refuse requests without one (Media API reference). */
export const USER_AGENT = 'n8n-nodes-whatsapp-business-calling';

/**
 * Request options that return every response as it is, whatever its status. Redirects are returned and not
 * followed: a token or a signature must not be sent to a host that a response names.
 */
export const RAW_RESPONSE = {
	returnFullResponse: true,
	ignoreHttpStatusErrors: true,
	disableFollowRedirect: true,
	sendCredentialsOnCrossOriginRedirect: false,
} as const satisfies Partial<IHttpRequestOptions>;

/**
 * The signals that a combined signal depends on, for as long as it is in use. Node.js 20 does not keep them
 * alive itself: it collects a timeout that nothing else refers to, and with it the time limit
 * (20.20.2; 22.22.3 and 24.21.0 are correct).
 */
const sources = new WeakMap<AbortSignal, AbortSignal[]>();

/**
 * Limits the duration of a whole request, including the response body. n8n's own timeout covers only the
 * time without data: a response that arrives drop by drop would never end.
 *
 * @param milliseconds from now
 * @param signal another reason to abort
 */
export function timeoutSignal(milliseconds: number, signal?: AbortSignal): AbortSignal {
	const total = AbortSignal.timeout(milliseconds);
	if (signal === undefined) return total;
	const either = AbortSignal.any([signal, total]);
	sources.set(either, [signal, total]);
	return either;
}

/**
 * Waits for a promise until a signal aborts. In executions n8n replaces the signal of a request with its
 * own, so ours does not end the request; and the binary store of n8n may never respond.
 *
 * @param discardLate releases a result that arrives after the abort
 * @throws an error with code `ETIMEDOUT` after the abort, or what the promise rejects with
 */
export async function raceWithSignal<T>(
	signal: AbortSignal,
	work: Promise<T>,
	discardLate: (late: T) => void = () => {},
): Promise<T> {
	return await new Promise<T>((resolve, reject) => {
		const onAbort = () => {
			reject(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }));
			work.then(discardLate, () => {});
		};
		if (signal.aborted) return onAbort();
		signal.addEventListener('abort', onAbort, { once: true });
		void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
	});
}
