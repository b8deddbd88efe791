import { createHash } from 'node:crypto';
import { takeOrders } from '../support/child';
import type { CredentialFields } from '../support/workflow';
import { Engine } from './engine/engine';

export interface Report {
	sizeBytes: number;
	verified: boolean;
	/** Of the file in n8n's store, read again after all. */
	storedSha256: string;
	growthBytes: number;
	samples: number;
}

const SAMPLE_EVERY_MS = 5;

/**
 * An n8n in a process of its own, so that its memory is measured and nothing else's. It stands by as
 * the callback of Meta, and tells its parent how its resident memory grew over one recording.
 */
async function main(): Promise<void> {
	const engine = await Engine.start();
	let sampling: NodeJS.Timeout | undefined;
	let before = 0;
	let peak = 0;
	let samples = 0;

	takeOrders(
		{
			/** Deploys the trigger for this Meta; gives its URL. */
			deploy: (credential: CredentialFields) =>
				engine.trigger(credential, { options: { timeBudget: 60 } }).url,
			/** From now on. */
			measure: () => {
				global.gc?.();
				before = peak = process.memoryUsage.rss();
				samples = 0;
				sampling = setInterval(() => {
					samples++;
					peak = Math.max(peak, process.memoryUsage.rss());
				}, SAMPLE_EVERY_MS);
			},
			/** Of the recording that came last. */
			report: async (): Promise<Report> => {
				clearInterval(sampling);
				const [trigger] = engine.triggers.values();
				const { json, binary } = trigger.items[trigger.items.length - 1];
				const recording = json.recording as { sizeBytes: number; verified: boolean };
				return {
					sizeBytes: recording.sizeBytes,
					verified: recording.verified,
					storedSha256: binary ? await sha256Of(await engine.streamOf(binary.data)) : '',
					growthBytes: peak - before,
					samples,
				};
			},
		},
		async () => await engine.stop(),
	);
}

async function sha256Of(chunks: AsyncIterable<Buffer>): Promise<string> {
	const hash = createHash('sha256');
	for await (const chunk of chunks) hash.update(chunk);
	return hash.digest('hex');
}

void main();
