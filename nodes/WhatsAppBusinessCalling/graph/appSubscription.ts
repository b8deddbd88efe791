import { z } from 'zod';

import type { Account } from './account';
import { unreadableResponse } from './failure';
import { allPages, cursorSchema, type Page } from './pages';
import { graphChange, graphRequest, parseResponse, type Effort } from './request';
import { idText, orNull } from './scalars';
import type { GraphContext, Result } from './types';

/** Meta's name for the object that WhatsApp webhooks are about. */
const OBJECT = 'whatsapp_business_account';

/** Webhook of an app for WhatsApp; an app has one at most (Meta, "App subscriptions"). */
export interface AppSubscription {
	callbackUrl: string;
	active: boolean;
	fields: string[];
	/** Whether the response has a list of fields at all. */
	areFieldsShown: boolean;
}

/** Whether the app receives the webhooks of the business account, and where the account sends them. */
export interface AccountMembership {
	joined: boolean;
	/** Address of the account, which takes precedence over the app's; null for none. */
	override: string | null;
}

const subscriptionsSchema = z.object({
	data: z.array(z.object({ object: z.string() }).passthrough()),
	paging: cursorSchema,
});

const subscriptionSchema = z.object({
	callback_url: z.string(),
	active: z.boolean().catch(true),
	// Documented as names, seen as objects with a name.
	fields: z
		.array(z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]))
		.nullish(),
});

/** The app is documented inside `whatsapp_business_api_data`; other lists of apps have it in the row itself. */
const appSchema = z
	.union([
		z.object({
			whatsapp_business_api_data: z.object({ id: idText }),
			override_callback_uri: z.unknown(),
		}),
		z.object({ id: idText, override_callback_uri: z.unknown() }),
	])
	.transform((row) => ({
		id: 'id' in row ? row.id : row.whatsapp_business_api_data.id,
		override: row.override_callback_uri ?? '',
	}));

const subscribedAppsSchema = z.object({
	data: z.array(orNull(appSchema)),
	paging: cursorSchema,
});

/**
 * @returns null if the app has no webhook. A response that does not say so is a failure: it must not be
 * read as an app without a webhook, whose address anyone may set.
 */
export async function readAppSubscription(
	context: GraphContext,
	account: Account,
	effort: Effort = {},
): Promise<Result<AppSubscription | null>> {
	const isOfWhatsApp = ({ object }: SubscriptionRow) => object === OBJECT;
	const rows = await allPages(
		async (after) => await subscriptionsPage(context, account, effort, after),
		(found) => found.some(isOfWhatsApp),
	);
	if (!rows.ok) return rows;
	const row = rows.value.find(isOfWhatsApp);
	if (!row) return { ok: true, value: null };
	const message = "Meta's response about the app's webhook cannot be read";
	const subscription = parseResponse({ ok: true, value: row }, subscriptionSchema, message);
	if (!subscription.ok) return subscription;
	const { callback_url: callbackUrl, active, fields } = subscription.value;
	const areFieldsShown = Array.isArray(fields);
	return { ok: true, value: { callbackUrl, active, fields: fields ?? [], areFieldsShown } };
}

type SubscriptionRow = z.infer<typeof subscriptionsSchema>['data'][number];

async function subscriptionsPage(
	context: GraphContext,
	account: Account,
	effort: Effort,
	after: string | undefined,
): Promise<Result<Page<SubscriptionRow>>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.appId}/subscriptions`,
		query: after ? { after } : undefined,
		as: 'app',
		repeat: 'freely',
		...effort,
	});
	const message = "Meta's list of the app's webhooks cannot be read";
	const page = parseResponse(response, subscriptionsSchema, message);
	if (!page.ok) return page;
	return { ok: true, value: { rows: page.value.data, after: page.value.paging } };
}

/**
 * Sets the address of the app's webhook and adds fields to it. Meta verifies the address before it
 * responds. Fields that were subscribed before stay.
 */
export async function writeAppSubscription(
	context: GraphContext,
	account: Account,
	subscription: { callbackUrl: string; verifyToken: string; fields: string[] },
	effort: Effort = {},
): Promise<Result<unknown>> {
	return await graphChange(context, account, {
		method: 'POST',
		path: `${account.appId}/subscriptions`,
		body: {
			object: OBJECT,
			callback_url: subscription.callbackUrl,
			verify_token: subscription.verifyToken,
			fields: subscription.fields.join(','),
			include_values: true,
		},
		as: 'app',
		repeat: 'freely',
		...effort,
	});
}

/** Removes fields from the app's webhook. Meta removes the subscription together with its last field. */
export async function removeAppFields(
	context: GraphContext,
	account: Account,
	fields: string[],
	effort: Effort = {},
): Promise<Result<unknown>> {
	return await graphChange(context, account, {
		method: 'DELETE',
		path: `${account.appId}/subscriptions`,
		query: { object: OBJECT, fields: fields.join(',') },
		as: 'app',
		repeat: 'freely',
		...effort,
	});
}

const APPS_MESSAGE = "Meta's list of the account's apps cannot be read";

type AppOnAccount = z.infer<typeof appSchema>;

export async function readAccountMembership(
	context: GraphContext,
	account: Account,
	effort: Effort = {},
): Promise<Result<AccountMembership>> {
	const isThisApp = (row: AppOnAccount | null) => row?.id === account.appId;
	const apps = await allPages(
		async (after) => await appsOnAccountPage(context, account, effort, after),
		(rows) => rows.some(isThisApp),
	);
	if (!apps.ok) return apps;
	const row = apps.value.find(isThisApp);
	// A row that cannot be read may be this app's: subscribing it again would remove its address.
	if (!row && apps.value.includes(null)) {
		return { ok: false, failure: unreadableResponse(APPS_MESSAGE) };
	}
	const override = row?.override ?? '';
	if (typeof override !== 'string') {
		return { ok: false, failure: unreadableResponse("The account's webhook URL cannot be read") };
	}
	return { ok: true, value: { joined: row !== undefined, override: override || null } };
}

async function appsOnAccountPage(
	context: GraphContext,
	account: Account,
	effort: Effort,
	after: string | undefined,
): Promise<Result<Page<AppOnAccount | null>>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.businessAccountId}/subscribed_apps`,
		query: after ? { after } : undefined,
		repeat: 'freely',
		...effort,
	});
	const page = parseResponse(response, subscribedAppsSchema, APPS_MESSAGE);
	if (!page.ok) return page;
	return { ok: true, value: { rows: page.value.data, after: page.value.paging } };
}

/**
 * Subscribes the app to the account (`POST`) or unsubscribes it (`DELETE`). Subscribing without an override
 * removes an existing override.
 */
export async function setAppOnAccount(
	context: GraphContext,
	account: Account,
	method: 'POST' | 'DELETE',
	override?: { callbackUrl: string; verifyToken: string } | null,
	effort: Effort = {},
): Promise<Result<unknown>> {
	return await graphChange(context, account, {
		method,
		path: `${account.businessAccountId}/subscribed_apps`,
		body: override
			? { override_callback_uri: override.callbackUrl, verify_token: override.verifyToken }
			: undefined,
		repeat: 'freely',
		...effort,
	});
}
