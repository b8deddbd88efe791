import { createHash, createHmac } from 'crypto';
import type { IWebhookFunctions } from 'n8n-workflow';

import { eventsHeld, holdsOtherFields } from '../events/parseDelivery';
import type { Account } from '../graph/account';
import { previousReceiver } from '../registration/record';
import {
	addressOfRequest,
	EVENT_BITS,
	readSharedAddress,
	siblingUrl,
	type SharedAddress,
} from '../registration/sharedAddress';
import { isSameSecret } from '../sameSecret';
import { LogThrottle } from '../trigger/logThrottle';
import { nodeKey } from '../trigger/nodeKey';
import type { DeliveryLog } from './deliveryLog';
import { RELAY_HEADER } from './passOn';

/** Someone else who gets a delivery. */
export interface Receiver {
	/** A trigger of this n8n that shares the address, one that listens for a test event, or another system. */
	kind: 'sibling' | 'test' | 'otherWebhook';
	url: string;
	/** Identifies the delivery to this receiver. */
	key: string;
	/** Whether it waits for a ringing call of the delivery. */
	isUrgent: boolean;
	/** Shows a trigger that the delivery was passed on; the other webhook gets none. */
	relayProof?: string;
}

export interface Receivers {
	list: Receiver[];
	/** Whether there may be more, whose addresses are lost: then nothing may be acknowledged. */
	areMore: boolean;
}

/** Whether the acknowledgement to Meta depends on others. */
export function waitsForOthers({ list, areMore }: Receivers): boolean {
	return areMore || list.some(({ kind }) => kind !== 'test');
}

const NOBODY: Receivers = { list: [], areMore: false };

/** One line of the log in this time for each trigger. */
const complaints = new LogThrottle(10 * 60_000);

/**
 * Who else gets a delivery: the triggers that are listed in the address by which it came and chose an event
 * that it holds, and the webhook of before Take Over and Forward, if the delivery holds something for it. A
 * delivery that another trigger has passed on has no other receivers.
 *
 * @param content of `parseBody`
 */
export function receiversOf(
	context: IWebhookFunctions,
	account: Account,
	body: Buffer,
	content: unknown,
	log: DeliveryLog,
): Receivers {
	const { also, other } = context.getQueryData() as Record<string, unknown>;
	const isShared = also !== undefined || other !== undefined;
	const takesOver =
		context.getNodeParameter('options.onOtherWebhook', 'stop') === 'takeOverAndForward';
	if (!isShared && !takesOver) return NOBODY;

	const proof = context.getHeaderData()[RELAY_HEADER];
	if (proof !== undefined && isSameSecret(proof, relayProof(account, ownUrl(context), body))) {
		return NOBODY;
	}
	const shared = isShared ? readList(context, account, log) : NO_LIST;
	const siblings = shared === null ? [] : siblingsOf(shared, content);
	const forwardTo = otherWebhook(context, account, content, takesOver, shared, log);
	const isListLost = shared === null && mayBeForOthers(content, other !== undefined);
	return {
		list: [
			...siblings.map((one) => ({
				...one,
				key: keyOf(one.url, body),
				relayProof: relayProof(account, one.url, body),
			})),
			...(forwardTo ? [{ ...OTHER_WEBHOOK, url: forwardTo, key: keyOf(forwardTo, body) }] : []),
		],
		areMore: forwardTo === undefined || isListLost,
	};
}

type List = Pick<SharedAddress, 'siblings' | 'other' | 'url'>;

/** Of a delivery that came by the plain URL. */
const NO_LIST: List = { siblings: [], other: null, url: '' };

const OTHER_WEBHOOK = { kind: 'otherWebhook', isUrgent: false } as const;

/**
 * The URL at which this trigger gets its deliveries. n8n gives a trigger that listens for a test event its
 * production URL.
 */
function ownUrl(context: IWebhookFunctions): string {
	const url = context.getNodeWebhookUrl('default') ?? '';
	if (context.getMode() !== 'manual') return url;
	const webhookId = url.split('/').at(-2) ?? '';
	return siblingUrl(url, { webhookId, isTest: true, events: [] }) ?? url;
}

/** Can be made only with the app secret, and counts for one delivery at one trigger. */
function relayProof({ appSecret }: Account, url: string, body: Buffer): string {
	return createHmac('sha256', appSecret)
		.update(`relayed delivery\n${url}\n`)
		.update(body)
		.digest('hex');
}

function keyOf(url: string, body: Buffer): string {
	return createHash('sha256').update(`${url}\n`).update(body).digest('base64url');
}

/** The list in the address by which the delivery came; null if it was not written with this app secret. */
function readList(
	context: IWebhookFunctions,
	{ appSecret }: Account,
	log: DeliveryLog,
): List | null {
	const address = addressOfRequest(
		ownUrl(context),
		context.getQueryData() as Record<string, unknown>,
	);
	const shared = address === null ? null : readSharedAddress(address, appSecret);
	if (shared === null && complaints.isDue(nodeKey(context))) {
		log.error(
			'the list of workflows in the webhook address cannot be verified, so deliveries that may be for them are not acknowledged. Was the app secret changed, or the URL of n8n? Update all credentials of this Meta app, then publish one of the workflows again',
		);
	}
	return shared;
}

/** Whether someone may be on a list that cannot be read. */
function mayBeForOthers(content: unknown, isForwarded: boolean): boolean {
	return eventsHeld(content, EVENT_BITS).size > 0 || (isForwarded && holdsOtherFields(content));
}

/** The listed triggers that chose an event of the delivery, each once. */
function siblingsOf({ siblings, url: own }: List, content: unknown) {
	const held = eventsHeld(content, new Set(siblings.flatMap(({ events }) => events)));
	const found = new Map<string, Pick<Receiver, 'kind' | 'url' | 'isUrgent'>>();
	for (const sibling of siblings) {
		const url = siblingUrl(own, sibling);
		if (url === null || url === own || !sibling.events.some((name) => held.has(name))) continue;
		const isUrgent = held.has('connect') && sibling.events.includes('connect');
		found.set(url, { kind: sibling.isTest ? 'test' : 'sibling', url, isUrgent });
	}
	return [...found.values()];
}

/**
 * The other webhook, if there is one and the delivery holds something for it; otherwise null. Undefined
 * where something may be for another webhook, and its address is lost.
 */
function otherWebhook(
	context: IWebhookFunctions,
	account: Account,
	content: unknown,
	takesOver: boolean,
	shared: List | null,
	log: DeliveryLog,
): string | null | undefined {
	// A trigger that has inherited the address has no record of what was there before: the address has it.
	const own = takesOver ? previousReceiver(context, account) : null;
	const address = own ?? shared?.other?.url ?? own;
	if (address === null || !holdsOtherFields(content)) return null;
	if (address === undefined) {
		// What is acknowledged would never be sent again, and the other webhook would not get it.
		log.error(
			'a delivery for the other webhook was not acknowledged, because n8n has lost the address of that webhook. Publish the workflow again; enter the address under Other Webhook URL, so that it cannot be lost',
		);
	}
	return address;
}
