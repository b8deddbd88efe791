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
 * The signals that a combined one depends on, for as long as it is in use. Node.js 20 does not hold them
 * itself: it lets the garbage collector take a timeout that nothing else refers to, and the time limit
 * with it (20.20.2; 22.22.3 and 24.21.0 are right).
 */
const sources = new WeakMap<AbortSignal, AbortSignal[]>();

/**
 * Bounds the whole of a request, its answer included. n8n's own timeout is about silence only: an answer
 * that comes drop by drop would never end.
 *
 * @param milliseconds from now
 * @param signal another reason to end, where there is one
 */
export function endsWithin(milliseconds: number, signal?: AbortSignal): AbortSignal {
	const total = AbortSignal.timeout(milliseconds);
	if (signal === undefined) return total;
	const either = AbortSignal.any([signal, total]);
	sources.set(either, [signal, total]);
	return either;
}

/**
 * Waits for something no longer than until the signal. In executions n8n replaces the signal of a request
 * by its own, so that ours does not end it; and what n8n stores to may never answer.
 *
 * @param discardLate is given what comes after the signal, to release it
 */
export async function within<T>(
	signal: AbortSignal,
	work: Promise<T>,
	discardLate: (late: T) => void = () => {},
): Promise<T> {
	return await new Promise<T>((resolve, reject) => {
		const tooLate = () => {
			reject(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }));
			work.then(discardLate, () => {});
		};
		if (signal.aborted) return tooLate();
		signal.addEventListener('abort', tooLate, { once: true });
		void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', tooLate));
	});
}
