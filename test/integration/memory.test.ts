import { join } from 'node:path';
import { startEmulator, type CreatedRecording, type Emulator } from '../../emulator';
import { startChild, type Child } from '../support/child';
import { credentialData } from '../support/workflow';
import type { Report } from './memoryRun';

const MEBIBYTE = 1024 * 1024;
const RECORDING_BYTES = 100 * MEBIBYTE;
const LIMIT_BYTES = 64 * MEBIBYTE;

describe('the memory of n8n', () => {
	let emulator: Emulator;
	let n8n: Child;

	beforeEach(async () => {
		emulator = await startEmulator({ redeliveryDelaysMs: [], deliveryTimeoutMs: 120_000 });
		n8n = await startChild(join(__dirname, 'memoryRun.ts'), {
			nodeOptions: ['--expose-gc'],
			// In its test mode n8n loads nodes in another way than in production.
			env: { NODE_ENV: 'production' },
		});
		emulator.presetSubscription(await n8n.ask<string>('deploy', credentialData(emulator)));
	});

	afterEach(async () => {
		await n8n.stop();
		await emulator.stop();
	});

	async function deliver(recording: CreatedRecording): Promise<Report> {
		await n8n.ask('measure');
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		return await n8n.ask<Report>('report');
	}

	// Each time in a new process. A recording that is kept whole is kept each time; what the garbage
	// collector has not taken yet differs, so the least growth of three tells what is needed.
	const growths: number[] = [];
	it.each([1, 2, 3])(
		'A recording of 100 MB is stored complete and verified (process %s)',
		async () => {
			for (const seed of [1, 2, 3]) {
				const warmUp = await emulator.createRecording({ sizeBytes: 4 * MEBIBYTE, seed });
				expect((await deliver(warmUp)).verified).toBe(true);
			}
			const recording = await emulator.createRecording({ sizeBytes: RECORDING_BYTES, seed: 4 });
			const report = await deliver(recording);
			console.log(
				`100 MB recording: resident memory grew by ${(report.growthBytes / MEBIBYTE).toFixed(1)} MB at most (${report.samples} samples)`,
			);
			expect(report).toMatchObject({
				sizeBytes: RECORDING_BYTES,
				verified: true,
				storedSha256: recording.media.sha256Hex,
			});
			expect(report.samples).toBeGreaterThan(10);
			growths.push(report.growthBytes);
		},
		180_000,
	);

	it('Memory does not grow with the recording', () => {
		expect(growths).toHaveLength(3);
		expect(Math.min(...growths)).toBeLessThan(LIMIT_BYTES);
	});
});
