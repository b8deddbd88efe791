import { TRIGGER } from '../support/stage';
import type { CreatedRecording } from '../../emulator';
import type { BinaryReference, Execution } from '../support/n8n';
import { OWNER } from '../support/n8n';
import { fileOf, type AttackStage } from './attackStage';
import { GRAPH_HOST, sendJson } from './internet';

/** Texts that would do harm in a path, a header, a log or a page. */
export const HARMFUL: Array<[string, string]> = [
	['a way up', '../../../../etc/passwd'],
	['a way up, escaped', '..%2f..%2fetc%2fpasswd'],
	['a way up, escaped twice', '%252e%252e%252f'],
	['a way up with backslashes', '..\\..\\windows\\win.ini'],
	['an absolute path', '/etc/passwd'],
	['another address', 'https://evil.example/x'],
	['two slashes and another host', '//evil.example'],
	['a user of another host', '@evil.example/'],
	['a query', '1?access_token=1'],
	['a fragment', '1#x'],
	['a semicolon', '1;x=y'],
	['a line end and a header', '1\r\nX-Injected: 1\r\n\r\n'],
	['a line end alone', '1\nFORGED line of a log'],
	['a NUL', '1\0.ogg'],
	['an escape sequence of terminals', '1\u001b[2J\u001b]0;owned\u0007'],
	['letters that turn the direction', '1\u202egpj.exe'],
	['markup', '<img src=x onerror=alert(1)>'],
	['an expression of n8n', '={{ $env }}'],
	['a prototype', '__proto__'],
	['10,000 letters', 'x'.repeat(10_000)],
];

/** A few of them, for what is not used at all. */
export const SOME = HARMFUL.filter(([name]) =>
	['a way up', 'a line end and a header', 'a NUL', 'a prototype', '10,000 letters'].includes(name),
);

/** Of them, what is a text without control characters, and is allowed where only that matters. */
const isPlain = (text: string) => !/[\u0000-\u001f\u007f]/.test(text) && text.length <= 512;

const MIME_TYPES: Array<[string, string]> = [
	['a page', 'text/html'],
	['a page with a character set', 'text/html; charset=utf-7'],
	['a page of XML', 'application/xhtml+xml'],
	['a picture that runs scripts', 'image/svg+xml'],
	['a document that calls itself audio', 'audio/x+xml'],
	['a script', 'text/javascript'],
	['a way up', 'audio/../../etc/passwd'],
	['two slashes', 'audio/ogg/html'],
	['a line end and a header', 'audio/ogg\r\nSet-Cookie: a=b'],
	['a line end and a page', 'audio/ogg\r\n\r\n<script>alert(1)</script>'],
	['a NUL', 'audio/ogg\0'],
	['a parameter with a line end', 'audio/ogg; codecs="opus\r\nX: y"'],
	['another type behind a comma', 'audio/ogg, text/html'],
	['10,000 letters', `audio/${'x'.repeat(10_000)}`],
	['no type', 'x'],
];

