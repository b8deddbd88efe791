import { readFile } from 'node:fs/promises';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import {
	createSyntheticMedia,
	DEFAULT_RECORDING,
	type CreatedRecording,
	type Fault,
	type MediaContent,
} from '../../emulator';
import { ForeignHost } from '../support/foreignHost';
import { poll } from '../support/processes';
import { credentialData } from '../support/workflow';
import { everythingIn } from './engine/everythingIn';
import type { Execution, TriggerWorkflow } from './engine/triggerWorkflow';
import { AFTER_SETTLING_MS, AFTER_URL_LIFETIME_MS, timestampBefore, useStage } from './engineStage';

const stage = useStage();

const SIZE = 200_000;

/** Shortest time budget that an operator can choose, in seconds. */
const IMPATIENT = 1;

function fileOf(trigger: TriggerWorkflow, index = 0): IDataObject {
	return trigger.items[index]?.json.recording as IDataObject;
}

/** The item says which host was not asked. */
function expectNotAllowed(trigger: TriggerWorkflow, foreign: ForeignHost): void {
	expect(fileOf(trigger)).toMatchObject({
		verified: false,
		error: {
			reason: 'hostNotAllowed',
			message: expect.stringContaining(new URL(foreign.origin).host),
		},
	});
}

async function bytesOf(trigger: TriggerWorkflow, index = 0): Promise<Buffer | null> {
	const file = trigger.items[index]?.binary?.data;
	return file ? await stage.engine.bytesOf(file) : null;
}

/** Delivers until Meta is content; gives the statuses that it got. */
async function deliverAgainAndAgain(
	...recordings: CreatedRecording[]
): Promise<{ statuses: number[]; outcome: string }> {
	const { attempts, outcome } = await stage.emulator.deliver(recordings).settled;
	return { statuses: attempts.map(({ status }) => status), outcome };
}

