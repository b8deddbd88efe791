import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { poll } from '../support/processes';
import { KB, warmUp } from './experiments';
import { ENGINES, type Engine, type Samples } from './results';
import { Stage, type World } from './stage';
import type { Variant } from './workflows';

interface ProfileNode {
	id: number;
	callFrame: { functionName: string; url: string };
	children?: number[];
}

interface Profile {
	nodes: ProfileNode[];
	samples: number[];
	/** Microseconds before each sample. */
	timeDeltas: number[];
}

/** Whose code it is, by the package that a file belongs to; anything else is n8n's or of what it uses. */
const OWNERS: Array<[RegExp, string]> = [
	[/^n8n-nodes-whatsapp-business-calling$/, 'package'],
	[/^(@n8n\/expression-runtime|isolated-vm|@n8n\/tournament)$/, 'expressions'],
	[/^(@n8n\/typeorm|@n8n\/db|sqlite3)$/, 'database'],
];

const PARTS = [...OWNERS.map(([, part]) => part), 'n8n', 'node', 'garbage'];

const COUNT = 60;
const IN_FLIGHT = 4;

/** 9: on what n8n's main thread spends its time, by whose code the innermost function belongs to. */
export async function profile(
	world: World,
	samples: Samples,
	rounds: number,
	engines: Engine[],
): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'n8n-bench-profile-'));
	const file = join(folder, 'profile.json');
	try {
		for (const engine of engines) {
			const env = {
				...ENGINES[engine],
				NODE_OPTIONS: `--require=${join(__dirname, 'profiler.cjs')}`,
				BENCH_PROFILE: file,
			};
			const variants: Variant[] = ['ours', 'floor'];
			const stage = await Stage.start(world, env, variants);
			try {
				await warmUp(stage, variants, COUNT);
				for (let round = 0; round < rounds; round++) {
					for (const variant of variants) {
						const times = await profileOf(stage, variant, file);
						samples.add({ experiment: 'profile', engine, variant }, times);
					}
				}
			} finally {
				await stage.stop();
			}
		}
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

async function profileOf(
	stage: Stage,
	variant: Variant,
	file: string,
): Promise<Record<string, number>> {
	await rm(file, { force: true });
	process.kill(stage.n8n.pid(), 'SIGUSR2');
	await stage.runRecordings(variant, COUNT, 100 * KB, { inFlight: IN_FLIGHT });
	process.kill(stage.n8n.pid(), 'SIGUSR2');
	const written = await poll('profile', 60_000, async () => {
		return JSON.parse(await readFile(file, 'utf8')) as Profile;
	});
	return partsOf(written, COUNT);
}

/** Milliseconds of each part for one recording. */
function partsOf({ nodes, samples, timeDeltas }: Profile, recordings: number) {
	const parents = new Map<number, number>();
	for (const { id, children = [] } of nodes) {
		for (const child of children) parents.set(child, id);
	}
	const byId = new Map(nodes.map((node) => [node.id, node]));
	const partOf = (id: number): string | undefined => {
		for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
			const { functionName, url } = byId.get(at)?.callFrame ?? { functionName: '', url: '' };
			if (functionName === '(idle)' || url.endsWith('profiler.cjs')) return undefined;
			if (functionName === '(garbage collector)') return 'garbage';
			const owner = url.match(/.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1];
			if (owner) return OWNERS.find(([pattern]) => pattern.test(owner))?.[1] ?? 'n8n';
		}
		return 'node';
	};
	const parts = new Map(nodes.map(({ id }) => [id, partOf(id)]));
	const times = Object.fromEntries(PARTS.map((part) => [part, 0]));
	for (const [index, id] of samples.entries()) {
		const part = parts.get(id);
		if (part) times[part] += timeDeltas[index] / 1000 / recordings;
	}
	return times;
}
