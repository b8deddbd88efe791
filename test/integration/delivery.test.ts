import type { CreatedRecording, WebhookUpdate } from '../../emulator';
import { signatureOf } from '../support/signature';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage();

const callIdsOf = ({ items }: TriggerWorkflow) => items.map(({ json }) => json.callId);

async function statusesOf(...recordings: CreatedRecording[]): Promise<number[]> {
	const { attempts } = await stage.emulator.deliver(recordings).settled;
	return attempts.map(({ status }) => status);
}

async function onceMore(...recordings: CreatedRecording[]): Promise<number> {
	return (await stage.emulator.deliver(recordings, { redeliver: false }).answer).status;
}

describe('a duplicate delivery', () => {
	it('A delivery starts the workflow once, and later copies get 200', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		for (let copies = 0; copies < 3; copies++) expect(await onceMore(recording)).toBe(200);
		expect(callIdsOf(trigger)).toEqual([recording.callId]);
		expect(stage.requests('media')).toHaveLength(1);
	});

	it('Ten copies at once start the workflow once, and every copy gets 200', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		stage.emulator.failNext('media', { delayMs: 100 });
		const answers = await Promise.all(Array.from({ length: 10 }, () => onceMore(recording)));
		expect(answers).toEqual(Array(10).fill(200));
		expect(callIdsOf(trigger)).toEqual([recording.callId]);
		expect(stage.requests('media')).toHaveLength(1);
		expect(await onceMore(recording)).toBe(200);
		expect(trigger.executions).toHaveLength(1);
	});

	it('Ten copies at once of an unavailable file get 503, and later give one item', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		stage.emulator.failNext('media', { status: 503 }, { times: Infinity });
		const answers = await Promise.all(Array.from({ length: 10 }, () => onceMore(recording)));
		expect(answers).toEqual(Array(10).fill(503));
		stage.emulator.clearFaults();
		expect(await onceMore(recording)).toBe(200);
		expect(callIdsOf(trigger)).toEqual([recording.callId]);
	});

	it('A duplicate inside one delivery is one item', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		expect(await statusesOf(recording, recording, recording)).toEqual([200]);
		expect(trigger.items).toHaveLength(1);
	});

	it('A delivery to two workflows starts both', async () => {
		const triggers = [stage.trigger(), stage.trigger()];
		const recording = await stage.emulator.createRecording();
		for (const { url } of triggers) {
			await stage.emulator.deliver([recording], { url }).answer;
		}
		expect(triggers.map(({ items }) => items.length)).toEqual([1, 1]);
	});

	it('A duplicate with something new beside it gives only the new', async () => {
		const trigger = stage.trigger();
		const [known, fresh] = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
		];
		await onceMore(known);
		expect(await onceMore(known, fresh)).toBe(200);
		expect(callIdsOf(trigger)).toEqual([known.callId, fresh.callId]);
	});

	it('A duplicate in a test run is shown each time', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		for (let copies = 0; copies < 2; copies++) {
			const { answer } = stage.emulator.deliver([recording], { url: trigger.testUrl });
			expect((await answer).status).toBe(200);
		}
		expect(trigger.items).toHaveLength(2);
	});

	it('The recording and the transcript of one call are two items', async () => {
		const trigger = stage.trigger({
			events: ['call_recording_available', 'call_transcription_available'],
		});
		const recording = await stage.emulator.createRecording();
		const transcript = await stage.emulator.createRecording({
			transcript: true,
			callId: recording.callId,
		});
		expect(await statusesOf(recording, transcript)).toEqual([200]);
		expect(trigger.items.map(({ json }) => json.event)).toEqual([
			'call_recording_available',
			'call_transcription_available',
		]);
	});
});

