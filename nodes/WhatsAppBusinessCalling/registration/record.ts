import type { IDataObject, IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { z } from 'zod';

import type { Account } from '../graph/account';

/** Where Meta sends the webhooks of: the app, the WhatsApp Business account, or one number. */
const overrideTargetSchema = z.union([
	z.literal('businessAccount'),
	z.custom<`phoneNumber ${string}`>(
		(value) => typeof value === 'string' && /^phoneNumber \w+$/.test(value),
	),
]);

/** What can have a webhook address at Meta. */
const targetSchema = z.union([z.literal('app'), overrideTargetSchema]);

/** A change at Meta. Its inverse is made of the same kinds of changes. */
const stepSchema = z.discriminatedUnion('do', [
	/** Points the webhook of the app to an address, and subscribes the app to fields. */
	z.object({ do: z.literal('pointApp'), url: z.string(), fields: z.array(z.string()) }),
	/** Meta removes the webhook of the app with its last field. */
	z.object({ do: z.literal('removeFields'), fields: z.array(z.string()) }),
	/** The app receives the webhooks of the account at all. */
	z.object({ do: z.literal('joinAccount') }),
	z.object({ do: z.literal('leaveAccount') }),
	/** Points the account or a number to an address of its own; null removes that. */
	z.object({
		do: z.literal('pointOverride'),
		target: overrideTargetSchema,
		url: z.string().nullable(),
	}),
	/** Takes this trigger out of an address that it shares with others, whatever that is by now. */
	z.object({ do: z.literal('leaveAddress'), target: targetSchema }),
]);

const recordSchema = z.object({
	instanceId: z.string(),
	workflowId: z.string(),
	appId: z.string(),
	businessAccountId: z.string(),
	/** The address that was registered. */
	url: z.string(),
	isTest: z.boolean(),
	/** What to do at Meta to undo the registration, in this order. */
	undo: z.array(stepSchema),
	/** Who else receives what arrives at the address: the webhook that was there before. */
	alsoReceives: z.array(z.string()),
});

export type OverrideTarget = z.infer<typeof overrideTargetSchema>;

export type Target = z.infer<typeof targetSchema>;

/** The ID of the number whose address a target is. */
export const phoneNumberOf = (target: `phoneNumber ${string}`) =>
	target.slice('phoneNumber '.length);

export type Step = z.infer<typeof stepSchema>;

/** What a registration did. It is in the static data of the node, so it travels with the workflow. */
export type RegistrationRecord = z.infer<typeof recordSchema>;

/** A record means something only for the same workflow of the same n8n, and for the same app and account. */
export type RecordOwner = Pick<
	RegistrationRecord,
	'instanceId' | 'workflowId' | 'appId' | 'businessAccountId'
>;

type RecordContext = IHookFunctions | IWebhookFunctions;

/**
 * Records of this process, by trigger. n8n saves static data late (after all triggers of a workflow
 * have been activated), and an execution that started earlier may overwrite it.
 */
const remembered = new Map<string, { record: RegistrationRecord; account: Account }>();

export function recordOwner(context: RecordContext, account: Account): RecordOwner {
	return {
		instanceId: context.getInstanceId(),
		workflowId: context.getWorkflow().id ?? '',
		appId: account.appId,
		businessAccountId: account.businessAccountId,
	};
}

function isRecordOf(record: RegistrationRecord, owner: RecordOwner): boolean {
	return (
		record.instanceId === owner.instanceId &&
		record.workflowId === owner.workflowId &&
		record.appId === owner.appId &&
		record.businessAccountId === owner.businessAccountId
	);
}

/** Whether a record is of the same owner, and of production or a test as the trigger is. */
export function isCurrentRecord(
	record: RegistrationRecord,
	owner: RecordOwner,
	isTest: boolean,
): boolean {
	return isRecordOf(record, owner) && record.isTest === isTest;
}

/** The record in static data, also of another trigger; null if there is none. */
export function savedRecord(context: RecordContext): RegistrationRecord | null {
	return parseRecord(context.getWorkflowStaticData('node'));
}

export function parseRecord(data: IDataObject): RegistrationRecord | null {
	const parsed = recordSchema.safeParse(data.registration);
	return parsed.success ? parsed.data : null;
}

export function rememberedRecord(context: RecordContext, url: string) {
	return remembered.get(triggerKey(context, url)) ?? null;
}

/** Whether another workflow has registered an address in this process. */
export function isRememberedElsewhere(context: RecordContext, url: string): boolean {
	const { id } = context.getWorkflow();
	return [...remembered.values()].some(
		({ record }) => record.url === url && record.workflowId !== id,
	);
}

/** What this process knows about the trigger at an address. */
export function rememberedAt(context: RecordContext, url: string) {
	const instanceId = context.getInstanceId();
	const records = [...remembered.values()]
		.map(({ record }) => record)
		.filter((record) => record.url === url && record.instanceId === instanceId);
	return {
		isKnownToLeave:
			records.length === 0
				? null
				: records.some(({ undo }) => undo.some(({ do: kind }) => kind === 'leaveAccount')),
		isKnownToForward: records.some(({ alsoReceives }) => alsoReceives.length > 0),
	};
}

/** Adds steps that are still to be undone to the record of the trigger of this process that holds an address. */
export function bequeath(url: string, undo: Step[]): void {
	for (const entry of remembered.values()) {
		const { record } = entry;
		if (record.url === url) entry.record = { ...record, undo: [...record.undo, ...undo] };
	}
}

/** Keeps a record in this process and in static data. */
export function keepRecord(
	context: IHookFunctions,
	account: Account,
	record: RegistrationRecord,
): void {
	remembered.set(triggerKey(context, record.url), { record, account });
	context.getWorkflowStaticData('node').registration = record as unknown as IDataObject;
}

export function dropRecord(context: IHookFunctions, url: string): void {
	remembered.delete(triggerKey(context, url));
	delete context.getWorkflowStaticData('node').registration;
}

/** One trigger at one address, production and test apart. */
export function triggerKey(context: RecordContext, url: string): string {
	return `${context.getInstanceId()}\n${context.getWorkflow().id ?? ''}\n${url}`;
}

/**
 * The webhook that received before a trigger with Take Over and Forward, and still gets what is not about calls.
 *
 * @returns its URL; null if there is none; undefined if that is not known because the record is missing. Then
 * nothing that could be for it may be acknowledged
 */
export function previousReceiver(
	context: IWebhookFunctions,
	account: Account,
): string | null | undefined {
	const owner = recordOwner(context, account);
	const isTest = context.getMode() === 'manual';
	const production = context.getNodeWebhookUrl('default') ?? '';
	const record = [savedRecord(context), rememberedRecord(context, production)?.record].find(
		(known) => known && isCurrentRecord(known, owner, isTest),
	);
	if (!record) return otherWebhookUrl(context) ?? undefined;
	return record.alsoReceives[0] ?? null;
}

/** The option Other Webhook URL; null if it is empty. */
export function otherWebhookUrl(context: RecordContext): string | null {
	return String(context.getNodeParameter('options.otherWebhookUrl', '') ?? '').trim() || null;
}
