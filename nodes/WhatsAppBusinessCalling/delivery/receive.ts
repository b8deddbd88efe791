import { hash } from 'crypto';
import type { INodeExecutionData, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { fileProblem } from '../events/items';
import { parseBody, type CallEvent } from '../events/parseDelivery';
import { isSameCredential, type Account } from '../graph/account';
import { raceWithSignal } from '../http/limits';
import { DownloadSlots } from '../media/downloadSlots';
import { fetchMedia } from '../media/fetchMedia';
import type { MediaOutcome, MediaRequest } from '../media/types';
import { SharedLimit } from '../sharedLimit';
import { cachedAccount } from '../trigger/accountCache';
import { nodeKey, perTrigger } from '../trigger/nodeKey';
import { readFilter, readSettings, type TriggerSettings } from '../trigger/settings';
import { answer503If, onAnswered } from './acknowledgement';
import { admissionsOf, type Admission } from './admission';
import { chosenEvents } from './chosenEvents';
import { DeliveryLog } from './deliveryLog';
import { eventItem } from './eventItem';
import { Ledger, ledger as processLedger } from './ledger';
import { mapAtOnce } from './mapAtOnce';
import { readSigned } from './readSigned';
import { receiversOf, waitsForOthers, type Receivers } from './receivers';
import { haveAll, relay } from './relay';

/**
 * How long n8n may take to answer after Meta has hung up. n8n may take long although it has stored the
 * execution: with a limit on concurrent executions it answers only when the execution has its turn. If the
 * execution counted as lost before that, it would run twice. Shorter than the time for which Meta delivers
 * again (36 hours and more), in case n8n never answers.
 */
const AFTER_CLOSED_MS = 6 * 60 * 60_000;

/**
 * How long the answer to a delivery with a ringing call waits for the other receivers: a place must be free for
 * the next call. Not less, because the other webhook processors of n8n do not know what this one has done: if
 * Meta repeats a call, one of them may answer it again.
 */
const RELAY_OF_CALLS_MS = 5_000;

const allDownloads = new SharedLimit();

/** Each trigger has its own, so that a media host that hangs does not stop the downloads of other triggers. */
const downloadSlotsOf = perTrigger(() => new DownloadSlots(allDownloads));

interface Delivery {
	context: IWebhookFunctions;
	/** Identifies the trigger. */
	trigger: string;
	log: DeliveryLog;
	account: Account;
	settings: TriggerSettings;
	ledger: Ledger;
	/** Aborts when the time that Meta gives is nearly over. */
	deadline: AbortSignal;
	/** When that is, in milliseconds since 1970. */
	endsAt: number;
}

/** The events that the operator chose, each once, under the key by which the ledger knows it. */
type Events = Map<string, CallEvent>;

/** The result for one event: an item, or null if Meta must deliver the event again. */
type Outcome = { key: string; item: INodeExecutionData | null };

/**
 * Receives one delivery of Meta.
 *
 * 401 for what Meta did not sign; 200 without an execution if nothing is for this trigger; 503 if something is
 * missing that may still come; otherwise the items, and n8n's 200 when it has stored them and all other receivers
 * have accepted. What succeeded in a delivery that is answered 503 is emitted too, once.
 */
export async function receiveDelivery(context: IWebhookFunctions): Promise<IWebhookResponseData> {
	const signed = await readSigned(context);
	if (typeof signed === 'number') return answer(context, signed);
	const { account, body } = signed;

	const log = new DeliveryLog(context.logger);
	const content = parseBody(body);
	const trigger = nodeKey(context);
	const events = byLedgerKey(trigger, chosenEvents(content, readFilter(context, account), log));
	const receivers = receiversOf(context, account, body, content, log);
	// A test run shows the same recording each time it is sent.
	const ledger = context.getMode() === 'manual' ? new Ledger() : processLedger;
	const keys = [...events.keys()];
	if (haveAll(receivers) && keys.every((key) => ledger.hasDelivered(key))) {
		return answer(context, 200);
	}

	const settings = readSettings(context);
	const admission = admissionOf(trigger, settings, events, receivers);
	if (!admission.tryEnter(settings.maxConcurrentDeliveries, context.getResponseObject())) {
		return rejectOverload(context, settings, admission);
	}
	const delivery: Delivery = {
		context,
		trigger,
		log,
		account,
		settings,
		ledger,
		deadline: AbortSignal.timeout(settings.timeBudgetMs),
		endsAt: Date.now() + settings.timeBudgetMs,
	};
	const isRelayMissing = relayMeanwhile(delivery, receivers, events, body);
	const { mine, isOtherInFlight } = await claim(delivery, keys);
	// A ringing call does not wait for files that came with it: Meta delivers those again.
	const isUrgent = mine.some((key) => isRinging(events.get(key)));
	const isForLater = (key: string) => isUrgent && needsDownload(settings, events.get(key));
	const later = mine.filter(isForLater);
	for (const key of later) ledger.release(key);
	const now = mine.filter((key) => !isForLater(key));
	const outcomes = failuresApart(settings, await makeItems(delivery, now, events));
	return await emitItems(delivery, outcomes, isOtherInFlight || later.length > 0, isRelayMissing);
}

/** Whether this trigger or another one waits for a ringing call of the delivery. */
function isForCall(events: Events, { list }: Receivers): boolean {
	return [...events.values()].some(isRinging) || list.some(({ isUrgent }) => isUrgent);
}

function isRinging(event: CallEvent | undefined): boolean {
	return event?.type.name === 'connect';
}

function needsDownload({ downloadFile }: TriggerSettings, event: CallEvent | undefined): boolean {
	return downloadFile && Boolean(event?.file?.media);
}

function admissionOf(
	trigger: string,
	settings: TriggerSettings,
	events: Events,
	receivers: Receivers,
): Admission {
	const admissions = admissionsOf(trigger);
	if (isForCall(events, receivers)) return admissions.calls;
	if ([...events.values()].some((event) => needsDownload(settings, event))) return admissions.files;
	return waitsForOthers(receivers) ? admissions.forwarded : admissions.others;
}

/** Rejects a delivery because too many are in progress; Meta delivers it again. */
function rejectOverload(
	context: IWebhookFunctions,
	settings: TriggerSettings,
	admission: Admission,
): IWebhookResponseData {
	const count = admission.takeRejectedCount(Date.now());
	if (count > 0) {
		context.logger.warn(
			`WhatsApp Business Calling Trigger: recent deliveries rejected: ${count} (limit of the option Server: Deliveries at Once: ${settings.maxConcurrentDeliveries}); Meta delivers them again`,
		);
	}
	return answer(context, 503);
}

function byLedgerKey(trigger: string, events: Events): Events {
	const ledgerKey = (key: string) => hash('sha256', `${trigger}\n${key}`, 'base64url');
	return new Map([...events].map(([key, event]) => [ledgerKey(key), event]));
}

/**
 * Claims the events that no other delivery has. An exact copy of a delivery in progress waits for it; a delivery
 * that has something of its own does not wait, so that two of them cannot wait for each other.
 */
async function claim(
	{ ledger, deadline }: Delivery,
	keys: string[],
): Promise<{ mine: string[]; isOtherInFlight: boolean }> {
	for (;;) {
		const claims = keys.map((key) => ({ key, claim: ledger.claim(key) }));
		const mine = claims.filter(({ claim }) => claim === 'mine').map(({ key }) => key);
		const held = claims.filter(({ claim }) => claim === 'inFlight');
		if (mine.length > 0 || held.length === 0 || deadline.aborted) {
			return { mine, isOtherInFlight: held.length > 0 };
		}
		await ledger.waitFor(held[0].key, deadline);
	}
}

/** No more at once than may be downloaded: the other events of a large delivery wait here. */
async function makeItems(delivery: Delivery, keys: string[], events: Events): Promise<Outcome[]> {
	return await mapAtOnce(keys, delivery.settings.maxConcurrentDownloads, async (key) => {
		const event = events.get(key);
		return { key, item: event ? await tryMakeItem(delivery, key, event) : null };
	});
}

async function tryMakeItem(
	delivery: Delivery,
	key: string,
	event: CallEvent,
): Promise<INodeExecutionData | null> {
	try {
		return await makeItem(delivery, key, event);
	} catch (error) {
		delivery.log.error(
			`an event "${event.type.name}" could not be turned into an item (${error instanceof Error ? error.name : 'unknown'})`,
		);
		return null;
	}
}

async function makeItem(
	delivery: Delivery,
	key: string,
	event: CallEvent,
): Promise<INodeExecutionData | null> {
	const { context, settings, log, deadline } = delivery;
	const files = {
		context,
		download: async (request: MediaRequest) => await download(delivery, key, request),
		signal: () => deadline,
	};
	const { item, problem } = await eventItem(event, settings, files, log);
	if (problem === null) return item;
	const isRetried = problem.transient && shouldRetryLater(delivery, key);
	log.warn(
		`the file ${event.file?.media?.id} could not be fetched${isRetried ? ', Meta is asked to deliver its event again' : ''}: ${problem.message}`,
	);
	return isRetried ? null : item;
}

async function download(
	delivery: Delivery,
	key: string,
	request: MediaRequest,
): Promise<MediaOutcome> {
	const { context, settings, deadline, ledger, trigger } = delivery;
	const freeSlot = await downloadSlotsOf(trigger).take(
		settings.maxConcurrentDownloads,
		slotTimeout(delivery),
	);
	if (freeSlot === null) {
		const message =
			'Too many other files were being downloaded at the same time (option Server: Downloads at Once).';
		return { ok: false, problem: { reason: 'timeout', message, transient: true } };
	}
	const eventAt = request.eventAt ?? ledger.firstSeenAt(key, Date.now());
	const fetchAs = async (account: Account) =>
		await fetchMedia(context, account, { ...request, eventAt }, deadline);
	try {
		const outcome = await fetchAs(delivery.account);
		if (outcome.ok || outcome.problem.reason !== 'accessDenied') return outcome;
		// The token may have been changed since the credential was read.
		const current = await cachedAccount(context, 0);
		const isChanged = current !== null && !isSameCredential(current, delivery.account);
		return isChanged ? await fetchAs(current) : outcome;
	} finally {
		freeSlot();
	}
}

/**
 * Half of the time that is left: a download that waits longer for its slot would hardly finish. With more
 * recordings than can be downloaded, each slot would go to one that is about to time out, and none would arrive;
 * this way as many arrive as can, and Meta delivers the others again.
 */
function slotTimeout({ endsAt }: Delivery): AbortSignal {
	return AbortSignal.timeout(Math.max(0, Math.floor((endsAt - Date.now()) / 2)));
}

/** Whether to keep asking Meta for this file: until Retry For has passed since this process first saw it. */
function shouldRetryLater({ settings, ledger }: Delivery, key: string): boolean {
	if (settings.onFileUnavailable === 'emit') return false;
	const now = Date.now();
	return now - ledger.firstSeenAt(key, now) < settings.retryForMs;
}

/**
 * Holds back the items without their file where they let their execution fail, so that the other items of the
 * delivery get one of their own. Meta delivers them again, and then they are alone.
 */
function failuresApart({ onFileUnavailable }: TriggerSettings, outcomes: Outcome[]): Outcome[] {
	const fails = (outcome: Outcome) => outcome.item !== null && fileProblem(outcome.item.json);
	const isMixed = outcomes.some((one) => one.item !== null && !fails(one)) && outcomes.some(fails);
	if (onFileUnavailable !== 'fail' || !isMixed) return outcomes;
	return outcomes.map((outcome) => (fails(outcome) ? { ...outcome, item: null } : outcome));
}

/**
 * Passes the delivery on to its other receivers, while its own events are worked on.
 *
 * @returns whether a receiver has not accepted it; a promise if that is not known yet, which is never rejected
 */
function relayMeanwhile(
	delivery: Delivery,
	receivers: Receivers,
	events: Events,
	body: Buffer,
): boolean | Promise<boolean> {
	if (receivers.list.length === 0) return receivers.areMore;
	const deadline = isForCall(events, receivers)
		? AbortSignal.timeout(RELAY_OF_CALLS_MS)
		: delivery.deadline;
	return raceWithSignal(deadline, relay(delivery, receivers, body)).then(
		(haveAccepted) => !haveAccepted,
		() => true,
	);
}

/**
 * Gives n8n the items, and commits their events when n8n has stored the execution.
 *
 * @param isIncomplete whether the delivery has events that are not in `outcomes`, and still missing
 * @param isRelayMissing whether another receiver has not accepted it; only the answer to Meta waits for that
 */
async function emitItems(
	{ context, ledger }: Delivery,
	outcomes: Outcome[],
	isIncomplete: boolean,
	isRelayMissing: boolean | Promise<boolean>,
): Promise<IWebhookResponseData> {
	const items = outcomes.flatMap((outcome) => outcome.item ?? []);
	const missing = outcomes.filter((outcome) => outcome.item === null);
	for (const { key } of missing) ledger.release(key);
	const isMissing = isIncomplete || missing.length > 0 || isRelayMissing;
	if (items.length === 0) return answer(context, (await isMissing) ? 503 : 200);

	const response = context.getResponseObject();
	answer503If(response, isMissing);
	onAnswered(response, AFTER_CLOSED_MS, (outcome) => {
		for (const { key, item: emitted } of outcomes) {
			if (emitted === null) continue;
			if (outcome === 'accepted') ledger.commit(key);
			else ledger.release(key);
		}
	});
	return { workflowData: [items] };
}

/** Answers Meta without an execution. */
function answer(context: IWebhookFunctions, status: 200 | 401 | 503): IWebhookResponseData {
	context.getResponseObject().status(status).end();
	return { noWebhookResponse: true };
}
