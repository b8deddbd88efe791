import {
	NodeOperationError,
	type IDataObject,
	type IHookFunctions,
	type NodeApiError,
} from 'n8n-workflow';
import { z } from 'zod';

import { readAccount, type Account } from '../graph/account';
import { failureTitle, toNodeApiError } from '../graph/apiError';
import {
	isAppOnAccount,
	readAppSubscription,
	removeAppFields,
	setAppOnAccount,
	writeAppSubscription,
} from '../graph/appSubscription';
import type { GraphFailure, Result } from '../graph/types';
import { readOverrides } from '../graph/webhookOverride';
import { webhookFields } from './events';
import { passesChallenge } from './otherWebhook';
import {
	appPlace,
	businessAccountPlace,
	phoneNumberPlace,
	type Place,
	type RegistrationScope,
} from './places';
import { chosenEvents, idList } from './settings';
import { deriveVerifyToken } from './verifyToken';

/** What `register()` did, so that `unregister()` undoes that and nothing else. Kept in static data. */
const recordSchema = z.object({
	callbackUrl: z.string(),
	places: z.array(
		z.object({
			key: z.string(),
			/** The address that was there before, to be put back. */
			previous: z.string().nullable(),
		}),
	),
	/** Fields of the app's webhook that were not subscribed before. */
	addedFields: z.array(z.string()),
	/** Whether the app did not get the account's webhooks before. */
	addedApp: z.boolean(),
	/** The address of somebody else to which deliveries are handed on. */
	forwardTo: z.string().nullable().default(null),
});

type Registration = z.infer<typeof recordSchema>;

interface Node {
	context: IHookFunctions;
	account: Account;
	callbackUrl: string;
	fields: string[];
}

/** A place, and the address that it has. */
interface Found {
	place: Place;
	address: string | null;
}

/**
 * Nodes whose activation has just failed in this process. n8n then calls `delete()` before it tries
 * again, which must not take back what an earlier activation had registered and what still holds.
 */
const failedActivations = new Set<string>();

async function asActivation<T>(context: IHookFunctions, work: () => Promise<T>): Promise<T> {
	const place = placeOf(context);
	failedActivations.add(place);
	const result = await work();
	failedActivations.delete(place);
	return result;
}

function placeOf(context: IHookFunctions): string {
	return `${context.getWorkflow().id}\n${context.getNode().id}\n${callbackUrlOf(context)}`;
}

/**
 * Whether Meta sends the calls of this account to this node. Only reads.
 *
 * @throws NodeApiError where Meta can't be asked
 */
export async function isRegistered(context: IHookFunctions): Promise<boolean> {
	return await asActivation(context, async () => {
		const events = chosenEvents(context);
		return isManual(context) || (await looksRegistered(context, events));
	});
}

async function looksRegistered(context: IHookFunctions, events: string[]): Promise<boolean> {
	const node = await describe(context, events);
	const subscription = valueOf(context, await readAppSubscription(context, node.account));
	if (!subscription?.active) return false;
	if (!node.fields.every((field) => subscription.fields.includes(field))) return false;
	for (const place of chosenPlaces(node)) {
		if (valueOf(context, await place.read()) !== node.callbackUrl) return false;
	}
	return valueOf(context, await isAppOnAccount(context, node.account));
}

/**
 * Points the chosen places to this node and subscribes the app to the account. Can be repeated.
 *
 * @throws NodeOperationError where a place belongs to somebody else, NodeApiError where Meta refuses;
 * what was done until then is undone
 */
export async function register(context: IHookFunctions): Promise<boolean> {
	return await asActivation(context, async () => await pointHere(context));
}

async function pointHere(context: IHookFunctions): Promise<true> {
	const node = await describe(context, chosenEvents(context));
	const before: Found[] = [];
	for (const place of chosenPlaces(node)) {
		const address = valueOf(context, await place.read());
		if (address !== null && !isOwn(context, address)) {
			await requirePermissionToTakeOver(context, place, address);
		}
		before.push({ place, address });
	}
	const done: Registration = {
		callbackUrl: node.callbackUrl,
		places: [],
		addedFields: [],
		addedApp: false,
		forwardTo: await otherReceiver(node, before),
	};
	const failure = await carryOut(node, before, done);
	if (failure) {
		try {
			await undo(node, changesOnly(node, before, done));
		} catch {
			// What went wrong first is what the operator has to know.
		}
		throw failure;
	}
	staticData(context).registration = withEarlier(node, before, done);
	return true;
}

