import { Receiver } from '../../emulator/helpers';
import type { Arena } from './arena';
import { SECRETS } from './arena';

/** Requests that no HTTP client would send: their lines, given the valid signature and the body. */
type Make = (arena: Arena, body: string) => Buffer | string;

const latin1 = (text: string) => Buffer.from(text, 'latin1');

const usual = (arena: Arena, body: string) => [
	'Content-Type: application/json',
	`Content-Length: ${Buffer.byteLength(body)}`,
	`X-Hub-Signature-256: ${arena.signature(body)}`,
];

const unsigned = (arena: Arena, body: string) => usual(arena, body).slice(0, 2);

const MALFORMED: Array<[string, Make]> = [
	[
		'bytes above 127 in the signature',
		(arena, body) =>
			latin1(
				arena.head([
					...unsigned(arena, body),
					`X-Hub-Signature-256: ${arena.signature(body)}\xff\xfe`,
				]) + body,
			),
	],
	[
		'full-width digits in the signature',
		(arena, body) =>
			Buffer.from(
				arena.head([
					...unsigned(arena, body),
					`X-Hub-Signature-256: ${arena.signature(body).replace(/\d$/, '\uff11')}x`,
				]) + body,
			),
	],
	[
		'a NUL in the signature',
		(arena, body) =>
			arena.head([...unsigned(arena, body), `X-Hub-Signature-256: ${arena.signature(body)}\0`]) +
			body,
	],
	[
		'a signature that goes on in the next line',
		(arena, body) =>
			arena.head([
				...unsigned(arena, body),
				`X-Hub-Signature-256: ${arena.signature(body).slice(0, 20)}`,
				` ${arena.signature(body).slice(20)}`,
			]) + body,
	],
	[
		'a blank between the name of the header and its colon',
		(arena, body) =>
			arena.head([...unsigned(arena, body), `X-Hub-Signature-256 : ${arena.signature(body)}`]) +
			body,
	],
	[
		'lines that end with a carriage return alone',
		(arena, body) => arena.head(usual(arena, body)).replaceAll('\r\n', '\r') + body,
	],
	['two lengths', (arena, body) => arena.head([...usual(arena, body), 'Content-Length: 2']) + body],
	[
		'a length and chunks',
		(arena, body) =>
			arena.head([...usual(arena, body), 'Transfer-Encoding: chunked']) + `0\r\n\r\n${body}`,
	],
	[
		'a negative length',
		(arena, body) =>
			arena.head([
				...usual(arena, body).filter((line) => !line.startsWith('Content-L')),
				'Content-Length: -1',
			]) + body,
	],
	[
		'a length in hex',
		(arena, body) =>
			arena.head([
				...usual(arena, body).filter((line) => !line.startsWith('Content-L')),
				'Content-Length: 0x10',
			]) + body,
	],
	[
		'no length',
		(arena, body) =>
			arena.head(usual(arena, body).filter((line) => !line.startsWith('Content-L'))) + body,
	],
	[
		'a shorter length than the body',
		(arena, body) =>
			arena.head(
				usual(arena, body).map((line) =>
					line.replace(/^Content-Length: \d+/, 'Content-Length: 10'),
				),
			) + body,
	],
	[
		'a chunk whose length is none',
		(arena, body) =>
			arena.head([
				...usual(arena, body).filter((line) => !line.startsWith('Content-L')),
				'Transfer-Encoding: chunked',
			]) + `zz\r\n${body}\r\n0\r\n\r\n`,
	],
	[
		'headers of 1 MB',
		(arena, body) => arena.head([...usual(arena, body), `X-A: ${'a'.repeat(1_000_000)}`]) + body,
	],
	[
		'10,000 headers',
		(arena, body) =>
			arena.head([...usual(arena, body), ...Array<string>(10_000).fill('A: b')]) + body,
	],
	[
		'a method that nobody knows',
		(arena, body) => arena.head(usual(arena, body)).replace('POST', 'STEAL') + body,
	],
	[
		'a version that nobody knows',
		(arena, body) => arena.head(usual(arena, body)).replace('HTTP/1.1', 'HTTP/9.9') + body,
	],
	['no HTTP', () => '\x16\x03\x01\x02\x00\x01\x00'],
	['NULs', () => Buffer.alloc(10_000)],
	[
		'a way up in its path',
		(arena, body) =>
			arena.head(usual(arena, body)).replace('/webhook', '/webhook/../../../../etc/passwd?') + body,
	],
	[
		'an address for its path, of another host',
		(arena, body) =>
			arena.head(unsigned(arena, body)).replace('POST ', 'POST http://evil.example') + body,
	],
	[
		'another host',
		(arena, body) =>
			arena
				.head(unsigned(arena, body))
				.replace(/Host: .*/, 'Host: evil.example\r\nX-Forwarded-Host: evil.example') + body,
	],
	[
		'a signed request in the body of one that is not',
		(arena, body) => {
			const inner = arena.head(usual(arena, body)) + body;
			const type = 'Content-Type: text/plain';
			return arena.head([type, `Content-Length: ${Buffer.byteLength(inner)}`]) + inner;
		},
	],
	[
		'a signed request behind one that is not, and that closes the connection',
		(arena, body) =>
			`${arena.head(unsigned(arena, '{}'))}{}${arena.head(usual(arena, body))}${body}`,
	],
];

