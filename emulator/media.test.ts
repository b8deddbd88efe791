import { createHash } from 'node:crypto';
import { NUMBER, SECOND_NUMBER } from '../test/support/constants';
import { ForeignHost } from '../test/support/foreignHost';
import { download, graph } from '../test/support/graph';
import { createSyntheticMedia, startEmulator, type CreatedRecording, type Emulator } from './index';

let emulator: Emulator;

beforeEach(async () => {
	emulator = await startEmulator();
});

afterEach(async () => {
	await emulator.stop();
});

const urlOf = ({ event }: CreatedRecording) =>
	(event.call_recording as { audio: { url: string } }).audio.url;
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Names what went wrong with a body, whatever the client calls it. */
const bodyFailure = async (response: Response) =>
	await response.arrayBuffer().then(
		() => 'whole',
		() => 'broken',
	);

describe('media information', () => {
	it('Media information has a fresh URL each time', async () => {
		const made = await emulator.createRecording({ content: 'twelve bytes' });
		const first = await graph(emulator, 'GET', made.mediaId);
		expect(first.body).toEqual({
			messaging_product: 'whatsapp',
			url: expect.stringContaining(emulator.baseUrl) as string,
			mime_type: 'audio/ogg; codecs=opus',
			sha256: sha256(Buffer.from('twelve bytes')),
			file_size: '12',
			id: made.mediaId,
		});
		const second = await graph(emulator, 'GET', made.mediaId);
		expect(second.body.url).not.toBe(first.body.url);
		const file = await download(emulator, String(second.body.url));
		expect((await bytesOf(file)).toString()).toBe('twelve bytes');
	});

	it('Media information can give the size as a number', async () => {
		await emulator.stop();
		emulator = await startEmulator({ fileSizeAs: 'number' });
		const { mediaId } = await emulator.createRecording({ content: 'abc' });
		expect((await graph(emulator, 'GET', mediaId)).body.file_size).toBe(3);
	});

	it('Media information can give a wrong size', async () => {
		const made = await emulator.createRecording({ content: 'abc', announcedSize: 99 });
		expect((await graph(emulator, 'GET', made.mediaId)).body.file_size).toBe('99');
		expect((await download(emulator, urlOf(made))).headers.get('content-length')).toBe('3');
	});

	it('Media information is for the number that owns the media', async () => {
		const { mediaId } = await emulator.createRecording({ phoneNumberId: SECOND_NUMBER });
		const own = await graph(emulator, 'GET', `${mediaId}?phone_number_id=106000000000002`);
		expect(own.status).toBe(200);
		const other = await graph(emulator, 'GET', `${mediaId}?phone_number_id=106000000000001`);
		expect([other.status, other.error.code, other.error.error_subcode]).toEqual([400, 100, 33]);
	});

	it('Media information ends after 7 days', async () => {
		const { mediaId } = await emulator.createRecording();
		emulator.clock.advance(7 * 24 * 3_600_000 - 10_000);
		const fresh = await graph(emulator, 'GET', mediaId);
		expect(fresh.status).toBe(200);
		emulator.clock.advance(20_000);
		const gone = await graph(emulator, 'GET', mediaId);
		expect([gone.status, gone.error.code, gone.error.error_subcode]).toEqual([400, 100, 33]);
		expect((await download(emulator, String(fresh.body.url))).status).toBe(404);
	});

	it('Media information requires a token with access to the account', async () => {
		const { mediaId } = await emulator.createRecording();
		const wrong = await graph(emulator, 'GET', mediaId, undefined, { authorization: 'Bearer x' });
		expect([wrong.status, wrong.error.code]).toEqual([401, 190]);
		const none = await fetch(`${emulator.baseUrl}/v26.0/${mediaId}`);
		expect(none.status).toBe(401);
	});

	it('Media can be deleted', async () => {
		const { mediaId } = await emulator.createRecording();
		expect((await graph(emulator, 'DELETE', mediaId)).body).toEqual({ success: true });
		expect((await graph(emulator, 'GET', mediaId)).status).toBe(400);
	});
});

