import type { Account } from '../../graph/account';
import { failureTitle } from '../../graph/apiError';
import { readCallSettings, type CallSettings } from '../../graph/callSettings';
import { phoneNumbers, type PhoneNumber } from '../../graph/phoneNumbers';
import { graphRequest } from '../../graph/request';
import { readTokenInfo } from '../../graph/tokenInfo';
import type { GraphContext, GraphFailure, Result } from '../../graph/types';
import { readWebhookRoute, type WebhookRoute } from '../../graph/webhookOverride';
import { readAppSubscription, isAppOnAccount } from '../../graph/appSubscription';
import { phoneNumberField } from '../fields';
import { phoneNumberIdParameter, textParameter } from '../input';
import type { Operation, OperationInput } from '../types';

const displayOptions = { show: { resource: ['setup'], operation: ['check'] } };

const NEEDED_PERMISSIONS = ['whatsapp_business_messaging', 'whatsapp_business_management'];

/** One finding. `ok` is null where it could not be looked at, because something else is in the way. */
interface Finding {
	ok: boolean | null;
	found: string;
	hint: string | null;
}

/**
 * Looks at everything that has to be right for events to arrive. One item per check; a failed one
 * does not keep the others from being made; nothing is changed.
 */
export const check: Operation = {
	properties: [
		phoneNumberField(displayOptions),
		{
			displayName: 'Trigger URL',
			name: 'triggerUrl',
			type: 'string',
			default: '',
			placeholder: 'e.g. https://n8n.example.com/webhook/.../webhook',
			description:
				'Production URL of the trigger node, from the top of its panel. Leave it empty to skip the check of the address.',
			displayOptions,
		},
	],

	async execute(input) {
		const phoneNumberId = phoneNumberIdParameter(input);
		const triggerUrl = textParameter(input, 'triggerUrl');
		const answers = await ask(input, phoneNumberId);
		const findings = {
			...ofCredential(answers),
			...ofNumber(answers, phoneNumberId),
			...ofWebhook(answers, triggerUrl),
		};
		return Object.entries(findings).map(([name, finding]) => ({ json: { name, ...finding } }));
	},
};

type Answers = Awaited<ReturnType<typeof ask>>;

/** Everything that is looked at, at once. */
async function ask({ context, account }: OperationInput, phoneNumberId: string) {
	const [token, business, numbers, settings, app, onAccount, route] = await Promise.all([
		readTokenInfo(context, account),
		readBusinessAccount(context, account),
		phoneNumbers(context, account),
		readCallSettings(context, account, phoneNumberId),
		readAppSubscription(context, account),
		isAppOnAccount(context, account),
		readWebhookRoute(context, account, phoneNumberId),
	]);
	const number = numbers.ok ? numbers.value.find(({ id }) => id === phoneNumberId) : undefined;
	// A number of another account can't be read: that is one problem, not several.
	const isForeign = numbers.ok && number === undefined;
	// Without it neither the token nor the app can be looked at: that is one problem as well.
	const secretRefused = isRefused(token) && isRefused(app);
	return {
		token,
		business,
		numbers,
		number,
		app,
		onAccount,
		route,
		secretRefused,
		settingsOfNumber: isForeign ? null : settings,
		routeOfNumber: isForeign ? null : route,
	};
}

/** What is asked with the app secret. */
function asApp<T>(
	{ secretRefused }: Answers,
	result: Result<T>,
	judge: (value: T) => Finding,
): Finding {
	return secretRefused ? unknown('Meta did not accept the app secret') : look(result, judge);
}

function ofCredential(answers: Answers): Record<string, Finding> {
	const { token, app, business, secretRefused } = answers;
	return {
		appSecret: secretRefused
			? bad(
					'Meta did not accept App ID and App Secret',
					"Copy both from Meta's app dashboard (App settings > Basic) into the credential.",
				)
			: token.ok || app.ok
				? good('accepted')
				: unknown('Meta did not answer'),
		token: asApp(answers, token, (info) =>
			info.is_valid
				? good(
						info.expires_at ? `valid until ${isoTime(info.expires_at)}` : 'valid, does not expire',
					)
				: bad(
						info.error?.message ?? 'not valid',
						'Create a new token of a system user in Meta Business Suite and put it into the credential.',
					),
		),
		tokenPermissions: asApp(answers, token, (info) => {
			if (!info.is_valid) return unknown('The token is not valid');
			const missing = NEEDED_PERMISSIONS.filter((name) => !info.scopes.includes(name));
			return missing.length === 0
				? good(NEEDED_PERMISSIONS.join(', '))
				: bad(
						`missing: ${missing.join(', ')}`,
						'Generate the token again with these permissions and put it into the credential.',
					);
		}),
		businessAccount: readableWithToken(token, business, (name) => good(name)),
	};
}

function ofNumber(answers: Answers, phoneNumberId: string): Record<string, Finding> {
	const { token, numbers, number, settingsOfNumber } = answers;
	return {
		phoneNumber: readableWithToken(token, numbers, () =>
			number
				? good([number.verifiedName, number.displayPhoneNumber].filter(Boolean).join(' · '))
				: bad(
						`The number ${phoneNumberId} is not on this account`,
						'Choose the number from the list, or correct the Business Account ID in the credential.',
					),
		),
		calling: ofSettings(token, settingsOfNumber, ({ status }) =>
			status === 'ENABLED'
				? good('on')
				: bad(
						status === null ? 'never switched on' : 'off',
						'Switch calling on: operation Phone Number > Update Call Settings, or WhatsApp Manager > Phone numbers > Call settings.',
					),
		),
		sip: ofSettings(token, settingsOfNumber, ({ sip }) =>
			sip?.status === 'ENABLED'
				? bad(
						'The number uses SIP',
						"With SIP, calls do not come through this API. Turn SIP off where it was turned on (calling.sip.status in Meta's call settings API), or use another number.",
					)
				: good('not used'),
		),
		quality: ofSettings(token, settingsOfNumber, (found) => quality(found, number)),
	};
}

