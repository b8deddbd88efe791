import type { Account } from '../../graph/account';
import type { WebhookRoute } from '../../graph/numberWebhook';
import { askForChallenge, type ChallengeAnswer } from '../../registration/askForChallenge';
import {
	holderUrl,
	readSharedAddress,
	siblingUrl,
	withoutSlash,
} from '../../registration/sharedAddress';
import {
	deriveVerifyToken,
	isOfSameN8n,
	isSameTrigger,
	looksLikeTestUrl,
} from '../../registration/verifyToken';
import { truncate } from '../shared/parameters';
import type { OperationInput } from '../types';
import { APP_NAME, asApp, asUser, ofThisNumber, type Answers, type Check } from './answers';
import { bad, good, notChecked, type Finding } from './findings';

const REACH_NAME = 'Calls reach this workflow';

const BY_HAND = 'With Registration set to Manual';

const PUBLISH = 'Publish the workflow with the trigger';

const PUBLISH_AGAIN = 'unpublish the workflow with the trigger and publish it again';

const PRODUCTION_URL = 'open the trigger, then Webhook URLs > Production URL';

/** What the operator says about the trigger, and what its n8n says about its addresses. */
export interface TriggerAddress {
	/** Production URL without a slash at the end; empty for unknown. */
	url: string;
	/** URLs of this n8n at which nothing is registered. */
	gone: Set<string>;
	/** With which workflows that share an address are listed in it. */
	appSecret: string;
	/** What the address to which Meta sends the events of the number answers; null without an address. */
	response: { address: string; answer: ChallengeAnswer } | null;
}

/** Looks at the trigger's address, and at those that Meta has. */
export async function askTrigger(
	{ context, account }: OperationInput,
	answers: Answers,
	url: string,
): Promise<TriggerAddress> {
	const { appSecret } = account;
	const address = addressOf(answers);
	const [gone, response] = await Promise.all([
		goneAddresses({ context, account }, answers, url),
		address === null
			? null
			: askForChallenge(context, address, deriveVerifyToken(appSecret, address)).then((answer) => ({
					address: holderUrl(address),
					answer,
				})),
	]);
	return { url, gone, appSecret, response };
}

/** Where Meta sends the events of the number. */
function addressOf({ app, route }: Answers): string | null {
	const override = route.ok ? overrideOf(route.value) : null;
	return override ?? (app.ok ? (app.value?.callbackUrl ?? null) : null);
}

