import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { IBinaryData } from 'n8n-workflow';

import { downloadFromUrl } from '../../../nodes/WhatsAppBusinessCalling/media/downloadFromUrl';
import type { FileProperty } from '../../../nodes/WhatsAppBusinessCalling/media/fileNames';
import { ACCOUNT, fakeExecution, fileAnswer, sha256, type Respond } from '../fakes';

const BYTES = Buffer.from('OggS and so on');

const TARGET = {
	mediaId: '1002764438271669',
	phoneNumberId: null,
	url: 'https://lookaside.fbsbx.com/file',
	eventAt: null as number | null,
	sha256: sha256(BYTES) as Buffer | null,
	mimeTypes: ['audio/ogg'] as Array<string | null>,
	sizeBytes: null as number | null,
	property: 'recording' as FileProperty,
	maxBytes: 1000,
	allowUnverified: false,
};

describe('a download that takes too long', () => {
	it('The download ends with its time while no response comes, and destroys one that comes late', async () => {
		const body = new Readable({ read() {} });
		const { context } = fakeExecution({}, () => ({ statusCode: 200, body }));
		const send = context.helpers.httpRequestWithAuthentication;
		let comes = () => {};
		// As in executions of n8n, which replaces the signal of a request: ours does not end it.
		context.helpers.httpRequestWithAuthentication = async function (...request) {
			await new Promise<void>((resolve) => (comes = resolve));
			return (await send.apply(this, request)) as never;
		};
		const download = await downloadFromUrl(context, ACCOUNT, TARGET, AbortSignal.timeout(50));
		expect(download).toMatchObject({ ok: false, problem: { reason: 'timeout', transient: true } });
		comes();
		await new Promise((resolve) => body.once('close', resolve));
		expect(body.destroyed).toBe(true);
	});

	it.each([
		['does not read the file', async () => {}],
		[
			'has read the file',
			async (stream: Readable) => {
				for await (const _ of stream);
			},
		],
	])('The download ends with its time when the store %s and never answers', async (_, read) => {
		const source = Readable.from([BYTES]);
		const { context } = fakeExecution({}, () => ({ ...fileAnswer(BYTES), body: source }));
		context.helpers.prepareBinaryData = async (stream) => {
			await read(stream as Readable);
			return await new Promise(() => {});
		};
		const download = await downloadFromUrl(context, ACCOUNT, TARGET, AbortSignal.timeout(50));
		expect(download).toMatchObject({ ok: false, problem: { reason: 'timeout', transient: true } });
		expect(source.destroyed).toBe(true);
	});
});

const NEVER = new AbortController().signal;
const URL_OF_FILE = TARGET.url;

/** What becomes of an answer, and what was asked for. */
async function download(respond: Respond, target: Partial<typeof TARGET> = {}) {
	const { context, sent, files } = fakeExecution({}, respond);
	const result = await downloadFromUrl(context, ACCOUNT, { ...TARGET, ...target }, NEVER);
	return { result, sent, files };
}

const failure = (
	reason: string,
	message: string,
	more: { transient?: boolean; freshUrlMayHelp?: boolean } = {},
) => ({
	ok: false,
	problem: { reason, message, transient: more.transient ?? false },
	freshUrlMayHelp: more.freshUrlMayHelp ?? false,
});

const transient = { transient: true };
const fresh = { freshUrlMayHelp: true };

