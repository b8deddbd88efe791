import type { IWebhookFunctions } from 'n8n-workflow';

export type WebhookResponse = ReturnType<IWebhookFunctions['getResponseObject']>;

type End = (...args: unknown[]) => WebhookResponse;

/**
 * Calls back once when n8n ends its answer to a delivery: `accepted` with a 2xx status, which n8n sends only when
 * it has stored the execution (or finished it, if the operator chose that); `refused` otherwise.
 *
 * n8n also ends the answer if Meta has hung up meanwhile. Then the execution counts just the same: a workflow
 * that takes longer than Meta waits is not run again and again.
 *
 * @param afterClosedMs how long n8n may still answer after the connection was closed; then it is `refused`
 */
export function onAnswered(
	response: WebhookResponse,
	afterClosedMs: number,
	callback: (outcome: 'accepted' | 'refused') => void,
): void {
	let isAnswered = false;
	let stopWaiting = () => {};
	const settle = (outcome: 'accepted' | 'refused') => {
		// If n8n ends an answer twice, the first time counts.
		if (isAnswered) return;
		isAnswered = true;
		stopWaiting();
		callback(outcome);
	};
	const end = response.end.bind(response) as End;
	response.end = ((...args: unknown[]) => {
		settle(isSuccess(response) ? 'accepted' : 'refused');
		return end(...args);
	}) as WebhookResponse['end'];
	const waitForAnswer = () => {
		if (isAnswered) return;
		const waiting = AbortSignal.timeout(afterClosedMs);
		const giveUp = () => settle('refused');
		waiting.addEventListener('abort', giveUp, { once: true });
		// A timer with a listener keeps the whole delivery in memory until it ends.
		stopWaiting = () => waiting.removeEventListener('abort', giveUp);
	};
	if (response.closed) waitForAnswer();
	else response.once('close', waitForAnswer);
}

/**
 * Turns the 2xx answer to a delivery into 503 if a part of the delivery is still missing, so that Meta delivers
 * again. While that is not known, the answer waits for it, and n8n's execution does not. Errors are not changed.
 * To be called before `onAnswered`, which must see n8n's own status.
 *
 * @param isMissing must not be rejected
 */
export function answer503If(
	response: WebhookResponse,
	isMissing: boolean | Promise<boolean>,
): void {
	const end = response.end.bind(response) as End;
	const endAs = (missing: boolean, args: unknown[]) => {
		if (missing && !response.headersSent) response.statusCode = 503;
		return end(...args);
	};
	let isWaiting = false;
	response.end = ((...args: unknown[]) => {
		// n8n ends the answer a second time.
		if (isWaiting) return response;
		if (!isSuccess(response)) return end(...args);
		if (typeof isMissing === 'boolean') return endAs(isMissing, args);
		isWaiting = true;
		void isMissing.then((missing) => {
			isWaiting = false;
			endAs(missing, args);
		});
		return response;
	}) as WebhookResponse['end'];
}

function isSuccess({ statusCode }: WebhookResponse): boolean {
	return statusCode >= 200 && statusCode < 300;
}
