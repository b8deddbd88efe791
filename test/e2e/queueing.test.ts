import { FileStore } from '../support/fileStore';
import { startStage, TRIGGER, type Stage } from '../support/stage';

jest.setTimeout(180_000);

let stage: Stage;
let store: FileStore;

beforeAll(async () => {
	stage = await startStage({ env: { N8N_CONCURRENCY_PRODUCTION_LIMIT: '1' } });
	store = await new FileStore().start();
});

afterAll(async () => {
	await stage?.stop();
	await store?.stop();
});

it('A delivery that waits longer for its turn in n8n than Meta waits for the answer is executed once', async () => {
	const { id, url } = await stage.addWorkflow({
		parameters: { registration: 'manual', verifyToken: 'a' },
		storageUrl: store.url,
	});
	const [first, second] = [
		await stage.emulator.createRecording({}),
		await stage.emulator.createRecording({}),
	];
	store.delayMs = 18_000;
	expect((await stage.emulator.deliver([first], { url }).answer).status).toBe(200);
	// Stored, but waiting for the first one; Meta hangs up.
	const { body, headers } = stage.emulator.deliver([second], { url: 'http://127.0.0.1:9/' }).record;
	const copy = async (patience: number) =>
		await fetch(url, {
			method: 'POST',
			body,
			headers: headers,
			signal: AbortSignal.timeout(patience),
		}).catch(() => undefined);
	await copy(1_000);
	await new Promise((resolve) => setTimeout(resolve, 12_000));
	store.delayMs = 0;
	await copy(30_000);
	const runs = await stage.n8n.api.waitForExecutions(id, 2);
	await new Promise((resolve) => setTimeout(resolve, 1_000));
	expect(await stage.n8n.api.executions(id)).toHaveLength(2);
	expect(runs.flatMap((run) => run.items(TRIGGER))).toHaveLength(2);
});