describe('a temporary error of a download', () => {
	const troubles: Array<[string, Fault]> = [
		['answers 500', { status: 500 }],
		['answers 502', { status: 502 }],
		['answers 503', { status: 503 }],
		['answers 504', { status: 504 }],
		['answers 408', { status: 408 }],
		['answers 429', { status: 429, headers: { 'Retry-After': '1' } }],
		['resets the connection', { reset: true }],
		['cuts the connection before the first byte', { cutAfterBytes: 0 }],
		['cuts the connection after the first byte', { cutAfterBytes: 1 }],
		['cuts the connection in the middle', { cutAfterBytes: SIZE / 2 }],
		['cuts the connection one byte before the end', { cutAfterBytes: SIZE - 1 }],
		['promises more bytes than it sends', { contentLengthDelta: 1_000 }],
	];

	it.each(troubles)(
		'A delivery gets 503, and one item after redelivery, when the media host %s',
		async (_, fault) => {
			const before = await stage.engine.storedFiles();
			const trigger = stage.trigger();
			const recording = await stage.emulator.createRecording({ sizeBytes: SIZE });
			const handle = stage.emulator.failNext('media', fault);
			expect(await deliverAgainAndAgain(recording)).toEqual({
				statuses: [503, 200],
				outcome: 'delivered',
			});
			expect(handle.hits()).toBe(1);
			expect(trigger.items).toHaveLength(1);
			expect(fileOf(trigger)).toMatchObject({ sizeBytes: SIZE, verified: true });
			expect((await bytesOf(trigger))?.equals(await buffer(recording.media.content.open()))).toBe(
				true,
			);
			expect(await stage.engine.storedFiles()).toHaveLength(before.length + 1);
		},
	);

	it.each<[string, Fault]>([
		['never answers', { hang: true }],
		['answers too late', { delayMs: 60_000 }],
		['sends one drop after the other', { bytesPerSecond: 4_000 }],
	])('The time budget ends the download when the media host %s', async (_, fault) => {
		const trigger = stage.trigger({ options: { timeBudget: IMPATIENT } });
		const recording = await stage.emulator.createRecording({ sizeBytes: SIZE });
		stage.emulator.failNext('media', fault);
		expect((await deliverAgainAndAgain(recording)).statuses).toEqual([503, 200]);
		const [attempt] = stage.emulator.deliveries[0].attempts;
		expect(attempt.durationMs).toBeGreaterThanOrEqual(IMPATIENT * 1000 - 50);
		// Far below the budget that holds where none is chosen.
		expect(attempt.durationMs).toBeLessThan(12_000);
		expect(trigger.items).toHaveLength(1);
		expect(fileOf(trigger).verified).toBe(true);
	});

	it.each<[string, Fault]>([
		['is a page', { status: 200, body: '<html>Maintenance</html>' }],
		['is an error', { status: 200, body: { error: { code: 1 } } }],
		['is empty', { emptyBody: true }],
		['has no content', { status: 204 }],
		['is half of the file', { truncateTo: SIZE / 2 }],
		['is the file without its end', { contentLengthDelta: -100 }],
		['says that the file is not there', { status: 404 }],
		['says that the file may not be read', { status: 403 }],
		['says that the token is not known', { status: 401 }],
		['says that the request is wrong', { status: 400 }],
	])(
		'A delivery gets 503, and one item after redelivery, when what the media host answers %s, also to a fresh URL',
		async (_, fault) => {
			const before = await stage.engine.storedFiles();
			const trigger = stage.trigger();
			const recording = await stage.emulator.createRecording({ sizeBytes: SIZE });
			const handle = stage.emulator.failNext('media', fault, { times: 2 });
			expect((await deliverAgainAndAgain(recording)).statuses).toEqual([503, 200]);
			expect(handle.hits()).toBe(2);
			expect(trigger.items).toHaveLength(1);
			expect(fileOf(trigger)).toMatchObject({ sizeBytes: SIZE, verified: true });
			expect(await stage.engine.storedFiles()).toHaveLength(before.length + 1);
		},
	);

	it.each<[string, Fault]>([
		['does not know the ID', { status: 400, body: { error: { code: 100, error_subcode: 33 } } }],
		['has nothing', { status: 404 }],
		['refuses the token', { errorCode: 190 }],
	])(
		'A delivery gets 503, and one item after redelivery, when the Media API %s yet',
		async (_, fault) => {
			const trigger = stage.trigger();
			const recording = await stage.emulator.createRecording({ fileFields: { url: undefined } });
			stage.emulator.failNext('mediaInfo', fault);
			expect((await deliverAgainAndAgain(recording)).statuses).toEqual([503, 200]);
			expect(fileOf(trigger).verified).toBe(true);
		},
	);

	it('A delivery gets 503, and one item after redelivery, when a transcript is a page at first', async () => {
		const trigger = stage.trigger({ events: ['call_transcription_available'] });
		const transcript = await stage.emulator.createRecording({ transcript: true });
		stage.emulator.failNext('media', { status: 200, body: '<html></html>' }, { times: 2 });
		expect((await deliverAgainAndAgain(transcript)).statuses).toEqual([503, 200]);
		expect(trigger.items[0].json.transcription).toMatchObject({ verified: true });
	});

	it('A delivery gets 503, and one item after redelivery, when the connection is refused', async () => {
		const door = await Door.open(stage.emulator.baseUrl);
		try {
			const credential = { ...credentialData(stage.emulator), baseUrl: door.origin };
			const trigger = stage.trigger({}, credential);
			const recording = await stage.emulator.createRecording();
			const { audio } = recording.event.call_recording as { audio: { url: string } };
			audio.url = audio.url.replace(stage.emulator.baseUrl, door.origin);
			await door.shut();
			const refused = await stage.emulator.deliver([recording], { redeliver: false }).answer;
			expect(refused.status).toBe(503);
			expect(trigger.executions).toEqual([]);
			await door.reopen();
			expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
			expect(fileOf(trigger).verified).toBe(true);
		} finally {
			await door.shut();
		}
	});

	it.each<[string, Fault]>([
		['answers 500', { status: 500 }],
		['answers 503 without JSON', { status: 503, body: '<html>busy</html>' }],
		['is at its rate limit', { errorCode: 130429 }],
		['answers 200 with something else', { status: 200, body: { id: '1' } }],
		['resets the connection', { reset: true }],
	])(
		'A delivery gets 503, and one item after redelivery, when the Media API %s and the old URL does not work',
		async (_, fault) => {
			const trigger = stage.trigger();
			stage.emulator.clock.advance(-AFTER_URL_LIFETIME_MS);
			const recording = await stage.emulator.createRecording();
			stage.emulator.clock.advance(AFTER_URL_LIFETIME_MS);
			stage.emulator.failNext('mediaInfo', fault);
			expect((await deliverAgainAndAgain(recording)).statuses).toEqual([503, 200]);
			expect(trigger.items).toHaveLength(1);
			expect(fileOf(trigger).verified).toBe(true);
		},
	);

	it('An old URL that still works is used when only the Media API is down', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording({
			event: { timestamp: timestampBefore(AFTER_URL_LIFETIME_MS) },
		});
		stage.emulator.failNext('mediaInfo', { status: 500 }, { times: Infinity });
		expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
		expect(fileOf(trigger).verified).toBe(true);
	});

	it('The log says which file failed and why, without the token', async () => {
		stage.trigger();
		const recording = await stage.emulator.createRecording();
		stage.emulator.failNext('media', { status: 502 });
		await deliverAgainAndAgain(recording);
		const lines = stage.engine.logs.filter((line) => line.includes(recording.mediaId));
		expect(lines).toHaveLength(1);
		expect(lines[0]).toMatch(/^warn .*HTTP status 502/);
		expect(stage.engine.logs.join('\n')).not.toContain(stage.emulator.account.accessToken);
	});
});

