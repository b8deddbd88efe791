import type { IWebhookFunctions } from 'n8n-workflow';

import type { Account } from '../graph/account';
import { CACHE_MS, cachedAccount, RECHECK_INTERVAL_MS } from '../trigger/accountCache';
import { LogThrottle } from '../trigger/logThrottle';
import { nodeKey } from '../trigger/nodeKey';
import { isSignature, isSignedBy } from './signature';

/** The body that Meta signed, and the account that it was signed for; otherwise the status to answer with. */
export async function readSigned(
	context: IWebhookFunctions,
): Promise<{ account: Account; body: Buffer } | 401 | 503> {
	const signature: unknown = context.getHeaderData()['x-hub-signature-256'];
	if (!isSignature(signature)) return 401;
	const body = await readBody(context);
	if (!Buffer.isBuffer(body)) return 401;
	const account = await cachedAccount(context, CACHE_MS);
	// Without the app secret nothing can be checked: nothing is executed, and Meta delivers again.
	if (account === null) return 503;
	if (isSignedBy(account.appSecret, body, signature)) return { account, body };

	// The secret may have been changed since the credential was read. If the credential was not read again,
	// this is the same object, which has been checked.
	const refreshed = await cachedAccount(context, RECHECK_INTERVAL_MS);
	if (refreshed === null) return 503;
	const isSigned = refreshed !== account && isSignedBy(refreshed.appSecret, body, signature);
	if (isSigned) return { account: refreshed, body };
	logWrongSignature(context);
	return 401;
}

/** Anyone can send requests to a webhook, so what they can add to the log is limited. */
const wrongSignatures = new LogThrottle(10 * 60_000);

function logWrongSignature(context: IWebhookFunctions): void {
	if (!wrongSignatures.isDue(nodeKey(context))) return;
	context.logger.warn(
		'WhatsApp Business Calling Trigger: a delivery was rejected with status 401, because its signature does not match the app secret. If Meta sent it, copy the App Secret of the Meta app that sends it into the credential, and check that no proxy changes the body of requests',
	);
}

/** The bytes as they came; anything else if there are none. */
async function readBody(context: IWebhookFunctions): Promise<unknown> {
	const request = context.getRequestObject();
	try {
		if (!request.rawBody && typeof request.readRawBody === 'function') await request.readRawBody();
	} catch {
		// A form with files, which n8n has read already, or a sender that is gone: nothing that Meta signed.
		return null;
	}
	return request.rawBody;
}
