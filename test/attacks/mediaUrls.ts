import { readFile } from 'node:fs/promises';
import { TRIGGER } from '../support/stage';
import { DEFAULT_RECORDING, type CreatedRecording } from '../../emulator';
import { chain, node, webhookNode } from '../support/workflow';
import { bytesOfSecrets, fileOf, SECRETS, type AttackStage } from './attackStage';
import { GRAPH_HOST, MEDIA_HOST, OTHER_MEDIA_HOST, redirectTo, sendJson } from './internet';

const FORBIDDEN: Array<[string, string]> = [
	['another host', 'https://evil.example/x'],
	['http at the right host', 'http://lookaside.fbsbx.com/x'],
	['http at the Graph API', 'http://graph.facebook.com/x'],
	['ftp', 'ftp://lookaside.fbsbx.com/x'],
	['a web socket', 'wss://lookaside.fbsbx.com/x'],
	['the domain, followed by another', 'https://fbsbx.com.evil.example/x'],
	['the host, followed by another', 'https://lookaside.fbsbx.com.evil.example/x'],
	['the other domain, followed by another', 'https://scontent.fbcdn.net.evil.example/x'],
	['a domain that ends alike', 'https://evilfbsbx.com/x'],
	['a host under a domain that ends alike', 'https://lookaside.evilfbsbx.com/x'],
	['a host that ends alike', 'https://lookaside-fbsbx.com/x'],
	['the domain under another top level', 'https://lookaside.fbsbx.co/x'],
	['the bare domain', 'https://fbsbx.com/x'],
	['the Graph API under another name', 'https://evil.graph.facebook.com/x'],
	['another host of facebook.com', 'https://l.facebook.com/l.php?u=https://evil.example'],
	['a user that looks like the host', 'https://lookaside.fbsbx.com@evil.example/x'],
	['a user and a password that look like it', 'https://lookaside.fbsbx.com:443@evil.example/x'],
	['a user before the right host', 'https://user@lookaside.fbsbx.com/x'],
	['a password before the right host', 'https://:secret@lookaside.fbsbx.com/x'],
	['an escaped @', 'https://lookaside.fbsbx.com%40evil.example/x'],
	['a backslash for the slash', 'https://evil.example\\@lookaside.fbsbx.com/x'],
	['a hash before the host', 'https://evil.example#@lookaside.fbsbx.com/x'],
	['a question mark before the host', 'https://evil.example?@lookaside.fbsbx.com/x'],
	['a trailing dot', 'https://lookaside.fbsbx.com./x'],
	['a trailing dot at the Graph API', 'https://graph.facebook.com./x'],
	['two trailing dots', 'https://lookaside.fbsbx.com../x'],
	['an empty label', 'https://evil.example..fbsbx.com/x'],
	['nothing before the dot of the domain', 'https://.fbsbx.com/x'],
	['loopback', 'https://127.0.0.1/x'],
	['loopback by name', 'https://localhost/x'],
	['loopback as one number', 'https://2130706433/x'],
	['loopback in hex', 'https://0x7f000001/x'],
	['loopback in octal digits', 'https://0177.0.0.1/x'],
	['loopback, shortened', 'https://127.1/x'],
	['loopback in IPv6', 'https://[::1]/x'],
	['loopback of IPv4 in IPv6', 'https://[::ffff:127.0.0.1]/x'],
	['an address in IPv6', 'https://[2001:db8::1]/x'],
	['an address in IPv6 with the host behind it', 'https://[::1].fbsbx.com/x'],
	['the metadata of clouds', 'http://169.254.169.254/latest/meta-data/iam'],
	['the metadata of clouds over https', 'https://169.254.169.254/latest/meta-data/iam'],
	['a private address', 'https://10.0.0.1/x'],
	['a Cyrillic letter', 'https://lookaside.fbsb\u0445.com/x'],
	['its punycode', 'https://lookaside.xn--fbsb-u9d.com/x'],
	['a letter with a dot below', 'https://lookaside.f\u1e05sbx.com/x'],
	['a full-width dot', 'https://lookaside.fbsbx.com\uff0eevil.example/x'],
	['an ideographic full stop', 'https://lookaside.fbsbx.com\u3002evil.example/x'],
	['a full-width slash', 'https://evil.example\uff0f.fbsbx.com/x'],
	['a soft hyphen', 'https://lookaside.fbsbx.com\u00ad.evil.example/x'],
	['another port', 'https://lookaside.fbsbx.com:8443/x'],
	['port 80 over https', 'https://lookaside.fbsbx.com:80/x'],
	['port 443 over http', 'http://lookaside.fbsbx.com:443/x'],
	['a port out of range', 'https://lookaside.fbsbx.com:99999/x'],
	['the host in the path', 'https://evil.example/lookaside.fbsbx.com'],
	['the host in the query', 'https://evil.example/?https://lookaside.fbsbx.com'],
	['the host in the fragment', 'https://evil.example/#.fbsbx.com'],
	['a line end in the host', 'https://lookaside.fbsbx.com\r\n.evil.example/x'],
	['a NUL in the host', 'https://lookaside.fbsbx.com\0.evil.example/x'],
	['blanks around it', ' https://evil.example/x '],
	['data', 'data:audio/ogg;base64,T2dnUw=='],
	['a file', 'file:///etc/passwd'],
	['a file with the right host', 'file://lookaside.fbsbx.com/etc/passwd'],
	['a script', 'javascript:fetch("https://evil.example")'],
	['a blob of the Graph API', 'blob:https://graph.facebook.com/1'],
	['no scheme', 'lookaside.fbsbx.com/x'],
	['a path alone', '/whatsapp_business/attachments'],
	['two slashes and another host', '//evil.example/x'],
	['a method at the Graph API', 'https://graph.facebook.com/v26.0/1?method=delete'],
	['another spelling of the method', 'https://graph.facebook.com/v26.0/1?a=b&_Method=POST'],
	['a method at a media host', 'https://lookaside.fbsbx.com/x?%6dethod=delete'],
	['10,000 letters', `https://${'a'.repeat(10_000)}.fbsbx.com.evil.example/x`],
];

