import { z } from 'zod';

import { accessTokenOf, type Account } from '../../graph/account';
import { sanitizeMessage } from '../../graph/failure';
import { graphRequest, parseResponse } from '../../graph/request';
import { orNull } from '../../graph/scalars';
import type { GraphContext, Result } from '../../graph/types';

const tokenSchema = z.object({
	data: z.object({
		is_valid: z.boolean().catch(false),
		/** Unix seconds; 0 for a token that does not expire. */
		expires_at: orNull(z.number().max(8.64e12)),
		scopes: z.array(z.string()).catch([]),
		error: orNull(z.object({ message: z.string() })),
	}),
});

export type TokenInfo = z.infer<typeof tokenSchema>['data'];

/** What Meta reports about the credential's access token (Meta, "Debug-Token"). */
export async function readTokenInfo(
	context: GraphContext,
	account: Account,
): Promise<Result<TokenInfo>> {
	const accessToken = accessTokenOf(account);
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: 'debug_token',
		query: { input_token: accessToken },
		as: 'app',
		repeat: 'freely',
	});
	const unreadable = "Meta's response about the token cannot be read";
	const token = parseResponse(response, tokenSchema, unreadable);
	if (!token.ok) return token;
	const { error, ...info } = token.value.data;
	const message = error && sanitizeMessage(error.message, [accessToken, account.appSecret]);
	return { ok: true, value: { ...info, error: message === null ? null : { message } } };
}