describe('a file that stays unavailable', () => {
	it.each<[string, IDataObject]>([
		['at once, if the operator wants it so', { onFileUnavailable: 'emit' }],
		['at once, if the time for retries is nought', { retryFor: 0 }],
	])('The item has no file %s', async (_, options) => {
		const trigger = stage.trigger({ options } as INodeParameters);
		stage.emulator.failNext('media', { status: 503 }, { times: Infinity });
		const recording = await stage.emulator.createRecording();
		expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
		expect(trigger.items).toHaveLength(1);
		expect(fileOf(trigger)).toMatchObject({
			mediaId: recording.mediaId,
			sizeBytes: null,
			verified: false,
			error: { reason: 'unavailable', message: expect.stringContaining('503') },
		});
		expect(trigger.items[0].binary).toBeUndefined();
	});

	it('The item has no file when the time for retries is over', async () => {
		const trigger = stage.trigger({ options: { retryFor: 0.1 / 3600 } });
		stage.emulator.failNext('media', { status: 503 }, { times: Infinity });
		const recording = await stage.emulator.createRecording();
		const first = await stage.emulator.deliver([recording], { redeliver: false }).answer;
		expect(first.status).toBe(503);
		await new Promise((resolve) => setTimeout(resolve, 150));
		const second = await stage.emulator.deliver([recording], { redeliver: false }).answer;
		expect(second.status).toBe(200);
		expect(fileOf(trigger)).toMatchObject({ verified: false, error: { reason: 'unavailable' } });
	});

	it('The reason matches the age of the event', async () => {
		const trigger = stage.trigger({ options: { onFileUnavailable: 'emit' } });
		const recordings = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
		];
		stage.emulator.deleteMedia(recordings[0].mediaId);
		stage.emulator.failNext(
			'media',
			{ status: 200, body: '<html></html>', contentType: 'text/html' },
			{ mediaId: recordings[1].mediaId, times: Infinity },
		);
		await deliverAgainAndAgain(...recordings);
		const { host } = new URL(stage.emulator.baseUrl);
		expect([fileOf(trigger, 0), fileOf(trigger, 1)].map(({ error }) => error)).toEqual([
			{
				reason: 'unavailable',
				message: expect.stringMatching(/^Meta does not have the file yet: /),
			},
			{
				reason: 'unavailable',
				message: expect.stringContaining(
					`${host} returned HTTP status 200, but not the file. Received: 13 bytes of type text/html.`,
				),
			},
		]);
	});

	it('The reason is timeout when the time budget was the limit', async () => {
		const trigger = stage.trigger({
			options: { onFileUnavailable: 'emit', timeBudget: IMPATIENT },
		});
		stage.emulator.failNext('media', { hang: true });
		await deliverAgainAndAgain(await stage.emulator.createRecording());
		expect(fileOf(trigger)).toMatchObject({ verified: false, error: { reason: 'timeout' } });
	});

	it('Meta is asked for the file again until Retry For has passed', async () => {
		const trigger = stage.trigger();
		stage.emulator.failNext('media', { status: 503 }, { times: Infinity });
		const recording = await stage.emulator.createRecording();
		expect(await deliverAgainAndAgain(recording)).toEqual({
			statuses: [503, 503, 503, 503],
			outcome: 'failed',
		});
		expect(trigger.executions).toEqual([]);
	});
});

