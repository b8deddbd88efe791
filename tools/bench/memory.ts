import { LARGE_BYTES, KB, warmUp } from './experiments';
import { ENGINES, type Engine, type Key, type Samples } from './results';
import { SETTINGS } from './settings';
import { Stage, type World } from './stage';
import type { Variant } from './workflows';

const IN_FLIGHT = 16;

/** The floor does nothing with them: what n8n needs for so many deliveries at once, whatever they hold. */
const COMPARED: Variant[] = ['ours', 'handBuilt', 'floor'];

/**
 * 3: memory above idle, of recordings of 64 MB that all come at once. Each in an n8n of its own, against idle
 * as it was before the first of them: what n8n has once taken it does not give back soon, and then needs no
 * more.
 */
export async function memory(
	world: World,
	samples: Samples,
	rounds: number,
	engines: Engine[],
): Promise<void> {
	for (const engine of engines) {
		await ofN8n(world, samples, rounds, ENGINES[engine], { engine });
	}
	if (!engines.includes('default')) return;
	await ofN8n(world, samples, rounds, SETTINGS.lazyYoung, { kind: 'lazyYoung' });
}

async function ofN8n(
	world: World,
	samples: Samples,
	rounds: number,
	env: Record<string, string>,
	key: Pick<Key, 'engine' | 'kind'>,
): Promise<void> {
	for (const variant of COMPARED) {
		const stage = await Stage.start(world, env, [variant]);
		try {
			await warmUp(stage, [variant], 60);
			const idle = await stage.idleMemory();
			const sizeBytes = variant === 'floor' ? 100 * KB : LARGE_BYTES;
			for (let round = 0; round < rounds; round++) {
				const peak = await stage.peakDuring(
					async () =>
						await stage.runRecordings(variant, IN_FLIGHT, sizeBytes, { inFlight: IN_FLIGHT }),
				);
				samples.add(
					{ experiment: 'memory', ...key, variant, sizeBytes: LARGE_BYTES, inFlight: IN_FLIGHT },
					{ peakMb: peak - idle },
				);
			}
		} finally {
			await stage.stop();
		}
	}
}
