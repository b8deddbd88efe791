import type { IWebhookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { CREDENTIAL_NAME, readAccount, type Account } from '../graph/account';
import { LogThrottle } from './logThrottle';
import { nodeKey } from './nodeKey';

/**
 * How long deliveries reuse a credential. Reading it costs n8n more than all that the trigger does: its default
 * expression engine creates an isolate each time.
 */
export const CACHE_MS = 10_000;

/** Requests with a wrong signature or token make n8n read the credential at most once in this time. */
export const RECHECK_INTERVAL_MS = 1_000;

interface Reading {
	account: Promise<Account | null>;
	/** Milliseconds since 1970. */
	at: number;
}

const readings = new Map<string, Reading>();

/**
 * The trigger's credential, from the cache if it was read less than `maxAgeMs` ago. Deliveries that need it at
 * the same time read it once. A test run always reads it.
 *
 * @param maxAgeMs at most `CACHE_MS`; 0 reads it now
 * @returns null if the credential cannot be used. It does not throw: n8n makes a failed execution of every
 * error in a webhook, and anyone can send requests to a webhook
 */
export async function cachedAccount(
	context: IWebhookFunctions,
	maxAgeMs: number,
): Promise<Account | null> {
	if (context.getMode() === 'manual') return await readOrLog(context);
	const key = `${nodeKey(context)}\n${context.getNode().credentials?.[CREDENTIAL_NAME]?.id}`;
	const now = Date.now();
	const cached = readings.get(key);
	if (cached && isYounger(cached, maxAgeMs, now)) return await cached.account;

	removeOld(now);
	const reading: Reading = { account: readOrLog(context), at: now };
	readings.set(key, reading);
	const account = await reading.account;
	// A missing credential may exist a moment later.
	if (account === null && readings.get(key) === reading) readings.delete(key);
	return account;
}

/** By the absolute age, so that a clock set back cannot keep an entry alive. */
function isYounger({ at }: Reading, ageMs: number, now: number): boolean {
	return Math.abs(now - at) < ageMs;
}

function removeOld(now: number): void {
	for (const [key, reading] of readings) {
		if (!isYounger(reading, CACHE_MS, now)) readings.delete(key);
	}
}

/** Anyone can send requests to a webhook, so what they can add to the log is limited. */
const complaints = new LogThrottle(10 * 60_000);

async function readOrLog(context: IWebhookFunctions): Promise<Account | null> {
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

/** Our own errors name the field. Errors of n8n may contain more than a log should. */
function whatIsWrong(error: unknown): string {
	return error instanceof NodeOperationError ? error.message : 'It could not be read.';
}
