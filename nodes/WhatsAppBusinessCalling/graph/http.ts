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

/**
 * Waits for something no longer than until the signal. In executions n8n puts its own signal in the place
 * of a request's, so that ours does not end it; and what n8n stores to may never answer.
 */
export async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
	return await new Promise<T>((resolve, reject) => {
		const tooLate = () => reject(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }));
		if (signal.aborted) tooLate();
		signal.addEventListener('abort', tooLate, { once: true });
		void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', tooLate));
	});
}