describe('acknowledging only what n8n has', () => {
	it('A recording comes again when n8n could not store the execution', async () => {
		const trigger = stage.trigger();
		let failures = 2;
		trigger.beforeStoring = () => {
			if (failures-- > 0) throw new Error('The database is away');
		};
		const recording = await stage.emulator.createRecording();
		expect(await statusesOf(recording)).toEqual([500, 500, 200]);
		expect(callIdsOf(trigger)).toEqual([recording.callId]);
		expect(await onceMore(recording)).toBe(200);
		expect(trigger.executions).toHaveLength(1);
	});

	it('A recording that n8n has stored does not come again because Meta had hung up', async () => {
		const trigger = stage.trigger();
		trigger.beforeAnswering = (response) => {
			response.socket?.destroy();
			return true;
		};
		const recording = await stage.emulator.createRecording();
		expect(await statusesOf(recording)).toEqual([0, 200]);
		expect(trigger.executions).toHaveLength(1);
	});

	it('A recording comes again when the connection is lost and n8n reports nothing more', async () => {
		const trigger = stage.trigger();
		let lost = false;
		trigger.beforeAnswering = (response) => {
			if (lost) return true;
			lost = true;
			response.socket?.destroy();
			return false;
		};
		// n8n is given six hours, because an execution may wait so long for its turn, and keeps its place among
		// the deliveries for a minute; here both are over soon.
		const timeout = AbortSignal.timeout.bind(AbortSignal);
		const patience = jest
			.spyOn(AbortSignal, 'timeout')
			.mockImplementation((ms) => timeout(ms >= 60_000 ? 1_000 : ms));
		try {
			const recording = await stage.emulator.createRecording();
			// The copy waits for what becomes of the first; after that silence it takes over.
			expect(await statusesOf(recording)).toEqual([0, 200]);
			expect(callIdsOf(trigger)).toEqual([recording.callId, recording.callId]);
			expect(patience.mock.calls.flat()).toEqual(expect.arrayContaining([60_000, 6 * 60 * 60_000]));
		} finally {
			patience.mockRestore();
		}
	}, 30_000);

	it('A workflow that fails later does not bring the recording again, acknowledged when stored', async () => {
		const trigger = stage.trigger({ options: { acknowledge: 'stored' } });
		trigger.work = () => {
			throw new Error('The storage is down');
		};
		const recording = await stage.emulator.createRecording();
		expect(await statusesOf(recording)).toEqual([200]);
		expect(await onceMore(recording)).toBe(200);
		await stage.engine.idle();
		expect(trigger.executions.map(({ status }) => status)).toEqual(['error']);
	});

	it('A failing workflow gets 500 and runs again until it succeeds, acknowledged when finished', async () => {
		const trigger = stage.trigger({ options: { acknowledge: 'finished' } });
		let failures = 2;
		trigger.work = () => {
			if (failures-- > 0) throw new Error('The storage is down');
		};
		const recording = await stage.emulator.createRecording();
		expect(await statusesOf(recording)).toEqual([500, 500, 200]);
		expect(trigger.executions.map(({ status }) => status)).toEqual(['error', 'error', 'success']);
		expect(trigger.items.map(({ json }) => json.recording)).toEqual(
			Array(3).fill(expect.objectContaining({ verified: true })),
		);
		expect(await onceMore(recording)).toBe(200);
		expect(trigger.executions).toHaveLength(3);
	});

	it('Meta gets its 200 after the last node, and copies wait for it, acknowledged when finished', async () => {
		const trigger = stage.trigger({ options: { acknowledge: 'finished' } });
		let finish = () => {};
		const finished = new Promise<void>((resolve) => (finish = resolve));
		trigger.work = async () => await finished;
		const recording = await stage.emulator.createRecording();
		const answers: number[] = [];
		const deliveries = [1, 2].map(async () => answers.push(await onceMore(recording)));
		while (trigger.executions.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(answers).toEqual([]);
		finish();
		await Promise.all(deliveries);
		expect(answers).toEqual([200, 200]);
		expect(trigger.executions).toHaveLength(1);
	});

	it('A workflow that takes longer than Meta waits does not run twice, acknowledged when finished', async () => {
		await stage.emulator.stop();
		await stage.startEmulator({ deliveryTimeoutMs: 1_000 });
		const trigger = stage.trigger({ options: { acknowledge: 'finished' } });
		let finish = () => {};
		const finished = new Promise<void>((resolve) => (finish = resolve));
		trigger.work = async () => await finished;
		const delivery = stage.emulator.deliver([await stage.emulator.createRecording()]);
		expect(await delivery.answer).toMatchObject({ status: 0 });
		finish();
		expect((await delivery.settled).attempts.map(({ status }) => status)).toEqual([0, 200]);
		await stage.engine.idle();
		expect(trigger.executions.map(({ status }) => status)).toEqual(['success']);
	});
});

describe('a large delivery', () => {
	it('A delivery of 1,000 updates with 5 recordings gives 5 items', async () => {
		const trigger = stage.trigger();
		const recordings = await Promise.all(
			Array.from({ length: 5 }, () => stage.emulator.createRecording()),
		);
		const [{ id: phoneNumberId }] = stage.emulator.account.phoneNumbers;
		const noise = Array.from({ length: 995 }, (_, index) => ({
			phoneNumberId,
			field: 'calls',
			value: {
				statuses: [
					{ id: `wacid.${index}`, timestamp: '1728932177', type: 'call', status: 'RINGING' },
				],
			},
		}));
		const updates: Array<WebhookUpdate | CreatedRecording> = [...noise];
		recordings.forEach((recording, index) => updates.splice(index * 200, 0, recording));
		const answer = await stage.emulator.deliver(updates).answer;
		expect(answer.status).toBe(200);
		expect(callIdsOf(trigger)).toEqual(recordings.map(({ callId }) => callId));
	});

	it.each(['changes', 'merged', 'entries'] as const)(
		'Every recording comes out however Meta arranges the delivery (%s)',
		async (layout) => {
			const trigger = stage.trigger();
			const recordings = await Promise.all(
				Array.from({ length: 12 }, () => stage.emulator.createRecording()),
			);
			const answer = await stage.emulator.deliver(recordings, { layout }).answer;
			expect(answer.status).toBe(200);
			expect(callIdsOf(trigger)).toEqual(recordings.map(({ callId }) => callId));
		},
	);
});

describe('odd deliveries', () => {
	const calls = (...elements: unknown[]) => ({
		entry: [{ id: '1', changes: [{ field: 'calls', value: { calls: elements } }] }],
	});
	const audio = {
		id: '1',
		sha256: 'x',
		mime_type: 'audio/ogg',
		url: 'https://lookaside.fbsbx.com',
	};
	const call = {
		id: 'wacid.1',
		event: 'call_recording_available',
		call_recording: { type: 'audio', audio },
	};

	it.each<[string, unknown]>([
		['null', null],
		['a text', 'hello'],
		['a number', 17],
		['a list', []],
		['an empty object', {}],
		['entry as a text', { entry: 'hello' }],
		['entry as an object', { entry: { id: '1' } }],
		['entries that are null', { entry: [null, 1, 'a', []] }],
		['no changes', { entry: [{ id: '1' }] }],
		['changes as a text', { entry: [{ id: '1', changes: 'hello' }] }],
		['changes that are null', { entry: [{ id: '1', changes: [null, 1, 'a'] }] }],
		['a change without a value', { entry: [{ id: '1', changes: [{ field: 'calls' }] }] }],
		['a value as a text', { entry: [{ id: '1', changes: [{ field: 'calls', value: 'x' }] }] }],
		['a value as a list', { entry: [{ id: '1', changes: [{ field: 'calls', value: [] }] }] }],
		['a field as a number', { entry: [{ id: '1', changes: [{ field: 1, value: {} }] }] }],
		['calls that are null', calls(null, 1, 'a', [])],
		['no event name', calls({ id: 'wacid.1' })],
		['an event name as a number', calls({ ...call, event: 1 })],
		['an unknown event', calls({ ...call, event: 'call_hologram_available' })],
		['an event named like a built-in property', calls({ ...call, event: '__proto__' })],
		['another field', { entry: [{ id: '1', changes: [{ field: 'messages', value: {} }] }] }],
	])('A delivery such as %s gets 200 and starts nothing', async (_, body) => {
		const trigger = stage.trigger();
		const { answer } = stage.emulator.deliver([], {
			url: trigger.url,
			rawBody: JSON.stringify(body),
			redeliver: false,
		});
		expect((await answer).status).toBe(200);
		expect(trigger.executions).toEqual([]);
		expect(stage.emulator.requests).toEqual([]);
	});

	it.each<[string, unknown, object]>([
		['no call ID', calls({ ...call, id: undefined, call_recording: 'x' }), { callId: null }],
		['a call ID as a number', calls({ ...call, id: 1, call_recording: 'x' }), { callId: '1' }],
		['no call_recording', calls({ ...call, call_recording: undefined }), {}],
		['no media ID', calls({ ...call, call_recording: { audio: { ...audio, id: undefined } } }), {}],
		[
			'a media ID that is a path',
			calls({ ...call, call_recording: { audio: { id: '../me' } } }),
			{},
		],
	])('A chosen event gives an item, also with %s', async (_, body, fields) => {
		const trigger = stage.trigger();
		const { answer } = stage.emulator.deliver([], {
			url: trigger.url,
			rawBody: JSON.stringify(body),
			redeliver: false,
		});
		expect((await answer).status).toBe(200);
		expect(trigger.items.map(({ json }) => json)).toMatchObject([
			{
				callId: 'wacid.1',
				...fields,
				recording: { mediaId: null, verified: false, error: { reason: 'unreadable' } },
				rawEvent: { event: 'call_recording_available' },
			},
		]);
		expect(stage.emulator.requests).toEqual([]);
	});

	it('Odd parts do not hide the recordings beside them', async () => {
		const trigger = stage.trigger();
		const { event, callId } = await stage.emulator.createRecording();
		const { answer } = stage.emulator.deliver([], {
			url: trigger.url,
			rawBody: JSON.stringify({
				entry: [null, 'x', ...calls(null, 'x', { ...call, event: 1 }, event, 7).entry],
			}),
		});
		expect((await answer).status).toBe(200);
		expect(callIdsOf(trigger)).toEqual([callId]);
		expect(trigger.items[0].json).toMatchObject({
			phoneNumberId: null,
			recording: { verified: true },
		});
		expect(stage.engine.logs.join('\n')).toContain('part of a delivery was skipped');
	});
});

describe('the signature', () => {
	it.each<[string, string]>([
		['is missing', 'missing'],
		['is made with another secret', 'wrong'],
		['is empty', ''],
		['is not hexadecimal', `sha256=${'z'.repeat(64)}`],
		['is too short', 'sha256=0123'],
		['is of another kind', `sha1=${'0'.repeat(40)}`],
		['has no kind', '0'.repeat(64)],
	])(
		'A signature that %s gets 401: nothing starts and Meta is asked nothing',
		async (_, signature) => {
			const trigger = stage.trigger();
			const recording = await stage.emulator.createRecording();
			const answer = await stage.emulator.deliver([recording], { signature, redeliver: false })
				.answer;
			expect(answer).toMatchObject({ status: 401, body: '' });
			expect(trigger.executions).toEqual([]);
			expect(stage.emulator.requests).toEqual([]);
		},
	);

	it('The signature of another body gets 401', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		const { appSecret } = stage.emulator.account;
		const signature = signatureOf('{}', appSecret);
		const answer = await stage.emulator.deliver([recording], { signature, redeliver: false })
			.answer;
		expect(answer.status).toBe(401);
		expect(trigger.executions).toEqual([]);
	});

	it('A wrong signature is logged once with what to do, a missing one is not', async () => {
		stage.trigger();
		const { logs } = stage.engine;
		const linesBefore = logs.length;
		const recording = await stage.emulator.createRecording();
		for (const signature of ['missing', 'wrong', 'wrong']) {
			await stage.emulator.deliver([recording], { signature, redeliver: false }).answer;
		}
		const lines = logs.slice(linesBefore).filter((line) => line.includes('status 401'));
		expect(lines).toEqual([expect.stringContaining('copy the App Secret of the Meta app')]);
	});

	it('The signature is checked over the bytes as they came, not over JSON that was written again', async () => {
		const trigger = stage.trigger();
		const { event, callId } = await stage.emulator.createRecording();
		const value = { calls: [event], note: 'S\\u00f6derstr\\u00f6m \\/ 1.0' };
		const rawBody = ` ${JSON.stringify({ entry: [{ id: '1', changes: [{ field: 'calls', value }] }] })}\n`;
		const { answer } = stage.emulator.deliver([], { url: trigger.url, rawBody });
		expect((await answer).status).toBe(200);
		expect(callIdsOf(trigger)).toEqual([callId]);
	});

	it('A signature in capital letters is accepted', async () => {
		const trigger = stage.trigger();
		const { event } = await stage.emulator.createRecording();
		const rawBody = JSON.stringify({
			entry: [{ id: '1', changes: [{ field: 'calls', value: { calls: [event] } }] }],
		});
		const { appSecret } = stage.emulator.account;
		const [algorithm, hex] = signatureOf(rawBody, appSecret).split('=');
		const { answer } = stage.emulator.deliver([], {
			url: trigger.url,
			rawBody,
			signature: `${algorithm}=${hex.toUpperCase()}`,
		});
		expect((await answer).status).toBe(200);
		expect(trigger.items).toHaveLength(1);
	});

	it('A request without a raw body gets 401', async () => {
		const trigger = stage.trigger();
		trigger.changeRequest = (request) => {
			Object.assign(request, { rawBody: undefined });
		};
		expect(await onceMore(await stage.emulator.createRecording())).toBe(401);
		expect(trigger.executions).toEqual([]);
	});

	it('A form with files, of which n8n keeps no raw body, gets 401', async () => {
		const trigger = stage.trigger();
		const form = new FormData();
		form.append('file', new Blob(['hello']), 'hello.txt');
		const answer = await fetch(trigger.url, { method: 'POST', body: form });
		expect(answer.status).toBe(401);
		expect(trigger.executions).toEqual([]);
	});

	it('The signature of a body that is not JSON is checked too', async () => {
		const trigger = stage.trigger();
		const headers = { 'content-type': 'text/plain' };
		const forged = stage.emulator.deliver([], {
			url: trigger.url,
			rawBody: 'hello',
			headers,
			signature: 'wrong',
			redeliver: false,
		});
		expect((await forged.answer).status).toBe(401);
		const signed = stage.emulator.deliver([], { url: trigger.url, rawBody: 'hello', headers });
		expect((await signed.answer).status).toBe(200);
		expect(trigger.executions).toEqual([]);
	});

	it('A delivery without a usable credential gets 503, so that Meta delivers again', async () => {
		const trigger = stage.trigger({}, { ...stage.credential, appSecret: '' });
		expect(await onceMore(await stage.emulator.createRecording())).toBe(503);
		expect(trigger.executions).toEqual([]);
		expect(stage.engine.logs.at(-1)).toContain('credential');
	});
});

describe('a parameter that cannot be used', () => {
	it('A wrong parameter fails visibly, and Meta delivers again', async () => {
		const trigger = stage.trigger({ options: { maxFileSize: '={{ "many" }}' } });
		const recording = await stage.emulator.createRecording();
		expect(await onceMore(recording)).toBe(500);
		expect(trigger.executions[0].error?.message).toContain(
			'Max File Size (MB) must be a number above 0',
		);
		trigger.setParameters({});
		expect(await onceMore(recording)).toBe(200);
		expect(callIdsOf(trigger)).toEqual([recording.callId]);
	});
});
