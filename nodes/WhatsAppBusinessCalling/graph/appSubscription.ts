import { z } from 'zod';

import type { Account } from './account';
import { unreadableAnswer } from './failure';
import { allPages, cursorSchema, type Page } from './pages';
import { graphChange, graphRequest } from './request';
import type { GraphContext, GraphFailure, Result } from './types';
import { idText } from './wholeNumber';

/** Meta's name for what WhatsApp webhooks are about. */
const OBJECT = 'whatsapp_business_account';

/** What Meta's app sends to which address; there is one per app (Meta, "App subscriptions"). */
export interface AppSubscription {
	callbackUrl: string;
	active: boolean;
	fields: string[];
}

/** While a workflow is activated nobody can press a button again: passing trouble is waited out. */
export const ACTIVATION_ATTEMPTS = 6;

const subscriptionsSchema = z.object({
	data: z.array(z.object({ object: z.string() }).passthrough()),
});

const subscriptionSchema = z.object({
	callback_url: z.string(),
	active: z.boolean().catch(true),
	// Documented as names, seen as objects with a name.
	fields: z
		.array(z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]))
		.default([]),
});

const subscribedAppsSchema = z.object({
	data: z.array(
		z
			.object({
				whatsapp_business_api_data: z.object({ id: idText }),
				override_callback_uri: z.unknown(),
			})
			.nullable()
			.catch(null),
	),
	paging: cursorSchema,
});

/**
 * @returns null where the app has no webhook, and a failure where the answer does not tell: it must not
 * be mistaken for an app without one, whose webhook anybody may take
 */
export async function readAppSubscription(
	context: GraphContext,
	account: Account,
): Promise<Result<AppSubscription | null>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.appId}/subscriptions`,
		as: 'app',
		repeat: 'freely',
		attempts: ACTIVATION_ATTEMPTS,
	});
	if (!answer.ok) return answer;
	const rows = subscriptionsSchema.safeParse(answer.value);
	if (!rows.success) return unreadable("Meta's list of the app's webhooks cannot be read");
	const row = rows.data.data.find(({ object }) => object === OBJECT);
	if (!row) return { ok: true, value: null };
	const found = subscriptionSchema.safeParse(row);
	if (!found.success) return unreadable("Meta's answer about the app's webhook cannot be read");
	const { callback_url: callbackUrl, active, fields } = found.data;
	return { ok: true, value: { callbackUrl, active, fields } };
}

function unreadable(message: string): { ok: false; failure: GraphFailure } {
	return { ok: false, failure: unreadableAnswer(message) };
}

/**
 * Points the app's webhook to an address and adds fields to it. Meta calls the address before it
 * answers; fields that were there stay.
 */
export async function writeAppSubscription(
	context: GraphContext,
	account: Account,
	subscription: { callbackUrl: string; verifyToken: string; fields: string[] },
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
		attempts: ACTIVATION_ATTEMPTS,
	});
}

/** Takes fields off the app's webhook. Meta removes the whole subscription with its last field. */
export async function removeAppFields(
	context: GraphContext,
	account: Account,
	fields: string[],
): Promise<Result<unknown>> {
	return await graphChange(context, account, {
		method: 'DELETE',
		path: `${account.appId}/subscriptions`,
		query: { object: OBJECT, fields: fields.join(',') },
		as: 'app',
		repeat: 'freely',
	});
}

type AppOnAccount = NonNullable<z.infer<typeof subscribedAppsSchema>['data'][number]>;

/** The app's row among those that get the webhooks of the business account; null where it has none. */
async function readAppOnAccount(
	context: GraphContext,
	account: Account,
): Promise<Result<AppOnAccount | null>> {
	const isOwn = (row: AppOnAccount) => row.whatsapp_business_api_data.id === account.appId;
	const apps = await allPages(
		async (after) => await appsOnAccountPage(context, account, after),
		(rows) => rows.some(isOwn),
	);
	return apps.ok ? { ok: true, value: apps.value.find(isOwn) ?? null } : apps;
}

async function appsOnAccountPage(
	context: GraphContext,
	account: Account,
	after: string | undefined,
): Promise<Result<Page<AppOnAccount>>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.businessAccountId}/subscribed_apps`,
		query: after ? { after } : undefined,
		repeat: 'freely',
		attempts: ACTIVATION_ATTEMPTS,
	});
	if (!answer.ok) return answer;
	const page = subscribedAppsSchema.safeParse(answer.value);
	if (!page.success) return unreadable("Meta's list of the account's apps cannot be read");
	const rows = page.data.data.flatMap((row) => row ?? []);
	return { ok: true, value: { rows, after: page.data.paging } };
}

/** Whether the app gets the webhooks of the business account at all. */
export async function isAppOnAccount(
	context: GraphContext,
	account: Account,
): Promise<Result<boolean>> {
	const row = await readAppOnAccount(context, account);
	return row.ok ? { ok: true, value: row.value !== null } : row;
}

/** The address to which the account sends instead of the app's, or null. */
export async function readAccountOverride(
	context: GraphContext,
	account: Account,
): Promise<Result<string | null>> {
	const row = await readAppOnAccount(context, account);
	if (!row.ok) return row;
	const address = row.value?.override_callback_uri ?? '';
	if (typeof address !== 'string') return unreadable("The account's address cannot be read");
	return { ok: true, value: address || null };
}

/** Subscribes the app to the account, with an override or (which removes one) without; or takes it off. */
export async function setAppOnAccount(
	context: GraphContext,
	account: Account,
	method: 'POST' | 'DELETE',
	override?: { callbackUrl: string; verifyToken: string },
): Promise<Result<unknown>> {
	return await graphChange(context, account, {
		method,
		path: `${account.businessAccountId}/subscribed_apps`,
		body: override && {
			override_callback_uri: override.callbackUrl,
			verify_token: override.verifyToken,
		},
		repeat: 'freely',
		attempts: ACTIVATION_ATTEMPTS,
	});
}
