export type GuardedUrl =
	| { allowed: true; url: URL }
	| { allowed: false; host: string; why: string };

const META_HOSTS = ['graph.facebook.com'];
const META_DOMAINS = ['fbsbx.com', 'fbcdn.net'];

/**
 * Decides whether a file may be fetched from an address, with the access token.
 *
 * Allowed are https addresses on Meta's file hosts at the standard port, and the origin of the
 * credential's base URL, which alone may be http. Everything else is refused, whoever named it: the
 * token must not reach another host, and n8n must not be made to fetch from its own network.
 *
 * @param address the address as it came in an event, from the Media API or in a redirect
 * @param baseUrl base URL of the credential
 */
export function guardMediaUrl(address: string, baseUrl: string): GuardedUrl {
	if (!URL.canParse(address)) {
		return { allowed: false, host: 'unknown', why: 'the address is not a valid URL' };
	}
	const url = new URL(address);
	const host = url.host || 'unknown';
	const refuse = (why: string): GuardedUrl => ({ allowed: false, host, why });
	if (url.username || url.password) return refuse('the address holds a user name');
	// Compared by what the request goes to: the origin of a blob address is that of the URL inside.
	const base = new URL(baseUrl);
	if (url.protocol === base.protocol && url.host === base.host) return { allowed: true, url };
	if (url.protocol !== 'https:') return refuse('it is not an https address');
	if (url.port !== '') return refuse('it names a port of its own');
	if (!isMetaHost(url.hostname)) return refuse("it is not one of Meta's file hosts");
	return { allowed: true, url };
}

function isMetaHost(hostname: string): boolean {
	if (META_HOSTS.includes(hostname)) return true;
	return META_DOMAINS.some((domain) => hostname.endsWith(`.${domain}`));
}
