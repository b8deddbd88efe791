import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { filesBelow } from '../support/files';
import { TRIGGER, type Workflow } from '../support/stage';
import { DEFAULT_RECORDING } from '../../emulator';
import { fileOf, SECRETS, type AttackStage } from './attackStage';
import { bombInBomb, brotliBomb, deflateBomb, gzipBomb, gzipBombOfParts } from './bombs';
import type { Send } from './internet';

const MEBIBYTE = 1024 * 1024;

const blanks = Buffer.alloc(16 * MEBIBYTE, ' ');
const json = { 'content-type': 'application/json' };

const body =
	(
		content: string | Buffer | (() => Buffer),
		headers: Record<string, string> = {},
		status = 200,
	): Send =>
	(response) =>
		response
			.writeHead(status, { ...json, ...headers })
			.end(typeof content === 'function' ? content() : content);

/** Sends as long as someone listens, at most 1 GB. */
const endless =
	(headers: Record<string, string> = {}, beginning = ''): Send =>
	(response) => {
		response.writeHead(200, { ...json, ...headers });
		response.write(beginning);
		let left = 64;
		const more = () => {
			while (left-- > 0) if (!response.write(blanks)) return void response.once('drain', more);
			response.end();
		};
		more();
	};

/** Instead of HTTP. */
const bytes =
	(text: string | Buffer): Send =>
	({ socket }) =>
		socket?.end(text);

const lists = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const token = SECRETS.accessToken;
const secret = SECRETS.appSecret;

/** Answers of the Graph API that pass: Meta is asked to deliver again, and nothing is executed. */
const PASSING: Array<[string, Send]> = [
	['1 GB of JSON', endless({}, '{"url":"')],
	['1 GB whose length is not said truly', endless({ 'content-length': '10' })],
	['1 GB whose length is said', endless({ 'content-length': String(1024 * MEBIBYTE) })],
	['a bomb of 256 MB in gzip', body(gzipBomb, { 'content-encoding': 'gzip' })],
	['a bomb of 1 GB in gzip, in 64 parts', body(gzipBombOfParts, { 'content-encoding': 'gzip' })],
	['a bomb of 256 MB in deflate', body(deflateBomb, { 'content-encoding': 'deflate' })],
	['a bomb of 256 MB in brotli', body(brotliBomb, { 'content-encoding': 'br' })],
	['a bomb in a bomb', body(bombInBomb, { 'content-encoding': 'gzip' })],
	[
		'a bomb that breaks off',
		body(() => gzipBomb().subarray(0, -1_000), { 'content-encoding': 'gzip' }),
	],
	['no gzip at all', body('{"url":"https://evil.example"}', { 'content-encoding': 'gzip' })],
	['an encoding that nobody knows', body('\0\0', { 'content-encoding': '../../x' })],
	[
		'an announced length of 10 TB, and nothing',
		(response) => {
			response.writeHead(200, { ...json, 'content-length': '10000000000000' }).write('{');
			response.socket?.end();
		},
	],
	['lists of 500,000 levels', body(lists(500_000))],
	['lists that do not close', body('['.repeat(2 * MEBIBYTE))],
	['an address of 100,000 levels', body(`{"url":${lists(100_000)}}`)],
	['its address in a prototype', body('{"__proto__":{"url":"https://evil.example"}}')],
	[
		'its address in a constructor',
		body('{"constructor":{"prototype":{"url":"https://evil.example"}}}'),
	],
	['invalid UTF-8', body(Buffer.alloc(1_000, 0xff))],
	['UTF-16', body(Buffer.from('{"url":"https://evil.example"}', 'utf16le'))],
	['a page', body('<html><script>alert(1)</script></html>', { 'content-type': 'text/html' })],
	['nothing', body('')],
	['null', body('null')],
	['no HTTP', bytes('SSH-2.0-OpenSSH\r\n\r\n')],
	['half a header', bytes('HTTP/1.1 200 OK\r\nContent-Le')],
	['headers of 1 MB', bytes(`HTTP/1.1 200 OK\r\n${'X-A: '.padEnd(1_000, 'a')}\r\n`.repeat(1_000))],
	['10,000 headers', bytes(`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(10_000)}\r\n{}`)],
	['two lengths', bytes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}')],
	[
		'a length and chunks',
		bytes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}'),
	],
	[
		'a chunk of a negative length',
		bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n'),
	],
	['a status of one digit', bytes('HTTP/1.1 2 OK\r\n\r\n{}')],
	['an end without a beginning', bytes('')],
];

