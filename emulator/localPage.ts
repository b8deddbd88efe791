import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Request, RequestHandler } from 'express';

/**
 * Names that a browser resolves to this machine by itself. A name that is looked up could be someone
 * else's, which leads here only at the second look (DNS rebinding).
 */
const NAMES = ['127.0.0.1', 'localhost'];
/** Browsers leave it out of Host and Origin. */
const HTTP_PORT = 80;

function ownHosts({ socket: { localPort } }: Request): string[] {
	return localPort === HTTP_PORT ? NAMES : NAMES.map((name) => `${name}:${localPort}`);
}

/**
 * Refuses what the pages of other origins send, which is all that protects a server whose token
 * everyone knows. Programs such as curl send no Origin.
 */
export const refuseOtherOrigins: RequestHandler = (req, res, next) => {
	const { origin } = req.headers;
	if (origin === undefined || ownHosts(req).some((host) => origin === `http://${host}`)) next();
	else res.status(403).json({ error: `Requests from the web page ${origin} are refused` });
};

/** Refuses requests that a browser sends to this machine under a name of someone else. */
export const refuseOtherHosts: RequestHandler = (req, res, next) => {
	const { host = '' } = req.headers;
	if (ownHosts(req).includes(host)) next();
	else {
		const [own] = ownHosts(req);
		res.status(403).json({ error: `Use the address http://${own}, not the host "${host}"` });
	}
};

/**
 * Answers with an HTML file whose script and style are inside it. The browser runs these two only, and
 * lets the page talk to its own server only.
 *
 * @param more directives on top, e.g. `media-src 'self'`
 */
export function localPage(file: string, more: string[] = []): RequestHandler {
	const html = readFileSync(file, 'utf8');
	const policy = [
		"default-src 'none'",
		`script-src '${hashOf(html, 'script')}'`,
		`style-src '${hashOf(html, 'style')}'`,
		"connect-src 'self'",
		'img-src data:',
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
		...more,
	].join('; ');
	return (_req, res) => {
		res
			.set({
				'content-security-policy': policy,
				'content-type': 'text/html; charset=utf-8',
				'cache-control': 'no-store',
				'cross-origin-opener-policy': 'same-origin',
				'cross-origin-resource-policy': 'same-origin',
				'referrer-policy': 'no-referrer',
				'x-content-type-options': 'nosniff',
				'x-frame-options': 'DENY',
			})
			.end(html);
	};
}

/** How a Content-Security-Policy names the content of an element. */
function hashOf(html: string, element: 'script' | 'style'): string {
	const content = new RegExp(`<${element}[^>]*>([^]*?)</${element}>`).exec(html)?.[1] ?? '';
	return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}
