import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DAY_MS, HOUR_MS } from '../support/constants';
import { FileStore } from '../support/fileStore';
import {
	audio,
	eachTry,
	LATER,
	minutesAgo,
	noFile,
	OK,
	type Came,
	type FaultStage,
} from './faultStage';

const FAILED = 500;

/** More than the time for which a trigger goes on with the credential that it has read. */
const CREDENTIAL_KEPT_MS = 11_000;

/** A disturbance that does not come from a download: credential, storage, database, clocks. */
export function describeSurroundings(stage: () => FaultStage): void {
	describeCredential(stage);
	describeStorage(stage);
	describeOperatorsStorage(stage);
	describeClock(stage);
}

function describeCredential(stage: () => FaultStage): void {
	describe('a credential that fails', () => {
		afterEach(async () => {
			stage().emulator.restoreToken();
			await stage().saveCredential();
			await stage().disturb({ clockMs: 0 });
		});

		it('A recording comes after the token was revoked between event and download for some time', async () => {
			const scene = await stage().scene();
			const recording = await scene.record();
			const goOn = scene.holdDownload(recording);
			const delivered = scene.deliver([recording]);
			await scene.downloading(recording);
			stage().emulator.revokeToken();
			goOn();
			await delivered;
			stage().emulator.restoreToken();
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(LATER), OK], executions: [[audio(recording)]] });
			expect(scene.asked(recording)).toEqual({ file: 5, url: 4 });
		});

		it('A recording comes after the credential was replaced before the redelivery', async () => {
			const scene = await stage().scene();
			const recording = await scene.record();
			stage().emulator.failNext('media', { status: 500 }, { mediaId: recording.mediaId, times: 4 });
			await scene.deliver([recording]);
			stage().replaceToken('EAAG-the-token-of-tomorrow');
			await stage().saveCredential();
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(LATER), OK], executions: [[audio(recording)]] });
		});

		it('A recording comes after the app secret was missing for some time', async () => {
			const scene = await stage().sceneApart();
			const recording = await scene.record();
			await stage().saveCredential({ appSecret: '' });
			await scene.deliver([recording]);
			await stage().saveCredential();
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(LATER), OK], executions: [[audio(recording)]] });
		});

		it('A recording comes after the app secret was that of another app for some time', async () => {
			const scene = await stage().sceneApart();
			const recording = await scene.record();
			await stage().saveCredential({ appSecret: 'the secret of another app' });
			await scene.deliver([recording]);
			await stage().saveCredential();
			await stage().disturb({ clockMs: CREDENTIAL_KEPT_MS });
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(401), OK], executions: [[audio(recording)]] });
		});
	});
}

function describeStorage(stage: () => FaultStage): void {
	describe("n8n's storage that fails", () => {
		afterEach(async () => await stage().disturb({ freeBytes: null }));

		it('A recording comes after the storage could not be written because a file is in its place', async () => {
			const scene = await stage().sceneApart();
			const recording = await scene.record();
			const folder = join(stage().storageFolder, 'workflows', scene.workflow.id);
			await mkdir(dirname(folder), { recursive: true });
			await writeFile(folder, 'in the way');
			await scene.deliver([recording]);
			await rm(folder);
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(LATER), OK], executions: [[audio(recording)]] });
		});

		it.each([
			['before the first byte', 0],
			['in the middle of the file', 10_000],
			['one byte before the end', 19_999],
		])('A recording comes after the storage was full %s', async (_when, freeBytes) => {
			const scene = await stage().scene();
			const recording = await scene.record({ sizeBytes: 20_000 });
			await stage().disturb({ freeBytes });
			await scene.deliver([recording]);
			await stage().disturb({ freeBytes: null });
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(LATER), OK], executions: [[audio(recording)]] });
		});

		it('A recording comes after the storage was full for it and not for another of its delivery', async () => {
			const scene = await stage().scene();
			const small = await scene.record({ sizeBytes: 5_000 });
			const large = await scene.record({ sizeBytes: 50_000 });
			await stage().disturb({ freeBytes: 20_000 });
			await scene.deliver([small, large]);
			await stage().disturb({ freeBytes: null });
			await scene.deliver([small, large]);
			await scene.mustHave({
				answers: [...eachTry(LATER), OK],
				executions: [[audio(small)], [audio(large)]],
			});
		});

		it('A full storage gives an item without a file if the operator does not want to wait', async () => {
			const scene = await stage().scene({ options: { retryFor: 0 } });
			const recording = await scene.record({ sizeBytes: 20_000 });
			await stage().disturb({ freeBytes: 10_000 });
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [OK], executions: [[noFile(recording, 'storageFailed')]] });
		});

		it("A recording comes after the storage held the file but not n8n's metadata", async () => {
			const scene = await stage().sceneApart();
			// n8n does not take the file away again.
			stage().tally.filesMayStay(scene.workflow.id, 4);
			const recording = await scene.record({ sizeBytes: 20 });
			await stage().disturb({ freeBytes: 40 });
			await scene.deliver([recording]);
			await stage().disturb({ freeBytes: null });
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(LATER), OK], executions: [[audio(recording)]] });
		});

		it('A recording comes after the storage held the file but the database refused the execution', async () => {
			const scene = await stage().sceneApart();
			// Each with what n8n writes beside it. A node has no means to take a file out of the store.
			stage().tally.filesMayStay(scene.workflow.id, 8);
			const recording = await scene.record();
			stage().inDatabase((database) =>
				database.exec(
					`CREATE TRIGGER disk_full BEFORE INSERT ON execution_entity
						BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`,
				),
			);
			await scene.deliver([recording]);
			stage().inDatabase((database) => database.exec('DROP TRIGGER disk_full'));
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [...eachTry(FAILED), OK], executions: [[audio(recording)]] });
		});
	});
}

