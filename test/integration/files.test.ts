import { readFile } from 'node:fs/promises';
import type { IDataObject, INode, INodeParameters } from 'n8n-workflow';
import { DAY_MS, SECOND_NUMBER } from '../support/constants';
import { DEFAULT_RECORDING, type CreatedRecording, type Fault } from '../../emulator';
import type { ActionRun } from './engine/actionRun';
import { useStage } from './engineStage';

const stage = useStage();

async function run(
	resource: 'recording' | 'transcription',
	operation: 'download' | 'get',
	parameters: INodeParameters,
	items?: IDataObject[],
	settings?: Partial<INode>,
): Promise<ActionRun> {
	return await stage.engine.run(
		stage.credential,
		{ resource, operation, ...parameters },
		items,
		settings,
	);
}

const download = (
	{ mediaId }: Pick<CreatedRecording, 'mediaId'>,
	parameters: INodeParameters = {},
) => run('recording', 'download', { mediaId, ...parameters });

describe('downloading a recording', () => {
	it('The item has the verified audio byte for byte, and what is known of it', async () => {
		const recording = await stage.emulator.createRecording();
		const audio = await readFile(DEFAULT_RECORDING);
		const { items } = await download(recording);
		expect(items).toHaveLength(1);
		expect(items[0].json).toEqual({
			mediaId: recording.mediaId,
			mimeType: 'audio/ogg; codecs=opus',
			sha256: recording.media.sha256Base64,
			fileName: `call-recording-${recording.mediaId}.ogg`,
			sizeBytes: audio.length,
			durationSeconds: 20.605,
			channels: 2,
			verified: true,
		});
		expect(items[0].pairedItem).toEqual({ item: 0 });
		const file = items[0].binary?.data;
		expect(file).toMatchObject({ mimeType: 'audio/ogg', fileExtension: 'ogg' });
		expect(file && (await stage.engine.bytesOf(file)).equals(audio)).toBe(true);
		expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual(['mediaInfo', 'media']);
	});

	it('The download works on the item of a trigger that did not download', async () => {
		const trigger = stage.trigger({ downloadFile: false });
		await stage.emulator.deliver([await stage.emulator.createRecording()]).answer;
		const { items } = await run(
			'recording',
			'download',
			{
				mediaId: '={{ $json.recording.mediaId }}',
				sha256: '={{ $json.recording.sha256 }}',
				binaryPropertyName: 'audio',
				options: { phoneNumberId: '={{ $json.phoneNumberId }}' },
			},
			trigger.items.map(({ json }) => json),
		);
		expect(items[0].json.verified).toBe(true);
		expect(Object.keys(items[0].binary ?? {})).toEqual(['audio']);
	});

	it.each(['base64', 'hex'] as const)('A hash in %s is checked', async (form) => {
		const recording = await stage.emulator.createRecording();
		const sha256 = Buffer.from(recording.media.sha256Hex, 'hex').toString(form);
		const { items } = await download(recording, { sha256 });
		expect(items[0].json.verified).toBe(true);
	});

	it('The hash of another file is an error, and nothing is kept', async () => {
		const before = await stage.engine.storedFiles();
		const recording = await stage.emulator.createRecording();
		const { error } = await download(recording, { sha256: 'a'.repeat(64) });
		expect(error.message).toBe('The file does not have the expected SHA-256');
		expect(error.context.reason).toBe('hashMismatch');
		expect(await stage.engine.storedFiles()).toEqual(before);
	});

	it('A file without a known hash is downloaded, but not called verified', async () => {
		const recording = await stage.emulator.createRecording();
		const url = (recording.event.call_recording as { audio: { url: string } }).audio.url;
		stage.emulator.failNext('mediaInfo', { status: 200, body: { url, id: recording.mediaId } });
		const { items } = await download(recording);
		expect(items[0].json).toMatchObject({
			verified: false,
			sha256: recording.media.sha256Base64,
		});
	});

	it('A download after 7 days says that the file is gone, and why', async () => {
		const recording = await stage.emulator.createRecording();
		stage.emulator.clock.advance(7 * DAY_MS);
		const { error } = await download(recording);
		expect(error.message).toBe('The file is no longer available at Meta');
		expect(error.description).toContain('7 days');
		expect(error.context).toMatchObject({ reason: 'mediaGone', itemIndex: 0 });
	});

	it('A download works more than six days after the call', async () => {
		const recording = await stage.emulator.createRecording();
		stage.emulator.clock.advance(7 * DAY_MS - 60_000);
		expect((await download(recording)).items[0].json.verified).toBe(true);
	});

	it('A file of another number of the account is an error if the number is given', async () => {
		const recording = await stage.emulator.createRecording();
		const { error } = await download(recording, {
			options: { phoneNumberId: SECOND_NUMBER },
		});
		expect(error.context.reason).toBe('mediaGone');
	});

	it.each<[string, Fault]>([
		['answers 503', { status: 503 }],
		['cuts the connection', { cutAfterBytes: 2_000 }],
		['resets the connection', { reset: true }],
		['sends other bytes', { wrongContent: true }],
		['says that the URL is stale', { status: 404 }],
		['answers with a page', { status: 200, body: '<html></html>' }],
	])('A download is tried again when the media host %s once', async (_, fault) => {
		stage.emulator.failNext('media', fault);
		const { items } = await download(await stage.emulator.createRecording());
		expect(items[0].json.verified).toBe(true);
		expect(stage.requests('media')).toHaveLength(2);
	});

	it('A download has an error with the reason when the media host stays unavailable', async () => {
		stage.emulator.failNext('media', { status: 503 }, { times: Infinity });
		const { error } = await download(await stage.emulator.createRecording());
		expect(error.description).toContain('503');
		expect(error.context.reason).toBe('unavailable');
		expect(stage.requests('media')).toHaveLength(3);
	});

	it('A download that takes too long has an error with the reason', async () => {
		stage.emulator.failNext('media', { bytesPerSecond: 4_000 }, { times: Infinity });
		const recording = await stage.emulator.createRecording({ sizeBytes: 100_000 });
		const { error } = await download(recording, { options: { timeout: 0.3 } });
		expect(error.message).toBe('The download took too long');
	});

	it('A request that is not answered in time fails, although n8n replaces its signal', async () => {
		stage.emulator.failNext('media', { hang: true });
		const recording = await stage.emulator.createRecording();
		const begin = Date.now();
		const { error } = await download(recording, { options: { timeout: 0.3 } });
		expect(error.message).toBe('The download took too long');
		// Far below the 30 seconds of silence that n8n allows.
		expect(Date.now() - begin).toBeLessThan(10_000);
	});

	it('A page instead of the file is an error with what came, also without a hash', async () => {
		const before = await stage.engine.storedFiles();
		const recording = await stage.emulator.createRecording();
		const { url } = (recording.event.call_recording as { audio: { url: string } }).audio;
		const always = { times: Infinity };
		stage.emulator.failNext('mediaInfo', { status: 200, body: { url, id: '1' } }, always);
		stage.emulator.failNext('media', { status: 200, body: '<html></html>' }, always);
		const { error } = await download(recording);
		expect(error.message).toBe('Meta did not provide the file');
		expect(error.description).toMatch(
			/HTTP status 200, but not the file. Received: 13 bytes of type/,
		);
		expect(await stage.engine.storedFiles()).toEqual(before);
	});

	it('A token that Meta rejects is an error at once', async () => {
		stage.emulator.failNext('media', { status: 403 }, { times: Infinity });
		const { error } = await download(await stage.emulator.createRecording());
		expect(error.message).toBe('Meta refused access to the file');
		expect(stage.requests('media')).toHaveLength(2);
	});

	it('A file that is too large is an error with the limit, and nothing is kept', async () => {
		const before = await stage.engine.storedFiles();
		const recording = await stage.emulator.createRecording({ sizeBytes: 2_000_000 });
		const { error } = await download(recording, { options: { maxFileSize: 1 } });
		expect(error.message).toBe('The file is too large');
		expect(error.description).toContain('1.908 MB, larger than the limit of 1 MB');
		expect(await stage.engine.storedFiles()).toEqual(before);
	});

	it.each<[string, INodeParameters, RegExp]>([
		['no media ID', { mediaId: '={{ "" }}' }, /media ID is missing/],
		['a media ID that is a path', { mediaId: '../me' }, /not a media ID/],
		['a hash that is none', { mediaId: '1', sha256: 'abc' }, /SHA-256 cannot be read/],
		[
			'a limit that is none',
			{ mediaId: '1', options: { maxFileSize: 0 } },
			/^Max File Size \(MB\) must/,
		],
		[
			'a time that is none',
			{ mediaId: '1', options: { timeout: 'x' } },
			/^Timeout \(Seconds\) must/,
		],
	])('A download with %s is rejected before anything is sent', async (_, parameters, message) => {
		const { error } = await run('recording', 'download', parameters);
		expect(error.message).toMatch(message);
		expect(error.description).toBeTruthy();
		expect(stage.emulator.requests).toEqual([]);
	});

	it('A download of several items continues after one that failed, if the operator wants that', async () => {
		const [first, last] = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
		];
		const ids = [first.mediaId, '999', last.mediaId];
		const { items, errorItems } = await run(
			'recording',
			'download',
			{ mediaId: '={{ $json.id }}' },
			ids.map((id) => ({ id })),
			{ onError: 'continueErrorOutput' },
		);
		expect(items.map(({ json }) => json.mediaId)).toEqual([first.mediaId, last.mediaId]);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual([{ item: 0 }, { item: 2 }]);
		expect(errorItems.map(({ json }) => json)).toEqual([
			{ id: '999', error: expect.objectContaining({ reason: 'mediaGone' }) },
		]);
	});
});