/** Without the places that were this node's before: when a later step fails, they stay so. */
function changesOnly({ context }: Node, before: Found[], done: Registration): Registration {
	const ours = before.filter(
		({ address }) => address !== null && isOwn(context, address) && !isTestRun(context),
	);
	const places = done.places.filter(({ key }) => !ours.some(({ place }) => place.key === key));
	return { ...done, places };
}

/** What this activation did, and what an earlier one had done that still holds. */
function withEarlier({ context }: Node, before: Found[], done: Registration): Registration {
	const earlier = isTestRun(context) ? null : readRegistration(staticData(context));
	return {
		...done,
		places: before.map(({ place, address }) => {
			const known = earlier?.places.find(({ key }) => key === place.key);
			return { key: place.key, previous: previousOf(context, address, known) };
		}),
		addedFields: [...new Set([...done.addedFields, ...(earlier?.addedFields ?? [])])],
		addedApp: done.addedApp || earlier?.addedApp === true,
	};
}

/** Undoes what `register` did; does nothing where it had not succeeded. */
export async function unregister(context: IHookFunctions): Promise<boolean> {
	if (failedActivations.delete(placeOf(context))) return true;
	const registration = readRegistration(staticData(context));
	if (registration === null || isOfSibling(context, registration)) return true;
	const left = await undo(await describe(context), registration);
	if (left === null) delete staticData(context).registration;
	else staticData(context).registration = left;
	return true;
}

/** What was registered, from the static data of the node; null where nothing was. */
export function readRegistration(data: IDataObject): Registration | null {
	const parsed = recordSchema.safeParse(data.registration);
	return parsed.success ? parsed.data : null;
}

/** Does the work step by step, writing down each change that succeeded; gives the error that ended it. */
async function carryOut(
	node: Node,
	before: Found[],
	done: Registration,
): Promise<NodeApiError | NodeOperationError | null> {
	const { context, account, callbackUrl } = node;
	const failed = (failure: GraphFailure) => toNodeApiError(context.getNode(), failure);

	const subscription = await readAppSubscription(context, account);
	if (!subscription.ok) return failed(subscription.failure);
	const missing = node.fields.filter((field) => !subscription.value?.fields.includes(field));
	const pointsApp = before.some(({ place }) => place.key === 'app');
	const address = subscription.value?.callbackUrl ?? null;
	const isOurs = address === null || isOwn(context, address);
	// An inactive subscription sends nothing; an address of this node that is out of use is mended.
	const toWrite =
		subscription.value?.active === false || (isOurs && isOutOfUse(context, address))
			? node.fields
			: missing;
	if (toWrite.length > 0 && !pointsApp) {
		if (!isOurs) return fieldsMissing(context, toWrite);
		const written = await writeAppSubscription(context, account, {
			callbackUrl,
			verifyToken: ownVerifyToken(node),
			fields: toWrite,
		});
		if (!written.ok) return failed(written.failure);
	}
	if (!pointsApp) done.addedFields = missing;

	const onAccount = await isAppOnAccount(context, account);
	if (!onAccount.ok) return failed(onAccount.failure);
	if (!onAccount.value) {
		const joined = await setAppOnAccount(context, account, 'POST');
		if (!joined.ok) return failed(joined.failure);
	}
	done.addedApp = !onAccount.value;

	for (const { place, address } of before) {
		const pointed = await place.point(callbackUrl, ownVerifyToken(node));
		if (!pointed.ok) return failed(pointed.failure);
		if (place.key === 'app') done.addedFields = missing;
		done.places.push({ key: place.key, previous: address });
	}
	return null;
}

/**
 * Who gets today what is not about calls, and shall go on getting it; null for nobody. Where a place
 * has no address, its events go to the next one that has: number, account, app (Meta, "Webhook
 * overrides").
 *
 * @throws NodeOperationError where there are several
 */
async function otherReceiver(
	{ context, callbackUrl }: Node,
	before: Found[],
): Promise<string | null> {
	if (!forwards(context)) return null;
	const receivers = new Set<string>();
	for (const { place, address } of before) {
		let receiver = address ?? valueOf(context, await place.readInherited());
		if (receiver !== null && isOwn(context, receiver)) {
			// In a test run production takes what is not for the test, and hands it on.
			const known = readRegistration(staticData(context))?.forwardTo ?? null;
			receiver = isTestRun(context) && receiver !== callbackUrl ? receiver : known;
		}
		if (receiver !== null) receivers.add(receiver);
	}
	if (receivers.size <= 1) return [...receivers][0] ?? null;
	throw new NodeOperationError(
		context.getNode(),
		`The chosen phone numbers send their webhooks to different addresses: ${[...receivers].join(', ')}`,
		{
			description:
				'A trigger can forward to one of them. Use a trigger of its own for the numbers of each address.',
		},
	);
}