export function webhookChecks(answers: Answers, trigger: TriggerAddress): Check[] {
	const { app, membership, route } = answers;
	return [
		{
			id: 'callbackUrl',
			name: REACH_NAME,
			judge(reasons, name) {
				// What was entered is wrong, whatever Meta says.
				return (
					wrongUrl(trigger.url) ??
					asApp(app, (subscription) => {
						if (!subscription) {
							return notChecked('The app has no webhook', 'See App subscribed to calls.');
						}
						const { callbackUrl } = subscription;
						const override = route.ok ? overrideOf(route.value) : null;
						if (override !== null && isTriggerUrl(override, trigger)) {
							return good(`${holderUrl(callbackUrl)}, but another webhook URL comes before it`);
						}
						return addressFinding(callbackUrl, trigger);
					})(reasons, name)
				);
			},
		},
		{
			id: 'appSubscription',
			name: 'App subscribed to calls',
			judge: asApp(app, (subscription) => {
				if (!subscription) {
					return bad(
						'The app has no webhook',
						`${PUBLISH}. ${BY_HAND}, enter its URL and verify token in Meta's app dashboard (WhatsApp > Configuration).`,
					);
				}
				const { active, fields } = subscription;
				if (!active) {
					return bad(
						'The webhook of the app is inactive',
						`${capitalized(PUBLISH_AGAIN)}. ${BY_HAND}, verify the URL in Meta's app dashboard again.`,
					);
				}
				return fields.includes('calls')
					? good(`fields: ${fields.join(', ')}`)
					: bad(
							`not subscribed to calls (fields: ${fields.join(', ')})`,
							"Publish the workflow with the trigger, or subscribe to the field calls in Meta's app dashboard (WhatsApp > Configuration > Webhook fields).",
						);
			}),
		},
		{
			id: 'callbackResponds',
			name: 'Webhook URL responds',
			judge: () => responseFinding(trigger, app.ok),
		},
		{
			id: 'accountSubscription',
			name: 'App connected to the account',
			judge: asUser(answers, membership, ({ joined }) => {
				// It is the App ID that is looked for among the account's apps.
				if (!app.ok && app.failure.refused !== null) {
					return notChecked('Meta did not accept the App ID', `See ${APP_NAME}.`);
				}
				return joined
					? good('The app gets the webhooks of the account')
					: bad(
							'The app does not get the webhooks of the account',
							`${app.ok && !app.value ? PUBLISH : capitalized(PUBLISH_AGAIN)}: that subscribes the app to the account. ${BY_HAND}, send POST /<WhatsApp Business Account ID>/subscribed_apps once with the access token, for example in Meta's Graph API Explorer.`,
						);
			}),
		},
		{
			id: 'overrides',
			name: 'No other webhook in the way',
			judge: ofThisNumber(answers, route, (found) => {
				const override = overrideOf(found);
				if (override === null) return good('none');
				const finding = addressFinding(override, trigger);
				if (isTriggerUrl(override, trigger)) return finding;
				const holder = holderUrl(override);
				const ownUrl = `${found.phoneNumber ? 'The number' : 'The account'} has a webhook URL of its own`;
				if (trigger.gone.has(holder)) {
					return bad(
						`${ownUrl}, where no workflow is published any more: ${holder}`,
						removalOf(found),
					);
				}
				return {
					...finding,
					found: `${ownUrl}: ${holder}`,
					whatToDo: `${finding.whatToDo} It comes before that of the app, so events of this number go there. To use that of the app, remove the override, or register the trigger on that level.`,
				};
			}),
		},
	];
}

const capitalized = (text: string) => text[0].toUpperCase() + text.slice(1);

/** What it means how an address answers to Meta's challenge. */
function responseFinding({ response }: TriggerAddress, isKnown: boolean): Finding {
	if (response === null) {
		const found = isKnown
			? 'Meta has no webhook URL'
			: 'It is not known which webhook URL Meta has';
		return notChecked(found, 'See App subscribed to calls.');
	}
	const { address, answer } = response;
	switch (answer) {
		case 'accepted':
			return good(address);
		case 'notRegistered':
			return bad(
				`${address}: n8n has no published workflow there`,
				`${capitalized(PUBLISH_AGAIN)}.`,
			);
		case 'unavailable':
			return bad(
				`${address}: a proxy responds, or a server that is starting or overloaded`,
				'Check that n8n runs, and that your reverse proxy passes requests for this path to it.',
			);
		case 'unreachable':
			return notChecked(
				`${address}: no response`,
				'Open it in a browser outside of your network: n8n may not be able to reach its own public URL although Meta can. If nothing responds there, check your DNS, firewall and certificate.',
			);
		case 'refused':
			return notChecked(
				`${address}: something responds, but not as a trigger with this app secret`,
				`${BY_HAND}, or with another system at this URL, that is right. Otherwise select the same credential in the trigger.`,
			);
	}
}

