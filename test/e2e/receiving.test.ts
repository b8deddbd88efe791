import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DEFAULT_RECORDING, type DeliveryHandle } from '../../emulator';
import { poll } from '../support/processes';
import { findSecrets } from '../support/secrets';
import { FileStore, startStage, STORAGE, TRIGGER, type Stage } from './stage';

jest.setTimeout(180_000);

let stage: Stage;
let store: FileStore;
/** One workflow for each of the two promises. */
let stored: { id: string; url: string };
let finished: { id: string; url: string };

beforeAll(async () => {
	stage = await startStage();
	store = await new FileStore().start();
	stored = await stage.addWorkflow({ parameters: { registration: 'manual', verifyToken: 'a' } });
	finished = await stage.addWorkflow({
		parameters: { registration: 'manual', verifyToken: 'b', options: { acknowledge: 'finished' } },
		storageUrl: store.url,
	});
});

afterAll(async () => {
	await stage?.stop();
	await store?.stop();
});

beforeEach(() => {
	stage.emulator.clearFaults();
	store.failNext = 0;
	store.delayMs = 0;
});

const status = async (delivery: DeliveryHandle) => (await delivery.answer).status;

/** Executions of a workflow that come while `work` runs and settles. */
async function executionsOf(workflowId: string, expected: number, work: () => Promise<void>) {
	const before = (await stage.n8n.api.executions(workflowId)).length;
	await work();
	const all = await stage.n8n.api.waitForExecutions(workflowId, before + expected);
	// A moment for one that should not come.
	await new Promise((resolve) => setTimeout(resolve, 500));
	expect((await stage.n8n.api.executions(workflowId)).length).toBe(before + expected);
	return all.slice(before);
}

describe('acknowledge: stored', () => {
	it('turns a recording into one item with its verified audio', async () => {
		const recording = await stage.emulator.createRecording({ from: '14085551234' });
		const [execution] = await executionsOf(stored.id, 1, async () => {
			expect(await status(stage.emulator.deliver([recording], { url: stored.url }))).toBe(200);
		});
		const [item] = execution.items(TRIGGER);
		expect(item.json).toMatchObject({
			event: 'call_recording_available',
			callId: recording.callId,
			from: '14085551234',
			recording: { mediaId: recording.mediaId, verified: true },
		});
		const audio = await stage.n8n.api.download(item.binary!.data);
		const original = await readFile(DEFAULT_RECORDING);
		expect(audio.equals(original)).toBe(true);
		expect(item.json.recording).toMatchObject({
			sizeBytes: original.length,
			sha256: createHash('sha256').update(original).digest('base64'),
		});
	});

	it.each(['missing', 'wrong', 'sha1=0000', 'sha256=', 'sha256=zz'])(
		'answers 401 to a delivery whose signature is %s, and executes nothing',
		async (signature) => {
			const recording = await stage.emulator.createRecording({});
			const requestsBefore = stage.emulator.requests.length;
			await executionsOf(stored.id, 0, async () => {
				const delivery = stage.emulator.deliver([recording], { url: stored.url, signature });
				expect(await status(delivery)).toBe(401);
			});
			expect(stage.emulator.requests.length).toBe(requestsBefore);
		},
	);

	it('executes once for ten copies that come at once, and not for later ones', async () => {
		const recording = await stage.emulator.createRecording({ sizeBytes: 2_000_000 });
		const deliver = () => stage.emulator.deliver([recording], { url: stored.url });
		await executionsOf(stored.id, 1, async () => {
			const answers = await Promise.all(Array.from({ length: 10 }, () => status(deliver())));
			expect(answers).toEqual(Array.from({ length: 10 }, () => 200));
			expect(await status(deliver())).toBe(200);
		});
	});

	it('answers 503 while the media server is down, and gives one item after redelivery', async () => {
		const recording = await stage.emulator.createRecording({});
		stage.emulator.failNext('media', { status: 503 }, { times: Infinity });
		const deliver = () => stage.emulator.deliver([recording], { url: stored.url });
		await executionsOf(stored.id, 0, async () => {
			expect(await status(deliver())).toBe(503);
			expect(await status(deliver())).toBe(503);
		});
		stage.emulator.clearFaults();
		const [execution] = await executionsOf(stored.id, 1, async () => {
			expect(await status(deliver())).toBe(200);
			expect(await status(deliver())).toBe(200);
		});
		expect(execution.items(TRIGGER)).toHaveLength(1);
	});

	it('gives an item without a file, and with the reason, where the hash stays wrong', async () => {
		const recording = await stage.emulator.createRecording({});
		stage.emulator.failNext('media', { wrongContent: true }, { times: Infinity });
		const [execution] = await executionsOf(stored.id, 1, async () => {
			expect(await status(stage.emulator.deliver([recording], { url: stored.url }))).toBe(200);
		});
		const [item] = execution.items(TRIGGER);
		expect(item.binary).toBeUndefined();
		expect(item.json.recording).toMatchObject({
			mediaId: recording.mediaId,
			verified: false,
			error: { reason: 'hashMismatch' },
		});
	});

	it('emits the good part of a mixed delivery once and asks for the rest again', async () => {
		const good = await stage.emulator.createRecording({});
		const late = await stage.emulator.createRecording({});
		stage.emulator.failNext('media', { status: 500 }, { times: Infinity, mediaId: late.mediaId });
		const deliver = () => stage.emulator.deliver([good, late], { url: stored.url });
		const mediaIds = (items: Array<{ json: Record<string, unknown> }>) =>
			items.map(({ json }) => (json.recording as { mediaId: string }).mediaId);
		const [first] = await executionsOf(stored.id, 1, async () => {
			expect(await status(deliver())).toBe(503);
		});
		expect(mediaIds(first.items(TRIGGER))).toEqual([good.mediaId]);
		stage.emulator.clearFaults();
		const [second] = await executionsOf(stored.id, 1, async () => {
			expect(await status(deliver())).toBe(200);
		});
		expect(mediaIds(second.items(TRIGGER))).toEqual([late.mediaId]);
	});
});

