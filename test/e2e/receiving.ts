import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DEFAULT_RECORDING, type DeliveryHandle } from '../../emulator';
import { PERSON } from '../support/constants';
import { FileStore } from '../support/fileStore';
import { poll } from '../support/processes';
import { STORAGE, TRIGGER, type Stage } from '../support/stage';
import type { Shows } from './everyVersion';

const status = async (delivery: DeliveryHandle) => (await delivery.answer).status;

/** What the trigger promises for what it receives. */
export function describeReceiving(stage: () => Stage, shows: Shows): void {
	let store: FileStore;
	/** One workflow for each of the two promises. */
	let stored: { id: string; url: string };
	let finished: { id: string; url: string };

	beforeAll(async () => {
		store = await new FileStore().start();
		stored = await stage().addWorkflow({
			parameters: {
				registration: 'manual',
				verifyToken: 'a',
				// A time that a test can wait for.
				options: { timeBudget: 5 },
			},
		});
		finished = await stage().addWorkflow({
			parameters: {
				registration: 'manual',
				verifyToken: 'b',
				options: { acknowledge: 'finished' },
			},
			storageUrl: store.url,
		});
	});

	afterAll(async () => await store?.stop());

	beforeEach(() => {
		stage().emulator.clearFaults();
		store.failNext = 0;
		store.delayMs = 0;
	});

	/** Two recordings, and Meta fails to give the file of the second one. */
	async function oneIsLate() {
		const good = await stage().emulator.createRecording({});
		const late = await stage().emulator.createRecording({});
		stage().emulator.failNext('media', { status: 500 }, { times: Infinity, mediaId: late.mediaId });
		return { good, late };
	}

	describe('a trigger that acknowledges when stored', () => {
		shows('recordings', 'A recording becomes one item with its verified audio', async () => {
			const recording = await stage().emulator.createRecording({ from: PERSON });
			const [execution] = await stage().executionsOf(stored.id, 1, async () => {
				expect(await status(stage().emulator.deliver([recording], { url: stored.url }))).toBe(200);
			});
			const [item] = execution.items(TRIGGER);
			expect(item.json).toMatchObject({
				event: 'call_recording_available',
				callId: recording.callId,
				from: PERSON,
				recording: { mediaId: recording.mediaId, verified: true },
			});
			const audio = await stage().n8n.api.download(item.binary!.data);
			const original = await readFile(DEFAULT_RECORDING);
			expect(audio.equals(original)).toBe(true);
			expect(item.json.recording).toMatchObject({
				sizeBytes: original.length,
				sha256: createHash('sha256').update(original).digest('base64'),
			});
		});

		for (const signature of ['missing', 'wrong', 'sha1=0000', 'sha256=', 'sha256=zz']) {
			shows(
				'promises',
				`A delivery whose signature is ${signature} gets 401, and executes nothing`,
				async () => {
					const recording = await stage().emulator.createRecording({});
					const requestsBefore = stage().emulator.requests.length;
					await stage().executionsOf(stored.id, 0, async () => {
						const delivery = stage().emulator.deliver([recording], { url: stored.url, signature });
						expect(await status(delivery)).toBe(401);
					});
					expect(stage().emulator.requests.length).toBe(requestsBefore);
				},
			);
		}

		shows(
			'promises',
			'Ten copies at once are executed once, and later ones not at all',
			async () => {
				const recording = await stage().emulator.createRecording({ sizeBytes: 2_000_000 });
				const deliver = () => stage().emulator.deliver([recording], { url: stored.url });
				await stage().executionsOf(stored.id, 1, async () => {
					const answers = await Promise.all(Array.from({ length: 10 }, () => status(deliver())));
					expect(answers).toEqual(Array.from({ length: 10 }, () => 200));
					expect(await status(deliver())).toBe(200);
				});
			},
		);

		shows(
			'promises',
			'A delivery gets 503 while the media host is down, and gives one item after redelivery',
			async () => {
				const recording = await stage().emulator.createRecording({});
				const deliver = () => stage().emulator.deliver([recording], { url: stored.url });
				for (const fault of [
					{ status: 503 },
					{ reset: true },
					{ cutAfterBytes: 100 },
					{ hang: true },
				]) {
					stage().emulator.failNext('media', fault, { times: Infinity });
					await stage().executionsOf(stored.id, 0, async () => {
						expect(await status(deliver())).toBe(503);
					});
					stage().emulator.clearFaults();
				}
				const [execution] = await stage().executionsOf(stored.id, 1, async () => {
					expect(await status(deliver())).toBe(200);
					expect(await status(deliver())).toBe(200);
				});
				expect(execution.items(TRIGGER)).toHaveLength(1);
			},
		);

		shows(
			'recordings',
			'A recording whose hash stays wrong becomes an item without a file, with the reason',
			async () => {
				const recording = await stage().emulator.createRecording({});
				stage().emulator.failNext('media', { wrongContent: true }, { times: Infinity });
				const [execution] = await stage().executionsOf(stored.id, 1, async () => {
					expect(await status(stage().emulator.deliver([recording], { url: stored.url }))).toBe(
						200,
					);
				});
				const [item] = execution.items(TRIGGER);
				expect(item.binary).toBeUndefined();
				expect(item.json.recording).toMatchObject({
					mediaId: recording.mediaId,
					verified: false,
					error: { reason: 'hashMismatch' },
				});
			},
		);

		shows(
			'promises',
			'The good part of a mixed delivery comes out once, and Meta delivers the rest again',
			async () => {
				const { good, late } = await oneIsLate();
				const deliver = () => stage().emulator.deliver([good, late], { url: stored.url });
				const mediaIds = (items: Array<{ json: Record<string, unknown> }>) =>
					items.map(({ json }) => (json.recording as { mediaId: string }).mediaId);
				const [first] = await stage().executionsOf(stored.id, 1, async () => {
					expect(await status(deliver())).toBe(503);
				});
				expect(mediaIds(first.items(TRIGGER))).toEqual([good.mediaId]);
				stage().emulator.clearFaults();
				const [second] = await stage().executionsOf(stored.id, 1, async () => {
					expect(await status(deliver())).toBe(200);
				});
				expect(mediaIds(second.items(TRIGGER))).toEqual([late.mediaId]);
			},
		);
	});

	describe('a trigger that acknowledges when finished', () => {
		shows(
			'promises',
			'A workflow that failed runs again, and its recording comes out once',
			async () => {
				const recording = await stage().emulator.createRecording({});
				store.failNext = 1;
				const deliver = () => stage().emulator.deliver([recording], { url: finished.url });
				const runs = await stage().executionsOf(finished.id, 2, async () => {
					expect(await status(deliver())).toBe(500);
					expect(await status(deliver())).toBe(200);
					expect(await status(deliver())).toBe(200);
				});
				expect(runs.map((run) => run.status)).toEqual(['error', 'success']);
				const original = await readFile(DEFAULT_RECORDING);
				expect(store.files.get(recording.mediaId)?.equals(original)).toBe(true);
			},
		);

		shows(
			'promises',
			'Each recording of a mixed delivery is acknowledged only when its workflow has finished',
			async () => {
				const { good, late } = await oneIsLate();
				store.failNext = 1;
				const deliver = () => stage().emulator.deliver([good, late], { url: finished.url });
				const runs = await stage().executionsOf(finished.id, 3, async () => {
					// The workflow fails on the good one; then it succeeds, but the late one is still missing.
					expect(await status(deliver())).toBe(500);
					expect(await status(deliver())).toBe(503);
					stage().emulator.clearFaults();
					expect(await status(deliver())).toBe(200);
				});
				expect(runs.map((run) => run.status)).toEqual(['error', 'success', 'success']);
				expect(runs[2].items(STORAGE)).toHaveLength(1);
				expect([...store.files.keys()]).toEqual(
					expect.arrayContaining([good.mediaId, late.mediaId]),
				);
			},
		);

		shows(
			'promises',
			'A workflow that takes longer than Meta waits does not run twice',
			async () => {
				const recording = await stage().emulator.createRecording({});
				store.delayMs = 3_000;
				const hangUpEarly = async () => {
					const record = stage().emulator.deliver([recording], {
						url: finished.url,
						signature: 'valid',
					});
					const { body, headers } = record.record;
					await fetch(finished.url, {
						method: 'POST',
						body,
						headers: headers,
						signal: AbortSignal.timeout(1_000),
					}).catch(() => undefined);
					return record;
				};
				await stage().executionsOf(finished.id, 1, async () => {
					const copy = await hangUpEarly();
					expect(await status(copy)).toBe(200);
					await poll(
						'the file',
						10_000,
						async () => store.files.has(recording.mediaId) || undefined,
					);
					expect(await status(stage().emulator.deliver([recording], { url: finished.url }))).toBe(
						200,
					);
				});
			},
		);
	});
}