function describeOperatorsStorage(stage: () => FaultStage): void {
	it("A recording comes after the operator's storage was down for three tries while Meta waits for the workflow", async () => {
		const store = await new FileStore().start();
		stage().tally.watchStore(store);
		const scene = await stage().sceneOfExample(store, 'finished');
		const recording = await scene.record({ content: 'for a storage that is down' });
		store.failNext = 3;
		await scene.deliver([recording]);
		await scene.deliver([recording]);
		await scene.mustHave({
			answers: [FAILED, FAILED, FAILED, OK, OK],
			statuses: ['error', 'error', 'error', 'success'],
			executions: Array<Came[]>(4).fill([audio(recording)]),
		});
		expect([...store.files.values()].map(String)).toEqual(['for a storage that is down']);
		await store.stop();
	});
}

function describeClock(stage: () => FaultStage): void {
	describe('clocks that are wrong', () => {
		afterEach(async () => await stage().disturb({ clockMs: 0 }));

		it.each([
			['an hour behind', -HOUR_MS, 0],
			['an hour ahead', HOUR_MS, 1],
			['a year ahead', 365 * DAY_MS, 1],
			['ten years behind', -3650 * DAY_MS, 0],
		])("A recording comes once when n8n's clock is %s", async (_how, clockMs, url) => {
			const scene = await stage().scene();
			const recording = await scene.record();
			await stage().disturb({ clockMs });
			await scene.deliver([recording]);
			await scene.deliver([recording]);
			await stage().disturb({ clockMs: 0 });
			await scene.mustHave({ answers: [OK, OK], executions: [[audio(recording)]] });
			expect(scene.asked(recording)).toEqual({ file: 1, url });
		});

		it.each([
			['forward', HOUR_MS],
			['back', -HOUR_MS],
		])(
			"A recording comes once when n8n's clock jumps an hour %s during a download",
			async (_where, clockMs) => {
				const scene = await stage().scene();
				const recording = await scene.record();
				const goOn = scene.holdDownload(recording);
				const delivered = scene.deliver([recording]);
				await scene.downloading(recording);
				await stage().disturb({ clockMs });
				goOn();
				await delivered;
				await scene.deliver([recording]);
				await scene.mustHave({ answers: [OK, OK], executions: [[audio(recording)]] });
			},
		);

		it("A missing recording becomes an item without a file when n8n's clock passes Retry For", async () => {
			const scene = await stage().scene({ options: { retryFor: 2 } });
			const recording = await scene.record();
			const { mediaId } = recording;
			stage().emulator.failNext('media', { status: 503 }, { mediaId, times: Infinity });
			await scene.deliver([recording], { redeliver: false });
			await stage().disturb({ clockMs: 1.9 * HOUR_MS });
			await scene.deliver([recording], { redeliver: false });
			await stage().disturb({ clockMs: 2.1 * HOUR_MS });
			await scene.deliver([recording], { redeliver: false });
			await scene.deliver([recording]);
			stage().emulator.clearFaults();
			await scene.mustHave({
				answers: [LATER, LATER, OK, OK],
				executions: [[noFile(recording, 'unavailable')]],
			});
		});

		it("A recording comes once when n8n's clock jumps back while it is awaited", async () => {
			const scene = await stage().scene();
			const recording = await scene.record();
			stage().emulator.failNext('media', { status: 503 }, { mediaId: recording.mediaId, times: 2 });
			await scene.deliver([recording], { redeliver: false });
			await stage().disturb({ clockMs: -DAY_MS });
			await scene.deliver([recording], { redeliver: false });
			await stage().disturb({ clockMs: 0 });
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [LATER, LATER, OK], executions: [[audio(recording)]] });
		});

		it("A recording comes once when n8n's clock jumps a day between a delivery and its copy", async () => {
			const scene = await stage().scene();
			const recording = await scene.record();
			await scene.deliver([recording]);
			for (const clockMs of [DAY_MS, -DAY_MS]) {
				await stage().disturb({ clockMs });
				await scene.deliver([recording]);
			}
			await stage().disturb({ clockMs: 0 });
			await scene.mustHave({ answers: [OK, OK, OK], executions: [[audio(recording)]] });
		});

		it('A recording comes when the 5 minutes of its URL pass before Meta delivers again', async () => {
			const scene = await stage().scene();
			const recording = await scene.record();
			stage().emulator.failNext('media', { reset: true }, { mediaId: recording.mediaId });
			await scene.deliver([recording], { redeliver: false });
			stage().emulator.clock.advance(6 * 60_000);
			await scene.deliver([recording]);
			await scene.mustHave({ answers: [LATER, OK], executions: [[audio(recording)]] });
			expect(scene.asked(recording)).toEqual({ file: 3, url: 1 });
		});

		it('A recording is gone when the 7 days of its file pass before Meta delivers again', async () => {
			const scene = await stage().scene({ options: { retryFor: 240 } });
			const recording = await scene.record({ event: { timestamp: minutesAgo(11) } });
			stage().emulator.failNext('media', { reset: true }, { mediaId: recording.mediaId });
			await scene.deliver([recording], { redeliver: false });
			stage().emulator.clock.advance(8 * DAY_MS);
			await scene.deliver([recording]);
			stage().emulator.clock.advance(-8 * DAY_MS);
			await scene.mustHave({
				answers: [LATER, OK],
				executions: [[noFile(recording, 'mediaGone')]],
			});
		});
	});
}