/** The kinds of them, once each, for the other ways in which an address comes. */
export const KINDS = FORBIDDEN.filter(([name]) =>
	[
		'another host',
		'http at the right host',
		'the host, followed by another',
		'a user that looks like the host',
		'a trailing dot',
		'loopback in IPv6',
		'the metadata of clouds',
		'a Cyrillic letter',
		'another port',
		'a file',
		'two slashes and another host',
		'a method at the Graph API',
	].includes(name),
);

const REDIRECTS: Array<[string, string]> = [
	...KINDS,
	['a path of backslashes', '/\\evil.example/x'],
	['http and a relative path', 'http:evil.example/x'],
];

export function mediaUrlAttacks(stage: () => AttackStage): void {
	/** Delivers a recording, for which only hosts of Meta may be asked, and gives its item. */
	async function itemOf(recording: CreatedRecording, metaIsAsked: string[]) {
		const body = stage().body(recording);
		const [execution] = await stage().survives(async () => {
			const served = stage().internet.served.length;
			expect((await stage().deliver(body)).status).toBe(200);
			const asked = stage().internet.served.slice(served);
			expect(asked.map(({ url }) => new URL(url).host)).toEqual(metaIsAsked);
		}, 1);
		return execution?.items(TRIGGER)[0];
	}

	/** A recording whose file must not be fetched comes out with the reason. */
	async function withoutFile(recording: CreatedRecording, metaIsAsked: string[]) {
		const item = await itemOf(recording, metaIsAsked);
		expect(item?.binary).toBeUndefined();
		expect(item?.json.recording).toMatchObject({
			mediaId: recording.mediaId,
			verified: false,
			error: { reason: 'hostNotAllowed' },
		});
	}

	describe('URLs of files in events', () => {
		it.each(FORBIDDEN)(
			'A file is not downloaded from a URL in the event with %s, but from that of the Media API',
			async (_, url) => {
				const recording = await stage().recording();
				fileOf(recording).url = url;
				const item = await itemOf(recording, [GRAPH_HOST, MEDIA_HOST]);
				expect(item?.json.recording).toMatchObject({ verified: true });
			},
		);
	});

	describe('URLs of files from the Media API', () => {
		it.each(KINDS)(
			'A file is not downloaded from a URL of the Media API with %s',
			async (_, url) => {
				const recording = await stage().recording();
				fileOf(recording).url = undefined;
				const { sha256Hex: sha256, sizeBytes } = recording.media;
				const info = { url, sha256, file_size: sizeBytes, mime_type: 'audio/ogg' };
				await stage().internet.mediaApi(
					recording,
					sendJson(info),
					async () => await withoutFile(recording, [GRAPH_HOST]),
				);
			},
		);
	});

	describe('redirects of a media host', () => {
		it.each(REDIRECTS)(
			'A redirect of the media host is not followed to %s',
			async (_, location) => {
				const recording = await stage().recording();
				await stage().internet.mediaHost(
					recording,
					redirectTo(location),
					async () => await withoutFile(recording, [MEDIA_HOST]),
				);
			},
		);

		it("A redirect to another of Meta's hosts is followed without the token", async () => {
			const recording = await stage().recording();
			const { url: address = '' } = fileOf(recording);
			const body = stage().body(recording);
			const file = await readFile(DEFAULT_RECORDING);
			await stage().internet.betrayed(
				({ url, headers }) => {
					if (!url?.includes(`mid=${recording.media.attachmentId}`)) return undefined;
					return headers.host === MEDIA_HOST
						? (_, response) =>
								response
									.writeHead(302, { location: address.replace(MEDIA_HOST, OTHER_MEDIA_HOST) })
									.end()
						: (_, response) => response.writeHead(200).end(file);
				},
				async () => {
					const asked: typeof served = [];
					const { served } = stage().internet;
					const [execution] = await stage().survives(async () => {
						const before = served.length;
						expect((await stage().deliver(body)).status).toBe(200);
						asked.push(...served.slice(before));
					}, 1);
					expect(asked.map(({ url, withToken }) => [new URL(url).host, withToken])).toEqual([
						[MEDIA_HOST, true],
						[OTHER_MEDIA_HOST, false],
					]);
					const [item] = execution?.items(TRIGGER) ?? [];
					expect(item?.json.recording).toMatchObject({ verified: true });
				},
			);
		});

		it('A redirect loop ends', async () => {
			const recording = await stage().recording(stage().aWhileAgo());
			const { url: address = '' } = fileOf(recording);
			const body = stage().body(recording);
			await stage().internet.mediaHost(recording, redirectTo(address), async () => {
				const [execution] = await stage().survives(async () => {
					expect((await stage().deliver(body)).status).toBe(200);
				}, 1);
				const [item] = execution?.items(TRIGGER) ?? [];
				expect(item?.json.recording).toMatchObject({ error: { reason: 'downloadFailed' } });
			});
		});
	});

	describe('redirects of the Graph API', () => {
		it.each(KINDS)(
			'Neither token nor request follows a redirect of the Graph API to %s',
			async (_, location) => {
				const recording = await stage().recording(stage().aWhileAgo());
				fileOf(recording).url = undefined;
				const body = stage().body(recording);
				await stage().internet.mediaApi(
					recording,
					(response) => response.writeHead(307, { location: encodeURI(location) }).end(),
					async () => {
						const [execution] = await stage().survives(async () => {
							expect((await stage().deliver(body)).status).toBe(200);
						}, 1);
						const [item] = execution?.items(TRIGGER) ?? [];
						expect(item?.json.recording).toMatchObject({ verified: false });
					},
				);
			},
		);
	});

	it('The traps catch what any other node of n8n sends there', async () => {
		const urls = [
			['https', 'https://lookaside.fbsbx.com.evil.example/x'],
			['https', 'https://lookaside.fbsbx.com:8443/x'],
			['https', 'https://[::1]/x'],
			['https', 'https://127.0.0.1/x'],
			['https', 'https://169.254.169.254/x'],
			['http', 'http://lookaside.fbsbx.com/x'],
			['http', 'http://169.254.169.254/x'],
		] as const;
		const { api } = stage().n8n;
		const nodes = [
			webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
				httpMethod: 'POST',
				path: 'fetch',
				responseMode: 'lastNode',
			}),
			node('HTTP Request', 'n8n-nodes-base.httpRequest', 4.2, {
				url: '={{ $json.body.url }}',
				sendHeaders: true,
				headerParameters: { parameters: [{ name: 'Authorization', value: 'Bearer leaked' }] },
			}),
		];
		const { id } = await api.createWorkflow({
			name: 'Leak on purpose',
			nodes,
			connections: chain(nodes),
		});
		await api.activate(id);
		for (const [how, url] of urls) {
			await stage().send({
				url: `${stage().n8n.url}/webhook/fetch`,
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ url }),
			});
			expect(stage().newlyCaught()).toEqual([
				{ how, host: new URL(url).host, text: expect.stringContaining('Bearer leaked') },
			]);
		}
		expect(bytesOfSecrets(`x ${SECRETS.accessToken} x`)).toBe(SECRETS.accessToken.length);
		await stage().newExecutions(urls.length);
	});
}