describe('acknowledge: finished', () => {
	it('runs a workflow again that failed, and lets its recording come out once', async () => {
		const recording = await stage.emulator.createRecording({});
		store.failNext = 1;
		const deliver = () => stage.emulator.deliver([recording], { url: finished.url });
		const runs = await executionsOf(finished.id, 2, async () => {
			expect(await status(deliver())).toBe(500);
			expect(await status(deliver())).toBe(200);
			expect(await status(deliver())).toBe(200);
		});
		expect(runs.map((run) => run.status)).toEqual(['error', 'success']);
		const original = await readFile(DEFAULT_RECORDING);
		expect(store.files.get(recording.mediaId)?.equals(original)).toBe(true);
	});

	it('keeps the promise for each recording of a mixed delivery', async () => {
		const good = await stage.emulator.createRecording({});
		const late = await stage.emulator.createRecording({});
		stage.emulator.failNext('media', { status: 500 }, { times: Infinity, mediaId: late.mediaId });
		store.failNext = 1;
		const deliver = () => stage.emulator.deliver([good, late], { url: finished.url });
		const runs = await executionsOf(finished.id, 3, async () => {
			// The workflow fails on the good one; then it succeeds, but the late one is still missing.
			expect(await status(deliver())).toBe(500);
			expect(await status(deliver())).toBe(503);
			stage.emulator.clearFaults();
			expect(await status(deliver())).toBe(200);
		});
		expect(runs.map((run) => run.status)).toEqual(['error', 'success', 'success']);
		expect(runs[2].items(STORAGE)).toHaveLength(1);
		expect([...store.files.keys()]).toEqual(expect.arrayContaining([good.mediaId, late.mediaId]));
	});

	it('does not run a workflow twice that takes longer than Meta waits', async () => {
		const recording = await stage.emulator.createRecording({});
		store.delayMs = 3_000;
		const hangUpEarly = async () => {
			const record = stage.emulator.deliver([recording], { url: finished.url, signature: 'valid' });
			const { body, headers } = record.record;
			await fetch(finished.url, {
				method: 'POST',
				body,
				headers: headers as Record<string, string>,
				signal: AbortSignal.timeout(1_000),
			}).catch(() => undefined);
			return record;
		};
		await executionsOf(finished.id, 1, async () => {
			const copy = await hangUpEarly();
			expect(await status(copy)).toBe(200);
			await poll('the file', 10_000, async () => store.files.has(recording.mediaId) || undefined);
			expect(await status(stage.emulator.deliver([recording], { url: finished.url }))).toBe(200);
		});
	});
});

describe.each(['stored', 'finished'])(
	'a file that is unavailable, acknowledge: %s',
	(acknowledge) => {
		it('fails an execution that names its call, and is downloaded when someone retries it', async () => {
			const { api } = stage.n8n;
			const failing = await stage.addWorkflow({
				parameters: {
					...{ registration: 'manual', verifyToken: 'c' },
					options: { onFileUnavailable: 'fail', retryFor: 0, acknowledge },
				},
				storageUrl: store.url,
			});
			const recording = await stage.emulator.createRecording({});
			const { mediaId } = recording;
			stage.emulator.failNext('media', { status: 503 }, { times: Infinity, mediaId });
			const [failed] = await executionsOf(failing.id, 1, async () => {
				const answer = await status(stage.emulator.deliver([recording], { url: failing.url }));
				expect(answer).toBe(acknowledge === 'stored' ? 200 : 500);
			});
			expect(failed).toMatchObject({
				status: 'error',
				error: {
					message: `The recording of the call ${recording.callId} could not be downloaded`,
					description: expect.stringMatching(`HTTP status 503.*retry this execution.*${mediaId}`),
				},
			});
			stage.emulator.clearFaults();
			const [retried] = await executionsOf(failing.id, 1, async () => {
				await api.retryExecution(failed.id);
			});
			expect(retried).toMatchObject({ status: 'success', mode: 'retry' });
			const [item] = retried.items(TRIGGER);
			expect(item.json).toMatchObject({ callId: recording.callId, recording: { verified: true } });
			expect(store.files.get(mediaId)?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
			await api.deactivate(failing.id);
		});
	},
);

it('keeps token and app secret out of what n8n stores and logs', async () => {
	const { accessToken, appSecret } = stage.emulator.account;
	const { found, files, values } = await findSecrets(stage.n8n.userFolder, {
		accessToken,
		appSecret,
	});
	expect(found).toEqual([]);
	expect(files).toBeGreaterThan(3);
	expect(values).toBeGreaterThan(100);
});