/** Requests that are begun and not ended: n8n answers nothing to them. */
const UNFINISHED: Array<[string, Make]> = [
	['in the line', () => 'POST /web'],
	['in a header', (arena) => arena.head(['X-A: b']).slice(0, -4)],
	[
		'before the body',
		(arena) => arena.head(['Content-Type: application/json', 'Content-Length: 16777216']),
	],
	['in the body', (arena, body) => arena.head(usual(arena, body)) + body.slice(0, -5)],
	[
		'in a chunk',
		(arena, body) =>
			arena.head([
				...usual(arena, body).filter((line) => !line.startsWith('Content-L')),
				'Transfer-Encoding: chunked',
			]) + `ffffff\r\n${body}`,
	],
];

export function httpAttacks(arena: () => Arena): void {
	const body = async () => arena().body(await arena().recording());

	describe('malformed requests', () => {
		it.each(MALFORMED)('A request with %s is rejected', async (_, make) => {
			const sent = make(arena(), await body());
			await arena().survives(async () => {
				const statuses = await arena().raw(sent, 3_000);
				expect(statuses.filter((status) => status >= 200 && status < 300)).toEqual([]);
			});
		});
	});

	describe('a sender that hangs up', () => {
		it.each(UNFINISHED)('n8n survives a sender that hangs up %s', async (_, make) => {
			const sent = make(arena(), await body());
			await arena().survives(async () => {
				expect(await arena().raw(sent, 300)).toEqual([]);
			});
		});

		it('n8n survives a hundred senders that hang up in a body of 16 MB at once', async () => {
			const head = arena().head(['Content-Type: application/json', 'Content-Length: 16777216']);
			await arena().survives(async () => {
				const sending = Array.from(
					{ length: 100 },
					async () => await arena().raw(head + 'x'.repeat(10_000), 500),
				);
				await Promise.all(sending);
			});
		});
	});

	it('A delivery without a signature is not forwarded to the previous webhook', async () => {
		const receiver = await new Receiver().start();
		try {
			arena().emulator.presetSubscription(receiver.url, ['messages']);
			const { url } = await arena().stage.addWorkflow({
				credential: arena().credential,
				parameters: {
					registration: 'app',
					options: {
						onOtherWebhook: 'takeOverAndForward',
						otherVerifyToken: receiver.verifyToken,
					},
				},
			});
			const message = JSON.stringify({
				entry: [{ id: '1', changes: [{ field: 'messages', value: { messages: [{ id: 'a' }] } }] }],
			});
			await arena().survives(async () => {
				for (const secret of ['', 'x', SECRETS.verifyToken]) {
					const headers = { 'x-hub-signature-256': arena().signature(message, secret) };
					expect((await arena().deliver(message, { url, headers })).status).toBe(401);
				}
				expect(receiver.webhooks).toEqual([]);
				expect((await arena().deliver(message, { url })).status).toBe(200);
				expect(receiver.webhooks).toHaveLength(1);
				expect(JSON.stringify(receiver.webhooks[0]?.headers)).not.toContain(SECRETS.accessToken);
			});
		} finally {
			await receiver.stop();
		}
	});
}
