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

describe('a trigger that acknowledges when stored', () => {
	it('A recording becomes one item with its verified audio', async () => {
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
		'A delivery whose signature is %s gets 401, and executes nothing',
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

	it('Ten copies at once are executed once, and later ones not at all', async () => {
		const recording = await stage.emulator.createRecording({ sizeBytes: 2_000_000 });
		const deliver = () => stage.emulator.deliver([recording], { url: stored.url });
		await executionsOf(stored.id, 1, async () => {
			const answers = await Promise.all(Array.from({ length: 10 }, () => status(deliver())));
			expect(answers).toEqual(Array.from({ length: 10 }, () => 200));
			expect(await status(deliver())).toBe(200);
		});
	});

	it('A delivery gets 503 while the media host is down, and gives one item after redelivery', async () => {
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

	it('A recording whose hash stays wrong becomes an item without a file, with the reason', async () => {
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

	it('The good part of a mixed delivery comes out once, and Meta delivers the rest again', async () => {
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

describe('a trigger that acknowledges when finished', () => {
	it('A workflow that failed runs again, and its recording comes out once', async () => {
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

	it('Each recording of a mixed delivery is acknowledged only when its workflow has finished', async () => {
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

	it('A workflow that takes longer than Meta waits does not run twice', async () => {
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

it('Token and app secret are not in what n8n stores and logs', async () => {
	const { accessToken, appSecret } = stage.emulator.account;
	const { found, files, values } = await findSecrets(stage.n8n.userFolder, {
		accessToken,
		appSecret,
	});
	expect(found).toEqual([]);
	expect(files).toBeGreaterThan(3);
	expect(values).toBeGreaterThan(100);
});
