import type { IWebhookFunctions } from 'n8n-workflow';

import type { Account } from '../graph/account';
import { FRESH_MS, knownAccount, RECHECK_MS } from '../trigger/knownAccount';
import { isSignature, isSignedBy } from './signature';

/** What Meta signed, and the account that it was signed for; otherwise the status to answer with. */
export async function readSigned(
	context: IWebhookFunctions,
): Promise<{ account: Account; body: Buffer } | 401 | 503> {
	const signature: unknown = context.getHeaderData()['x-hub-signature-256'];
	if (!isSignature(signature)) return 401;
	const body = await readBody(context);
	if (!Buffer.isBuffer(body)) return 401;
	let checked: Account | null = null;
	// The secret may have been changed since the credential was read: then it is read once more.
	for (const maxAgeMs of [FRESH_MS, RECHECK_MS]) {
		const account = await knownAccount(context, maxAgeMs);
		// Without the app secret nothing can be checked: nothing is executed, and Meta delivers again.
		if (account === null) return 503;
		if (account !== checked && isSignedBy(account.appSecret, body, signature)) {
			return { account, body };
		}
		checked = account;
	}
	return 401;
}

/** The bytes as they came; anything else where there are none. */
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