describe('an unavailable file for which the execution must fail', () => {
	const failing = (options: INodeParameters = {}) =>
		stage.trigger({
			events: ['call_recording_available', 'call_transcription_available', 'terminate'],
			options: { onFileUnavailable: 'fail', maxFileSize: 0.1, ...options },
		});

	const errorOf = ({ run }: Execution) => run?.data.resultData.error;

	const tooLarge = async (more = {}) =>
		await stage.emulator.createRecording({ sizeBytes: 200_000, ...more });

	it.each([
		['recording', false],
		['transcript', true],
	])(
		'The execution fails once for a %s that can never come, and names it',
		async (name, transcript) => {
			const trigger = failing();
			const file = await tooLarge({ transcript });
			expect(await deliverAgainAndAgain(file)).toEqual({ statuses: [200], outcome: 'delivered' });
			await stage.engine.idle();
			expect(trigger.executions.map(({ status }) => status)).toEqual(['error']);
			expect(errorOf(trigger.executions[0])).toMatchObject({
				message: expect.stringMatching(`^The ${name} could not be downloaded\\. .*Max File Size`),
				description: expect.stringContaining(`Call ID: ${file.callId}, media ID: ${file.mediaId}.`),
				node: { name: 'Trigger' },
			});
			// A copy is not another failure.
			expect((await deliverAgainAndAgain(file)).statuses).toEqual([200]);
			expect(trigger.executions).toHaveLength(1);
		},
	);

	it('The execution fails for an event that names no file', async () => {
		const trigger = failing();
		const recording = await stage.emulator.createRecording({
			event: { call_recording: { type: 'audio' } },
		});
		expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
		await stage.engine.idle();
		expect(errorOf(trigger.executions[0])?.message).toContain('media ID is missing');
	});

	it('The execution waits for a temporary error first, until the time for retries is over', async () => {
		const trigger = failing({ retryFor: 0.1 / 3600 });
		const fault = stage.emulator.failNext('media', { status: 503 }, { times: Infinity });
		const recording = await stage.emulator.createRecording({ sizeBytes: 1_000 });
		const deliver = async () =>
			(await stage.emulator.deliver([recording], { redeliver: false }).answer).status;
		expect(await deliver()).toBe(503);
		expect(trigger.executions).toEqual([]);
		await new Promise((resolve) => setTimeout(resolve, 150));
		expect(await deliver()).toBe(200);
		await stage.engine.idle();
		expect(errorOf(trigger.executions[0])?.message).toContain('HTTP status 503');

		const again = await trigger.retry(trigger.executions[0]);
		expect(again.data.resultData.error?.message).toContain('HTTP status 503');
		fault.cancel();
		const { resultData } = (await trigger.retry(trigger.executions[0])).data;
		expect(resultData.error).toBeUndefined();
		const [item] = resultData.runData.Work[0].data?.main[0] ?? [];
		expect(item.json).toMatchObject({
			callId: recording.callId,
			recording: { mediaId: recording.mediaId, sizeBytes: 1_000, verified: true },
		});
		expect(item.json).not.toHaveProperty('recording.error');
		const bytes = item.binary && (await stage.engine.bytesOf(item.binary.data));
		expect(bytes?.equals(await buffer(recording.media.content.open()))).toBe(true);
	});

	it('The other events of the delivery get an execution that succeeds', async () => {
		const trigger = failing();
		const files = [await stage.emulator.createRecording({ sizeBytes: 1_000 }), await tooLarge()];
		expect((await deliverAgainAndAgain(...files)).statuses).toEqual([503, 200]);
		await stage.engine.idle();
		expect(
			trigger.executions.map(({ status, items }) => [status, items.map(({ json }) => json.callId)]),
		).toEqual([
			['success', [files[0].callId]],
			['error', [files[1].callId]],
		]);
	});

	it('Meta delivers the file again if the workflow must have succeeded', async () => {
		const trigger = failing({ acknowledge: 'finished' });
		const file = await tooLarge();
		expect(await deliverAgainAndAgain(file)).toEqual({
			statuses: [500, 500, 500, 500],
			outcome: 'failed',
		});
		trigger.setParameters({ options: { acknowledge: 'finished', onFileUnavailable: 'fail' } });
		expect((await deliverAgainAndAgain(file)).statuses).toEqual([200]);
		expect(trigger.executions.map(({ status }) => status)).toEqual([
			...Array.from({ length: 4 }, () => 'error'),
			'success',
		]);
	});
});

