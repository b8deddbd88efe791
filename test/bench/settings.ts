import { KB, MB, warmUp } from './experiments';
import type { Samples } from './results';
import { Stage, type World } from './stage';
import type { Variant } from './workflows';

/** Settings of n8n that an operator can choose, in the order in which they help more and more. */
export const SETTINGS = {
	none: {},
	lazy: { N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE: 'true' },
	lazyUnsaved: {
		N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE: 'true',
		EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'none',
	},
	legacy: { N8N_EXPRESSION_ENGINE: 'legacy' },
} satisfies Record<string, Record<string, string>>;

const SIZE_BYTES = MB;
const IN_FLIGHT = 4;
const COMPARED: Variant[] = ['ours', 'handBuilt', 'floor'];

/** 8: n8n with other settings, all of them running at the same time, in turns. */
export async function settings(world: World, samples: Samples, rounds: number): Promise<void> {
	const stages: Array<{ kind: string; stage: Stage }> = [];
	try {
		for (const [kind, env] of Object.entries(SETTINGS)) {
			const stage = await Stage.start(world, env, COMPARED);
			stages.push({ kind, stage });
			await warmUp(stage, COMPARED, 30);
		}
		for (let round = 0; round < rounds; round++) {
			for (const { kind, stage } of stages) {
				for (const variant of COMPARED) {
					const size = variant === 'floor' ? 100 * KB : SIZE_BYTES;
					const run = await stage.runRecordings(variant, 40, size, { inFlight: IN_FLIGHT });
					samples.add(
						{ experiment: 'settings', kind, variant, sizeBytes: SIZE_BYTES, inFlight: IN_FLIGHT },
						{ perSecond: run.deliveries / run.seconds, cpuMs: run.cpuMs / run.deliveries },
					);
				}
			}
		}
	} finally {
		for (const { stage } of stages) await stage.stop();
	}
}
