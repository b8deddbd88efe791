export type GuardedUrl =
	| { allowed: true; url: URL }
	| { allowed: false; host: string; why: string };

/** The Graph API, and every host below Meta's domains for files. */
const META_HOST_PATTERN = /^(?:graph\.facebook\.com|(?:[a-z0-9_-]+\.)+(?:fbsbx\.com|fbcdn\.net))$/;

/**
 * Decides whether a file may be fetched from an address, with the access token.
 *
 * Allowed are https addresses on Meta's file hosts at the standard port, and the origin of the credential's
 * Base URL, which may also be http. Everything else is refused, wherever the address comes from: the token
 * must not reach another host, and n8n must not be made to fetch from its own network.
 *
 * @param address from an event, the Media API or a redirect
 * @param baseUrl Base URL of the credential
 * @example
 * guardMediaUrl('https://lookaside.fbsbx.com/a', 'https://graph.facebook.com') // { allowed: true, url }
 * guardMediaUrl('http://10.0.0.1/a', 'https://graph.facebook.com') // { allowed: false, host: '10.0.0.1', why }
 */
export function guardMediaUrl(address: string, baseUrl: string): GuardedUrl {
	if (!URL.canParse(address)) {
		return { allowed: false, host: 'unknown', why: 'the URL is not valid' };
	}
	const url = new URL(address);
	const host = url.host || 'unknown';
	const refuse = (why: string): GuardedUrl => ({ allowed: false, host, why });
	if (url.username || url.password) return refuse('the URL contains a user name');
	if (asksForMethod(url)) return refuse('the URL asks for another method than GET');
	// Not by `origin`: the origin of a blob URL is that of the URL inside it.
	const base = new URL(baseUrl);
	if (url.protocol === base.protocol && url.host === base.host) return { allowed: true, url };
	if (url.protocol !== 'https:') return refuse('the URL does not use https');
	if (url.port !== '') return refuse('the URL contains a port');
	if (!META_HOST_PATTERN.test(url.hostname)) return refuse("it is not one of Meta's file hosts");
	return { allowed: true, url };
}

/** The Graph API obeys the parameter `method`, also in a GET: such a URL could change or delete something. */
function asksForMethod({ searchParams }: URL): boolean {
	return [...searchParams.keys()].some((name) => /^_?method$/i.test(name.trim()));
}
