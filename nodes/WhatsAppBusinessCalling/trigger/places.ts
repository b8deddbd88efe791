import type { Account } from '../graph/account';
import {
	ACTIVATION_ATTEMPTS,
	readAppSubscription,
	readAccountOverride,
	removeAppFields,
	setAppOnAccount,
	writeAppSubscription,
} from '../graph/appSubscription';
import { graphChange } from '../graph/request';
import type { GraphContext, Result } from '../graph/types';
import { readWebhookRoute } from '../graph/webhookOverride';

export type RegistrationScope = 'app' | 'businessAccount' | 'phoneNumber';

/** A place at Meta that can be pointed to a webhook address. */
export interface Place {
	/** Under this name the registration is remembered. */
	key: string;
	/** For people: what has the address. */
	label: string;
	read: () => Promise<Result<string | null>>;
	/** Where its events go as long as it has no address of its own: to a wider place, or nowhere. */
	readInherited: () => Promise<Result<string | null>>;
	/** Meta calls the address before it answers. */
	point: (callbackUrl: string, verifyToken: string) => Promise<Result<unknown>>;
	/** Takes the address away; what the app had subscribed before stays. */
	clear: () => Promise<Result<unknown>>;
}

async function readAppAddress(
	context: GraphContext,
	account: Account,
): Promise<Result<string | null>> {
	const found = await readAppSubscription(context, account);
	return found.ok ? { ok: true, value: found.value?.callbackUrl ?? null } : found;
}

/** The app's own webhook: one address for everything that the app subscribes to. */
export function appPlace(context: GraphContext, account: Account, fields: string[]): Place {
	return {
		key: 'app',
		label: 'The Meta app',
		read: async () => await readAppAddress(context, account),
		readInherited: async () => ({ ok: true, value: null }),
		point: async (callbackUrl, verifyToken) =>
			await writeAppSubscription(context, account, { callbackUrl, verifyToken, fields }),
		clear: async () => await removeAppFields(context, account, fields),
	};
}

/** The override of the business account (Meta, "Webhook overrides"). */
export function businessAccountPlace(context: GraphContext, account: Account): Place {
	return {
		key: 'businessAccount',
		label: `The WhatsApp Business account ${account.businessAccountId}`,
		read: async () => await readAccountOverride(context, account),
		readInherited: async () => await readAppAddress(context, account),
		point: async (callbackUrl, verifyToken) =>
			await setAppOnAccount(context, account, 'POST', { callbackUrl, verifyToken }),
		// Subscribing without an address removes the override and nothing else.
		clear: async () => await setAppOnAccount(context, account, 'POST'),
	};
}

/** The override of one number; it comes before that of the account and before the app. */
export function phoneNumberPlace(
	context: GraphContext,
	account: Account,
	phoneNumberId: string,
): Place {
	const write = async (callbackUrl: string, verifyToken?: string) =>
		await graphChange(context, account, {
			method: 'POST',
			path: phoneNumberId,
			body: {
				webhook_configuration: {
					override_callback_uri: callbackUrl,
					...(verifyToken === undefined ? {} : { verify_token: verifyToken }),
				},
			},
			repeat: 'freely',
			attempts: ACTIVATION_ATTEMPTS,
		});
	return {
		key: `phoneNumber ${phoneNumberId}`,
		label: `The phone number ${phoneNumberId}`,
		read: async () => {
			const route = await readWebhookRoute(context, account, phoneNumberId);
			return route.ok ? { ok: true, value: route.value.phoneNumber } : route;
		},
		readInherited: async () => {
			const route = await readWebhookRoute(context, account, phoneNumberId);
			return route.ok ? { ok: true, value: route.value.businessAccount ?? route.value.app } : route;
		},
		point: write,
		clear: async () => await write(''),
	};
}
