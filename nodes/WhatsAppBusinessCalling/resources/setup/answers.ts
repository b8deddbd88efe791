import { z } from 'zod';

import type { Account } from '../../graph/account';
import { readCallSettings } from '../../graph/callSettings';
import { unreadableResponse } from '../../graph/failure';
import { phoneNumbers } from '../../graph/phoneNumbers';
import { graphRequest, parseResponse } from '../../graph/request';
import { text } from '../../graph/scalars';
import type { GraphContext, Result } from '../../graph/types';
import { readWebhookState } from '../../registration/state';
import type { OperationInput } from '../types';
import { checkVersion } from './apiVersion';
import { notChecked, type Finding, type Reasons } from './findings';
import { readTokenInfo } from './tokenInfo';

/** One check: what operators read, what workflows use, and how to judge. */
export interface Check {
	name: string;
	/** Stays when the name changes. */
	id: string;
	judge: (reasons: Reasons, name: string) => Finding;
}

export type Answers = Awaited<ReturnType<typeof ask>>;

/** Asks for everything that is looked at, at once; what throws is an answer that cannot be read. */
export async function ask(
	{ context, account }: OperationInput,
	phoneNumberId: string,
	triggerUrl: string,
) {
	const guarded = async <T>(request: Promise<Result<T>>): Promise<Result<T>> =>
		await request.catch(() => ({
			ok: false,
			failure: unreadableResponse("Meta's response cannot be read"),
		}));
	const field = async (id: string, name: string) =>
		await guarded(readField(context, account, id, name));
	const { businessAccountId } = account;
	const [version, token, business, payment, limit, numbers, settings, webhooks] = await Promise.all(
		[
			checkVersion(context, account).catch(() =>
				notChecked('Meta could not be reached', 'Check Base URL in the credential.'),
			),
			guarded(readTokenInfo(context, account)),
			field(businessAccountId, 'name'),
			field(businessAccountId, 'primary_funding_id'),
			field(phoneNumberId, 'whatsapp_business_manager_messaging_limit'),
			guarded(phoneNumbers(context, account)),
			guarded(readCallSettings(context, account, phoneNumberId)),
			readWebhookState(
				context,
				account,
				triggerUrl,
				{ membership: true, numbers: [phoneNumberId] },
				async (request) => await guarded(request({})),
			),
		],
	);
	const number = numbers.ok ? numbers.value.find(({ id }) => id === phoneNumberId) : undefined;
	const { app, membership } = webhooks;
	return {
		version,
		token,
		business,
		payment,
		limit,
		numbers,
		number,
		// A number of another account cannot be read: that is one problem, not several.
		isForeign: numbers.ok && number === undefined,
		settings,
		app,
		membership: membership!,
		route: webhooks.numbers.get(phoneNumberId)!,
	};
}

/** One field of an object of the Graph API; null where it is not set. */
async function readField(
	context: GraphContext,
	account: Account,
	id: string,
	field: string,
): Promise<Result<string | null>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: id,
		query: { fields: `id,${field}` },
		repeat: 'freely',
	});
	const schema = z.object({ [field]: text.optional() });
	const object = parseResponse(response, schema, "Meta's response cannot be read");
	return object.ok ? { ok: true, value: object.value[field] ?? null } : object;
}

/** Whether the Graph API does not have a field: not every version and every account has all of them. */
export function isWithoutField(result: Result<unknown>): boolean {
	return !result.ok && /nonexisting field/.test(result.failure.message);
}

/** What is asked with the app secret. */
export function asApp<T>(result: Result<T>, judge: (value: T) => Finding) {
	return (reasons: Reasons, name: string): Finding => reasons.look(name, result, judge);
}

/** What is asked with the access token. A bad token is told once, by its own check. */
export function asUser<T>({ token }: Answers, result: Result<T>, judge: (value: T) => Finding) {
	return (reasons: Reasons, name: string): Finding =>
		token.ok && !token.value.is_valid
			? notChecked('The access token is not valid', `See ${TOKEN_NAME}.`)
			: reasons.look(name, result, judge);
}

export const APP_NAME = 'App ID and App Secret';
export const TOKEN_NAME = 'Access token';
export const NUMBER_NAME = 'Phone number';

/** What belongs to the number. */
export function ofThisNumber<T>(answers: Answers, result: Result<T>, judge: (value: T) => Finding) {
	return answers.isForeign
		? () => notChecked('The number is not on this account', `See ${NUMBER_NAME}.`)
		: asUser(answers, result, judge);
}
