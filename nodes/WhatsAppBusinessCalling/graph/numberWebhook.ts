import { z } from 'zod';

import type { Account } from './account';
import { allPages, cursorSchema, type Page } from './pages';
import { graphChange, graphRequest, parseResponse, type Effort } from './request';
import { idText } from './scalars';
import type { GraphContext, Result } from './types';

const address = z
	.string()
	.nullish()
	.transform((url) => url || null);

/** A number without an address of its own may lack the configuration, but never its ID. */
const numberSchema = z.object({
	id: idText,
	display_phone_number: z.string().nullable().catch(null),
	webhook_configuration: z
		.object({ phone_number: address, whatsapp_business_account: address, application: address })
		.nullish(),
});

/** Addresses for the webhooks of one number; the first that is set is used (Meta, "Webhook overrides"). */
export interface WebhookRoute {
	phoneNumber: string | null;
	businessAccount: string | null;
	app: string | null;
}

/** A number of the account, and where its webhooks go. */
export interface RoutedNumber extends WebhookRoute {
	id: string;
	displayPhoneNumber: string | null;
}

export async function readWebhookRoute(
	context: GraphContext,
	account: Account,
	phoneNumberId: string,
	effort: Effort = {},
): Promise<Result<WebhookRoute>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: phoneNumberId,
		query: { fields: 'webhook_configuration' },
		repeat: 'freely',
		...effort,
	});
	const message = "Meta's response about the number's webhook cannot be read";
	const number = parseResponse(response, numberSchema, message);
	return number.ok ? { ok: true, value: toRoute(number.value) } : number;
}

/**
 * Sets the address of one number, or removes it if `override` is null. Meta verifies an address before it
 * responds.
 */
export async function setNumberOverride(
	context: GraphContext,
	account: Account,
	phoneNumberId: string,
	override: { callbackUrl: string; verifyToken: string } | null,
	effort: Effort = {},
): Promise<Result<unknown>> {
	return await graphChange(context, account, {
		method: 'POST',
		path: phoneNumberId,
		body: {
			webhook_configuration: {
				override_callback_uri: override?.callbackUrl ?? '',
				...(override === null ? {} : { verify_token: override.verifyToken }),
			},
		},
		repeat: 'freely',
		...effort,
	});
}

function toRoute({ webhook_configuration: addresses }: z.infer<typeof numberSchema>): WebhookRoute {
	return {
		phoneNumber: addresses?.phone_number ?? null,
		businessAccount: addresses?.whatsapp_business_account ?? null,
		app: addresses?.application ?? null,
	};
}

const numbersSchema = z.object({ data: z.array(numberSchema), paging: cursorSchema });

/** The numbers of the account and where the webhooks of each go, by the number's ID. */
export async function readWebhookRoutes(
	context: GraphContext,
	account: Account,
	effort: Effort = {},
): Promise<Result<Map<string, RoutedNumber>>> {
	const routes = await allPages(async (after) => await routePage(context, account, effort, after));
	return routes.ok ? { ok: true, value: new Map(routes.value) } : routes;
}

async function routePage(
	context: GraphContext,
	account: Account,
	effort: Effort,
	after: string | undefined,
): Promise<Result<Page<[string, RoutedNumber]>>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.businessAccountId}/phone_numbers`,
		query: {
			fields: 'id,display_phone_number,webhook_configuration',
			limit: '100',
			...(after ? { after } : {}),
		},
		repeat: 'freely',
		...effort,
	});
	const message = "Meta's list of the numbers' webhooks cannot be read";
	const page = parseResponse(response, numbersSchema, message);
	if (!page.ok) return page;
	const rows = page.value.data.map((row): [string, RoutedNumber] => [
		row.id,
		{ id: row.id, displayPhoneNumber: row.display_phone_number, ...toRoute(row) },
	]);
	return { ok: true, value: { rows, after: page.value.paging } };
}
