import { z } from 'zod';

import { CREDENTIAL_NAME, type Account } from './account';
import { legible, unreadableAnswer } from './failure';
import { graphRequest } from './request';
import type { GraphContext, Result } from './types';

const answerSchema = z.object({
	data: z.object({
		is_valid: z.boolean().catch(false),
		/** Unix seconds; 0 for a token that does not expire. */
		expires_at: z.number().max(8.64e12).nullable().catch(null),
		scopes: z.array(z.string()).catch([]),
		error: z.object({ message: z.string() }).nullable().catch(null),
	}),
});

export type TokenInfo = z.infer<typeof answerSchema>['data'];

/** What Meta says of the credential's access token (Meta, "Debug-Token"). */
export async function readTokenInfo(
	context: GraphContext,
	account: Account,
): Promise<Result<TokenInfo>> {
	const credential = await context.getCredentials(CREDENTIAL_NAME);
	const accessToken = String(credential.accessToken).trim();
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: 'debug_token',
		query: { input_token: accessToken },
		as: 'app',
		repeat: 'freely',
	});
	if (!answer.ok) return answer;
	const parsed = answerSchema.safeParse(answer.value);
	if (!parsed.success) {
		return {
			ok: false,
			failure: unreadableAnswer("Meta's response about the token cannot be read"),
		};
	}
	const { error, ...info } = parsed.data.data;
	const message = error && legible(error.message, [accessToken, account.appSecret]);
	return { ok: true, value: { ...info, error: message === null ? null : { message } } };
}
