import { Receiver } from '../support/receiver';
import type { AttackStage } from './attackStage';
import { SECRETS } from './attackStage';

/** Requests that no HTTP client would send: their lines, given the valid signature and the body. */
type Make = (stage: AttackStage, body: string) => Buffer | string;

const latin1 = (text: string) => Buffer.from(text, 'latin1');

const usual = (stage: AttackStage, body: string) => [
	'Content-Type: application/json',
	`Content-Length: ${Buffer.byteLength(body)}`,
	`X-Hub-Signature-256: ${stage.signature(body)}`,
];

const unsigned = (stage: AttackStage, body: string) => usual(stage, body).slice(0, 2);

const MALFORMED: Array<[string, Make]> = [
	[
		'bytes above 127 in the signature',
		(stage, body) =>
			latin1(
				stage.head([
					...unsigned(stage, body),
					`X-Hub-Signature-256: ${stage.signature(body)}\xff\xfe`,
				]) + body,
			),
	],
	[
		'full-width digits in the signature',
		(stage, body) =>
			Buffer.from(
				stage.head([
					...unsigned(stage, body),
					`X-Hub-Signature-256: ${stage.signature(body).replace(/\d$/, '\uff11')}x`,
				]) + body,
			),
	],
	[
		'a NUL in the signature',
		(stage, body) =>
			stage.head([...unsigned(stage, body), `X-Hub-Signature-256: ${stage.signature(body)}\0`]) +
			body,
	],
	[
		'a signature that goes on in the next line',
		(stage, body) =>
			stage.head([
				...unsigned(stage, body),
				`X-Hub-Signature-256: ${stage.signature(body).slice(0, 20)}`,
				` ${stage.signature(body).slice(20)}`,
			]) + body,
	],
	[
		'a blank between the name of the header and its colon',
		(stage, body) =>
			stage.head([...unsigned(stage, body), `X-Hub-Signature-256 : ${stage.signature(body)}`]) +
			body,
	],
	[
		'lines that end with a carriage return alone',
		(stage, body) => stage.head(usual(stage, body)).replaceAll('\r\n', '\r') + body,
	],
	['two lengths', (stage, body) => stage.head([...usual(stage, body), 'Content-Length: 2']) + body],
	[
		'a length and chunks',
		(stage, body) =>
			stage.head([...usual(stage, body), 'Transfer-Encoding: chunked']) + `0\r\n\r\n${body}`,
	],
	[
		'a negative length',
		(stage, body) =>
			stage.head([
				...usual(stage, body).filter((line) => !line.startsWith('Content-L')),
				'Content-Length: -1',
			]) + body,
	],
	[
		'a length in hex',
		(stage, body) =>
			stage.head([
				...usual(stage, body).filter((line) => !line.startsWith('Content-L')),
				'Content-Length: 0x10',
			]) + body,
	],
	[
		'no length',
		(stage, body) =>
			stage.head(usual(stage, body).filter((line) => !line.startsWith('Content-L'))) + body,
	],
	[
		'a shorter length than the body',
		(stage, body) =>
			stage.head(
				usual(stage, body).map((line) =>
					line.replace(/^Content-Length: \d+/, 'Content-Length: 10'),
				),
			) + body,
	],
	[
		'a chunk whose length is none',
		(stage, body) =>
			stage.head([
				...usual(stage, body).filter((line) => !line.startsWith('Content-L')),
				'Transfer-Encoding: chunked',
			]) + `zz\r\n${body}\r\n0\r\n\r\n`,
	],
	[
		'headers of 1 MB',
		(stage, body) => stage.head([...usual(stage, body), `X-A: ${'a'.repeat(1_000_000)}`]) + body,
	],
	[
		'10,000 headers',
		(stage, body) =>
			stage.head([...usual(stage, body), ...Array<string>(10_000).fill('A: b')]) + body,
	],
	[
		'a method that nobody knows',
		(stage, body) => stage.head(usual(stage, body)).replace('POST', 'STEAL') + body,
	],
	[
		'a version that nobody knows',
		(stage, body) => stage.head(usual(stage, body)).replace('HTTP/1.1', 'HTTP/9.9') + body,
	],
	['no HTTP', () => '\x16\x03\x01\x02\x00\x01\x00'],
	['NULs', () => Buffer.alloc(10_000)],
	[
		'a way up in its path',
		(stage, body) =>
			stage.head(usual(stage, body)).replace('/webhook', '/webhook/../../../../etc/passwd?') + body,
	],
	[
		'an address for its path, of another host',
		(stage, body) =>
			stage.head(unsigned(stage, body)).replace('POST ', 'POST http://evil.example') + body,
	],
	[
		'another host',
		(stage, body) =>
			stage
				.head(unsigned(stage, body))
				.replace(/Host: .*/, 'Host: evil.example\r\nX-Forwarded-Host: evil.example') + body,
	],
	[
		'a signed request in the body of one that is not',
		(stage, body) => {
			const inner = stage.head(usual(stage, body)) + body;
			const type = 'Content-Type: text/plain';
			return stage.head([type, `Content-Length: ${Buffer.byteLength(inner)}`]) + inner;
		},
	],
	[
		'a signed request behind one that is not, and that closes the connection',
		(stage, body) =>
			`${stage.head(unsigned(stage, '{}'))}{}${stage.head(usual(stage, body))}${body}`,
	],
];