describe('getting a recording', () => {
	it('The item has metadata and a fresh URL, without a file', async () => {
		const recording = await stage.emulator.createRecording();
		const askedAt = Date.now();
		const { items } = await run('recording', 'get', { mediaId: recording.mediaId });
		expect(items[0]).toEqual({
			json: {
				mediaId: recording.mediaId,
				url: expect.stringContaining(`${stage.emulator.baseUrl}/whatsapp_business/attachments/`),
				urlValidUntil: expect.any(String),
				mimeType: 'audio/ogg; codecs=opus',
				sha256: recording.media.sha256Base64,
				sizeBytes: recording.media.sizeBytes,
			},
			pairedItem: { item: 0 },
		});
		const validFor = Date.parse(String(items[0].json.urlValidUntil)) - askedAt;
		expect(validFor).toBeGreaterThan(4 * 60_000);
		expect(validFor).toBeLessThanOrEqual(5 * 60_000 + 1_000);
		expect(stage.emulator.requests.map(({ kind }) => kind)).toEqual(['mediaInfo']);
	});

	it.each(['string', 'number'] as const)('A size that is a %s is read', async (fileSizeAs) => {
		await stage.emulator.stop();
		await stage.startEmulator({ fileSizeAs });
		const recording = await stage.emulator.createRecording({ sizeBytes: 1_234 });
		const { items } = await run('recording', 'get', { mediaId: recording.mediaId });
		expect(items[0].json.sizeBytes).toBe(1_234);
	});

	it('Getting a recording after 7 days says that it is gone', async () => {
		const recording = await stage.emulator.createRecording();
		stage.emulator.clock.advance(7 * DAY_MS);
		const { error } = await run('recording', 'get', { mediaId: recording.mediaId });
		expect(error.message).toBe('The file is no longer available at Meta');
	});

	it('Getting a recording with an expired token says so', async () => {
		const recording = await stage.emulator.createRecording();
		stage.emulator.revokeToken();
		const { error } = await run('recording', 'get', { mediaId: recording.mediaId });
		expect(error.message).toBe('WhatsApp did not accept the access token');
		expect(error.context.whatsApp).toMatchObject({ code: 190 });
	});

	it('Getting a recording is repeated when Meta is briefly unavailable', async () => {
		const recording = await stage.emulator.createRecording();
		stage.emulator.failNext('mediaInfo', { errorCode: 131000 });
		const { items } = await run('recording', 'get', { mediaId: recording.mediaId });
		expect(items).toHaveLength(1);
	});
});

