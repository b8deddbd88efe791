import { z } from 'zod';

import type { Account } from './account';
import { unreadableAnswer } from './failure';
import { allPages, cursorSchema, type Page } from './pages';
import { graphRequest } from './request';
import type { GraphContext, Result } from './types';
import { idText } from './wholeNumber';

const address = z
	.string()
	.nullish()
	.transform((text) => text || null);

/** Numbers without an address of their own may come without the configuration, but never without their ID. */
const answerSchema = z.object({
	id: idText,
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

export async function readWebhookRoute(
	context: GraphContext,
	account: Account,
	phoneNumberId: string,
): Promise<Result<WebhookRoute>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: phoneNumberId,
		query: { fields: 'webhook_configuration' },
		repeat: 'freely',
	});
	if (!answer.ok) return answer;
	const parsed = answerSchema.safeParse(answer.value);
	if (!parsed.success) {
		const failure = unreadableAnswer("Meta's answer about the number's webhook cannot be read");
		return { ok: false, failure };
	}
	const found = parsed.data.webhook_configuration;
	return {
		ok: true,
		value: {
			phoneNumber: found?.phone_number ?? null,
			businessAccount: found?.whatsapp_business_account ?? null,
			app: found?.application ?? null,
		},
	};
}

const overridesSchema = z.object({ data: z.array(answerSchema), paging: cursorSchema });

/** The addresses of the account and of all its numbers that come before that of the app. */
export async function readOverrides(
	context: GraphContext,
	account: Account,
): Promise<Result<string[]>> {
	const overrides = await allPages(async (after) => await overridePage(context, account, after));
	return overrides.ok ? { ok: true, value: [...new Set(overrides.value)] } : overrides;
}

async function overridePage(
	context: GraphContext,
	account: Account,
	after: string | undefined,
): Promise<Result<Page<string>>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: `${account.businessAccountId}/phone_numbers`,
		query: { fields: 'id,webhook_configuration', limit: '100', ...(after ? { after } : {}) },
		repeat: 'freely',
	});
	if (!answer.ok) return answer;
	const page = overridesSchema.safeParse(answer.value);
	if (!page.success) {
		const failure = unreadableAnswer("Meta's list of the numbers' webhooks cannot be read");
		return { ok: false, failure };
	}
	const rows = page.data.data.flatMap(({ webhook_configuration: found }) => [
		found?.phone_number ?? [],
		found?.whatsapp_business_account ?? [],
	]);
	return { ok: true, value: { rows: rows.flat(), after: page.data.paging } };
}
