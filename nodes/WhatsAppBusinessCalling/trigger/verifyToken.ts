import { createHmac } from 'crypto';

/**
 * The token that Meta sends back when it verifies the webhook address.
 *
 * It is derived, not stored: Meta calls while `create()` still runs, and what `create()` writes into
 * the static data of the workflow is saved only after it has returned. Without the app secret nobody
 * can compute it.
 */
export function deriveVerifyToken(appSecret: string, workflowId: string, nodeId: string): string {
	return createHmac('sha256', appSecret)
		.update(`webhook verify token\n${workflowId}\n${nodeId}`)
		.digest('hex');
}

/** Whether a text has the form of a token that `deriveVerifyToken` gives. */
export function isVerifyToken(text: unknown): boolean {
	return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}