describe('downloading a transcript', () => {
	it('The item has the file and what was said', async () => {
		const transcript = await stage.emulator.createRecording({ transcript: true });
		const { items } = await run('transcription', 'download', { mediaId: transcript.mediaId });
		expect(items[0].json).toMatchObject({
			mimeType: 'application/json',
			fileName: `call-transcript-${transcript.mediaId}.json`,
			verified: true,
			transcript: {
				language: 'en',
				text: expect.stringContaining('[Customer] Hello.'),
				segments: expect.arrayContaining([expect.objectContaining({ speaker: 'Business' })]),
			},
		});
		const file = items[0].binary?.data;
		expect(file && String(await stage.engine.bytesOf(file))).toContain('"words"');
	});

	it('The item has the file alone if it cannot be read', async () => {
		const transcript = await stage.emulator.createRecording({ transcript: true, content: '{}' });
		const { items } = await run('transcription', 'download', { mediaId: transcript.mediaId });
		expect(items[0].json).toMatchObject({ transcript: null, verified: true });
	});

	it('Getting a transcript gives its metadata too', async () => {
		const transcript = await stage.emulator.createRecording({ transcript: true });
		const { items } = await run('transcription', 'get', { mediaId: transcript.mediaId });
		expect(items[0].json).toMatchObject({ mimeType: 'application/json' });
	});
});
