import type { CreatedRecording } from '../../emulator';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage({ redeliveryDelaysMs: [] });

async function deliver(recording: CreatedRecording, secret = 'valid'): Promise<number> {
	return (await stage.emulator.deliver([recording], { signature: secret }).answer).status;
}

const recordingOf = (trigger: TriggerWorkflow, execution: number) =>
	trigger.executions[execution].items[0].json.recording as {
		verified: boolean;
		error?: { reason: string };
	};

describe("the trigger's credential", () => {
	let now = Date.now();

	beforeEach(() => {
		now = Date.now();
		jest.spyOn(Date, 'now').mockImplementation(() => now);
	});

	afterEach(() => jest.restoreAllMocks());

	it('The credential is read once for many deliveries and their downloads, and again after ten seconds', async () => {
		const trigger = stage.trigger();
		const before = stage.engine.credentialReads;
		const recordings = await Promise.all(
			Array.from({ length: 6 }, async () => await stage.emulator.createRecording()),
		);
		const [late, ...first] = recordings;
		const answers = await Promise.all(first.map(async (recording) => await deliver(recording)));
		expect(answers).toEqual(Array(5).fill(200));
		expect(stage.engine.credentialReads - before).toBe(1);
		now += 10_000;
		expect(await deliver(late)).toBe(200);
		expect(stage.engine.credentialReads - before).toBe(2);
		expect(trigger.executions.map((_, i) => recordingOf(trigger, i).verified)).toEqual(
			Array(6).fill(true),
		);
	});

	it('An error of Meta does not make n8n read the credential again', async () => {
		stage.trigger();
		const before = stage.engine.credentialReads;
		stage.emulator.failNext('media', { status: 404 });
		const failed = stage.emulator.failNext('mediaInfo', { status: 500 });
		expect(await deliver(await stage.emulator.createRecording())).toBe(503);
		expect(failed.hits()).toBe(1);
		expect(stage.engine.credentialReads - before).toBe(1);
	});

	it('The credential is not read for a request whose header is no signature', async () => {
		stage.trigger();
		const before = stage.engine.credentialReads;
		const recording = await stage.emulator.createRecording();
		expect(await deliver(recording, 'missing')).toBe(401);
		expect(await deliver(recording, 'sha256=short')).toBe(401);
		expect(stage.engine.credentialReads).toBe(before);
	});

	it('The credential is read at most once a second for forged deliveries', async () => {
		stage.trigger();
		const before = stage.engine.credentialReads;
		const recording = await stage.emulator.createRecording();
		for (let i = 0; i < 20; i++) expect(await deliver(recording, 'wrong')).toBe(401);
		expect(stage.engine.credentialReads - before).toBe(1);
		now += 1_000;
		for (let i = 0; i < 20; i++) expect(await deliver(recording, 'wrong')).toBe(401);
		expect(stage.engine.credentialReads - before).toBe(2);
	});

	it('A new app secret applies from the next delivery on', async () => {
		const credential = stage.credential;
		const trigger = stage.trigger({}, credential);
		expect(await deliver(await stage.emulator.createRecording())).toBe(200);
		now += 1_000;
		credential.appSecret = stage.emulator.account.appSecret = 'fedcba9876543210fedcba9876543210';
		expect(await deliver(await stage.emulator.createRecording())).toBe(200);
		expect(trigger.executions).toHaveLength(2);
	});

	it('A new access token applies from the next delivery on', async () => {
		const credential = stage.credential;
		const trigger = stage.trigger({}, credential);
		expect(await deliver(await stage.emulator.createRecording())).toBe(200);
		credential.accessToken = stage.emulator.account.accessToken = 'EMULATOR-another-token';
		expect(await deliver(await stage.emulator.createRecording())).toBe(200);
		expect(recordingOf(trigger, 1)).toMatchObject({ verified: true });
	});

	it('A credential that Meta rejects is read again, and the file is not requested twice if it is the same', async () => {
		const trigger = stage.trigger({ options: { onFileUnavailable: 'emit' } });
		expect(await deliver(await stage.emulator.createRecording())).toBe(200);
		stage.emulator.revokeToken();
		stage.emulator.forget();
		expect(await deliver(await stage.emulator.createRecording())).toBe(200);
		expect(recordingOf(trigger, 1).error?.reason).toBe('accessDenied');
		expect(stage.requests('mediaInfo')).toHaveLength(1);
	});

	it('The credential of one trigger is not used for another', async () => {
		const { credential } = stage;
		const trigger = stage.trigger({}, credential);
		expect(await deliver(await stage.emulator.createRecording())).toBe(200);
		const other = stage.trigger({}, { ...credential, appSecret: 'of another app' });
		expect(await deliver(await stage.emulator.createRecording())).toBe(401);
		expect([trigger.executions.length, other.executions.length]).toEqual([1, 0]);
	});
});