describe('a download', () => {
	it('A download has the type and the length of the file', async () => {
		const made = await emulator.createRecording();
		const answer = await download(emulator, urlOf(made));
		expect(answer.status).toBe(200);
		expect(answer.headers.get('content-type')).toBe('audio/ogg; codecs=opus');
		expect(answer.headers.get('content-length')).toBe(String(made.media.sizeBytes));
		const bytes = await bytesOf(answer);
		expect(bytes.subarray(0, 4).toString()).toBe('OggS');
		expect(bytes.includes('OpusHead')).toBe(true);
	});

	it('A download requires the token, a User-Agent, and the unchanged URL', async () => {
		const url = urlOf(await emulator.createRecording());
		const app = `${emulator.account.appId}|${emulator.account.appSecret}`;
		for (const authorization of ['', 'Bearer nonsense', `Bearer ${app}`]) {
			expect((await download(emulator, url, { authorization })).status).toBe(401);
		}
		const inQuery = `${url}&access_token=${emulator.account.accessToken}`;
		expect((await download(emulator, inQuery, { authorization: '' })).status).toBe(401);
		expect((await download(emulator, url, { 'user-agent': '' })).status).toBe(400);
		expect((await download(emulator, url.replace(/mid=\d/, 'mid=9'))).status).toBe(404);
		expect((await download(emulator, url.replace(/ext=\d/, 'ext=9'))).status).toBe(404);
		emulator.revokeToken();
		expect((await download(emulator, url)).status).toBe(401);
		emulator.restoreToken();
		expect((await download(emulator, url)).status).toBe(200);
	});

	it('A download works for 5 minutes', async () => {
		const url = urlOf(await emulator.createRecording());
		emulator.clock.advance(290_000);
		expect((await download(emulator, url)).status).toBe(200);
		emulator.clock.advance(11_000);
		expect((await download(emulator, url)).status).toBe(404);
	});

	it('A download can come before the media host has the file', async () => {
		const made = await emulator.createRecording({ availableAfterMs: 30_000 });
		expect((await download(emulator, urlOf(made))).status).toBe(404);
		expect((await graph(emulator, 'GET', made.mediaId)).status).toBe(200);
		emulator.clock.advance(31_000);
		expect((await download(emulator, urlOf(made))).status).toBe(200);
	});

	it('A download fails when URLs are made to expire or the file is deleted', async () => {
		const made = await emulator.createRecording();
		emulator.expireUrls();
		expect((await download(emulator, urlOf(made))).status).toBe(404);
		const { body } = await graph(emulator, 'GET', made.mediaId);
		expect((await download(emulator, String(body.url))).status).toBe(200);
		emulator.deleteMedia(made.mediaId);
		expect((await download(emulator, String(body.url))).status).toBe(404);
	});

	it('A large file is generated no faster than it is read', async () => {
		const sizeBytes = 100 * 1024 * 1024;
		const synthetic = await createSyntheticMedia({ sizeBytes, seed: 7 });
		let generated = 0;
		const counted = {
			...synthetic,
			async *open() {
				for await (const block of synthetic.open()) {
					generated += block.length;
					yield block;
				}
			},
		};
		const made = await emulator.createRecording({ content: counted });
		const answer = await download(emulator, urlOf(made));
		expect(answer.headers.get('content-length')).toBe(String(sizeBytes));
		await new Promise((resolve) => setTimeout(resolve, 200));
		// What the sockets of both sides hold, not what the file has.
		expect(generated).toBeLessThan(sizeBytes / 4);
		const hash = createHash('sha256');
		for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
			hash.update(chunk);
		}
		expect(hash.digest('hex')).toBe(made.media.sha256Hex);
	});

	it('A synthetic file is the same for the same seed', async () => {
		const [one, again, other] = await Promise.all(
			[1, 1, 2].map((seed) => createSyntheticMedia({ sizeBytes: 200_001, seed })),
		);
		expect(one?.sha256Hex).toBe(again?.sha256Hex);
		expect(one?.sha256Hex).not.toBe(other?.sha256Hex);
		expect(await createSyntheticMedia({ sizeBytes: 0 })).toMatchObject({
			sha256Hex: sha256(Buffer.alloc(0)),
		});
	});

	it('A download differs from an invented hash', async () => {
		const sha256Override = Buffer.alloc(32, 7).toString('base64');
		const made = await emulator.createRecording({ sha256Override });
		expect(made.event).toMatchObject({ call_recording: { audio: { sha256: sha256Override } } });
		const info = await graph(emulator, 'GET', made.mediaId);
		expect(info.body.sha256).toBe(Buffer.alloc(32, 7).toString('hex'));
	});
});

