import type { Account } from '../../graph/account';
import { readCallSettings, type CallSettings } from '../../graph/callSettings';
import { unreadableResponse } from '../../graph/failure';
import { failureTitle } from '../../graph/nodeApiError';
import type { WebhookRoute } from '../../graph/numberWebhook';
import { phoneNumbers, type PhoneNumber } from '../../graph/phoneNumbers';
import { graphRequest } from '../../graph/request';
import type { GraphContext, GraphFailure, Result } from '../../graph/types';
import { askForChallenge } from '../../registration/askForChallenge';
import { holderUrl, readSharedAddress, siblingUrl } from '../../registration/sharedAddress';
import { readWebhookState } from '../../registration/state';
import { isOfSameN8n, isSameTrigger, looksLikeTestUrl } from '../../registration/verifyToken';
import { phoneNumberIdParameter, textParameter } from '../shared/parameters';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';
import { readTokenInfo } from './tokenInfo';

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
		const triggerUrl = withoutSlash(textParameter(input, 'triggerUrl'));
		const answers = await ask(input, phoneNumberId);
		const gone = await goneAddresses(input, answers, triggerUrl);
		const checks: Check[] = [
			...ofCredential(answers),
			...ofNumber(answers, phoneNumberId),
			...ofWebhook(answers, {
				url: triggerUrl,
				gone,
				appSecret: input.account.appSecret,
			}),
		];
		const reasons = new Reasons();
		return checks.map(([name, judge]) => ({
			json: { name, ...safely(() => judge(reasons, name)) },
		}));
	},
};

/** A check by its name. */
type Check = [name: string, judge: (reasons: Reasons, name: string) => Finding];

/** A check that cannot be made says so, and the others are made. */
function safely(judge: () => Finding): Finding {
	try {
		return judge();
	} catch {
		return notChecked('Meta gave an answer that cannot be read');
	}
}

/** Reasons why something could not be looked at: each fails one check, and the others refer to it. */
class Reasons {
	private readonly told = new Map<string, string>();

	look<T>(name: string, result: Result<T>, judge: (value: T) => Finding): Finding {
		if (result.ok) return judge(result.value);
		const reason = reasonOf(result.failure);
		const teller = this.told.get(reason);
		if (teller !== undefined && teller !== name) {
			return notChecked(`same cause as ${teller}: ${failureTitle(result.failure)}`);
		}
		this.tell(reason, name);
		return failed(result.failure);
	}

	/** Another check has found out the reason already. */
	tell(reason: string, name: string): void {
		this.told.set(reason, name);
	}
}

const BAD_TOKEN = 'token';
const NO_PERMISSION = 'permission';

/** Failures with the same reason need the same remedy. */
function reasonOf({ kind, code, message }: GraphFailure): string {
	if (kind !== 'http') return kind;
	if (code === null) return 'http';
	if ([0, 102, 190].includes(code)) return BAD_TOKEN;
	if ([3, 10, 131005].includes(code) || (code >= 200 && code <= 299)) return NO_PERMISSION;
	return `${code} ${message}`;
}

type Answers = Awaited<ReturnType<typeof ask>>;

/** Everything that is looked at, at once; what throws is an answer that cannot be read. */
async function ask({ context, account }: OperationInput, phoneNumberId: string) {
	const guarded = async <T>(request: Promise<Result<T>>): Promise<Result<T>> =>
		await request.catch(() => ({
			ok: false,
			failure: unreadableResponse("Meta's answer cannot be read"),
		}));
	const [token, business, numbers, settings, webhooks] = await Promise.all([
		guarded(readTokenInfo(context, account)),
		guarded(readBusinessAccount(context, account)),
		guarded(phoneNumbers(context, account)),
		guarded(readCallSettings(context, account, phoneNumberId)),
		readWebhookState(
			context,
			account,
			{ membership: true, numbers: [phoneNumberId] },
			async (request) => await guarded(request({})),
		),
	]);
	const number = numbers.ok ? numbers.value.find(({ id }) => id === phoneNumberId) : undefined;
	// A number of another account cannot be read: that is one problem, not several.
	const isForeign = numbers.ok && number === undefined;
	const { app, membership } = webhooks;
	const route = webhooks.numbers.get(phoneNumberId)!;
	// Without it neither the token nor the app can be looked at: that is one problem as well.
	const secretRefused = isRefused(token) && isRefused(app);
	return {
		token,
		business,
		numbers,
		number,
		app,
		membership: membership!,
		route,
		secretRefused,
		isForeign,
		settings,
	};
}

