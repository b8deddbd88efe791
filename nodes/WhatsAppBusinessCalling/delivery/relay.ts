import type { IWebhookFunctions } from 'n8n-workflow';

import { raceWithSignal } from '../http/limits';
import type { DeliveryResponse } from '../http/otherHost';
import { LogThrottle } from '../trigger/logThrottle';
import { perTrigger } from '../trigger/nodeKey';
import type { TriggerSettings } from '../trigger/settings';
import type { DeliveryLog } from './deliveryLog';
import { Ledger } from './ledger';
import { passOn, TIMEOUT_MS } from './passOn';
import type { Receiver, Receivers } from './receivers';

/** The delivery that is passed on. */
export interface Relayed {
	context: IWebhookFunctions;
	log: DeliveryLog;
	settings: TriggerSettings;
	/** Aborts when the time that Meta gives is nearly over. */
	deadline: AbortSignal;
}

/**
 * How long Meta is asked to repeat what a missing trigger did not get: it may be about to come back. With a trigger
 * that was unpublished without leaving the list, nothing would be acknowledged otherwise.
 */
const WAIT_FOR_MISSING_MS = 10 * 60_000;

/** Which receiver has accepted which delivery. Not the ledger of events: a test run has a ledger of its own. */
const passedOn = new Ledger();

/** Milliseconds after which a trigger no longer counts as missing. */
const FORGET_MISSING_MS = 60 * 60_000;

/** Since when a trigger is missing, and when that was last seen, in milliseconds since 1970. */
const missingSince = new Map<string, { since: number; lastAt: number }>();

const farewells = new LogThrottle(WAIT_FOR_MISSING_MS);

/** Deliveries in flight to one receiver, ringing calls counted separately. */
const inFlight = perTrigger(() => ({ count: 0 }));

/** Whether no other receiver needs the delivery any more. */
export function haveAll({ list, areMore }: Receivers): boolean {
	return !areMore && list.every(({ kind, key }) => kind !== 'test' && passedOn.hasDelivered(key));
}

/**
 * Passes a delivery on to all other receivers at the same time, to each of them once.
 *
 * @returns whether all receivers have it on which the acknowledgement to Meta depends; never rejected
 */
export async function relay(
	delivery: Relayed,
	{ list, areMore }: Receivers,
	body: Buffer,
): Promise<boolean> {
	const haveAccepted = await Promise.all(
		list.map(async (receiver) => {
			// A test gets what it can: Meta repeats nothing for it.
			if (receiver.kind === 'test') void send(delivery, receiver, body);
			return receiver.kind === 'test' || (await sendOnce(delivery, receiver, body));
		}),
	);
	return !areMore && haveAccepted.every(Boolean);
}

async function sendOnce(delivery: Relayed, receiver: Receiver, body: Buffer): Promise<boolean> {
	const { key } = receiver;
	const { deadline } = delivery;
	let claim = passedOn.claim(key);
	// A copy of the delivery is in flight to this receiver: its outcome counts for this one too.
	while (claim === 'inFlight' && !deadline.aborted) {
		await passedOn.waitFor(key, deadline);
		claim = passedOn.claim(key);
	}
	if (claim !== 'mine') return claim === 'delivered';
	const answer = await send(delivery, receiver, body);
	if (accepts(receiver, answer)) {
		passedOn.commit(key);
		missingSince.delete(receiver.url);
		return true;
	}
	passedOn.release(key);
	if (receiver.kind === 'sibling') return isGivenUp(delivery, receiver, answer);
	const { origin } = URL.canParse(receiver.url) ? new URL(receiver.url) : { origin: 'of before' };
	delivery.log.warn(
		`the earlier webhook ${origin} did not accept a delivery, Meta is asked to deliver it again. If its workflow was unpublished, or its address has changed, publish this workflow again`,
	);
	return false;
}

/** The response; null if none came in time, or if too many deliveries are in flight to the receiver. */
async function send(
	{ context, settings, deadline }: Relayed,
	receiver: Receiver,
	body: Buffer,
): Promise<DeliveryResponse | null> {
	const { kind, url, isUrgent } = receiver;
	const others = inFlight(`${url}\n${isUrgent}`);
	if (kind !== 'otherWebhook' && others.count >= maxInFlight(settings)) return null;
	others.count++;
	try {
		// A trigger of this package answers within its own time budget.
		const limitMs = kind === 'otherWebhook' ? TIMEOUT_MS : settings.timeBudgetMs;
		return await raceWithSignal(deadline, passOn(context, receiver, body, limitMs, deadline));
	} catch {
		return null;
	} finally {
		others.count--;
	}
}

/** Half of the deliveries at once, so that one trigger that hangs does not take all places. */
function maxInFlight({ maxConcurrentDeliveries }: TriggerSettings): number {
	return Math.max(1, Math.floor(maxConcurrentDeliveries / 2));
}

/** A trigger never answers with a page: that would be a proxy, or n8n while it starts. */
function accepts({ kind }: Receiver, answer: DeliveryResponse | null): boolean {
	if (answer === null || answer.status < 200 || answer.status > 299) return false;
	return kind === 'otherWebhook' || !answer.isPage;
}

/** Whether a trigger is not waited for: it is not there, or has another app secret, and that for too long. */
function isGivenUp({ log }: Relayed, receiver: Receiver, answer: DeliveryResponse | null): boolean {
	const { url } = receiver;
	const who = `the workflow with the webhook ID ${url.split('/').at(-2)}, which shares this webhook address,`;
	const said =
		answer === null ? 'no answer in time, or too many at once' : `HTTP status ${answer.status}`;
	const isMissing = answer?.isUnknownToN8n || (answer?.status === 401 && !answer.isPage);
	if (!isMissing) {
		if (answer !== null) missingSince.delete(url);
		log.warn(`${who} did not accept a delivery (${said}), Meta is asked to deliver it again`);
		return false;
	}
	const now = Date.now();
	const before = missingSince.get(url);
	// After a pause, it may have been there meanwhile.
	const since = before && now - before.lastAt < FORGET_MISSING_MS ? before.since : now;
	missingSince.set(url, { since, lastAt: now });
	if (now - since < WAIT_FOR_MISSING_MS) {
		log.warn(
			`${who} is not published or has another app secret (${said}), Meta is asked to deliver again for 10 minutes`,
		);
		return false;
	}
	if (farewells.isDue(url)) {
		log.error(
			`${who} has accepted nothing for 10 minutes (${said}), and is not waited for any longer. If it should receive calls, publish it again`,
		);
	}
	return true;
}
