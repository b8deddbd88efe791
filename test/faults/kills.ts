import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { DeliverOptions } from '../../emulator';
import { FileStore } from '../support/fileStore';
import { poll } from '../support/processes';
import {
	audio,
	eachTry,
	OK,
	type CreatedRecording,
	type Scene,
	type FaultStage,
} from './faultStage';

const NONE = 0;
const SIZE = 20_000;

/** Waits longer for the operator's storage than any test lasts. */
const FOR_EVER = 600_000;

/** Meta does not hang up before n8n is killed. */
const patient: DeliverOptions = { timeoutMs: FOR_EVER };

/** Nor does n8n give up. */
const unhurried = { options: { timeBudget: 60 } };

/** Brings a case to the point at which n8n is killed; what it gives goes on when n8n is back. */
type Begin = () => Promise<() => Promise<void>>;

/** n8n is killed with SIGKILL, started again, and Meta delivers again. */
export function describeKills(stage: () => FaultStage): void {
	/** The operator's storage, of which one answers at once and the other not before the kill. */
	let storage: FileStore;
	let slowStorage: FileStore;
	const inFlight: Array<Promise<unknown>> = [];

	beforeAll(async () => {
		storage = await new FileStore().start();
		slowStorage = await new FileStore().start();
		for (const store of [storage, slowStorage]) stage().tally.watchStore(store);
	});

	afterAll(async () => {
		await storage?.stop();
		await slowStorage?.stop();
	});

	const killAndRestart = async (env: Record<string, string> = {}) => {
		await stage().n8n.kill();
		// Meta delivers again, but nobody is there.
		await Promise.all(inFlight.splice(0));
		slowStorage.delayMs = 0;
		await stage().n8n.restart(env);
	};

	const heldAnswers = async (count: number) =>
		await poll(`${count} held answers`, 30_000, async () =>
			(await stage().disturb({})) >= count ? true : undefined,
		);

	describe('n8n that is killed', () => {
		const cases: Record<string, Begin> = {
			'after the answer and the workflow, and Meta sends a copy all the same': async () => {
				const scene = await stage().sceneOfExample(storage, 'stored');
				const recording = await scene.record({ content: 'answered, and worked on' }, 'restarted');
				await scene.deliver([recording]);
				await scene.results();
				return async () => {
					// The memory of what was delivered is gone with the process.
					await scene.deliver([recording]);
					await scene.mustHave({
						answers: [OK, OK],
						executions: [[audio(recording)], [audio(recording)]],
					});
					await mustHold(storage, recording);
				};
			},

			'after the answer, while the workflow runs: n8n keeps the item and runs it on order':
				async () => {
					const scene = await stage().sceneOfExample(slowStorage, 'stored');
					const recording = await scene.record({ content: 'answered, and being worked on' });
					await scene.deliver([recording]);
					await arrived(slowStorage, recording);
					return async () => {
						await scene.mustHave({ answers: [OK], statuses: ['crashed'], executions: [[]] });
						await retry(stage(), scene.executions()[0].id);
						await scene.mustHave({
							answers: [OK],
							statuses: ['crashed', 'success'],
							executions: [[], [audio(recording)]],
						});
						await mustHold(slowStorage, recording);
					};
				},

			'before it answers, while the workflow runs whose success Meta waits for': async () => {
				const scene = await stage().sceneOfExample(slowStorage, 'finished');
				const recording = await scene.record({ content: 'being worked on, for Meta' });
				inFlight.push(scene.deliver([recording], patient));
				await arrived(slowStorage, recording);
				return async () => {
					await scene.deliver([recording]);
					await scene.mustHave({
						answers: [...eachTry(NONE), OK],
						statuses: ['crashed', 'success'],
						executions: [[], [audio(recording)]],
					});
					await mustHold(slowStorage, recording);
				};
			},

			'before it answers, when the workflow has succeeded that Meta waited for': async () => {
				const scene = await stage().sceneOfExample(storage, 'finished');
				const recording = await scene.record({ content: 'worked on, for Meta' }, 'unanswered');
				await stage().disturb({ holdAnswers: true });
				inFlight.push(scene.deliver([recording], patient));
				await heldAnswers(1);
				return async () => {
					await scene.deliver([recording]);
					await scene.mustHave({
						answers: [...eachTry(NONE), OK],
						executions: [[audio(recording)], [audio(recording)]],
					});
					await mustHold(storage, recording);
				};
			},

			'between the stored execution and the answer, when the workflow has succeeded': async () => {
				const scene = await stage().sceneOfExample(storage, 'stored');
				const recording = await scene.record({ content: 'worked on, not answered' }, 'unanswered');
				inFlight.push(scene.deliver([recording], patient));
				await heldAnswers(2);
				await poll('end of the workflow', 30_000, async () =>
					scene.executions().find(({ status }) => status === 'success'),
				);
				return async () => {
					await scene.deliver([recording]);
					await scene.mustHave({
						answers: [...eachTry(NONE), OK],
						executions: [[audio(recording)], [audio(recording)]],
					});
					await mustHold(storage, recording);
				};
			},

			'between the stored execution and the answer, while the workflow runs': async () => {
				const scene = await stage().sceneOfExample(slowStorage, 'stored');
				const recording = await scene.record({ content: 'being worked on, not answered' });
				inFlight.push(scene.deliver([recording], patient));
				await arrived(slowStorage, recording);
				await heldAnswers(3);
				return async () => {
					await scene.deliver([recording]);
					await scene.mustHave({
						answers: [...eachTry(NONE), OK],
						statuses: ['crashed', 'success'],
						executions: [[], [audio(recording)]],
					});
					await mustHold(slowStorage, recording);
				};
			},

			'before the first byte of the download': async () => {
				const scene = await stage().sceneApart(unhurried);
				const recording = await scene.record();
				const goOn = scene.holdDownload(recording);
				inFlight.push(scene.deliver([recording], patient));
				await scene.downloading(recording);
				return async () => {
					goOn();
					await scene.deliver([recording]);
					await scene.deliver([recording]);
					await scene.mustHave({
						answers: [...eachTry(NONE), OK, OK],
						executions: [[audio(recording)]],
					});
				};
			},

			'in the middle of the download': async () => {
				const scene = await stage().sceneApart(unhurried);
				// Half a file, which n8n does not look for when it starts again.
				stage().tally.filesMayStay(scene.workflow.id, 1);
				const recording = await scene.record({ sizeBytes: SIZE });
				const { mediaId } = recording;
				stage().emulator.failNext('media', { stallAfterBytes: SIZE / 2 }, { mediaId });
				inFlight.push(scene.deliver([recording], patient));
				await holdsBytes(stage(), scene, SIZE / 2);
				return async () => {
					await scene.deliver([recording]);
					await scene.deliver([recording]);
					await scene.mustHave({
						answers: [...eachTry(NONE), OK, OK],
						executions: [[audio(recording)]],
					});
				};
			},

			'when one of two files is there': async () => {
				const scene = await stage().sceneApart(unhurried);
				// A file for which there is no execution yet, with what n8n writes beside it.
				stage().tally.filesMayStay(scene.workflow.id, 2);
				const first = await scene.record({ sizeBytes: SIZE });
				const second = await scene.record({ sizeBytes: SIZE / 4 });
				const goOn = scene.holdDownload(second);
				inFlight.push(scene.deliver([first, second], patient));
				await scene.downloading(second);
				await holdsBytes(stage(), scene, SIZE, '.metadata');
				return async () => {
					goOn();
					await scene.deliver([first, second]);
					await scene.mustHave({
						answers: [...eachTry(NONE), OK],
						executions: [[audio(first), audio(second)]],
					});
				};
			},
		};

		const goOn: Record<string, () => Promise<void>> = {};
		let missed: { scene: Scene; recording: CreatedRecording };

		// All at once: one process dies with all of them in it.
		beforeAll(async () => {
			slowStorage.delayMs = FOR_EVER;
			for (const [name, begin] of Object.entries(cases)) goOn[name] = await begin();
			const scene = await stage().sceneApart();
			missed = { scene, recording: await scene.record() };
			await stage().n8n.kill();
			await scene.deliver([missed.recording]);
			await killAndRestart();
		}, 300_000);

		it.each(Object.keys(cases))(
			'Nothing is lost when n8n is killed %s',
			async (name) => await goOn[name](),
		);

		it('Nothing is lost when n8n is killed before Meta delivers', async () => {
			const { scene, recording } = missed;
			await scene.deliver([recording]);
			await scene.deliver([recording]);
			await scene.mustHave({
				answers: [...eachTry(NONE), OK, OK],
				executions: [[audio(recording)]],
			});
		});

		it('Nothing is lost when n8n is killed between the stored execution and the answer, while the execution waits for its turn', async () => {
			const scene = await stage().sceneOfExample(slowStorage, 'stored');
			await stage().n8n.restart({ N8N_CONCURRENCY_PRODUCTION_LIMIT: '1' });
			const running = await scene.record({ content: 'in its turn' });
			const waiting = await scene.record({ content: 'waiting for its turn' }, 'unanswered');
			slowStorage.delayMs = FOR_EVER;
			await scene.deliver([running]);
			await arrived(slowStorage, running);
			inFlight.push(scene.deliver([waiting], patient));
			await poll('second execution', 30_000, async () => scene.executions()[1]);
			await killAndRestart({ N8N_CONCURRENCY_PRODUCTION_LIMIT: '-1' });
			await scene.deliver([waiting]);
			// n8n has run what waited; of what ran it keeps the item.
			await scene.mustHave({
				answers: [OK, ...eachTry(NONE), OK],
				statuses: ['crashed', 'success', 'success'],
				executions: [[], [audio(waiting)], [audio(waiting)]],
			});
			await retry(stage(), scene.executions()[0].id);
			await mustHold(slowStorage, waiting);
			await mustHold(slowStorage, running);
		});
	});

	it('Nothing is lost when n8n is stopped normally in the middle of a download', async () => {
		const scene = await stage().sceneApart(unhurried);
		// n8n does not wait for what its webhooks are doing.
		stage().tally.filesMayStay(scene.workflow.id, 1);
		const recording = await scene.record({ sizeBytes: SIZE });
		const { mediaId } = recording;
		stage().emulator.failNext('media', { stallAfterBytes: SIZE / 2 }, { mediaId });
		const delivery = scene.deliver([recording], patient);
		await holdsBytes(stage(), scene, SIZE / 2);
		const restarted = stage().n8n.restart();
		await delivery;
		await restarted;
		await scene.deliver([recording]);
		await scene.mustHave({ answers: [...eachTry(NONE), OK], executions: [[audio(recording)]] });
	});
}

