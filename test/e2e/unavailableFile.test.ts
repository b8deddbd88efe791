import { readFile } from 'node:fs/promises';
import { DEFAULT_RECORDING } from '../../emulator';
import { FileStore } from '../support/fileStore';
import { startStage, TRIGGER, type Stage } from '../support/stage';

jest.setTimeout(180_000);

let stage: Stage;
let store: FileStore;

beforeAll(async () => {
	stage = await startStage();
	store = await new FileStore().start();
});

afterAll(async () => {
	await stage?.stop();
	await store?.stop();
});

it.each(['stored', 'finished'])(
	'An execution fails for a file that is unavailable, names its call, and downloads the file when it is retried (acknowledge: %s)',
	async (acknowledge) => {
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
		const [failed] = await stage.executionsOf(failing.id, 1, async () => {
			const { answer } = stage.emulator.deliver([recording], { url: failing.url });
			expect((await answer).status).toBe(acknowledge === 'stored' ? 200 : 500);
		});
		expect(failed).toMatchObject({
			status: 'error',
			error: {
				message: expect.stringMatching(
					/^The recording could not be downloaded\. .*HTTP status 503/,
				),
				description: expect.stringContaining(`Call ID: ${recording.callId}, media ID: ${mediaId}.`),
			},
		});
		stage.emulator.clearFaults();
		const [retried] = await stage.executionsOf(failing.id, 1, async () => {
			await api.retryExecution(failed.id);
		});
		expect(retried).toMatchObject({ status: 'success', mode: 'retry' });
		const [item] = retried.items(TRIGGER);
		expect(item?.json).toMatchObject({
			callId: recording.callId,
			recording: { verified: true },
		});
		expect(store.files.get(mediaId)?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
		await api.deactivate(failing.id);
	},
);
