import { createHash } from 'node:crypto';
import type { CredentialFields } from '../support/workflow';
import { Engine } from './engine';

/** What the parent process says: where Meta is; then which sizes were delivered. */
type Order = { credential: CredentialFields } | { measure: true } | { report: true };

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
	const send = (message: object) => process.send?.(message);
	let sampling: NodeJS.Timeout | undefined;
	let before = 0;
	let peak = 0;
	let samples = 0;

	const handle = async (order: Order): Promise<void> => {
		if ('credential' in order) {
			const trigger = engine.trigger(order.credential, { options: { timeBudget: 60 } });
			send({ url: trigger.url });
		} else if ('measure' in order) {
			global.gc?.();
			before = peak = process.memoryUsage.rss();
			samples = 0;
			sampling = setInterval(() => {
				samples++;
				peak = Math.max(peak, process.memoryUsage.rss());
			}, SAMPLE_EVERY_MS);
			send({ measuring: true });
		} else {
			clearInterval(sampling);
			const [trigger] = engine.triggers.values();
			const { json, binary } = trigger.items[trigger.items.length - 1];
			const recording = json.recording as { sizeBytes: number; verified: boolean };
			const report: Report = {
				sizeBytes: recording.sizeBytes,
				verified: recording.verified,
				storedSha256: binary ? await sha256Of(await engine.streamOf(binary.data)) : '',
				growthBytes: peak - before,
				samples,
			};
			send(report);
		}
	};
	process.on('message', (order: Order) => void handle(order));
	process.once('disconnect', () => void engine.stop());
	send({ ready: true });
}

async function sha256Of(chunks: AsyncIterable<Buffer>): Promise<string> {
	const hash = createHash('sha256');
	for await (const chunk of chunks) hash.update(chunk);
	return hash.digest('hex');
}

void main();
