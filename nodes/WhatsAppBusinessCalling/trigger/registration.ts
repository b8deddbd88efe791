import type { IDataObject, IHookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { z } from 'zod';

import { readAccount, type Account } from '../graph/account';
import { toNodeApiError } from '../graph/apiError';
import type { Result } from '../graph/types';
import {
	isAppOnAccount,
	readAppSubscription,
	removeAppFields,
	setAppOnAccount,
	writeAppSubscription,
	type AppSubscription,
} from './appSubscription';
import { webhookFields } from './events';
import { deriveVerifyToken } from './verifyToken';

/** What `create()` did, so that `delete()` undoes that and nothing else. Kept in static data. */
const recordSchema = z.object({
	callbackUrl: z.string(),
	/** Fields of the webhook that were not subscribed before. */
	addedFields: z.array(z.string()),
	/** Whether the app did not get the account's webhooks before. */
	addedApp: z.boolean(),
	/** Address of this same node that was moved away for a test run, to be put back. */
	movedFrom: z.string().nullable(),
});

type Registration = z.infer<typeof recordSchema>;

/**
 * Whether Meta sends the calls of this account to this node. Only reads.
 *
 * @throws NodeApiError where Meta can't be asked
 */
export async function isRegistered(context: IHookFunctions): Promise<boolean> {
	if (isManual(context)) return true;
	const account = await readAccount(context);
	const subscription = valueOf(context, await readAppSubscription(context, account));
	if (!subscription || !serves(context, subscription)) return false;
	return valueOf(context, await isAppOnAccount(context, account));
}

/**
 * Points the app's webhook to this node and subscribes the app to the account. Can be repeated.
 *
 * @throws NodeOperationError where the app's webhook belongs to somebody else, NodeApiError where
 * Meta refuses; nothing is left behind then
 */
export async function register(context: IHookFunctions): Promise<boolean> {
	const account = await readAccount(context);
	const callback = callbackUrl(context);
	const before = valueOf(context, await readAppSubscription(context, account));
	if (before && !isOwn(context, before.callbackUrl)) throw foreignCallback(context, before);

	const fields = webhookFields(chosenEvents(context));
	const movedFrom = before && before.callbackUrl !== callback ? before.callbackUrl : null;
	const registration: Registration = {
		callbackUrl: callback,
		addedFields: fields.filter((field) => !before?.fields.includes(field)),
		addedApp: false,
		movedFrom: isTestRun(context) ? movedFrom : null,
	};
	valueOf(
		context,
		await writeAppSubscription(context, account, {
			callbackUrl: callback,
			verifyToken: verifyToken(context, account),
			fields,
		}),
	);
	const onAccount = await isAppOnAccount(context, account);
	const joined =
		onAccount.ok && !onAccount.value ? await setAppOnAccount(context, account, 'POST') : onAccount;
	if (!joined.ok) {
		await undo(context, account, registration);
		throw toNodeApiError(context.getNode(), joined.failure);
	}
	registration.addedApp = onAccount.ok && !onAccount.value;
	staticData(context).registration = keepEarlier(context, registration);
	return true;
}

/** Undoes what `register` did; does nothing where it had not succeeded. */
export async function unregister(context: IHookFunctions): Promise<boolean> {
	const registration = readRecord(context);
	if (registration === null || isOfSibling(context, registration)) return true;
	await undo(context, await readAccount(context), registration);
	delete staticData(context).registration;
	return true;
}

async function undo(
	context: IHookFunctions,
	account: Account,
	registration: Registration,
): Promise<void> {
	const current = valueOf(context, await readAppSubscription(context, account));
	// Somebody else has taken the webhook over meanwhile, and counts on what is there now.
	if (current && current.callbackUrl !== registration.callbackUrl) return;
	if (current && registration.movedFrom !== null) {
		valueOf(
			context,
			await writeAppSubscription(context, account, {
				callbackUrl: registration.movedFrom,
				verifyToken: verifyToken(context, account),
				fields: current.fields.filter((field) => !registration.addedFields.includes(field)),
			}),
		);
	}
	if (current && registration.addedFields.length > 0) {
		valueOf(context, await removeAppFields(context, account, registration.addedFields));
	}
	if (registration.addedApp) valueOf(context, await setAppOnAccount(context, account, 'DELETE'));
}

/** A repeated registration finds its own work there; what an earlier one added is still to be undone. */
function keepEarlier(context: IHookFunctions, registration: Registration): IDataObject {
	const earlier = isTestRun(context) ? null : readRecord(context);
	return {
		...registration,
		addedFields: [...new Set([...registration.addedFields, ...(earlier?.addedFields ?? [])])],
		addedApp: registration.addedApp || earlier?.addedApp === true,
	};
}

function serves(context: IHookFunctions, subscription: AppSubscription): boolean {
	return (
		subscription.active &&
		subscription.callbackUrl === callbackUrl(context) &&
		webhookFields(chosenEvents(context)).every((field) => subscription.fields.includes(field))
	);
}

function chosenEvents(context: IHookFunctions): string[] {
	const events: unknown = context.getNodeParameter('events', []);
	return Array.isArray(events) ? events.map(String) : String(events).split(',');
}

/**
 * Whether an address is one of this node: the one that it registered last, or its production or test
 * address on this instance. These differ only before the node's own webhook ID.
 */
function isOwn(context: IHookFunctions, address: string): boolean {
	const own = callbackUrl(context);
	return address === own || address === readRecord(context)?.callbackUrl || isSibling(address, own);
}

/** A test run may be handed what the activation of the same node wrote; it is not its to undo. */
function isOfSibling(context: IHookFunctions, registration: Registration): boolean {
	const own = callbackUrl(context);
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

function foreignCallback(
	context: IHookFunctions,
	{ callbackUrl }: AppSubscription,
): NodeOperationError {
	return new NodeOperationError(
		context.getNode(),
		`The Meta app already sends its webhooks to another address: ${callbackUrl}`,
		{
			description:
				"A Meta app has one webhook address, so this trigger does not overwrite it. Ways out: deactivate the workflow or system behind that address; or remove the address in Meta's app dashboard (WhatsApp > Configuration > Webhook); or use a second Meta app for calls; or set Registration to Manual and let that system forward the events of calls to this node.",
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

function callbackUrl(context: IHookFunctions): string {
	const url = context.getNodeWebhookUrl('default');
	if (!url) throw new NodeOperationError(context.getNode(), 'n8n gave the trigger no webhook URL');
	return url;
}

function verifyToken(context: IHookFunctions, { appSecret }: Account): string {
	return deriveVerifyToken(appSecret, context.getWorkflow().id ?? '', context.getNode().id);
}

function isTestRun(context: IHookFunctions): boolean {
	return context.getMode() === 'manual';
}

function staticData(context: IHookFunctions): IDataObject {
	return context.getWorkflowStaticData('node');
}

function readRecord(context: IHookFunctions): Registration | null {
	const parsed = recordSchema.safeParse(staticData(context).registration);
	return parsed.success ? parsed.data : null;
}

function valueOf<T>(context: IHookFunctions, result: Result<T>): T {
	if (result.ok) return result.value;
	throw toNodeApiError(context.getNode(), result.failure);
}
