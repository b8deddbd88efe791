import type { Account } from '../graph/account';
import {
	readAccountMembership,
	readAppSubscription,
	type AccountMembership,
	type AppSubscription,
} from '../graph/appSubscription';
import {
	readWebhookRoute,
	readWebhookRoutes,
	type RoutedNumber,
	type WebhookRoute,
} from '../graph/numberWebhook';
import type { Effort } from '../graph/request';
import type { GraphContext, Result } from '../graph/types';
import { asWritten } from './sharedAddress';

/** How a read is sent; `patiently` and the plain request have this form. */
export type Send = <T>(request: (effort: Effort) => Promise<Result<T>>) => Promise<Result<T>>;

const once: Send = async (request) => await request({});

/**
 * What Meta sends where, as it was read at one moment. Each part can fail on its own; what was not asked
 * for is null.
 */
export interface WebhookState {
	app: Result<AppSubscription | null>;
	membership: Result<AccountMembership> | null;
	/** By the ID of the number. */
	numbers: Map<string, Result<WebhookRoute>>;
	/** All numbers of the account. */
	allNumbers: Result<Map<string, RoutedNumber>> | null;
}

export interface WhatToRead {
	membership?: boolean;
	numbers?: string[];
	/** Numbers that have been read for another purpose, by their ID: they are not read again. */
	routes?: ReadonlyMap<string, WebhookRoute>;
	allNumbers?: boolean;
}

/**
 * Reads each resource once, all at the same time.
 *
 * @param own URL of a trigger: addresses of its n8n are returned in the form of this one
 */
export async function readWebhookState(
	context: GraphContext,
	account: Account,
	own: string,
	{ membership = false, numbers = [], routes = new Map(), allNumbers = false }: WhatToRead,
	send: Send = once,
): Promise<WebhookState> {
	const [app, foundMembership, read, foundNumbers] = await Promise.all([
		send(async (effort) => await readAppSubscription(context, account, effort)),
		membership
			? send(async (effort) => await readAccountMembership(context, account, effort))
			: null,
		Promise.all(
			numbers.map(
				async (id): Promise<[string, Result<WebhookRoute>]> => [
					id,
					await send(async (effort) => await readWebhookRoute(context, account, id, effort)),
				],
			),
		),
		allNumbers ? send(async (effort) => await readWebhookRoutes(context, account, effort)) : null,
	]);
	const known = [...routes].map(([id, value]) => [id, { ok: true, value }] as const);
	const written = (url: string | null) => (url === null ? null : asWritten(url, own));
	const routeOf = <T extends WebhookRoute>(route: T): T => ({
		...route,
		phoneNumber: written(route.phoneNumber),
		businessAccount: written(route.businessAccount),
		app: written(route.app),
	});
	return {
		app: mapResult(
			app,
			(found) => found && { ...found, callbackUrl: asWritten(found.callbackUrl, own) },
		),
		membership:
			foundMembership &&
			mapResult(foundMembership, (found) => ({ ...found, override: written(found.override) })),
		numbers: new Map(
			[...known, ...read].map(([id, route]) => [id, mapResult(route, routeOf)] as const),
		),
		allNumbers:
			foundNumbers &&
			mapResult(
				foundNumbers,
				(routes) => new Map([...routes].map(([id, route]) => [id, routeOf(route)] as const)),
			),
	};
}

function mapResult<T>(result: Result<T>, convert: (value: T) => T): Result<T> {
	return result.ok ? { ok: true, value: convert(result.value) } : result;
}
