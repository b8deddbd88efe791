import { KB, LARGE_BYTES, MB, runBare, throughput, turned, warmUp } from './experiments';
import { LAZY, type Samples } from './results';
import { Stage, type World } from './stage';
import type { Variant } from './workflows';

/** Settings of n8n that an operator can choose, in the order in which they help more and more. */
export const SETTINGS = {
	none: {},
	pool: { N8N_EXPRESSION_ENGINE_POOL_SIZE: '4' },
	compileCache: { N8N_EXPRESSION_ENGINE_COMPILE_CACHE: 'true' },
	lazy: LAZY,
	lazyYoung: { ...LAZY, NODE_OPTIONS: '--max-semi-space-size=1' },
	lazyYoungUnsaved: {
		...LAZY,
		NODE_OPTIONS: '--max-semi-space-size=1',
		EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'none',
	},
	legacy: { N8N_EXPRESSION_ENGINE: 'legacy' },
} satisfies Record<string, Record<string, string>>;

const SIZE_BYTES = MB;

/** For these it is also measured with large files. */
const WITH_LARGE: Array<keyof typeof SETTINGS> = ['none', 'lazy', 'lazyYoung'];

const IN_FLIGHT = 4;
const COMPARED: Variant[] = ['ours', 'handBuilt', 'floor'];
const COMPARED_LARGE: Variant[] = ['ours', 'handBuilt'];

/** 8: n8n with other settings, all of them running at the same time, in turns. */
export async function settings(world: World, samples: Samples, rounds: number): Promise<void> {
	const stages: Array<{ kind: keyof typeof SETTINGS; stage: Stage }> = [];
	try {
		for (const [kind, env] of Object.entries(SETTINGS)) {
			const stage = await Stage.start(world, env, COMPARED);
			stages.push({ kind: kind as keyof typeof SETTINGS, stage });
			await warmUp(stage, COMPARED, 30);
		}
		for (let round = 0; round < rounds; round++) {
			for (const { kind, stage } of stages) {
				for (const variant of turned(COMPARED, round)) {
					const size = variant === 'floor' ? 100 * KB : SIZE_BYTES;
					const run = await stage.runRecordings(variant, 40, size, { inFlight: IN_FLIGHT });
					samples.add(
						{ experiment: 'settings', kind, variant, sizeBytes: SIZE_BYTES, inFlight: IN_FLIGHT },
						throughput(run),
					);
				}
			}
			const large = { experiment: 'settings', sizeBytes: LARGE_BYTES, inFlight: IN_FLIGHT };
			for (const { kind, stage } of stages.filter((one) => WITH_LARGE.includes(one.kind))) {
				for (const variant of turned(COMPARED_LARGE, round)) {
					const run = await stage.runRecordings(variant, 8, LARGE_BYTES, { inFlight: IN_FLIGHT });
					samples.add({ ...large, kind, variant }, throughput(run));
				}
			}
			const bare = { count: 8, sizeBytes: LARGE_BYTES, inFlight: IN_FLIGHT };
			samples.add({ ...large, variant: 'bareNode' }, await runBare(world, world.limit, bare));
		}
	} finally {
		for (const { stage } of stages) await stage.stop();
	}
}
