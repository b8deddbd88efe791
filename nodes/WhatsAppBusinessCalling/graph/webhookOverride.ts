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
