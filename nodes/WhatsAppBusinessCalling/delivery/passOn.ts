import type { IDataObject, IWebhookFunctions } from 'n8n-workflow';

import { deliverToOtherHost, type DeliveryResponse } from '../http/otherHost';

/** Proves to a trigger that a delivery comes from another one, which has passed it on to everyone. */
export const RELAY_HEADER = 'x-whatsapp-business-calling-relay';

/**
 * Headers that belong to one connection, to the form in which the body came over it, or to Cloudflare, which
 * rejects requests that have its own.
 */
const NOT_FORWARDED = new Set([
	'cdn-loop',
	'connection',
	'content-encoding',
	'content-length',
	'expect',
	'host',
	'keep-alive',
	'proxy-authorization',
	'te',
	'trailer',
	'transfer-encoding',
	'true-client-ip',
	'upgrade',
	RELAY_HEADER,
]);

const isForwarded = (name: string) => !NOT_FORWARDED.has(name) && !name.startsWith('cf-');

/** What another trigger needs. Headers that proxies in front of n8n add do not belong to a new request to it. */
const isRelayed = (name: string) => /^(content-type|user-agent|x-hub-signature(-256)?)$/.test(name);

/** Milliseconds for the other webhook; Meta itself waits 20 seconds for both of us together. */
export const TIMEOUT_MS = 10_000;

/**
 * Passes a delivery on: the same bytes with its signature, so that it holds there too. Another webhook also gets
 * the other headers of the delivery.
 *
 * @param to with a `relayProof` for another trigger of this package
 * @param limitMs for the whole of it
 * @throws where no answer comes
 */
export async function passOn(
	context: IWebhookFunctions,
	to: { url: string; relayProof?: string },
	body: Buffer,
	limitMs: number,
	signal: AbortSignal,
): Promise<DeliveryResponse> {
	const isPassedOn = to.relayProof === undefined ? isForwarded : isRelayed;
	const headers: IDataObject = {};
	for (const [name, value] of Object.entries(context.getHeaderData())) {
		if (isPassedOn(name.toLowerCase()) && value !== undefined) headers[name] = value;
	}
	if (to.relayProof !== undefined) headers[RELAY_HEADER] = to.relayProof;
	const request = { method: 'POST', url: to.url, headers, body } as const;
	return await deliverToOtherHost(context, request, limitMs, signal);
}