/** Requests that are begun and not ended: n8n answers nothing to them. */
const UNFINISHED: Array<[string, Make]> = [
	['in the line', () => 'POST /web'],
	['in a header', (stage) => stage.head(['X-A: b']).slice(0, -4)],
	[
		'before the body',
		(stage) => stage.head(['Content-Type: application/json', 'Content-Length: 16777216']),
	],
	['in the body', (stage, body) => stage.head(usual(stage, body)) + body.slice(0, -5)],
	[
		'in a chunk',
		(stage, body) =>
			stage.head([
				...usual(stage, body).filter((line) => !line.startsWith('Content-L')),
				'Transfer-Encoding: chunked',
			]) + `ffffff\r\n${body}`,
	],
];

export function httpAttacks(stage: () => AttackStage): void {
	const body = async () => stage().body(await stage().recording());

	describe('malformed requests', () => {
		it.each(MALFORMED)('A request with %s is rejected', async (_, make) => {
			const sent = make(stage(), await body());
			await stage().survives(async () => {
				const statuses = await stage().raw(sent, 3_000);
				expect(statuses.filter((status) => status >= 200 && status < 300)).toEqual([]);
			});
		});
	});

	describe('a sender that hangs up', () => {
		it.each(UNFINISHED)('n8n survives a sender that hangs up %s', async (_, make) => {
			const sent = make(stage(), await body());
			await stage().survives(async () => {
				expect(await stage().raw(sent, 300)).toEqual([]);
			});
		});

		it('n8n survives a hundred senders that hang up in a body of 16 MB at once', async () => {
			const head = stage().head(['Content-Type: application/json', 'Content-Length: 16777216']);
			await stage().survives(async () => {
				const sending = Array.from(
					{ length: 100 },
					async () => await stage().raw(head + 'x'.repeat(10_000), 500),
				);
				await Promise.all(sending);
			});
		});
	});

	it('A delivery without a signature is not forwarded to the previous webhook', async () => {
		const receiver = await new Receiver().start();
		try {
			stage().emulator.presetSubscription(receiver.url, ['messages']);
			const { url } = await stage().addWorkflow({
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
			await stage().survives(async () => {
				for (const secret of ['', 'x', SECRETS.verifyToken]) {
					const headers = { 'x-hub-signature-256': stage().signature(message, secret) };
					expect((await stage().deliver(message, { url, headers })).status).toBe(401);
				}
				expect(receiver.webhooks).toEqual([]);
				expect((await stage().deliver(message, { url })).status).toBe(200);
				expect(receiver.webhooks).toHaveLength(1);
				expect(JSON.stringify(receiver.webhooks[0]?.headers)).not.toContain(SECRETS.accessToken);
			});
		} finally {
			await receiver.stop();
		}
	});
}