export function nameAttacks(stage: () => AttackStage): void {
	let cookie = '';

	/** An event that is skipped: no execution, and Meta is asked for nothing. */
	async function skipped(recording: CreatedRecording) {
		const body = stage().body(recording);
		await stage().survives(async () => {
			const served = stage().internet.served.length;
			const log = stage().n8n.log.text().length;
			expect(await stage().deliver(body)).toMatchObject({ status: 200 });
			expect(stage().internet.served).toHaveLength(served);
			expect(stage().n8n.log.text().slice(log)).not.toMatch(/^(X-Injected|FORGED)|\u001b/m);
		});
	}

	/** An event that does not name its file: an item without it, and Meta is asked for nothing. */
	async function unreadable(recording: CreatedRecording) {
		const served = stage().internet.served.length;
		const [item] = (await emitted(recording)).items(TRIGGER);
		// What comes after it is the good delivery, whose file has its address.
		expect(stage().internet.served.slice(served)).toHaveLength(1);
		expect(item?.json.recording).toMatchObject({
			mediaId: null,
			verified: false,
			error: { reason: 'unreadable' },
		});
		expect(item?.binary).toBeUndefined();
	}

	async function emitted(recording: CreatedRecording): Promise<Execution> {
		const body = stage().body(recording);
		const [execution] = await stage().survives(async () => {
			const log = stage().n8n.log.text().length;
			expect(await stage().deliver(body)).toMatchObject({ status: 200 });
			expect(stage().n8n.log.text().slice(log)).not.toMatch(/^(X-Injected|FORGED)|\u001b/m);
		}, 1);
		if (!execution) throw new Error('no execution');
		return execution;
	}

	describe('IDs of files', () => {
		it.each(HARMFUL.filter(([, text]) => text !== '__proto__'))(
			'A media ID of %s is not used',
			async (_, id) => {
				const recording = await stage().recording();
				fileOf(recording).id = id;
				await unreadable(recording);
			},
		);

		it.each<[string, unknown]>([
			['a list', ['5']],
			['an object', { toString: '5' }],
			['empty', ''],
			['missing', undefined],
		])('A media ID that is %s is not used', async (_, id) => {
			const recording = await stage().recording();
			fileOf(recording).id = id;
			await unreadable(recording);
		});

		it('A media ID that is a number counts as its digits', async () => {
			const recording = await stage().recording();
			fileOf(recording).id = 5;
			const [item] = (await emitted(recording)).items(TRIGGER);
			expect(item?.json.recording).toMatchObject({ mediaId: '5', verified: true });
		});

		it('A media ID named like a prototype is requested under its name, and nothing more happens', async () => {
			const recording = await stage().recording(stage().aWhileAgo());
			fileOf(recording).id = '__proto__';
			fileOf(recording).url = undefined;
			const body = stage().body(recording);
			const [execution] = await stage().survives(async () => {
				const served = stage().internet.served.length;
				expect((await stage().deliver(body)).status).toBe(200);
				const [asked] = stage().internet.served.slice(served);
				expect(asked?.url.split('?')[0]).toBe(`https://${GRAPH_HOST}/v26.0/__proto__`);
			}, 1);
			const [item] = execution?.items(TRIGGER) ?? [];
			expect(item?.json.recording).toMatchObject({ mediaId: '__proto__', verified: false });
		});
	});

	describe('IDs of calls', () => {
		it.each(HARMFUL)('A call ID of %s does no harm', async (_, id) => {
			const recording = await stage().recording({ callId: id });
			const [item] = (await emitted(recording)).items(TRIGGER);
			const callId = isPlain(id) ? id : null;
			expect(item?.json).toMatchObject({ callId, recording: { verified: true } });
			checkFile(item?.binary?.data);
		});
	});

	describe('IDs of phone numbers', () => {
		it.each(HARMFUL)('A phone number ID of %s does no harm', async (_, id) => {
			const recording = await stage().recording(stage().aWhileAgo());
			fileOf(recording).url = undefined;
			const { event } = recording;
			const value = {
				messaging_product: 'whatsapp',
				metadata: { phone_number_id: id, display_phone_number: id },
				calls: [event],
			};
			const body = JSON.stringify({ entry: [{ id, changes: [{ field: 'calls', value }] }] });
			await stage().survives(async () => {
				const served = stage().internet.served.length;
				expect((await stage().deliver(body)).status).toBe(200);
				const asked = stage()
					.internet.served.slice(served)
					.map(({ url }) => new URL(url));
				const [mediaApi, ...file] = asked;
				expect(mediaApi?.pathname).toBe(`/v26.0/${recording.mediaId}`);
				expect([...(mediaApi?.searchParams ?? [])]).toEqual([
					...(isPlain(id) ? [['phone_number_id', id]] : []),
					['appsecret_proof', expect.stringMatching(/^[0-9a-f]{64}$/)],
				]);
				// What is no ID is left out, and Meta gives the file.
				expect(file).toHaveLength(isPlain(id) ? 0 : 1);
			}, 1);
		});
	});

	describe('names of events', () => {
		it.each(HARMFUL)('An event named with %s is skipped', async (_, name) => {
			const recording = await stage().recording({ event: { event: name } });
			await skipped(recording);
		});
	});

	describe('people, the account and informational fields', () => {
		it.each(HARMFUL)('A person, account or time of %s does no harm', async (_, text) => {
			const recording = await stage().recording({
				event: {
					from: text,
					from_user_id: text,
					to: text,
					timestamp: text,
					deeplink_payload: text,
				},
			});
			recording.update.businessAccountId = text;
			const [item] = (await emitted(recording)).items(TRIGGER);
			const id = isPlain(text) ? text : null;
			expect(item?.json).toMatchObject({
				callId: recording.callId,
				businessAccountId: id,
				from: null,
				userId: id,
				timestamp: null,
				recording: { verified: true },
			});
			checkFile(item?.binary?.data);
		});
	});

	describe('names of files', () => {
		it.each(SOME)('A file name of %s from outside is not used', async (_, name) => {
			const recording = await stage().recording();
			Object.assign(fileOf(recording), { filename: name, file_name: name, fileName: name });
			const [item] = (await emitted(recording)).items(TRIGGER);
			expect(item?.binary?.data?.fileName).toBe(`call-recording-${recording.mediaId}.ogg`);
			checkFile(item?.binary?.data);
		});
	});

	/** What every file is, whatever was said of it. */
	function checkFile(file: (BinaryReference & { directory?: string }) | undefined) {
		expect(file?.fileName).toMatch(/^call-recording-[A-Za-z0-9_-]+\.[a-z0-9]{3,4}$/);
		expect(file?.mimeType).toMatch(/^(audio|video)\/[a-z0-9.-]+$|^application\/octet-stream$/);
		expect(file?.directory).toBeUndefined();
	}

	/** How n8n gives a file to a browser. */
	async function served(file: BinaryReference | undefined, action: 'view' | 'download') {
		if (cookie === '') {
			const { headers } = await stage().send({
				url: `${stage().n8n.url}/rest/login`,
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ emailOrLdapLoginId: OWNER.email, password: OWNER.password }),
			});
			cookie = [headers['set-cookie'] ?? []].flat().join('; ').split(';')[0] ?? '';
		}
		const query = new URLSearchParams({ id: file?.id ?? '', action });
		return await stage().send({
			method: 'GET',
			url: `${stage().n8n.url}/rest/binary-data?${query.toString()}`,
			headers: { cookie },
		});
	}

	async function notRunByBrowsers(execution: Execution) {
		const [item] = execution.items(TRIGGER);
		checkFile(item?.binary?.data);
		const said = (item?.json.recording as { mimeType: string }).mimeType;
		expect(said).toMatch(/^[\x20-\x7e]{1,200}$/);
		expect(said).not.toMatch(/html|script|svg|xml/);
		const downloaded = await served(item?.binary?.data, 'download');
		expect(downloaded.headers['content-disposition']).toMatch(/^attachment/);
		expect(downloaded.headers).not.toHaveProperty('set-cookie');
		const viewed = await served(item?.binary?.data, 'view');
		expect(viewed.status === 400 || /^audio\//.test(String(viewed.headers['content-type']))).toBe(
			true,
		);
	}

	describe('MIME types of files', () => {
		it.each(MIME_TYPES)(
			'A browser runs no file whose MIME type in the event is %s',
			async (_, type) => {
				const recording = await stage().recording();
				fileOf(recording).mime_type = type;
				await notRunByBrowsers(await emitted(recording));
			},
		);

		it.each(MIME_TYPES)(
			'A browser runs no file whose MIME type from the Media API is %s',
			async (_, type) => {
				const recording = await stage().recording();
				const url = fileOf(recording).url;
				Object.assign(fileOf(recording), { mime_type: undefined, url: undefined });
				const info = { url, mime_type: type, sha256: recording.media.sha256Hex };
				await stage().internet.mediaApi(
					recording,
					sendJson(info),
					async () => await notRunByBrowsers(await emitted(recording)),
				);
			},
		);

		it.each(MIME_TYPES.filter(([, type]) => !/[\0\r\n]/.test(type)))(
			'A browser runs no file whose Content-Type header is %s',
			async (_, type) => {
				const recording = await stage().recording({ content: '<script>alert(1)</script>' });
				fileOf(recording).mime_type = undefined;
				await stage().internet.mediaHost(
					recording,
					(response) =>
						response
							.writeHead(200, {
								'content-type': type.slice(0, 8_000),
								'content-disposition': 'attachment; filename="../../x.html"',
							})
							.end('<script>alert(1)</script>'),
					async () => await notRunByBrowsers(await emitted(recording)),
				);
			},
		);
	});

	describe('hashes of files', () => {
		it.each(SOME)('A hash of %s is replaced by that of the Media API', async (_, sha256) => {
			const recording = await stage().recording();
			fileOf(recording).sha256 = sha256;
			const [item] = (await emitted(recording)).items(TRIGGER);
			// The Media API is asked for it.
			expect(item?.json.recording).toMatchObject({
				verified: true,
				sha256: recording.media.sha256Base64,
			});
		});
	});
}