/** "Retry" in n8n's list of executions. */
async function retry({ n8n }: FaultStage, executionId: number): Promise<void> {
	await n8n.api.request('POST', `/rest/executions/${executionId}/retry`, { loadWorkflow: false });
}

const nameOf = ({ mediaId }: CreatedRecording) => `recordings/call-recording-${mediaId}.ogg`;

async function arrived(store: FileStore, recording: CreatedRecording): Promise<Buffer> {
	const name = nameOf(recording);
	return await poll(`${name} in the storage`, 30_000, async () => store.files.get(name));
}

/** However often it was put there: one file, and all of it. */
async function mustHold(store: FileStore, recording: CreatedRecording): Promise<void> {
	const bytes = await arrived(store, recording);
	expect(bytes.equals(await buffer(recording.media.content.open()))).toBe(true);
	const names = [...store.files.keys()].filter((name) => name.includes(recording.mediaId));
	expect(names).toEqual([nameOf(recording)]);
}

/** Waits until a file of so many bytes lies in the storage of n8n for a workflow. */
async function holdsBytes(
	{ storageFolder }: FaultStage,
	{ workflow }: Scene,
	bytes: number,
	beside = '',
): Promise<void> {
	const folder = join(storageFolder, 'workflows', workflow.id);
	await poll(`file of ${bytes} bytes`, 30_000, async () => {
		const files = await readdir(folder, { recursive: true, withFileTypes: true });
		const names = new Set(files.map(({ name }) => name));
		for (const file of files.filter((entry) => entry.isFile())) {
			const { size } = await stat(join(file.parentPath, file.name));
			if (size === bytes && names.has(`${file.name}${beside}`)) return true;
		}
		return undefined;
	});
}
