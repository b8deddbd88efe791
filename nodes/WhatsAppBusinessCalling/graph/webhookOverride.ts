import { z } from 'zod';

import type { Account } from './account';
import { graphRequest } from './request';
import type { GraphContext, Result } from './types';

const text = z.string().min(1).nullable().catch(null);

const answerSchema = z.object({
	webhook_configuration: z
		.object({ phone_number: text, whatsapp_business_account: text, application: text })
		.nullable()
		.catch(null),
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
	const found = parsed.success ? parsed.data.webhook_configuration : null;
	return {
		ok: true,
		value: {
			phoneNumber: found?.phone_number ?? null,
			businessAccount: found?.whatsapp_business_account ?? null,
			app: found?.application ?? null,
		},
	};
}
