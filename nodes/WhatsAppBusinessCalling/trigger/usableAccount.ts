import type { IWebhookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { Seldom } from '../delivery/seldom';
import { readAccount, type Account } from '../graph/account';
import { nodeKey } from './nodeKey';

/** Anybody can send requests to a webhook: what they may add to the log is bounded. */
const complaints = new Seldom(10 * 60_000);

/**
 * The credential, or null with a word to the log, which is said again after ten minutes. It does not
 * throw: n8n makes a failed execution of every error in a webhook, and anybody can send requests to it.
 */
export async function usableAccount(context: IWebhookFunctions): Promise<Account | null> {
	const key = nodeKey(context);
	try {
		const account = await readAccount(context);
		complaints.reset(key);
		return account;
	} catch (error) {
		if (!complaints.isDue(key)) return null;
		context.logger.error(
			`WhatsApp Business Calling Trigger: the credential of the node "${context.getNode().name}" is missing or invalid; deliveries are rejected until it is fixed. ${whatIsWrong(error)}`,
		);
		return null;
	}
}

/** Our own words, which name fields; what n8n says of a credential may hold more than a log shall. */
function whatIsWrong(error: unknown): string {
	return error instanceof NodeOperationError ? error.message : 'It could not be read.';
}