/** Errors in which what must not be said is said. */
const TELLTALES: Array<[string, Send]> = [
	[
		'message',
		body(
			JSON.stringify({ error: { code: 190, message: `Malformed access token ${token}` } }),
			{},
			401,
		),
	],
	[
		'details',
		body(
			JSON.stringify({
				error: { code: 100, message: 'x', error_data: { details: `a ${secret} b ${token}` } },
			}),
			{},
			400,
		),
	],
	[
		'message for people',
		body(JSON.stringify({ error: { code: 100, error_user_msg: `${secret}${token}` } }), {}, 400),
	],
	[
		'trace ID',
		body(JSON.stringify({ error: { code: 100, message: 'x', fbtrace_id: token } }), {}, 400),
	],
	[
		'headers',
		body(
			JSON.stringify({ error: { code: 100, message: 'x' } }),
			{ 'www-authenticate': `Bearer ${token}` },
			401,
		),
	],
];

/** Files that do not come; the reason is in the item, or Meta is asked to deliver again. */
const FILES: Array<[string, Send, 'tooLarge' | 'again']> = [
	['1 GB', endless(), 'tooLarge'],
	['1 GB whose length is said', endless({ 'content-length': String(1024 * MEBIBYTE) }), 'tooLarge'],
	['a bomb of 256 MB in gzip', body(gzipBomb, { 'content-encoding': 'gzip' }), 'tooLarge'],
	['a bomb of 256 MB in deflate', body(deflateBomb, { 'content-encoding': 'deflate' }), 'tooLarge'],
	['a bomb of 256 MB in brotli', body(brotliBomb, { 'content-encoding': 'br' }), 'tooLarge'],
	['no gzip at all', body('OggS', { 'content-encoding': 'gzip' }), 'again'],
	['no HTTP', bytes('SSH-2.0-OpenSSH\r\n\r\n'), 'again'],
	[
		'headers of 1 MB',
		bytes(`HTTP/1.1 200 OK\r\n${'X-A: '.padEnd(1_000, 'a')}\r\n`.repeat(1_000)),
		'again',
	],
	[
		'a length and chunks',
		bytes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}'),
		'again',
	],
	[
		'an announced length of 10 TB, and nothing',
		(response) => {
			response.writeHead(200, { ...json, 'content-length': '10000000000000' }).write('{');
			response.socket?.end();
		},
		'tooLarge',
	],
];

const TRANSCRIPTS: Array<[string, string]> = [
	['lists of 4,000,000 levels', lists(4_000_000)],
	['a text of 100,000 levels', `{"transcript":{"text":${lists(100_000)}}}`],
	[
		'segments, 3,000,000 of them',
		`{"transcript":{"text":"","segments":[${'{},'.repeat(3_000_000)}{}]}}`,
	],
	[
		'segments that are none, 4,000,000 of them',
		`{"transcript":{"text":"","segments":[${'1,'.repeat(4_000_000)}1]}}`,
	],
	[
		'a prototype',
		'{"__proto__":{"polluted":1},"transcript":{"__proto__":{"polluted":1},"segments":[]}}',
	],
	['a page', '<html><script>alert(1)</script></html>'],
];