/** What is asked with the app secret. */
function asApp<T>({ secretRefused }: Answers, result: Result<T>, judge: (value: T) => Finding) {
	return (reasons: Reasons, name: string): Finding =>
		secretRefused
			? notChecked('Meta did not accept the app secret')
			: reasons.look(name, result, judge);
}

/** What is asked with the access token. A bad token is told once, by its own check. */
function asUser<T>({ token }: Answers, result: Result<T>, judge: (value: T) => Finding) {
	return (reasons: Reasons, name: string): Finding =>
		token.ok && !token.value.is_valid
			? notChecked('The token is not valid')
			: reasons.look(name, result, judge);
}

/** What belongs to the number. */
function ofThisNumber<T>(answers: Answers, result: Result<T>, judge: (value: T) => Finding) {
	return answers.isForeign
		? () => notChecked('The number is not on this account')
		: asUser(answers, result, judge);
}

function ofCredential(answers: Answers): Check[] {
	const { token, app, business, secretRefused } = answers;
	return [
		[
			'appSecret',
			() =>
				secretRefused
					? bad(
							'Meta did not accept App ID and App Secret',
							"Copy both from Meta's app dashboard (App settings > Basic) into the credential.",
						)
					: token.ok || app.ok
						? good('accepted')
						: notChecked('Meta did not answer'),
		],
		[
			'token',
			(reasons, name) => {
				const isUnusable = !business.ok && reasonOf(business.failure) === BAD_TOKEN;
				// The app secret is wrong, but the token's own requests tell.
				if (secretRefused && isUnusable) return reasons.look(name, business, () => good(''));
				return asApp(answers, token, (info) =>
					info.is_valid
						? good(validity(info.expires_at))
						: bad(
								info.error?.message ?? 'not valid',
								'Create a new token of a system user in Meta Business Suite and put it into the credential.',
							),
				)(reasons, name);
			},
		],
		[
			'tokenPermissions',
			(reasons, name) =>
				asApp(answers, token, (info) => {
					if (!info.is_valid) return notChecked('The token is not valid');
					const missing = NEEDED_PERMISSIONS.filter((needed) => !info.scopes.includes(needed));
					if (missing.length === 0) return good(NEEDED_PERMISSIONS.join(', '));
					reasons.tell(NO_PERMISSION, name);
					return bad(
						`missing: ${missing.join(', ')}`,
						'Generate the token again with these permissions and put it into the credential.',
					);
				})(reasons, name),
		],
		['businessAccount', asUser(answers, business, (name) => good(name))],
	];
}

function ofNumber(answers: Answers, phoneNumberId: string): Check[] {
	const { numbers, number, settings } = answers;
	return [
		[
			'phoneNumber',
			asUser(answers, numbers, () =>
				number
					? good([number.verifiedName, number.displayPhoneNumber].filter(Boolean).join(' · '))
					: bad(
							`The number ${phoneNumberId} is not on this account`,
							'Choose the number from the list, or correct the Business Account ID in the credential.',
						),
			),
		],
		[
			'calling',
			ofThisNumber(answers, settings, ({ status }) =>
				status === 'ENABLED'
					? good('on')
					: bad(
							status === null ? 'never switched on' : 'off',
							'Switch calling on: operation Phone Number > Update Call Settings, or WhatsApp Manager > Phone numbers > Call settings.',
						),
			),
		],
		[
			'sip',
			ofThisNumber(answers, settings, ({ sip }) =>
				sip?.status === 'ENABLED'
					? bad(
							'The number uses SIP',
							"With SIP, calls do not come through this API. Turn SIP off where it was turned on (calling.sip.status in Meta's call settings API), or use another number.",
						)
					: good('not used'),
			),
		],
		['quality', ofThisNumber(answers, settings, (found) => quality(found, number))],
		['voicemail', ofThisNumber(answers, settings, (found) => voicemail(found, answers))],
	];
}