/** What has to be put back at a place: not an address of this node that is out of use. */
function previousOf(
	context: IHookFunctions,
	address: string | null,
	earlier: Registration['places'][number] | undefined,
): string | null {
	if (address === null || address === callbackUrlOf(context)) return earlier?.previous ?? null;
	if (!isOwn(context, address)) return address;
	return isTestRun(context) ? address : (earlier?.previous ?? null);
}

/** @returns what is still to be undone, because somebody else counts on it; null for nothing */
async function undo(node: Node, registration: Registration): Promise<Registration | null> {
	const { context } = node;
	for (const place of allPlaces(node, registration)) {
		const current = valueOf(context, await place.read());
		// Somebody else has taken it over meanwhile, and counts on what is there now.
		if (current !== null && current !== registration.callbackUrl) continue;
		const previous = registration.places.find(({ key }) => key === place.key)?.previous ?? null;
		if (previous !== null && previous === current) continue;
		if (previous !== null) {
			const token = isOwn(context, previous) ? ownVerifyToken(node) : otherVerifyToken(context);
			valueOf(context, await place.point(previous, token));
		} else if (current !== null && place.key !== 'app') {
			valueOf(context, await place.clear());
		}
	}
	return await leaveApp(node, registration);
}

/** Takes back what was added to the app's webhook and to the account; gives what has to stay. */
async function leaveApp(
	{ context, account }: Node,
	{ callbackUrl, places, addedFields, addedApp }: Registration,
): Promise<Registration | null> {
	const subscription = valueOf(context, await readAppSubscription(context, account));
	const ours = [callbackUrl, ...places.map(({ previous }) => previous)];
	if (subscription && !ours.includes(subscription.callbackUrl)) return null;
	if (subscription && addedFields.length > 0) {
		const overrides = await readOverrides(context, account);
		// Another address of a number or of the account gets only what the app is subscribed to.
		if (!overrides.ok || overrides.value.some((address) => !ours.includes(address))) {
			if (!overrides.ok) tellThatFieldsStay(context, addedFields, overrides.failure);
			return { callbackUrl, places: [], addedFields, addedApp, forwardTo: null };
		}
	}
	const left = subscription?.fields.filter((field) => !addedFields.includes(field)) ?? [];
	if (subscription && addedFields.length > 0) {
		valueOf(context, await removeAppFields(context, account, addedFields));
	}
	// As long as the app gets something, somebody else may count on its getting this account's.
	if (addedApp && left.length === 0) {
		valueOf(context, await setAppOnAccount(context, account, 'DELETE'));
	}
	return null;
}

/** To take them off unseen could silence others, which is worse than an address that nobody answers. */
function tellThatFieldsStay(
	context: IHookFunctions,
	fields: string[],
	failure: GraphFailure,
): void {
	context.logger.warn(
		`WhatsApp Business Calling Trigger: the app stays subscribed to ${fields.join(' and ')}, because it could not be read whether other webhooks depend on it (${failureTitle(failure)}). Where none does, switch it off in Meta's app dashboard (WhatsApp > Configuration > Webhook fields)`,
	);
}

/** The places that were registered, though the node's parameters may name others by now. */
function allPlaces({ context, account }: Node, registration: Registration): Place[] {
	return registration.places.flatMap(({ key }) => {
		// Meta asks for a field; this one is there already.
		if (key === 'app') return appPlace(context, account, ['calls']);
		if (key === 'businessAccount') return businessAccountPlace(context, account);
		const [, phoneNumberId] = key.split(' ');
		return phoneNumberPlace(context, account, phoneNumberId);
	});
}

/** @param events none where a registration is only taken back */
async function describe(context: IHookFunctions, events: string[] = []): Promise<Node> {
	const account = await readAccount(context);
	const fields = webhookFields(events);
	return { context, account, fields, callbackUrl: callbackUrlOf(context) };
}

function chosenPlaces({ context, account, fields }: Node): Place[] {
	const scope = context.getNodeParameter('registration', 'app') as RegistrationScope;
	if (scope === 'businessAccount') return [businessAccountPlace(context, account)];
	if (scope !== 'phoneNumber') return [appPlace(context, account, fields)];
	const ids = idList(context.getNodeParameter('phoneNumberIds', []));
	if (ids.length === 0) {
		throw new NodeOperationError(context.getNode(), 'No phone number is chosen', {
			description:
				'With Registration set to Phone Number, choose under Phone Number Names or IDs the numbers whose events shall come here.',
		});
	}
	return ids.map((id) => phoneNumberPlace(context, account, id));
}