describe('a downloaded file', () => {
	it.each<[string, Array<string | null>, string | undefined, string, string]>([
		[
			'the event',
			['audio/ogg; codecs=opus', 'audio/wav'],
			'audio/mpeg',
			'audio/ogg; codecs=opus',
			'ogg',
		],
		['the Media API', ['audio/x-new', 'audio/wav'], 'audio/mpeg', 'audio/wav', 'wav'],
		['the media host', [null, 'application/octet-stream'], 'audio/mpeg', 'audio/mpeg', 'mp3'],
		['nobody', [null], 'binary/octet-stream', 'audio/ogg', 'ogg'],
		['nobody at all', [null, null], undefined, 'audio/ogg', 'ogg'],
	])('The file has its type from %s', async (_, mimeTypes, contentType, type, ending) => {
		const headers: Record<string, string> = contentType ? { 'content-type': contentType } : {};
		const { result, files } = await download(() => fileAnswer(BYTES, headers), { mimeTypes });
		const fileName = `call-recording-${TARGET.mediaId}.${ending}`;
		expect(files).toEqual([{ bytes: BYTES, fileName, mimeType: type.split(';')[0] }]);
		expect(result).toEqual({
			ok: true,
			file: {
				binary: expect.objectContaining({ bytes: BYTES.length }) as object,
				fileName,
				mimeType: type,
				sizeBytes: BYTES.length,
				durationSeconds: null,
				channels: null,
				sha256: sha256(BYTES).toString('base64'),
				verified: true,
			},
		});
	});

	it('The file has the length of its audio', async () => {
		const bytes = await readFile(join(__dirname, '../../fixtures/audio/call-recording.ogg'));
		const { result } = await download(() => fileAnswer(bytes), {
			sha256: sha256(bytes),
			maxBytes: bytes.length,
		});
		expect(result).toMatchObject({ ok: true, file: { durationSeconds: 20.605, channels: 2 } });
	});

	it.each(['text/html', 'application/json'])(
		'The file is accepted if its hash is right, although it is called %s',
		async (type) => {
			const page = Buffer.from('<html>');
			const { result } = await download(() => fileAnswer(page, { 'content-type': type }), {
				sha256: sha256(page),
				sizeBytes: 5,
			});
			expect(result).toMatchObject({
				ok: true,
				file: { verified: true, fileName: `call-recording-${TARGET.mediaId}.ogg` },
			});
		},
	);

	it('The file can be as large as is allowed', async () => {
		const headers = { 'content-length': String(BYTES.length) };
		const { result } = await download(() => fileAnswer(BYTES, headers), {
			maxBytes: BYTES.length,
		});
		expect(result.ok).toBe(true);
	});
});