describe('a file that is too large', () => {
	const limited = { options: { maxFileSize: 0.1 } };

	it.each<[string, Fault]>([
		['says so in its Content-Length', {}],
		['does not say so', { chunked: true }],
	])('A file that is too large and %s is rejected, and nothing of it is kept', async (_, fault) => {
		const before = await stage.engine.storedFiles();
		const trigger = stage.trigger(limited);
		if (fault.chunked) stage.emulator.failNext('media', fault);
		const recording = await stage.emulator.createRecording({ sizeBytes: 5_000_000 });
		expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
		expect(fileOf(trigger)).toMatchObject({
			verified: false,
			error: { reason: 'tooLarge', message: expect.stringContaining('Max File Size') },
		});
		expect(trigger.items[0].binary).toBeUndefined();
		expect(await stage.engine.storedFiles()).toEqual(before);
		expect(stage.requests('media')).toHaveLength(1);
	});

	it('A file that is too large by one byte is rejected, and one that just fits is accepted', async () => {
		const limit = 104_857;
		const trigger = stage.trigger(limited);
		for (const sizeBytes of [limit, limit + 1]) {
			await deliverAgainAndAgain(await stage.emulator.createRecording({ sizeBytes }));
		}
		expect(fileOf(trigger, 0)).toMatchObject({ sizeBytes: limit, verified: true });
		expect(fileOf(trigger, 1)).toMatchObject({ error: { reason: 'tooLarge' } });
	});
});