const BY_HAND = 'With Registration set to Manual';

function ofWebhook(answers: Answers, triggerUrl: string): Record<string, Finding> {
	const { token, app, onAccount, route, routeOfNumber } = answers;
	return {
		appSubscription: asApp(answers, app, (subscription) => {
			if (!subscription) {
				return bad(
					'The app has no webhook',
					`Activate the workflow with the trigger. ${BY_HAND}, type its URL and verify token into Meta's app dashboard (WhatsApp > Configuration).`,
				);
			}
			if (!subscription.active) {
				return bad(
					'The webhook of the app is inactive',
					`Deactivate and activate the workflow with the trigger. ${BY_HAND}, verify the URL in Meta's app dashboard again.`,
				);
			}
			return subscription.fields.includes('calls')
				? good(`fields: ${subscription.fields.join(', ')}`)
				: bad(
						`not subscribed to calls (fields: ${subscription.fields.join(', ')})`,
						"Activate the workflow with the trigger, or subscribe to the field calls in Meta's app dashboard.",
					);
		}),
		callbackUrl: asApp(answers, app, (subscription) => {
			if (!subscription) return unknown('The app has no webhook');
			if (triggerUrl === '') return unknown(subscription.callbackUrl);
			if (route.ok && overrideOf(route.value) === triggerUrl) {
				return good(`${subscription.callbackUrl}, but an address of its own comes before it`);
			}
			return subscription.callbackUrl === triggerUrl
				? good(subscription.callbackUrl)
				: bad(
						subscription.callbackUrl,
						`Events go to this other address. Deactivate and activate the workflow (${BY_HAND}, correct the URL in Meta's app dashboard). If another system uses the app, set If Another Webhook Exists to Take Over and Forward, or use a second Meta app.`,
					);
		}),
		accountSubscription: readableWithToken(token, onAccount, (subscribed) =>
			subscribed
				? good('The app gets the webhooks of the account')
				: bad(
						'The app does not get the webhooks of the account',
						`Deactivate and activate the workflow with the trigger: it subscribes the app to the account. ${BY_HAND}, send POST /<Business Account ID>/subscribed_apps once with the access token, for example in Meta's Graph API Explorer.`,
					),
		),
		overrides: ofSettings(token, routeOfNumber, (found) => {
			const override = overrideOf(found);
			if (override === null || override === triggerUrl) return good(override ?? 'none');
			const what = `${found.phoneNumber ? 'The number' : 'The account'} has an address of its own: ${override}`;
			if (triggerUrl === '') return unknown(what);
			return bad(
				what,
				'It comes before the address of the app, so events of this number go there. Remove the override, or register the trigger on that level.',
			);
		}),
	};
}

/** The address that comes before that of the app. */
function overrideOf({ phoneNumber, businessAccount }: WebhookRoute): string | null {
	return phoneNumber ?? businessAccount;
}

async function readBusinessAccount(
	context: GraphContext,
	account: Account,
): Promise<Result<string>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: account.businessAccountId,
		query: { fields: 'id,name' },
		repeat: 'freely',
	});
	if (!answer.ok) return answer;
	const { name } = (answer.value ?? {}) as { name?: unknown };
	return { ok: true, value: typeof name === 'string' ? name : account.businessAccountId };
}

function quality({ restrictions }: CallSettings, number: PhoneNumber | undefined): Finding {
	const list = restrictions?.restrictions_list ?? [];
	if (list.length > 0) {
		const found = list.map(
			({ type, expiration }) => `${type}${expiration ? ` until ${expiration}` : ''}`,
		);
		return bad(
			found.join(', '),
			'WhatsApp has restricted calling because of bad feedback or calls that were not picked up. Wait until it ends, and call only people who expect it.',
		);
	}
	return good(number?.qualityRating ? `quality ${number.qualityRating}` : 'no restrictions');
}

function look<T>(result: Result<T>, judge: (value: T) => Finding): Finding {
	return result.ok ? judge(result.value) : failed(result.failure);
}

/** Whether Meta did not accept what a request was signed with; for the app that is its secret. */
function isRefused(result: Result<unknown>): boolean {
	return !result.ok && [101, 190].includes(result.failure.code ?? 0);
}

/** A bad token is told once, by its own check. */
function readableWithToken<T>(
	token: Result<{ is_valid: boolean }>,
	result: Result<T>,
	judge: (value: T) => Finding,
): Finding {
	if (token.ok && !token.value.is_valid) return unknown('The token is not valid');
	return look(result, judge);
}

function ofSettings<T>(
	token: Result<{ is_valid: boolean }>,
	result: Result<T> | null,
	judge: (value: T) => Finding,
): Finding {
	if (result === null) return unknown('The number is not on this account');
	return readableWithToken(token, result, judge);
}

function failed(failure: GraphFailure): Finding {
	return {
		ok: false,
		found: `${failureTitle(failure)}: ${failure.details ?? failure.message}`,
		hint: 'Meta did not let this be looked at. Check the IDs and the secret in the credential, and try again.',
	};
}

const good = (found: string): Finding => ({ ok: true, found, hint: null });
const bad = (found: string, hint: string): Finding => ({ ok: false, found, hint });
const unknown = (found: string): Finding => ({ ok: null, found, hint: 'Not checked.' });

function isoTime(seconds: number): string {
	return new Date(seconds * 1000).toISOString();
}