describe('a fault of a download', () => {
	const content = Buffer.from('0123456789'.repeat(1000));
	let made: CreatedRecording;

	beforeEach(async () => {
		made = await emulator.createRecording({ content });
	});

	it('A fault happens as often as requested', async () => {
		const fault = emulator.failNext('media', { status: 503 }, { times: 2 });
		const statuses = [];
		for (let i = 0; i < 3; i++) statuses.push((await download(emulator, urlOf(made))).status);
		expect(statuses).toEqual([503, 503, 200]);
		expect(fault.hits()).toBe(2);
		expect(emulator.requests.map(({ faulty, status }) => [faulty, status])).toEqual([
			[true, 503],
			[true, 503],
			[false, 200],
		]);
	});

	it('A fault can be for one file, start after some requests, and be removed', async () => {
		const other = await emulator.createRecording();
		const { mediaId } = made;
		const fault = emulator.failNext(
			'media',
			{ status: 500 },
			{ mediaId, after: 1, times: Infinity },
		);
		expect((await download(emulator, urlOf(made))).status).toBe(200);
		expect((await download(emulator, urlOf(other))).status).toBe(200);
		expect((await download(emulator, urlOf(made))).status).toBe(500);
		fault.cancel();
		expect((await download(emulator, urlOf(made))).status).toBe(200);
	});

	it('A fault can be a status with headers', async () => {
		emulator.failNext('media', { status: 429, headers: { 'Retry-After': '3' } });
		const answer = await download(emulator, urlOf(made));
		expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3']);
	});

	it('A fault can be a connection that ends early', async () => {
		emulator.failNext('media', { cutAfterBytes: 5000 });
		const answer = await download(emulator, urlOf(made));
		expect(answer.headers.get('content-length')).toBe('10000');
		expect(await bodyFailure(answer)).toBe('broken');
		emulator.failNext('media', { cutAfterBytes: 5000, chunked: true });
		expect(await bodyFailure(await download(emulator, urlOf(made)))).toBe('broken');
	});

	it('A fault can be a connection that is reset inside the body', async () => {
		emulator.failNext('media', { cutAfterBytes: 5000, abruptly: true });
		expect(await bodyFailure(await download(emulator, urlOf(made)))).toBe('broken');
	});

	it('A fault can be a body that ends only with the connection, so that a cut is invisible', async () => {
		emulator.failNext('media', { unframed: true });
		const whole = await download(emulator, urlOf(made));
		expect(whole.headers.get('content-length')).toBeNull();
		expect(whole.headers.get('transfer-encoding')).toBeNull();
		expect((await bytesOf(whole)).equals(content)).toBe(true);
		emulator.failNext('media', { unframed: true, cutAfterBytes: 5000 });
		const half = await bytesOf(await download(emulator, urlOf(made)));
		expect(half.equals(content.subarray(0, 5000))).toBe(true);
	});

	it('A fault can be silence after some bytes', async () => {
		emulator.failNext('media', { stallAfterBytes: 5000 });
		const giveUp = new AbortController();
		const answer = await fetch(urlOf(made), {
			headers: { authorization: `Bearer ${emulator.account.accessToken}`, 'user-agent': 'test' },
			signal: giveUp.signal,
		});
		let received = 0;
		const reader = answer.body!.getReader();
		while (received < 5000) received += (await reader.read()).value?.length ?? 0;
		const more = reader.read();
		giveUp.abort();
		await expect(more).rejects.toThrow();
		expect(received).toBe(5000);
	});

	it('A fault can wait for the test', async () => {
		let goOn = () => {};
		emulator.failNext('media', { until: new Promise<void>((resolve) => (goOn = resolve)) });
		const answer = download(emulator, urlOf(made));
		while (emulator.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
		emulator.revokeToken();
		goOn();
		expect((await answer).status).toBe(401);
	});

	it('A fault can be a wrong Content-Length', async () => {
		emulator.failNext('media', { contentLengthDelta: 100 });
		expect(await bodyFailure(await download(emulator, urlOf(made)))).toBe('broken');
		emulator.failNext('media', { contentLengthDelta: -100 });
		const short = await download(emulator, urlOf(made));
		expect(short.headers.get('content-length')).toBe('9900');
		await bodyFailure(short);
	});

	it('A fault can be a shorter file, an empty one, or other bytes', async () => {
		emulator.failNext('media', { truncateTo: 10 });
		expect((await bytesOf(await download(emulator, urlOf(made)))).toString()).toBe('0123456789');
		emulator.failNext('media', { emptyBody: true });
		const empty = await download(emulator, urlOf(made));
		expect([empty.status, (await bytesOf(empty)).length]).toEqual([200, 0]);
		emulator.failNext('media', { wrongContent: true });
		const wrong = await bytesOf(await download(emulator, urlOf(made)));
		expect(wrong.length).toBe(content.length);
		expect(sha256(wrong)).not.toBe(made.media.sha256Hex);
	});

	it('A fault can be a body without a length, or of another type', async () => {
		emulator.failNext('media', { chunked: true, contentType: 'text/html' });
		const answer = await download(emulator, urlOf(made));
		expect(answer.headers.get('content-length')).toBeNull();
		expect(answer.headers.get('content-type')).toBe('text/html');
		expect((await bytesOf(answer)).equals(content)).toBe(true);
	});

	it.each([
		['a page', '<html>Busy</html>', 'text/html'],
		['an error', { error: { code: 1 } }, 'application/json'],
	])('A fault can be %s with status 200', async (_, body, type) => {
		emulator.failNext('media', { status: 200, body, contentType: type });
		const answer = await download(emulator, urlOf(made));
		expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
		expect((await bytesOf(answer)).toString()).toBe(
			typeof body === 'string' ? body : JSON.stringify(body),
		);
	});

	it('A fault can be a file without a type', async () => {
		emulator.failNext('media', { contentType: null });
		const answer = await download(emulator, urlOf(made));
		expect(answer.headers.get('content-type')).toBeNull();
		expect((await bytesOf(answer)).equals(content)).toBe(true);
	});

	it('A fault can be a slow body', async () => {
		emulator.failNext('media', { delayMs: 100 });
		const started = performance.now();
		await bytesOf(await download(emulator, urlOf(made)));
		expect(performance.now() - started).toBeGreaterThanOrEqual(95);
		emulator.failNext('media', { bytesPerSecond: 50_000 });
		const slowly = performance.now();
		expect((await bytesOf(await download(emulator, urlOf(made)))).equals(content)).toBe(true);
		expect(performance.now() - slowly).toBeGreaterThanOrEqual(150);
	});

	it('A fault can be no response at all', async () => {
		emulator.failNext('media', { reset: true });
		await expect(download(emulator, urlOf(made))).rejects.toThrow();
		emulator.failNext('media', { hang: true });
		const given = fetch(urlOf(made), { signal: AbortSignal.timeout(100) });
		await expect(given).rejects.toThrow();
	});

	it('A fault can be a redirect to another host', async () => {
		const foreign = await new ForeignHost().start();
		const target = `${foreign.url}/`;
		emulator.failNext('media', { redirectTo: target });
		const answer = await download(emulator, urlOf(made));
		expect([answer.status, answer.headers.get('location')]).toEqual([302, target]);
		await foreign.stop();
		expect(foreign.requests).toEqual([]);
	});

	it('A fault of the media host does not reach the Graph API, nor the reverse', async () => {
		emulator.failNext('mediaInfo', { errorCode: 131016 });
		expect((await download(emulator, urlOf(made))).status).toBe(200);
		const info = await graph(emulator, 'GET', made.mediaId);
		expect([info.status, info.error.code, info.error.is_transient]).toEqual([500, 131016, true]);
		expect((await graph(emulator, 'GET', made.mediaId)).status).toBe(200);
	});
});

describe('a corrected event', () => {
	const sha256Override = Buffer.alloc(32, 7).toString('base64');
	const hashOf = ({ event }: CreatedRecording) =>
		(event.call_recording as Record<string, { sha256: string }>)[
			(event.call_recording as { type: string }).type
		]?.sha256;

	it('A corrected event has the same media ID, the same call, and the right hash', async () => {
		const wrong = await emulator.createRecording({
			content: 'abc',
			sha256Override,
			from: '14085555678',
			type: 'video',
			mimeType: 'video/mp4',
		});
		const right = await emulator.correctRecording(wrong.mediaId);
		expect([right.mediaId, right.callId]).toEqual([wrong.mediaId, wrong.callId]);
		expect(hashOf(wrong)).toBe(sha256Override);
		expect(hashOf(right)).toBe(createHash('sha256').update('abc').digest('base64'));
		expect(right.event).toMatchObject({
			from: '14085555678',
			call_recording: { type: 'video', video: { mime_type: 'video/mp4' } },
		});
	});

	it('A corrected event can be of another file, which older URLs then have too', async () => {
		const made = await emulator.createRecording({ content: 'abc' });
		await emulator.correctRecording(made.mediaId, { content: 'abcd' });
		expect((await bytesOf(await download(emulator, urlOf(made)))).toString()).toBe('abcd');
	});

	it('A correction requires an event to correct', async () => {
		await expect(emulator.correctRecording('1')).rejects.toThrow('No recording or transcript 1');
	});
});

describe('a voicemail', () => {
	it("A voicemail is an audio message with the call's ID", async () => {
		const { id } = emulator.userCalls({ from: '14085555678' });
		emulator.hangUp(id);
		const made = await emulator.createVoicemail({ callId: id, content: 'abc' });
		expect(made.update).toEqual({
			phoneNumberId: NUMBER,
			field: 'messages',
			value: {
				contacts: [expect.objectContaining({ wa_id: '14085555678' })],
				messages: [made.event],
			},
		});
		expect(made.event).toEqual({
			from: '14085555678',
			from_user_id: 'US.20762481193605518247',
			id,
			timestamp: expect.stringMatching(/^\d{10}$/) as string,
			type: 'audio',
			audio: {
				mime_type: 'audio/ogg; codecs=opus',
				sha256: createHash('sha256').update('abc').digest('base64'),
				id: made.mediaId,
			},
		});
		const { body } = await graph(emulator, 'GET', made.mediaId);
		expect((await bytesOf(await download(emulator, String(body.url)))).toString()).toBe('abc');
	});
});
