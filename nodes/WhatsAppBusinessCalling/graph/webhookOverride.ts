import { z } from 'zod';

import type { Account } from './account';
import { unreadableAnswer } from './failure';
import type { Effort } from './appSubscription';
import { allPages, cursorSchema, type Page } from './pages';
import { graphChange, graphRequest } from './request';
import type { GraphContext, Result } from './types';
import { idText } from './wholeNumber';

const address = z
	.string()
	.nullish()
	.transform((text) => text || null);

/** Numbers without an address of their own may come without the configuration, but never without their ID. */
const answerSchema = z.object({
	id: idText,
	display_phone_number: z.string().nullable().catch(null),
	webhook_configuration: z
		.object({ phone_number: address, whatsapp_business_account: address, application: address })
		.nullish(),
});

/** Where the webhooks of one number go; the first that is set counts (Meta, "Webhook overrides"). */
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
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: phoneNumberId,
		query: { fields: 'webhook_configuration' },
		repeat: 'freely',
		...effort,
	});
	if (!answer.ok) return answer;
	const parsed = answerSchema.safeParse(answer.value);
	if (!parsed.success) {
		const failure = unreadableAnswer("Meta's answer about the number's webhook cannot be read");
		return { ok: false, failure };
	}
	return { ok: true, value: toRoute(parsed.data) };
}

/**
 * Points one number to an address of its own, or (with null) removes that. Meta calls the address before
 * it answers.
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

function toRoute({ webhook_configuration: found }: z.infer<typeof answerSchema>): WebhookRoute {
	return {
		phoneNumber: found?.phone_number ?? null,
		businessAccount: found?.whatsapp_business_account ?? null,
		app: found?.application ?? null,
	};
}

const routesSchema = z.object({ data: z.array(answerSchema), paging: cursorSchema });

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
	const answer = await graphRequest(context, account, {
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
	if (!answer.ok) return answer;
	const page = routesSchema.safeParse(answer.value);
	if (!page.success) {
		const failure = unreadableAnswer("Meta's list of the numbers' webhooks cannot be read");
		return { ok: false, failure };
	}
	const rows = page.data.data.map((row): [string, RoutedNumber] => [
		row.id,
		{ id: row.id, displayPhoneNumber: row.display_phone_number, ...toRoute(row) },
	]);
	return { ok: true, value: { rows, after: page.data.paging } };
}