describe('a redirect', () => {
	it('A redirect on the same host is followed, with the token', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		const other = await stage.emulator.createRecording({ fileFields: {} });
		const { audio } = other.event.call_recording as { audio: { url: string } };
		stage.emulator.failNext('media', { redirectTo: audio.url });
		expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
		expect(fileOf(trigger).verified).toBe(true);
		for (const { headers } of stage.requests('media')) {
			expect(headers.authorization).toBe(`Bearer ${stage.emulator.account.accessToken}`);
		}
	});

	it('A relative redirect is followed', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		const { audio } = recording.event.call_recording as { audio: { url: string } };
		const { pathname, search } = new URL(audio.url);
		stage.emulator.failNext('media', { redirectTo: `${pathname}${search}` });
		await deliverAgainAndAgain(recording);
		expect(fileOf(trigger).verified).toBe(true);
	});

	it('A redirect loop ends', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording({
			event: { timestamp: timestampBefore(AFTER_SETTLING_MS) },
		});
		const { audio } = recording.event.call_recording as { audio: { url: string } };
		stage.emulator.failNext('media', { redirectTo: audio.url }, { times: Infinity });
		expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
		expect(fileOf(trigger)).toMatchObject({ error: { reason: 'downloadFailed' } });
		expect(stage.requests('media').length).toBeLessThanOrEqual(12);
	});

	it.each([301, 302, 303, 307, 308])(
		'A redirect to another host (%i) is not followed: that host gets no request, and no token',
		async (status) => {
			const foreign = await new ForeignHost('a file').start();
			try {
				const trigger = stage.trigger();
				const recording = await stage.emulator.createRecording();
				stage.emulator.failNext(
					'media',
					{ redirectTo: `${foreign.origin}/file`, status },
					{ times: Infinity },
				);
				expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
				expectNotAllowed(trigger, foreign);
				expect(foreign.requests).toEqual([]);
				expect(everythingIn(trigger.items)).not.toContain(stage.emulator.account.accessToken);
			} finally {
				await foreign.stop();
			}
		},
	);
});

describe('the access token', () => {
	it.each<[string, (origin: string) => string]>([
		['another port of this machine', (origin) => `${origin}/file`],
		['a host that looks like one of Meta', () => 'https://lookaside.fbsbx.com.example/file'],
		['plain http on a host of Meta', () => 'http://lookaside.fbsbx.com/file'],
		['another port of a host of Meta', () => 'https://lookaside.fbsbx.com:8443/file'],
		['a user name in front of the host', () => 'https://me@lookaside.fbsbx.com/file'],
		['a file of this machine', () => 'file:///etc/hostname'],
		['the metadata service of a cloud', () => 'http://169.254.169.254/latest/meta-data/'],
		['no address at all', () => 'not an address'],
	])(
		'The token is not sent to %s in an event: the file comes from the URL of the Media API',
		async (_, url) => {
			const foreign = await new ForeignHost('a file').start();
			try {
				const trigger = stage.trigger();
				const recording = await stage.emulator.createRecording({
					fileFields: { url: url(foreign.origin) },
				});
				expect((await deliverAgainAndAgain(recording)).statuses).toEqual([200]);
				expect(fileOf(trigger)).toMatchObject({ mediaId: recording.mediaId, verified: true });
				expect(foreign.requests).toEqual([]);
				expect(stage.requests('mediaInfo')).toHaveLength(1);
				expect(stage.requests('media')).toHaveLength(1);
			} finally {
				await foreign.stop();
			}
		},
	);

	it('The token is not sent to a URL that the Media API names', async () => {
		const foreign = await new ForeignHost('a file').start();
		try {
			const trigger = stage.trigger();
			const recording = await stage.emulator.createRecording({ fileFields: { url: undefined } });
			stage.emulator.failNext('mediaInfo', {
				status: 200,
				body: {
					url: `${foreign.origin}/file`,
					sha256: recording.media.sha256Hex,
					mime_type: 'audio/ogg',
					id: recording.mediaId,
				},
			});
			await deliverAgainAndAgain(recording);
			expectNotAllowed(trigger, foreign);
			expect(foreign.requests).toEqual([]);
		} finally {
			await foreign.stop();
		}
	});
});