describe('a download without a file', () => {
	it('A file without a known hash is not accepted', async () => {
		const { result, sent } = await download(() => fileAnswer(BYTES), {
			sha256: null,
		});
		expect(result).toEqual(
			failure(
				'hashMissing',
				'Neither the event nor the Media API provides a SHA-256 for the media ID 1002764438271669, so the file cannot be verified. You can still download it, unverified, with the action node (operation Download).',
			),
		);
		expect(sent).toEqual([]);
	});

	const answered = (status: number, more = '') =>
		`lookaside.fbsbx.com returned HTTP status ${status}${more}.`;
	const refused = (status: number) =>
		`lookaside.fbsbx.com refused access to the file (HTTP status ${status}). Check that the access token in the credential is valid and has access to this WhatsApp Business account.`;
	const gone = ': Meta no longer has the file, or it belongs to another account';

	const denied = { transient: true, freshUrlMayHelp: true };
	const notYet = (status: number) =>
		failure('unavailable', `Meta does not have the file yet: ${answered(status)}`, denied);
	const MINUTES = 60_000;

	it.each<[number, string, object]>([
		[199, 'at any time', failure('downloadFailed', answered(199), fresh)],
		[300, 'at any time', failure('downloadFailed', answered(300), fresh)],
		[302, 'at any time', failure('downloadFailed', answered(302), fresh)],
		[400, 'late', failure('downloadFailed', answered(400), fresh)],
		[400, 'at first', notYet(400)],
		[401, 'at any time', failure('accessDenied', refused(401), denied)],
		[403, 'late', failure('accessDenied', refused(403), fresh)],
		[403, 'at first', failure('accessDenied', refused(403), denied)],
		[404, 'late', failure('mediaGone', answered(404, gone), fresh)],
		[404, 'at first', notYet(404)],
		[408, 'at any time', failure('unavailable', answered(408), transient)],
		[410, 'late', failure('mediaGone', answered(410, gone), fresh)],
		[410, 'at first', notYet(410)],
		[425, 'at any time', failure('unavailable', answered(425), transient)],
		[429, 'at any time', failure('unavailable', answered(429), transient)],
		[499, 'late', failure('downloadFailed', answered(499), fresh)],
		[499, 'at first', failure('downloadFailed', answered(499), denied)],
		[500, 'at any time', failure('unavailable', answered(500), transient)],
	])('A response of %i without a redirect is a failure, %s', async (statusCode, when, expected) => {
		const ages = { 'at first': [0, 9], late: [11, null], 'at any time': [null, 11] }[when]!;
		for (const minutes of ages) {
			const body = Readable.from([BYTES]);
			const eventAt = minutes === null ? null : Date.now() - minutes * MINUTES;
			const { result } = await download(() => ({ statusCode, body }), { eventAt });
			expect(result).toEqual(expected);
			expect(body.destroyed).toBe(true);
		}
	});

	it.each([200, 204, 400, 404])(
		'A redirect with the status %i is not followed',
		async (statusCode) => {
			const { sent } = await download(() => ({
				statusCode,
				body: Readable.from([BYTES]),
				headers: { location: 'https://lookaside.fbsbx.com/other' },
			}));
			expect(sent.map(({ url }) => url)).toEqual([URL_OF_FILE]);
		},
	);

	it('A chain of redirects is a failure', async () => {
		const { result, sent } = await download(({ url }) => ({
			statusCode: 302,
			body: Readable.from([]),
			headers: { location: `${url}1` },
		}));
		expect(result).toEqual(
			failure('downloadFailed', "The file's URL redirects more than 5 times.", fresh),
		);
		expect(sent.map(({ url }) => url)).toEqual(
			['', '1', '11', '111', '1111', '11111'].map((ones) => `${URL_OF_FILE}${ones}`),
		);
	});

	it('A redirect to where the token must not go is a failure', async () => {
		const { result, sent } = await download(() => ({
			statusCode: 302,
			body: Readable.from([]),
			headers: { location: 'https://fbsbx.com.evil.example/file' },
		}));
		expect(result).toMatchObject({ problem: { reason: 'hostNotAllowed', transient: false } });
		expect(sent).toHaveLength(1);
	});

	it('A file that is announced as too large is a failure', async () => {
		const body = Readable.from([BYTES]);
		const { result } = await download(
			() => ({ statusCode: 200, body, headers: { 'content-length': '2621440' } }),
			{ maxBytes: 1_572_864 },
		);
		expect(result).toEqual(
			failure(
				'tooLarge',
				'The file is 2.5 MB, larger than the limit of 1.5 MB. Increase the option Max File Size, and download the file by its media ID.',
			),
		);
		expect(body.destroyed).toBe(true);
	});

	it('A size just above the limit is written so that the two differ', async () => {
		const { result } = await download(
			() => ({
				statusCode: 200,
				body: Readable.from([]),
				headers: { 'content-length': '1048577' },
			}),
			{ maxBytes: 1_048_576 },
		);
		expect(result).toMatchObject({
			problem: {
				message: expect.stringContaining('1.001 MB, larger than the limit of 1 MB') as string,
			},
		});
	});

	it.each([
		['without a hash', { sha256: null, allowUnverified: true }],
		['with a hash', {}],
	])('A part of a file, which nobody asked for, is not the file, %s', async (_, more) => {
		const { result } = await download(
			() => ({ ...fileAnswer(BYTES.subarray(0, 6)), statusCode: 206 }),
			more,
		);
		const message =
			'lookaside.fbsbx.com returned HTTP status 206, but not the file. Received: only 6 bytes of it.';
		expect(result).toEqual(
			failure('unavailable', message, { transient: true, freshUrlMayHelp: true }),
		);
	});

	it('A body that is too large is a failure', async () => {
		const { result } = await download(() => fileAnswer(BYTES), { maxBytes: 3 });
		expect(result).toMatchObject({
			problem: {
				reason: 'tooLarge',
				message: expect.stringMatching(/^The file is larger than the limit of 0 MB/) as string,
			},
		});
	});

	it.each([null, 5])(
		'Other bytes that could be the file are a hash mismatch (announced: %p)',
		async (sizeBytes) => {
			const { result } = await download(() => fileAnswer(Buffer.from('other')), { sizeBytes });
			expect(result).toEqual(
				failure(
					'hashMismatch',
					"The 5 bytes received for the media ID 1002764438271669 do not have the expected SHA-256, so the file was rejected. Download it again by its media ID. If you provided the SHA-256 yourself, leave it empty to use Meta's.",
					fresh,
				),
			);
		},
	);

	const HTML = '<!DOCTYPE html><title>Maintenance</title>';
	const ERROR = '{"error":{"code":1}}';

	describe.each<[string, Buffer | null]>([
		['with a hash to compare with', sha256(BYTES)],
		['without one', null],
	])('other content than the file, %s', (_, hash) => {
		it.each<[string, FileProperty, string, string | undefined, string]>([
			['a page', 'recording', HTML, 'Text/HTML; charset=utf-8', '41 bytes of type text/html'],
			[
				'a page without a type',
				'recording',
				`\uFEFF\r\n${HTML}`,
				undefined,
				'46 bytes without a type',
			],
			['a page that is called audio', 'recording', HTML, 'audio/ogg', '41 bytes of type audio/ogg'],
			['what is called a page', 'recording', 'a page', 'text/html', '6 bytes of type text/html'],
			['an error', 'recording', ERROR, 'application/json', '20 bytes of type application/json'],
			['an error without a type', 'recording', ` ${ERROR}`, 'x\r\ny', '21 bytes without a type'],
			['a list', 'recording', '[]', undefined, '2 bytes without a type'],
			['plain words', 'recording', 'busy', 'text/plain', '4 bytes of type text/plain'],
			[
				'XML',
				'recording',
				'x',
				'application/problem+xml',
				'1 bytes of type application/problem+xml',
			],
			['nothing', 'recording', '', 'audio/ogg', 'nothing'],
			[
				'a page instead of a transcript',
				'transcription',
				HTML,
				undefined,
				'41 bytes without a type',
			],
			[
				'an error instead of a transcript',
				'transcription',
				'{ "error" : {}}',
				'application/json',
				'15 bytes of type application/json',
			],
			['nothing instead of a transcript', 'transcription', '', undefined, 'nothing'],
			[
				'less than the Media API announces',
				'recording',
				'OggS',
				'audio/ogg',
				'4 bytes instead of the 14 announced by the Media API',
			],
			[
				'more than the Media API announces',
				'transcription',
				`{"transcript":{}}`,
				'application/json',
				'17 bytes instead of the 14 announced by the Media API',
			],
		])(
			'The content %s is a temporary error',
			async (_name, property, content, contentType, came) => {
				const headers: Record<string, string> = contentType ? { 'content-type': contentType } : {};
				const { result, files } = await download(() => fileAnswer(Buffer.from(content), headers), {
					property,
					sha256: hash,
					sizeBytes: 14,
					allowUnverified: true,
				});
				expect(result).toEqual(
					failure(
						'unavailable',
						`lookaside.fbsbx.com returned HTTP status 200, but not the file. Received: ${came}.`,
						denied,
					),
				);
				expect(files).toEqual([]);
			},
		);
	});

	it.each<[FileProperty, string]>([
		['recording', 'OggS'],
		['transcription', '{"transcript":{"text":"error"}}'],
	])(
		'The content of a %s without a hash is not taken for other content',
		async (property, content) => {
			const { result } = await download(() => fileAnswer(Buffer.from(content)), {
				property,
				sha256: null,
				sizeBytes: content.length,
				allowUnverified: true,
			});
			expect(result).toMatchObject({ ok: true, file: { verified: false } });
		},
	);

	it('A response of n8n without a stream is a failure', async () => {
		const { result } = await download(() => ({ statusCode: 200, body: BYTES }));
		expect(result).toEqual(failure('downloadFailed', 'n8n did not provide the file as a stream.'));
	});

	it('A connection that is cut is a failure', async () => {
		async function* broken() {
			yield BYTES;
			throw new Error('socket hang up');
		}
		const { result } = await download(() => ({ statusCode: 200, body: Readable.from(broken()) }));
		expect(result).toEqual(
			failure(
				'unavailable',
				'The download stopped: the connection was interrupted after 14 bytes.',
				transient,
			),
		);
	});

	it('A media host that does not answer is a failure', async () => {
		const { result } = await download(() => {
			throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
		});
		expect(result).toMatchObject({
			problem: {
				reason: 'unavailable',
				message: expect.stringMatching(/^The download stopped: /) as string,
				transient: true,
			},
			freshUrlMayHelp: false,
		});
	});
});

