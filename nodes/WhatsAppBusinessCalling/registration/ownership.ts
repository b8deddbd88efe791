import type { IHookFunctions } from 'n8n-workflow';

import type { Account } from '../graph/account';
import { askForChallenge } from '../trigger/otherWebhook';
import type { Address } from './plan';
import { isRememberedElsewhere, type RegistrationRecord } from './record';
import { deriveVerifyToken, isOfSameN8n, isSameTrigger } from './verifyToken';

export interface Trigger {
	context: IHookFunctions;
	account: Account;
	/** The trigger's address: production or test. */
	url: string;
	isTest: boolean;
	/** Whether it is being registered; otherwise it is being removed. */
	isActivating: boolean;
	/** The verify token of the webhook of somebody else; empty for none. */
	otherVerifyToken: string;
}

/**
 * Who holds an address at Meta. The URL alone is proof only for this trigger's own production and test
 * address; a copy of a workflow has the same webhook ID, so there the holder is asked.
 *
 * n8n may not be able to reach its own public address. Then nothing is concluded from silence.
 */
export async function identify(
	trigger: Trigger,
	url: string,
	record: RegistrationRecord | null,
): Promise<Address> {
	if (isSameTrigger(url, trigger.url)) return await identifyOwn(trigger, url, record);
	const { context, account, otherVerifyToken } = trigger;
	if (url === record?.url && (await isFormerUrl(trigger, url))) {
		return { url, holder: 'this', isRestorable: false };
	}
	const answer = await askForChallenge(context, url, deriveVerifyToken(account.appSecret, url));
	const isHere = isOfSameN8n(url, trigger.url);
	if (answer === 'notRegistered' && isHere) return { url, holder: 'gone', isRestorable: false };
	if (answer === 'accepted') {
		return { url, holder: isHere ? 'workflow' : 'instance', isRestorable: true };
	}
	const isRestorable =
		otherVerifyToken !== '' &&
		(await askForChallenge(context, url, otherVerifyToken)) === 'accepted';
	return { url, holder: isHere ? 'workflow' : 'other', isRestorable };
}

/**
 * The production or test URL of this trigger. n8n gives a path to one workflow only, so it is this one's
 * while it is registered. The production URL may be that of a workflow from which this one was copied,
 * when this one only listens for a test event, and when n8n removes it because its path was taken.
 */
async function identifyOwn(
	{ context, account, url: own, isTest, isActivating }: Trigger,
	url: string,
	record: RegistrationRecord | null,
): Promise<Address> {
	const ours: Address = { url, holder: 'this', isRestorable: true };
	const mayBeCopied = isActivating
		? isTest && url !== own
		: !isTest && url === own && record === null;
	if (!mayBeCopied) return ours;
	const workflowId = context.getWorkflow().id ?? '';
	if (isRememberedElsewhere(context, url)) return { ...ours, holder: 'workflow' };
	const ask = async (token: string) => await askForChallenge(context, url, token);
	const answer = await ask(deriveVerifyToken(account.appSecret, url, workflowId));
	if (answer === 'notRegistered') return { url, holder: 'gone', isRestorable: false };
	if (answer !== 'refused') return ours;
	const isCopied = (await ask(deriveVerifyToken(account.appSecret, url))) === 'accepted';
	return isCopied ? { ...ours, holder: 'workflow' } : ours;
}

/**
 * Whether this trigger had an address before that of this n8n was changed. If a trigger answers there to
 * the token of that address, another n8n is alive from which this one was copied.
 */
async function isFormerUrl({ context, account, url: own }: Trigger, url: string): Promise<boolean> {
	const ask = async (address: string) =>
		await askForChallenge(context, url, deriveVerifyToken(account.appSecret, address));
	return (await ask(url)) !== 'accepted' || (await ask(own)) === 'accepted';
}

/** The token with which Meta can be pointed to an address. */
export async function verifyTokenFor(trigger: Trigger, url: string): Promise<string> {
	const { context, account, otherVerifyToken } = trigger;
	const derived = deriveVerifyToken(account.appSecret, url);
	if (isSameTrigger(url, trigger.url) || otherVerifyToken === '') return derived;
	const isDerived = (await askForChallenge(context, url, derived)) === 'accepted';
	return isDerived ? derived : otherVerifyToken;
}
