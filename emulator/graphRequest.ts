import type { IncomingHttpHeaders } from 'node:http';
import type { Account } from './account';
import { isObject } from './callRequest';
import type { EndpointKind } from './types';

/** A request, taken apart as the Graph API does: version, object, edge, parameters. */
export interface GraphRequest {
	kind: EndpointKind;
	method: string;
	path: string;
	/** Of the path; the newest where it names none. */
	version: string;
	objectId: string;
	query: URLSearchParams;
	headers: IncomingHttpHeaders;
	rawBody: Buffer;
	/** Parsed JSON or form, else the text, else undefined. */
	body: unknown;
	/** Set when the Content-Type says JSON and the body is none. */
	badJson: boolean;
}

const NEWEST_VERSION = 'v26.0';

/** Meta, "Graph API changelog", in autumn 2026. */
const OLDEST_VERSION = 'v21.0';

const majorOf = (version: string) => Number(version.slice(1).split('.')[0]);

/** The version that answers, which the header `facebook-api-version` tells (Meta, "Versioning"). */
export function servedVersion(version: string): string {
	return majorOf(version) < majorOf(OLDEST_VERSION) ? OLDEST_VERSION : version;
}

/** Versions before 4 came with minor ones (Meta, "Graph API changelog"). */
const MINORS: Record<number, number> = { 2: 12, 3: 3 };

/** Whether Meta has, or had, the version. Requests with an old one are served by the oldest of today. */
export function isVersion(version: string): boolean {
	const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
	const newest = Number(NEWEST_VERSION.slice(1));
	return major >= 2 && major <= newest && minor <= (MINORS[major] ?? 0);
}

const EDGES: Record<string, EndpointKind> = {
	calls: 'calls',
	call_permissions: 'callPermissions',
	messages: 'messages',
	settings: 'settings',
	media: 'mediaUpload',
	phone_numbers: 'phoneNumbers',
	subscribed_apps: 'subscribedApps',
	subscriptions: 'subscriptions',
};

export function readRequest(
	method: string,
	url: string,
	headers: IncomingHttpHeaders,
	rawBody: Buffer,
	account: Account,
): GraphRequest {
	const { pathname, searchParams } = new URL(url, 'http://emulator.invalid');
	const parts = pathname.split('/').filter((part) => part !== '');
	const version = /^v\d+\.\d+$/.test(parts[0] ?? '') ? (parts.shift() ?? '') : NEWEST_VERSION;
	return {
		kind: kindOf(parts, account),
		method,
		path: pathname,
		version,
		objectId: parts[0] ?? '',
		query: searchParams,
		headers,
		rawBody,
		...parseBody(headers['content-type'] ?? '', rawBody),
	};
}

function kindOf(parts: string[], account: Account): EndpointKind {
	const [object = '', edge, ...rest] = parts;
	if (object === 'whatsapp_business') return 'media';
	if (rest.length > 0) return 'unknown';
	if (object === 'oauth') return edge === 'access_token' ? 'oauth' : 'unknown';
	if (object === 'debug_token') return 'debugToken';
	if (object === 'me' && edge === undefined) return 'me';
	if (!/^\d+$/.test(object)) return 'unknown';
	if (edge !== undefined) return EDGES[edge] ?? 'unknown';
	if (object === account.appId) return 'app';
	if (object === account.businessAccountId) return 'account';
	if (account.phoneNumbers.some(({ id }) => id === object)) return 'phoneNumber';
	return 'mediaInfo';
}

function parseBody(contentType: string, rawBody: Buffer): { body: unknown; badJson: boolean } {
	if (rawBody.length === 0) return { body: undefined, badJson: false };
	const text = rawBody.toString();
	if (isJson(contentType)) {
		try {
			return { body: JSON.parse(text) as unknown, badJson: false };
		} catch {
			return { body: text, badJson: true };
		}
	}
	if (contentType.startsWith('application/x-www-form-urlencoded')) {
		return { body: Object.fromEntries(new URLSearchParams(text)), badJson: false };
	}
	return { body: text, badJson: false };
}

export const isJson = (contentType: string) => /^application\/json\s*(;|$)/i.test(contentType);

/**
 * Parameters of an edge that takes them from the query, a form or JSON alike. Values that are not
 * strings (JSON arrays, booleans) become their JSON text.
 */
export function parametersOf(request: GraphRequest): Map<string, string> {
	const params = new Map(request.query);
	if (isObject(request.body)) {
		for (const [name, value] of Object.entries(request.body)) {
			params.set(name, typeof value === 'string' ? value : JSON.stringify(value));
		}
	}
	return params;
}