describe('a delivery of several recordings', () => {
	it('The available recordings come out, and Meta delivers again until the rest is there', async () => {
		const trigger = stage.trigger();
		const good = await stage.emulator.createRecording({ sizeBytes: 10_000, seed: 1 });
		const late = await stage.emulator.createRecording({ sizeBytes: 10_000, seed: 2 });
		stage.emulator.failNext('media', { status: 503 }, { mediaId: late.mediaId, times: 2 });
		expect((await deliverAgainAndAgain(good, late)).statuses).toEqual([503, 503, 200]);
		expect(trigger.items.map(({ json }) => json.callId)).toEqual([good.callId, late.callId]);
		expect(trigger.executions).toHaveLength(2);
		expect(
			stage.requests('media').filter(({ query }) => query.mid === good.media.attachmentId),
		).toHaveLength(1);
	});

	it('A damaged recording comes out without its file, next to the good ones', async () => {
		const trigger = stage.trigger();
		const recordings = await Promise.all(
			[1, 2, 3].map(
				async (seed) => await stage.emulator.createRecording({ sizeBytes: 1_000, seed }),
			),
		);
		stage.emulator.failNext(
			'media',
			{ wrongContent: true },
			{ mediaId: recordings[1].mediaId, times: 2 },
		);
		expect((await deliverAgainAndAgain(...recordings)).statuses).toEqual([200]);
		expect(trigger.executions).toHaveLength(1);
		expect([0, 1, 2].map((index) => fileOf(trigger, index).verified)).toEqual([true, false, true]);
	});
});

describe('downloads at once', () => {
	it('Downloads are limited over all deliveries of a trigger, and over all triggers', async () => {
		const together = new Gauge();
		const gauges = [new Gauge(together), new Gauge(together)];
		// An eighth of the limit, rounded up, is kept for each trigger.
		const isFull = () => together.most >= 3;
		const triggers = [1, 2].map(() =>
			stage.trigger({ options: { maxConcurrentDownloads: 2, timeBudget: 30 } }),
		);
		const answers = [];
		for (let index = 0; index < 8; index++) {
			const content = gauges[index % 2].content(
				await createSyntheticMedia({ sizeBytes: 5_000, seed: index }),
				isFull,
			);
			const recordings = [
				await stage.emulator.createRecording({ content }),
				await stage.emulator.createRecording({ content }),
			];
			const { url } = triggers[index % 2];
			answers.push(stage.emulator.deliver(recordings, { url }).answer);
		}
		expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(8).fill(200));
		expect(triggers.flatMap(({ items }) => items)).toHaveLength(16);
		for (const { most } of gauges) expect(most).toBeLessThanOrEqual(2);
		expect(together.most).toBe(3);
	});

	it('Downloads that get no turn within the time budget are delivered again', async () => {
		const trigger = stage.trigger({
			options: { maxConcurrentDownloads: 1, timeBudget: IMPATIENT },
		});
		const [first, second] = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
		];
		stage.emulator.failNext('media', { hang: true });
		expect((await deliverAgainAndAgain(first, second)).statuses).toEqual([503, 200]);
		expect(trigger.items).toHaveLength(2);
	});

	it('A download does not begin when too little time is left after waiting for its turn', async () => {
		const trigger = stage.trigger({ options: { maxConcurrentDownloads: 1, timeBudget: 6 } });
		const [slow, waiting] = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
		];
		// The turn comes after 4.5 of 6 seconds, and the download takes 2.
		stage.emulator.failNext('media', { delayMs: 4_500 }, { mediaId: slow.mediaId });
		stage.emulator.failNext('media', { delayMs: 2_000 }, { mediaId: waiting.mediaId });
		const first = deliverAgainAndAgain(slow);
		await poll('first request', 5_000, async () => stage.requests('media')[0]);
		expect((await deliverAgainAndAgain(waiting)).statuses.at(-1)).toBe(200);
		await first;
		expect(trigger.items).toHaveLength(2);
		const { attachmentId } = waiting.media;
		expect(stage.requests('media').filter(({ query }) => query.mid === attachmentId)).toHaveLength(
			1,
		);
	});
});

