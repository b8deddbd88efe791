import type { IWebhookFunctions } from 'n8n-workflow';

import { readAccount, type Account } from '../graph/account';

/**
 * The credential, or null with a word to the log. It does not throw: n8n makes a failed execution of
 * every error in a webhook, and anybody can send requests to it.
 */
export async function usableAccount(context: IWebhookFunctions): Promise<Account | null> {
	try {
		return await readAccount(context);
	} catch {
		context.logger.error(
			`WhatsApp Business Calling Trigger: the credential of the node "${context.getNode().name}" is missing or needs a correction; deliveries are refused until it is mended`,
		);
		return null;
	}
}
