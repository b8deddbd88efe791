import { z } from 'zod';

import type { Account } from './account';
import { unreadableAnswer } from './failure';
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

const overridesSchema = z.object({
	data: z.array(answerSchema),
	paging: z
		.object({ cursors: z.object({ after: z.string() }), next: z.string() })
		.nullable()
		.catch(null),
});

/** Bounds what a wrong cursor could cost. */
const MAX_PAGES = 50;

/** The addresses of the account and of all its numbers that come before that of the app. */
export async function readOverrides(
	context: GraphContext,
	account: Account,
): Promise<Result<string[]>> {
	const overrides = new Set<string>();
	let after: string | undefined;
	for (let pages = 0; pages < MAX_PAGES; pages++) {
		const answer = await graphRequest(context, account, {
			method: 'GET',
			path: `${account.businessAccountId}/phone_numbers`,
			query: { fields: 'id,webhook_configuration', limit: '100', ...(after ? { after } : {}) },
			repeat: 'freely',
		});
		if (!answer.ok) return answer;
		const page = overridesSchema.safeParse(answer.value);
		if (!page.success) break;
		for (const { webhook_configuration: found } of page.data.data) {
			if (found?.phone_number) overrides.add(found.phone_number);
			if (found?.whatsapp_business_account) overrides.add(found.whatsapp_business_account);
		}
		after = page.data.paging?.cursors.after;
		if (!after) break;
	}
	return { ok: true, value: [...overrides] };
}