/** How to remove an address that comes before that of the app, where no workflow is published any more. */
function removalOf({ phoneNumber }: WebhookRoute): string {
	const remedy = phoneNumber
		? 'Events of this number go there, and are lost. In a trigger, set Registration to Phone Number, choose this number, publish the workflow and unpublish it: that removes the URL.'
		: `Events of the account go there, and are lost. ${capitalized(PUBLISH_AGAIN)}: that removes or replaces the URL.`;
	return `${remedy} Usually a test was interrupted, for example by a restart of n8n.`;
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
			'Publish one of the workflows that share the URL again: the app secret was probably changed.',
		);
	}
	const [holder, ...others] = receivers;
	if (others.length === 0) return good(holder);
	const count = `${others.length} other workflow${others.length === 1 ? '' : 's'}`;
	const found = `${holder}, shared with ${count}`;
	if (gone.has(holder)) {
		return bad(
			`${found}, but nothing is published at the URL`,
			`${capitalized(PUBLISH_AGAIN)}: the workflows that share the URL get nothing until one of them takes it over.`,
		);
	}
	const lost = others.filter((url) => gone.has(url));
	if (lost.length === 0) return good(found);
	return good(
		`${found}; not published any more: ${lost.join(', ')}`,
		'Nothing: the next workflow that is published or unpublished removes it from the list.',
	);
}

/** What is wrong with the URL that was entered for the trigger, if anything. */
function wrongUrl(url: string): Finding | null {
	const found = url === '' ? null : wrongUrlFound(url);
	if (found === null) return null;
	return bad(found, `Replace it under Production URL of the Trigger: ${PRODUCTION_URL}.`);
}

function wrongUrlFound(url: string): string | null {
	if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
		return `"${truncate(url)}" is not a whole URL`;
	if (looksLikeTestUrl(url)) {
		return 'The URL that was entered is a test URL, which n8n uses only while you test the trigger';
	}
	// From the browser's address bar: /workflow/<ID>, with the ID of a node or "executions" after it.
	const { pathname } = new URL(url);
	return /\/workflow\/[^/]+/.test(pathname) && !pathname.endsWith('/webhook')
		? "The URL that was entered is that of n8n's editor, to which Meta sends nothing"
		: null;
}

/** What it means that Meta sends events to an address. */
function addressFinding(address: string, trigger: TriggerAddress): Finding {
	const { url, gone } = trigger;
	const holder = holderUrl(address);
	const registered = withoutSlash(holder);
	if (url === '') {
		return notChecked(
			holder,
			`To compare it with your trigger, fill in Production URL of the Trigger: ${PRODUCTION_URL}.`,
		);
	}
	if (wrongUrl(url) !== null) return notChecked(holder, `See ${REACH_NAME}.`);
	if (isTriggerUrl(address, trigger)) return sharedFinding(address, trigger);
	if (isSameTrigger(registered, url)) {
		return bad(
			`${holder} (the test URL of this trigger)`,
			`If nobody is testing the trigger now, ${PUBLISH_AGAIN}: a test was interrupted, for example by a restart of n8n.`,
		);
	}
	if (lastParts(registered) === lastParts(url)) {
		return bad(
			`${holder} (this trigger at another host)`,
			`If the URL of n8n has changed, ${PUBLISH_AGAIN}: n8n does not do it when it starts. Otherwise another n8n has the same workflow and receives its events: unpublish it there.`,
		);
	}
	if (gone.has(holder)) {
		return bad(
			`${holder} (a URL of this n8n where no workflow is published any more)`,
			`${capitalized(PUBLISH_AGAIN)} to take over the URL: until then, no workflow receives these events.`,
		);
	}
	const where = isOfSameN8n(registered, url) ? ' (another workflow in this n8n)' : '';
	return bad(
		`${holder}${where}`,
		`${capitalized(PUBLISH_AGAIN)} (${BY_HAND}, correct the URL in Meta's app dashboard). If another system uses the app, set the option If Another Webhook Exists to Take Over and Forward, or use a second Meta app.`,
	);
}

/** n8n says itself which of its addresses are not registered; other systems are not asked. */
async function goneAddresses(
	{ context, account }: Pick<OperationInput, 'context'> & { account: Account },
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

/** The webhook ID of n8n with what follows. */
const lastParts = (address: string) => address.split('/').slice(-2).join('/');

/** The address that comes before that of the app. */
function overrideOf({ phoneNumber, businessAccount }: WebhookRoute): string | null {
	return phoneNumber ?? businessAccount;
}