/**
 * Whether an address is one of this node: the one that it registered last, or its production or test
 * address on this instance. These differ only before the node's own webhook ID.
 */
function isOwn(context: IHookFunctions, address: string): boolean {
	const own = callbackUrlOf(context);
	const registered = readRegistration(staticData(context))?.callbackUrl;
	return address === own || address === registered || isSibling(address, own);
}

/** Whether an address was this node's and is no longer; in a test run that of production stays. */
function isOutOfUse(context: IHookFunctions, address: string | null): boolean {
	return address !== null && address !== callbackUrlOf(context) && !isTestRun(context);
}

/** A test run may be handed what the activation of the same node wrote; it is not its to undo. */
function isOfSibling(context: IHookFunctions, registration: Registration): boolean {
	const own = callbackUrlOf(context);
	return registration.callbackUrl !== own && isSibling(registration.callbackUrl, own);
}

function isSibling(address: string, own: string): boolean {
	if (!URL.canParse(address)) return false;
	const [a, b] = [new URL(address), new URL(own)];
	return a.origin === b.origin && ending(a) === ending(b);
}

/** `<webhook ID>/webhook` of an address of n8n. */
function ending(url: URL): string {
	return url.pathname.split('/').slice(-2).join('/');
}

/** @throws NodeOperationError unless the operator wants it and it can be put back later */
async function requirePermissionToTakeOver(
	context: IHookFunctions,
	place: Place,
	address: string,
): Promise<void> {
	if (!forwards(context)) {
		throw new NodeOperationError(
			context.getNode(),
			`${place.label} already sends its webhooks to another address: ${address}`,
			{
				description:
					"Each place at Meta has one webhook address, so this trigger does not overwrite it. Ways out: deactivate the workflow or system behind that address; or set If Another Webhook Exists to Take Over and Forward, so that the other one goes on getting what is not about calls; or register on another level (Registration: Business Account or Phone Number); or use a second Meta app for calls; or remove the address in Meta's app dashboard (WhatsApp > Configuration > Webhook).",
			},
		);
	}
	if (await passesChallenge(context, address, otherVerifyToken(context))) return;
	throw new NodeOperationError(
		context.getNode(),
		`The other webhook did not accept the verify token: ${address}`,
		{
			description:
				'Its verify token is needed to put it back when this workflow is deactivated, so nothing was changed. Fill in Other Webhook Verify Token. For n8n\'s own WhatsApp Trigger it is the ID of that node: copy the node, paste it into a text editor and take the value of "id". The other workflow must be active.',
		},
	);
}

function fieldsMissing(context: IHookFunctions, fields: string[]): NodeOperationError {
	return new NodeOperationError(
		context.getNode(),
		`The Meta app is not subscribed to ${fields.join(' and ')}`,
		{
			description: `An address of the account or of a number gets only what the app is subscribed to, and another system owns the app's webhook. Switch the field ${fields.join(' and ')} on in Meta's app dashboard (WhatsApp > Configuration > Webhook fields), then activate again.`,
		},
	);
}

function isManual(context: IHookFunctions): boolean {
	if (context.getNodeParameter('registration', 'app') !== 'manual') return false;
	if (String(context.getNodeParameter('verifyToken', '')).trim() === '') {
		throw new NodeOperationError(context.getNode(), 'The parameter Verify Token is empty', {
			description:
				"Choose any long, random text, and type the same text into Meta's app dashboard next to the webhook URL.",
		});
	}
	return true;
}

function forwards(context: IHookFunctions): boolean {
	return context.getNodeParameter('onOtherWebhook', 'stop') === 'takeOverAndForward';
}

function otherVerifyToken(context: IHookFunctions): string {
	return String(context.getNodeParameter('otherVerifyToken', '')).trim();
}

function callbackUrlOf(context: IHookFunctions): string {
	const url = context.getNodeWebhookUrl('default');
	if (!url) throw new NodeOperationError(context.getNode(), 'n8n gave the trigger no webhook URL');
	return url;
}

function ownVerifyToken({ context, account }: Node): string {
	return deriveVerifyToken(account.appSecret, context.getWorkflow().id ?? '', context.getNode().id);
}

function isTestRun(context: IHookFunctions): boolean {
	return context.getMode() === 'manual';
}

function staticData(context: IHookFunctions): IDataObject {
	return context.getWorkflowStaticData('node');
}

function valueOf<T>(context: IHookFunctions, result: Result<T>): T {
	if (result.ok) return result.value;
	throw toNodeApiError(context.getNode(), result.failure);
}
