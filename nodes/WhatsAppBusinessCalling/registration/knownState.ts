import type { GraphFailure, Result } from '../graph/types';
import { registrationError } from './errors';
import { askSiblings, identify, type Manner, type Trigger } from './ownership';
import type { Address, KnownState } from './plan';
import { phoneNumberOf, type OverrideTarget, type RegistrationRecord, type Target } from './record';
import { readWebhookState, type Send, type WhatToRead } from './state';

export interface StateRead extends KnownState {
	/** Whether the addresses of all numbers of the account could be read. */
	allRead: boolean;
	/** Why not. */
	failure: GraphFailure | null;
}

/**
 * The state at Meta, with the holder of each address.
 *
 * @param fallback targets to read one by one where not all numbers can be read
 */
export async function knownState(
	trigger: Trigger,
	wanted: WhatToRead,
	send: Send,
	record: RegistrationRecord | null,
	fallback: Target[] = [],
): Promise<StateRead> {
	const read = await readState(trigger, wanted, send, fallback);
	const allNumbers = read.allNumbers?.ok ? read.allNumbers.value : null;
	const subscription = valueOf(trigger, read.app);
	const membership = read.membership && valueOf(trigger, read.membership);
	const urls = new Map<OverrideTarget, string>();
	if (membership?.override) urls.set('businessAccount', membership.override);
	const routes = [
		...(allNumbers ?? []),
		...[...read.numbers].map(([id, route]) => [id, valueOf(trigger, route)] as const),
	];
	for (const [id, { phoneNumber, businessAccount }] of routes) {
		if (phoneNumber !== null) urls.set(`phoneNumber ${id}`, phoneNumber);
		if (businessAccount !== null && !membership) urls.set('businessAccount', businessAccount);
	}
	const addresses = await identifyAll(trigger, record, [
		...urls.values(),
		...(subscription ? [subscription.callbackUrl] : []),
	]);
	return {
		app: subscription && { ...subscription, address: addresses.get(subscription.callbackUrl)! },
		joined: membership?.joined ?? true,
		overrides: new Map([...urls].map(([target, url]) => [target, addresses.get(url)!])),
		allRead: allNumbers !== null,
		failure: read.allNumbers && !read.allNumbers.ok ? read.allNumbers.failure : null,
	};
}

async function readState(
	{ context, account, url }: Trigger,
	wanted: WhatToRead,
	send: Send,
	fallback: Target[],
) {
	const read = await readWebhookState(context, account, url, wanted, send);
	if (!wanted.allNumbers || read.allNumbers?.ok) return read;
	const numbers = numbersOf(fallback);
	const single = await readWebhookState(context, account, url, { numbers }, send);
	return { ...read, numbers: single.numbers };
}

async function identifyAll(
	trigger: Trigger,
	record: RegistrationRecord | null,
	urls: string[],
): Promise<Map<string, Address>> {
	const unique = [...new Set(urls)];
	return new Map(
		await Promise.all(
			unique.map(
				async (url): Promise<[string, Address]> => [url, await identify(trigger, url, record)],
			),
		),
	);
}

/** The state with the answers of the siblings in some of its addresses. */
export async function withSiblings<T extends KnownState>(
	trigger: Trigger,
	state: T,
	isToAsk: (address: Address) => boolean,
	manner: Manner,
): Promise<T> {
	const { app, overrides } = state;
	const asked = new Map<string, Promise<Address>>();
	const ask = async (address: Address) => {
		if (!isToAsk(address)) return address;
		const asking = asked.get(address.url) ?? askSiblings(trigger, address, manner);
		asked.set(address.url, asking);
		return await asking;
	};
	const [ofApp, ofOverrides] = await Promise.all([
		app && ask(app.address),
		Promise.all(
			[...overrides].map(
				async ([target, address]): Promise<[OverrideTarget, Address]> => [
					target,
					await ask(address),
				],
			),
		),
	]);
	return {
		...state,
		app: app && ofApp && { ...app, address: ofApp },
		overrides: new Map(ofOverrides),
	};
}

function numbersOf(targets: Target[]): string[] {
	return targets.flatMap((target) =>
		target === 'app' || target === 'businessAccount' ? [] : [phoneNumberOf(target)],
	);
}

/** @throws NodeOperationError for a failure */
export function valueOf<T>({ context, url }: Trigger, result: Result<T>): T {
	if (result.ok) return result.value;
	throw registrationError(context.getNode(), result.failure, url);
}