describe('deliveries at once', () => {
	const deliverOnce = async (recording: CreatedRecording) =>
		(await stage.emulator.deliver([recording], { redeliver: false }).answer).status;

	it('Deliveries are limited: the others are rejected at once, and accepted when they are delivered again', async () => {
		const trigger = stage.trigger({
			events: ['call_recording_available', 'connect'],
			options: { maxConcurrentDeliveries: 2, timeBudget: 3 },
		});
		const recordings = [];
		for (let count = 0; count < 5; count++) {
			recordings.push(await stage.emulator.createRecording());
		}
		const known = await stage.emulator.createRecording();
		expect(await deliverOnce(known)).toBe(200);

		// Nothing comes out of these two before the others have their answer.
		const { mediaId } = recordings[0];
		stage.emulator.failNext('media', { hang: true }, { mediaId });
		stage.emulator.failNext('media', { hang: true }, { mediaId: recordings[1].mediaId });
		const slow = recordings.slice(0, 2).map((recording) => stage.emulator.deliver([recording]));
		await poll(
			'both requests',
			5_000,
			async () => stage.requests('media').length === 3 || undefined,
		);
		for (const recording of recordings.slice(2)) expect(await deliverOnce(recording)).toBe(503);
		expect(await deliverOnce(known)).toBe(200);
		// Calls that ring meanwhile are not kept waiting.
		const ringing = { id: 'wacid.ringing', timestamp: '1', event: 'connect' };
		const [{ id: phoneNumberId }] = stage.emulator.account.phoneNumbers;
		const call = { phoneNumberId, field: 'calls', value: { calls: [ringing] } };
		expect((await stage.emulator.deliver([call], { redeliver: false }).answer).status).toBe(200);

		await Promise.all(slow.map(async ({ settled }) => await settled));
		for (const recording of recordings.slice(2)) expect(await deliverOnce(recording)).toBe(200);
		expect(trigger.items.map(({ json }) => json.callId).sort()).toEqual(
			[ringing.id, ...[known, ...recordings].map(({ callId }) => callId)].sort(),
		);
	});
});

describe("n8n's file store", () => {
	it('The store has the audio of every item, and nothing else', async () => {
		const before = await stage.engine.storedFiles();
		const trigger = stage.trigger();
		for (let index = 0; index < 3; index++) {
			await deliverAgainAndAgain(await stage.emulator.createRecording());
		}
		const added = (await stage.engine.storedFiles()).filter((path) => !before.includes(path));
		expect(added).toHaveLength(3);
		const audio = await readFile(DEFAULT_RECORDING);
		for (const path of added) expect((await readFile(path)).equals(audio)).toBe(true);
		expect(trigger.items).toHaveLength(3);
	});
});

/** Counts how many downloads are open at the same time. */
class Gauge {
	most = 0;

	private open = 0;

	/** @param together counts what several gauges count */
	constructor(private readonly together?: Gauge) {}

	private enter(): void {
		this.most = Math.max(this.most, ++this.open);
		this.together?.enter();
	}

	private leave(): void {
		this.open--;
		this.together?.leave();
	}

	/** @param isFull each download stays open until then, and a moment longer: one too many would come in it */
	content(content: MediaContent, isFull: () => boolean): MediaContent {
		const enter = () => this.enter();
		const leave = () => this.leave();
		return {
			...content,
			async *open() {
				enter();
				try {
					await poll('as many downloads as may be', 10_000, async () => isFull() || undefined);
					await new Promise((resolve) => setTimeout(resolve, 20));
					yield* content.open();
				} finally {
					leave();
				}
			},
		};
	}
}

/** Passes connections on to an origin, and can be shut. */
class Door {
	private readonly sockets = new Set<Socket>();

	private port = 0;

	private server = createTcpServer();

	private constructor(private readonly target: URL) {}

	static async open(origin: string): Promise<Door> {
		const door = new Door(new URL(origin));
		await door.reopen();
		return door;
	}

	get origin(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	async reopen(): Promise<void> {
		this.server = createTcpServer((inner) => {
			const outer = connect(Number(this.target.port), this.target.hostname);
			for (const socket of [inner, outer]) {
				this.sockets.add(socket);
				socket.on('error', () => {});
				socket.once('close', () => {
					this.sockets.delete(socket);
					inner.destroy();
					outer.destroy();
				});
			}
			inner.pipe(outer).pipe(inner);
		});
		await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
		this.port = (this.server.address() as AddressInfo).port;
	}

	async shut(): Promise<void> {
		for (const socket of this.sockets) socket.destroy();
		if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
	}
}
