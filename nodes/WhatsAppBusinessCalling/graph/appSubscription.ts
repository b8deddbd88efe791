import { z } from 'zod';

import type { Account } from './account';
import { unreadableAnswer } from './failure';
import { allPages, cursorSchema, type Page } from './pages';
import { graphChange, graphRequest, type GraphRequest } from './request';
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

/** How often and how long a request is tried; what `graphRequest` does unless told. */
export type Effort = Pick<GraphRequest, 'attempts' | 'timeoutMs'>;

/** Whether the app gets the webhooks of the business account, and where the account sends them. */
export interface AccountMembership {
	joined: boolean;
	/** The address of the account that comes before the app's; null for none. */
	override: string | null;
}

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
	effort: Effort = {},
): Promise<Result<AppSubscription | null>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.appId}/subscriptions`,
		as: 'app',
		repeat: 'freely',
		...effort,
	});
	if (!answer.ok) return answer;
	const rows = subscriptionsSchema.safeParse(answer.value);
	if (!rows.success) return unreadable("Meta's list of the app's webhooks cannot be read");
	const row = rows.data.data.find(({ object }) => object === OBJECT);
	if (!row) return { ok: true, value: null };
	const found = subscriptionSchema.safeParse(row);
	if (!found.success) return unreadable("Meta's response about the app's webhook cannot be read");
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

/** Takes fields off the app's webhook. Meta removes the whole subscription with its last field. */
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

type AppOnAccount = NonNullable<z.infer<typeof subscribedAppsSchema>['data'][number]>;

/** Reads whether the app gets the webhooks of the business account at all, and where they go. */
export async function readAccountMembership(
	context: GraphContext,
	account: Account,
	effort: Effort = {},
): Promise<Result<AccountMembership>> {
	const isOwn = (row: AppOnAccount | null) => row?.whatsapp_business_api_data.id === account.appId;
	const apps = await allPages(
		async (after) => await appsOnAccountPage(context, account, effort, after),
		(rows) => rows.some(isOwn),
	);
	if (!apps.ok) return apps;
	const row = apps.value.find(isOwn);
	// A row that cannot be read may be this app's: subscribing it again would remove its address.
	if (!row && apps.value.includes(null)) {
		return unreadable("Meta's list of the account's apps cannot be read");
	}
	const override = row?.override_callback_uri ?? '';
	if (typeof override !== 'string') return unreadable("The account's webhook URL cannot be read");
	return { ok: true, value: { joined: row !== undefined, override: override || null } };
}

async function appsOnAccountPage(
	context: GraphContext,
	account: Account,
	effort: Effort,
	after: string | undefined,
): Promise<Result<Page<AppOnAccount | null>>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.businessAccountId}/subscribed_apps`,
		query: after ? { after } : undefined,
		repeat: 'freely',
		...effort,
	});
	if (!answer.ok) return answer;
	const page = subscribedAppsSchema.safeParse(answer.value);
	if (!page.success) return unreadable("Meta's list of the account's apps cannot be read");
	return { ok: true, value: { rows: page.data.data, after: page.data.paging } };
}

/** Subscribes the app to the account, with an override or (which removes one) without; or takes it off. */
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
