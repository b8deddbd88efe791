import type { IWebhookFunctions } from 'n8n-workflow';

export type WebhookResponse = ReturnType<IWebhookFunctions['getResponseObject']>;

/** Milliseconds that a lost connection is given for n8n to say what became of the execution. */
export interface Patience {
	afterClosedMs: number;
}

/**
 * Watches the answer that n8n gives for a delivery whose items it was handed, and tells once what
 * became of it: `accepted` when n8n ends the answer with a 2xx status, which it does only when it
 * has stored the execution (or finished it, where the operator chose so); `refused` otherwise.
 *
 * n8n ends the answer also where Meta has hung up meanwhile. Then the execution counts just the
 * same: a workflow that takes longer than Meta waits is not run again and again. Where the connection
 * is closed and n8n says nothing, it is `refused` after a while.
 *
 * @param alsoMissing true where other parts of the delivery are still missing: the answer that goes
 * out is then 503 instead of 2xx, so that Meta delivers again. Where that takes time to find out, the answer
 * waits for it, and n8n's execution does not; it must not be rejected
 */
export function watchAnswer(
	response: WebhookResponse,
	alsoMissing: boolean | Promise<boolean>,
	patience: Patience,
	onSettled: (outcome: 'accepted' | 'refused') => void,
): void {
	let open = true;
	let stopWaiting = () => {};
	const settle = (outcome: 'accepted' | 'refused') => {
		if (!open) return;
		open = false;
		stopWaiting();
		onSettled(outcome);
	};
	const end = response.end.bind(response) as (...args: unknown[]) => WebhookResponse;
	const endAs = (isMissing: boolean, args: unknown[]) => {
		if (isMissing && !response.headersSent) response.statusCode = 503;
		return end(...args);
	};
	let isWaiting = false;
	response.end = ((...args: unknown[]) => {
		// Of an answer that n8n ends twice, the first time counts.
		if (isWaiting) return response;
		const accepted = response.statusCode >= 200 && response.statusCode < 300;
		settle(accepted ? 'accepted' : 'refused');
		if (!accepted) return end(...args);
		if (typeof alsoMissing === 'boolean') return endAs(alsoMissing, args);
		isWaiting = true;
		void alsoMissing.then((isMissing) => {
			isWaiting = false;
			endAs(isMissing, args);
		});
		return response;
	}) as WebhookResponse['end'];
	const waitForWord = () => {
		if (!open) return;
		const waiting = AbortSignal.timeout(patience.afterClosedMs);
		const giveUp = () => settle('refused');
		waiting.addEventListener('abort', giveUp, { once: true });
		// A timer that is listened to keeps the whole delivery in memory until it ends.
		stopWaiting = () => waiting.removeEventListener('abort', giveUp);
	};
	if (response.closed) waitForWord();
	else response.once('close', waitForWord);
}