/** Voicemails come as messages, and only from people who can call. */
function voicemail(
	{ voicemail: found, call_hours: hours }: CallSettings,
	{ app }: Answers,
): Finding {
	if (found?.status !== 'ENABLED') return good('off');
	if (app.ok && app.value && !app.value.fields.includes('messages')) {
		return bad(
			'on, but the app is not subscribed to messages',
			'Choose the event Voicemail Received in the trigger, and publish the workflow again.',
		);
	}
	if (hours?.status !== 'ENABLED') return good('on');
	return {
		ok: true,
		found: 'on, during call hours',
		hint: 'Nobody can call outside call hours, so nobody can leave a voicemail then. Turn call hours off with Phone Number > Update Call Settings.',
	};
}

const BY_HAND = 'With Registration set to Manual';

/** What the operator says of the trigger, and what n8n says of its addresses. */
interface TriggerAddress {
	/** Production URL without a slash at the end; empty for unknown. */
	url: string;
	/** URLs of this n8n at which nothing is registered. */
	gone: Set<string>;
	/** With which workflows that share an address are listed in it. */
	appSecret: string;
}

function ofWebhook(answers: Answers, trigger: TriggerAddress): Check[] {
	const { app, membership, route } = answers;
	return [
		[
			'appSubscription',
			asApp(answers, app, (subscription) => {
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
		],
		[
			'callbackUrl',
			asApp(answers, app, (subscription) => {
				if (!subscription) return notChecked('The app has no webhook');
				const { callbackUrl } = subscription;
				const override = route.ok ? overrideOf(route.value) : null;
				if (override !== null && isTriggerUrl(override, trigger)) {
					return good(`${holderUrl(callbackUrl)}, but an address of its own comes before it`);
				}
				return addressFinding(callbackUrl, trigger);
			}),
		],
		[
			'accountSubscription',
			asUser(answers, membership, ({ joined }) =>
				joined
					? good('The app gets the webhooks of the account')
					: bad(
							'The app does not get the webhooks of the account',
							`Deactivate and activate the workflow with the trigger: it subscribes the app to the account. ${BY_HAND}, send POST /<Business Account ID>/subscribed_apps once with the access token, for example in Meta's Graph API Explorer.`,
						),
			),
		],
		[
			'overrides',
			ofThisNumber(answers, route, (found) => {
				const override = overrideOf(found);
				if (override === null) return good('none');
				const finding = addressFinding(override, trigger);
				if (isTriggerUrl(override, trigger)) return finding;
				const what = `${found.phoneNumber ? 'The number' : 'The account'} has an address of its own: ${holderUrl(override)}`;
				const { ok, hint } = finding;
				return {
					ok,
					found: what,
					hint: `${hint} It comes before the address of the app, so events of this number go there. To use the app's address, remove the override; or register the trigger on that level.`,
				};
			}),
		],
	];
}

/** URLs of the workflows that receive at an address, the holder first; null for a list that is not ours. */
function receiversAt(address: string, appSecret: string): string[] | null {
	const shared = readSharedAddress(address, appSecret);
	if (shared === null) return null;
	const siblings = shared.siblings.flatMap((sibling) => siblingUrl(shared.url, sibling) ?? []);
	return [shared.url, ...siblings];
}

function isTriggerUrl(address: string, { url, appSecret }: TriggerAddress): boolean {
	if (url === '' || looksLikeTestUrl(url)) return false;
	const receivers = receiversAt(address, appSecret) ?? [holderUrl(address)];
	return receivers.some((receiver) => withoutSlash(receiver) === url);
}

/** What it means that the trigger receives at an address, maybe with others. */
function sharedFinding(address: string, { gone, appSecret }: TriggerAddress): Finding {
	const receivers = receiversAt(address, appSecret);
	if (receivers === null) {
		return bad(
			`${holderUrl(address)}, with a list of workflows that cannot be verified`,
			'The app secret was probably changed. Publish one of the workflows that share the address again.',
		);
	}
	const [holder, ...others] = receivers;
	if (others.length === 0) return good(holder);
	const count = `${others.length} other workflow${others.length === 1 ? '' : 's'}`;
	const found = `${holder}, shared with ${count}`;
	if (gone.has(holder)) {
		return bad(
			`${found}, but nothing is published at the address`,
			`The workflows that share it get nothing until one of them takes it over: ${PUBLISH_AGAIN}.`,
		);
	}
	const lost = others.filter((url) => gone.has(url));
	if (lost.length === 0) return good(found);
	return {
		ok: true,
		found: `${found}; not published any more: ${lost.join(', ')}`,
		hint: 'The next workflow that is published or unpublished removes it from the list.',
	};
}

const PUBLISH_AGAIN = 'unpublish the workflow with the trigger and publish it again';

/** What it means that Meta sends events to an address. */
function addressFinding(address: string, trigger: TriggerAddress): Finding {
	const { url, gone } = trigger;
	const holder = holderUrl(address);
	const registered = withoutSlash(holder);
	if (url === '') return notChecked(holder);
	if (isTriggerUrl(address, trigger)) return sharedFinding(address, trigger);
	if (looksLikeTestUrl(url)) {
		return {
			ok: null,
			found: holder,
			hint: 'Not checked: Trigger URL is the test URL of the trigger. Enter its Production URL.',
		};
	}
	if (isSameTrigger(registered, url)) {
		return bad(
			`${holder} (the test URL of this trigger)`,
			`Events go to a test. If nobody is testing the trigger, a test was interrupted, for example by a restart of n8n: ${PUBLISH_AGAIN}.`,
		);
	}
	if (lastParts(registered) === lastParts(url)) {
		return bad(
			`${holder} (this trigger at another host)`,
			`If the address of n8n has changed, ${PUBLISH_AGAIN}: n8n does not do it when it starts. Otherwise another n8n has the same workflow and receives its events: unpublish it there.`,
		);
	}
	if (gone.has(holder)) {
		return bad(
			`${holder} (an address of this n8n where no workflow is published any more)`,
			`Nobody receives these events. To take over the address, ${PUBLISH_AGAIN}.`,
		);
	}
	const where = isOfSameN8n(registered, url) ? ' (another workflow in this n8n)' : '';
	return bad(
		`${holder}${where}`,
		`Events go to this other address. Deactivate and activate the workflow (${BY_HAND}, correct the URL in Meta's app dashboard). If another system uses the app, set If Another Webhook Exists to Take Over and Forward, or use a second Meta app.`,
	);
}

/** n8n says itself which of its addresses are not registered; other systems are not asked. */
async function goneAddresses(
	{ context, account }: OperationInput,
	{ app, route }: Answers,
	url: string,
): Promise<Set<string>> {
	const registered = [
		app.ok ? app.value?.callbackUrl : undefined,
		route.ok ? overrideOf(route.value) : undefined,
	].flatMap((address) =>
		address ? (receiversAt(address, account.appSecret) ?? [holderUrl(address)]) : [],
	);
	const asked = [...new Set(registered)].filter(
		(address) => url !== '' && URL.canParse(url) && isOfSameN8n(address, url),
	);
	const found = await Promise.all(
		asked.map(async (address) => await askForChallenge(context, address, 'check')),
	);
	return new Set(asked.filter((_, index) => found[index] === 'notRegistered'));
}

const withoutSlash = (address: string) => address.replace(/\/+$/, '');

/** The webhook ID of n8n with what follows. */
const lastParts = (address: string) => address.split('/').slice(-2).join('/');

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

/** Whether Meta did not accept what a request was signed with; for the app that is its secret. */
function isRefused(result: Result<unknown>): boolean {
	return !result.ok && [101, 190].includes(result.failure.code ?? 0);
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
const notChecked = (reason: string): Finding => ({ ok: null, found: reason, hint: 'Not checked.' });

/** @param expiresAt Unix seconds; 0 or null for a token that does not expire */
function validity(expiresAt: number | null): string {
	if (!expiresAt) return 'valid, does not expire';
	const date = new Date(expiresAt * 1000);
	return Number.isNaN(date.getTime())
		? 'valid; its end cannot be read'
		: `valid until ${date.toISOString()}`;
}
