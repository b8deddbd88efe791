import type { IWebhookFunctions } from 'n8n-workflow';

import { CREDENTIAL_NAME, type Account } from '../graph/account';
import { nodeKey } from './nodeKey';
import { usableAccount } from './usableAccount';

/**
 * Milliseconds for which deliveries use a credential again. To read it costs n8n more than all that
 * the trigger does: with its default expression engine it makes an isolate each time.
 */
export const FRESH_MS = 10_000;

/** Deliveries that nobody signed right make n8n read a credential at most once in this time. */
export const RECHECK_MS = 1_000;

interface Reading {
	account: Promise<Account | null>;
	/** Milliseconds since 1970. */
	at: number;
}

const readings = new Map<string, Reading>();

/**
 * The credential of a trigger, as it was read not longer ago than told; null as `usableAccount` has it.
 * Deliveries that need it at the same time read it once. A test run always reads it.
 *
 * @param maxAgeMs at most `FRESH_MS`; 0 reads it now
 */
export async function knownAccount(
	context: IWebhookFunctions,
	maxAgeMs: number,
): Promise<Account | null> {
	if (context.getMode() === 'manual') return await usableAccount(context);
	const place = placeOf(context);
	const now = Date.now();
	const known = readings.get(place);
	if (known && isYounger(known, maxAgeMs, now)) return await known.account;

	forgetOld(now);
	const reading: Reading = { account: usableAccount(context), at: now };
	readings.set(place, reading);
	const account = await reading.account;
	// What is missing may be there a moment later.
	if (account === null && readings.get(place) === reading) readings.delete(place);
	return account;
}

/** A clock that was set back must not keep a credential for ever. */
function isYounger({ at }: Reading, ageMs: number, now: number): boolean {
	return Math.abs(now - at) < ageMs;
}

function forgetOld(now: number): void {
	for (const [place, reading] of readings) {
		if (!isYounger(reading, FRESH_MS, now)) readings.delete(place);
	}
}

function placeOf(context: IWebhookFunctions): string {
	return `${nodeKey(context)}\n${context.getNode().credentials?.[CREDENTIAL_NAME]?.id}`;
}
