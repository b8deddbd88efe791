import { createHmac } from 'crypto';

import { holderUrl } from './sharedAddress';

/**
 * The verify token of a trigger: Meta, and other triggers of this package, send it to the trigger's
 * address, and only the trigger that is registered there accepts it.
 *
 * It is derived, not stored: Meta sends it while `create()` still runs, and n8n saves what `create()`
 * writes into static data only after it has returned. Anyone who knows the app secret can compute it from
 * the address, so another trigger can point Meta back to this address.
 *
 * @param url production or test URL of the trigger: both give the same token. With a list of siblings, the
 * token proves that the list reaches the trigger with the request
 * @param only a workflow ID, for a token that only the trigger in this workflow accepts; or `accountPart` or `appLevelPart`
 */
export function deriveVerifyToken(appSecret: string, url: string, only = ''): string {
	const parts = ['webhook verify token', triggerIdentity(url), only];
	return createHmac('sha256', appSecret).update(parts.join('\n')).digest('hex');
}

/**
 * What a trigger answers to `PROVE_MODE`: the one who gets it knows that the trigger at this URL has the app secret. A
 * server that only echoes a challenge, or asks another trigger, cannot give it; nor can another workflow of the same
 * n8n, which may have the same path below another endpoint.
 *
 * @param endpoint where the question is asked: see `endpointOf`
 * @param nonce made for this one question
 */
export function deriveProof(
	appSecret: string,
	url: string,
	endpoint: string,
	nonce: string,
): string {
	const parts = ['proof of a trigger', triggerIdentity(url), endpoint, nonce];
	return createHmac('sha256', appSecret).update(parts.join('\n')).digest('hex');
}

/** The part of a path in which production and test differ: `webhook` or `webhook-test`, unless n8n is configured otherwise. */
export const endpointOf = (path: string) => path.split('/').at(-3) ?? '';

/** `hub.mode` of a request to prove that a trigger has the app secret; Meta's own is `subscribe`. */
export const PROVE_MODE = 'prove';

/** Whether a text has the form of a question that `deriveProof` answers. */
export function isNonce(text: unknown): text is string {
	return typeof text === 'string' && /^[0-9a-f-]{36}$/.test(text);
}

/** Whether a text has the form of a token that `deriveVerifyToken` gives. */
export function isVerifyToken(text: unknown): boolean {
	return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}

/** For a token that only a trigger with a credential of this WhatsApp Business account accepts. */
export const accountPart = (businessAccountId: string) => `account ${businessAccountId}`;

/** For a token that only a trigger of this account accepts whose Registration is App. */
export const appLevelPart = (businessAccountId: string) =>
	`${accountPart(businessAccountId)} on the app`;

/** Whether two addresses are held by one trigger: its production and its test URL, with or without siblings. */
export function isSameTrigger(one: string, other: string): boolean {
	return triggerIdentity(holderUrl(one)) === triggerIdentity(holderUrl(other));
}

/**
 * An address without the part in which test and production differ: in n8n's
 * `<base>/<webhook or webhook-test>/<webhook ID>/webhook` the third part from the end.
 */
function triggerIdentity(address: string): string {
	if (!URL.canParse(address)) return address;
	const url = new URL(address);
	const parts = url.pathname.split('/');
	return [url.origin, ...parts.slice(0, -3), ...parts.slice(-2)].join('/') + url.search;
}

/** Whether an address is below the same webhook base of n8n, in production or test, as another. */
export function isOfSameN8n(address: string, own: string): boolean {
	if (!URL.canParse(address)) return false;
	const [theirs, ours] = [new URL(address), new URL(own)];
	const base = ours.pathname.split('/').slice(0, -3);
	const parts = theirs.pathname.split('/');
	if (theirs.origin !== ours.origin || parts.slice(0, base.length).join('/') !== base.join('/')) {
		return false;
	}
	const endpoint = (part: string | undefined) => part?.replace(/-test$/, '');
	return endpoint(parts[base.length]) === endpoint(ours.pathname.split('/')[base.length]);
}

/** Whether an address looks like n8n's test URL; used if nothing else is known. */
export function looksLikeTestUrl(url: string): boolean {
	return /-test\/[^/]+\/[^/]+$/.test(holderUrl(url));
}