export function answerAttacks(stage: () => AttackStage): void {
	let small: Workflow;
	let impatient: Workflow;
	let transcripts: Workflow;

	beforeAll(async () => {
		const manual = { registration: 'manual', verifyToken: 'x' };
		small = await stage().addWorkflow({
			parameters: { ...manual, options: { maxFileSize: 5 } },
		});
		impatient = await stage().addWorkflow({
			parameters: { ...manual, options: { onFileUnavailable: 'emit' } },
		});
		transcripts = await stage().addWorkflow({
			parameters: { ...manual, events: ['call_transcription_available'] },
		});
	});

	/** Bytes of all files that n8n keeps. */
	async function stored(): Promise<number> {
		const folder = join(stage().n8n.userFolder, '.n8n');
		const files = (await filesBelow(folder)).filter((file) => !/node_modules|database/.test(file));
		const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
		return sizes.reduce((sum, size) => sum + size, 0);
	}

	describe('responses of the Media API', () => {
		it.each(PASSING)(
			'Nothing is executed until the Media API answers well, after %s',
			async (_, send) => {
				const recording = await stage().recording();
				fileOf(recording).url = undefined;
				const delivered = stage().body(recording);
				const [execution] = await stage().survives(async () => {
					await stage().internet.mediaApi(recording, send, async () => {
						await stage().withinMemory('bomb', async () => {
							expect((await stage().deliver(delivered)).status).toBe(503);
						});
					});
					expect((await stage().deliver(delivered)).status).toBe(200);
				}, 1);
				const [item] = execution?.items(TRIGGER) ?? [];
				expect(item?.json.recording).toMatchObject({ verified: true });
			},
		);

		it.each(TELLTALES)(
			"Token and secret stay hidden when Meta repeats them in an error's %s",
			async (_, send) => {
				const recording = await stage().recording();
				fileOf(recording).url = undefined;
				const delivered = stage().body(recording);
				const log = stage().n8n.log.text().length;
				const [execution] = await stage().survives(async () => {
					await stage().internet.mediaApi(recording, send, async () => {
						const { status } = await stage().deliver(delivered, { url: impatient.url });
						expect(status).toBe(200);
					});
				}, 1);
				const seen = JSON.stringify(execution) + stage().n8n.log.text().slice(log);
				expect(seen).toContain(recording.mediaId);
				expect([seen.includes(token), seen.includes(secret)]).toEqual([false, false]);
			},
		);
	});

	describe('responses of a media host', () => {
		it.each(FILES)(
			'The item has the file or an error, and nothing more is stored, after %s',
			async (_, send, outcome) => {
				const recording = await stage().recording();
				const delivered = stage().body(recording);
				const before = await stored();
				const [execution] = await stage().survives(async () => {
					await stage().internet.mediaHost(recording, send, async () => {
						await stage().withinMemory('bomb', async () => {
							const { status } = await stage().deliver(delivered, { url: small.url });
							expect(status).toBe(outcome === 'again' ? 503 : 200);
						});
					});
					if (outcome === 'again') {
						expect((await stage().deliver(delivered, { url: small.url })).status).toBe(200);
					}
				}, 1);
				const [item] = execution?.items(TRIGGER) ?? [];
				expect(item?.json.recording).toMatchObject(
					outcome === 'again'
						? { verified: true }
						: { verified: false, error: { reason: outcome } },
				);
				// The good ones, and nothing of the bad.
				expect((await stored()) - before).toBeLessThan(MEBIBYTE);
			},
		);

		it('A compressed file is decompressed and verified', async () => {
			const recording = await stage().recording();
			const file = gzipSync(await readFile(DEFAULT_RECORDING));
			const delivered = stage().body(recording);
			const [execution] = await stage().survives(async () => {
				await stage().internet.mediaHost(
					recording,
					body(file, { 'content-encoding': 'gzip' }),
					async () => {
						expect((await stage().deliver(delivered)).status).toBe(200);
					},
				);
			}, 1);
			const [item] = execution?.items(TRIGGER) ?? [];
			expect(item?.json.recording).toMatchObject({ verified: true });
		});
	});

	describe('hostile transcripts', () => {
		it.each(TRANSCRIPTS)('A transcript of %s stays a file', async (_, content) => {
			const transcript = await stage().recording({ transcript: true, content });
			const delivered = stage().body(transcript);
			const [execution] = await stage().survives(async () => {
				const { status } = await stage().deliver(delivered, { url: transcripts.url });
				expect(status).toBe(200);
			}, 1);
			const [item] = execution?.items(TRIGGER) ?? [];
			expect(item?.json.transcription).toMatchObject({ verified: true, transcript: null });
			expect(item?.binary?.data?.mimeType).toBe('application/json');
		});
	});
}
