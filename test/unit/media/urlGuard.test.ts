import fc from 'fast-check';

import { guardMediaUrl } from '../../../nodes/WhatsAppBusinessCalling/media/urlGuard';
import { anyWebUrl, RUNS } from '../../support/properties';

const GRAPH = 'https://graph.facebook.com';
const EMULATOR = 'http://127.0.0.1:8080/api';

describe('guardMediaUrl', () => {
	it.each([
		[
			'the host of the documentation',
			'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=133',
		],
		['another host of that domain', 'https://cdn.fbsbx.com/x'],
		['a deeper host of that domain', 'https://a.b.fbsbx.com/x'],
		['the other domain of files', 'https://scontent.xx.fbcdn.net/v/t1?oe=1'],
		['the Graph API', 'https://graph.facebook.com/v26.0/1'],
		['upper case', 'HTTPS://LOOKASIDE.FBSBX.COM/x'],
		['the standard port, written out', 'https://lookaside.fbsbx.com:443/x'],
	])('The URL is allowed: %s', (_, address) => {
		const guarded = guardMediaUrl(address, GRAPH);
		expect(guarded.allowed && guarded.url.href).toBe(new URL(address).href);
	});

	it.each([
		['its own origin', 'http://127.0.0.1:8080/media/1'],
		['Meta all the same', 'https://lookaside.fbsbx.com/x'],
	])('The URL is allowed with a different base URL: %s', (_, address) => {
		expect(guardMediaUrl(address, EMULATOR).allowed).toBe(true);
	});

	it.each([
		['http', 'http://lookaside.fbsbx.com/x'],
		['ftp', 'ftp://lookaside.fbsbx.com/x'],
		['a domain that goes on', 'https://lookaside.fbsbx.com.evil.example/x'],
		['a domain that goes on after the bare one', 'https://fbsbx.com.evil.example/x'],
		['a domain that ends alike', 'https://evilfbsbx.com/x'],
		['a host under a domain that ends alike', 'https://lookaside.evilfbsbx.com/x'],
		['a host that ends alike', 'https://lookaside-fbsbx.com/x'],
		['the other domain, ended alike', 'https://evilfbcdn.net/x'],
		['the bare domain', 'https://fbsbx.com/x'],
		['the bare domain behind a dot', 'https://.fbsbx.com/x'],
		['a host with an empty part', 'https://lookaside..fbsbx.com/x'],
		['a host of odd characters', 'https://a!b.fbsbx.com/x'],
		['the Graph API under another host', 'https://evil.graph.facebook.com/x'],
		['another host of facebook.com', 'https://l.facebook.com/l.php?u=https://lookaside.fbsbx.com'],
		['a user name that looks like the host', 'https://lookaside.fbsbx.com@evil.example/x'],
		['a user name before the right host', 'https://user@lookaside.fbsbx.com/x'],
		['a password alone', 'https://:secret@lookaside.fbsbx.com/x'],
		['a backslash for the slash', 'https://evil.example\\@lookaside.fbsbx.com/x'],
		['a trailing dot', 'https://lookaside.fbsbx.com./x'],
		['another port', 'https://lookaside.fbsbx.com:8443/x'],
		['port 80', 'https://lookaside.fbsbx.com:80/x'],
		['the host in the path', 'https://evil.example/lookaside.fbsbx.com'],
		['the host in the query', 'https://evil.example/?lookaside.fbsbx.com'],
		['the host in the fragment', 'https://evil.example/#.fbsbx.com'],
		['another method for the Graph API', 'https://graph.facebook.com/v26.0/1?method=delete'],
		['another method, encoded', 'https://graph.facebook.com/v26.0/1?a=b&%6dETHOD=post'],
		['loopback', 'https://127.0.0.1/x'],
		['loopback as one number', 'https://2130706433/x'],
		['loopback in IPv6', 'https://[::1]/x'],
		['loopback in IPv6 that carries IPv4', 'https://[::ffff:127.0.0.1]/x'],
		['the address of cloud metadata', 'http://169.254.169.254/latest/meta-data'],
		['a Cyrillic letter', 'https://lookaside.fbsb\u0445.com/x'],
		['its punycode', 'https://lookaside.xn--fbsb-u9d.com/x'],
		['an ideographic full stop at a look-alike', 'https://lookaside.fbsbx.com\u3002evil.example/x'],
		['data', 'data:audio/ogg;base64,T2dnUw=='],
		['file', 'file:///etc/passwd'],
		['file with the right host', 'file://lookaside.fbsbx.com/etc/passwd'],
		['javascript', 'javascript:alert(1)'],
		['blob, whose origin is that of another address', 'blob:https://graph.facebook.com/1'],
		['an address without a scheme', 'lookaside.fbsbx.com/x'],
		['a relative address', '/whatsapp_business/attachments'],
		['an empty address', ''],
		['no address', 'not an address'],
		['the origin of the emulator', 'http://127.0.0.1:8080/media/1'],
	])('The URL is rejected: %s', (_, address) => {
		const guarded = guardMediaUrl(address, GRAPH);
		expect(guarded).toMatchObject({ allowed: false, why: expect.stringMatching(/./) });
	});

	it.each([
		['another port', 'http://127.0.0.1:8081/x'],
		['another scheme', 'https://127.0.0.1:8080/x'],
		['another name for it', 'http://localhost:8080/x'],
		['a user name', 'http://user@127.0.0.1:8080/x'],
		['a blob of its origin', 'blob:http://127.0.0.1:8080/1'],
	])('The URL is rejected with a different base URL: %s', (_, address) => {
		expect(guardMediaUrl(address, EMULATOR).allowed).toBe(false);
	});

	it('The reason has the host of a rejected URL, and no more of it', () => {
		const guarded = guardMediaUrl('https://evil.example/path?token=secret', GRAPH);
		expect(guarded).toMatchObject({ host: 'evil.example' });
		expect(JSON.stringify(guarded)).not.toContain('secret');
	});

	it('Only https at Meta at the standard port, and the origin of the base URL, are allowed', () => {
		const pieces = fc.constantFrom(
			...['https:', 'http:', 'blob:', 'file:', 'data:', '//', '/', '\\', '@', ':', '.', '#', '?'],
			...['lookaside', 'fbsbx.com', 'fbcdn.net', 'graph.facebook.com', 'evil.example', 'evil'],
			...[
				'127.0.0.1:8080',
				'[::1]',
				'443',
				'80',
				'%2e',
				'\u3002',
				'\uff0f',
				'\u00ad',
				' ',
				'\t',
				'\n',
			],
		);
		const glued = fc.array(pieces, { maxLength: 9 }).map((parts) => parts.join(''));
		const address = fc.oneof(
			glued,
			glued.map((rest) => `https://${rest}`),
			glued.map((rest) => `https://lookaside.fbsbx.com${rest}`),
			glued.map((rest) => `https://${rest}.fbsbx.com/x`),
			anyWebUrl(),
			fc.string(),
		);
		fc.assert(
			fc.property(address, fc.constantFrom(GRAPH, EMULATOR), (text, baseUrl) => {
				const guarded = guardMediaUrl(text, baseUrl);
				if (!guarded.allowed) return true;
				const { url } = guarded;
				const atMeta =
					/\.(fbsbx\.com|fbcdn\.net)$/.test(url.hostname) || url.hostname === 'graph.facebook.com';
				const atBase = `${url.protocol}//${url.host}` === new URL(baseUrl).origin;
				return (
					url.username === '' &&
					url.password === '' &&
					(atBase || (url.protocol === 'https:' && url.port === '' && atMeta))
				);
			}),
			{ numRuns: RUNS },
		);
	});
});