const FULL = Object.assign(new Error('full'), { code: 'ENOSPC' });

describe("n8n's store", () => {
	const withStore = async (store: (stream: Readable) => Promise<IBinaryData>) => {
		const { context } = fakeExecution({}, () => fileAnswer(BYTES));
		context.helpers.prepareBinaryData = async (stream) => await store(stream as Readable);
		return await downloadFromUrl(context, ACCOUNT, TARGET, NEVER);
	};
	const read = async (stream: Readable) => {
		for await (const _ of stream);
	};
	const stored = (bytes: number | string) =>
		failure(
			'storageFailed',
			`n8n stored ${bytes} bytes, but received 14. Check n8n's binary data storage.`,
			transient,
		);
	const binary = { data: '', mimeType: 'audio/ogg' };

	it('A store with fewer bytes than came is a failure', async () => {
		const result = await withStore(async (stream) => {
			await read(stream);
			return { ...binary, bytes: 13 };
		});
		expect(result).toEqual(stored(13));
	});

	it('A store with fewer bytes than came, in the item, is a failure', async () => {
		const result = await withStore(async (stream) => {
			await read(stream);
			return { ...binary, data: Buffer.from('x').toString('base64') };
		});
		expect(result).toEqual(stored(1));
	});

	it('A store that did not read to the end, and does not say what it has, is a failure', async () => {
		const result = await withStore(async () => ({ ...binary, id: 'filesystem-v2:1' }));
		expect(result).toEqual(
			failure(
				'storageFailed',
				"n8n stored an unknown number of bytes, but received 0. Check n8n's binary data storage.",
				transient,
			),
		);
	});

	it('A store need not say how much it has', async () => {
		const result = await withStore(async (stream) => {
			await read(stream);
			return { ...binary, id: 'filesystem-v2:1' };
		});
		expect(result.ok).toBe(true);
	});

	it.each<[string, (stream: Readable) => Promise<unknown>]>([
		[
			'stops reading',
			async (stream) => {
				for await (const _ of stream) break;
			},
		],
		['destroys the stream', async (stream) => await once(stream.destroy(FULL), 'close')],
		[
			'fails in the middle',
			async (stream) =>
				await pipeline(stream, new Writable({ write: (_chunk, _encoding, done) => done(FULL) })),
		],
	])(
		'A store that %s is the failure, not the connection that this interrupts',
		async (_, store) => {
			// As a response that has not ended: to destroy it is an error of its own.
			const body = new Readable({
				read() {
					this.push(BYTES);
				},
				destroy(error, done) {
					done(error ?? Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
				},
			});
			const { context } = fakeExecution({}, () => ({ ...fileAnswer(BYTES), body, headers: {} }));
			context.helpers.prepareBinaryData = async (stream) => {
				await store(stream as Readable).catch(() => {});
				await new Promise((resolve) => setImmediate(resolve));
				throw FULL;
			};
			expect(
				await downloadFromUrl(context, ACCOUNT, { ...TARGET, maxBytes: 1_000_000 }, NEVER),
			).toMatchObject({
				problem: { reason: 'storageFailed', message: expect.stringContaining('ENOSPC') as string },
			});
		},
	);

	it.each<[string, unknown, string]>([
		['with a code', Object.assign(new Error('full'), { code: 'ENOSPC' }), ' (ENOSPC)'],
		['without a code', new Error('full'), ''],
		['with a code that is no text', Object.assign(new Error('full'), { code: 28 }), ''],
		['with nothing at all', null, ''],
	])('A store that fails %s is a failure', async (_, thrown, told) => {
		const result = await withStore(async () => await Promise.reject(thrown));
		expect(result).toEqual(
			failure(
				'storageFailed',
				`n8n could not store the file${told}. Check n8n's binary data storage: free space and access rights.`,
				transient,
			),
		);
	});
});
