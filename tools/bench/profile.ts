import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { poll } from '../../test/support/processes';
import { threadsCpuMs } from '../../test/support/usage';
import { KB, LARGE_BYTES, warmUp } from './experiments';
import { ENGINES, type Engine, type Samples } from './results';
import { SETTINGS } from './settings';
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

/** By `profiler.cjs`. */
interface Written {
	profile: Profile;
	/** How often V8 went through the whole heap, and through what was made last. */
	collections: { whole: number; young: number };
}

/** Whose code it is, by the package that a file belongs to; anything else is n8n's or of what it uses. */
const OWNERS: Array<[RegExp, string]> = [
	[/^n8n-nodes-whatsapp-business-calling$/, 'package'],
	[/^(@n8n\/expression-runtime|isolated-vm|@n8n\/tournament)$/, 'expressions'],
	[/^(@n8n\/typeorm|@n8n\/db|sqlite3)$/, 'database'],
];

const PARTS = [...OWNERS.map(([, part]) => part), 'n8n', 'node', 'garbage'];

/** Threads of V8 that compile and collect garbage beside the main thread. */
const V8_THREADS = 'V8Worker';

/** What one profile is made of, for each variant. */
interface Load {
	variants: Variant[];
	count: number;
	sizeBytes: number;
}

const SMALL: Load = { variants: ['ours', 'floor'], count: 60, sizeBytes: 100 * KB };
const LARGE: Load = { variants: ['ours', 'floorDownload'], count: 8, sizeBytes: LARGE_BYTES };

const IN_FLIGHT = 4;

/** With these settings large recordings are looked at, in n8n's default engine. */
const WITH_LARGE = ['none', 'lazyYoung'] as const;

/**
 * 9: on what n8n's main thread spends its time, by whose code the innermost function belongs to; and how
 * often V8 collects its garbage.
 */
export async function profile(
	world: World,
	samples: Samples,
	rounds: number,
	engines: Engine[],
): Promise<void> {
	for (const engine of engines) {
		await profiles(world, rounds, ENGINES[engine], SMALL, (variant, times) =>
			samples.add({ experiment: 'profile', engine, variant }, times),
		);
	}
	if (!engines.includes('default')) return;
	for (const kind of WITH_LARGE) {
		await profiles(world, rounds, SETTINGS[kind], LARGE, (variant, times) =>
			samples.add({ experiment: 'profile', kind, variant, sizeBytes: LARGE_BYTES }, times),
		);
	}
}

/** Profiles in an n8n of its own. */
async function profiles(
	world: World,
	rounds: number,
	env: Record<string, string>,
	load: Load,
	add: (variant: Variant, times: Record<string, number>) => void,
): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'n8n-bench-profile-'));
	const file = join(folder, 'profile.json');
	const options = [env.NODE_OPTIONS, `--require=${join(__dirname, 'profiler.cjs')}`];
	try {
		const stage = await Stage.start(
			world,
			{ ...env, NODE_OPTIONS: options.filter(Boolean).join(' '), BENCH_PROFILE: file },
			load.variants,
		);
		try {
			await warmUp(stage, load.variants, SMALL.count);
			for (let round = 0; round < rounds; round++) {
				for (const variant of load.variants) {
					add(variant, await profileOf(stage, variant, load, file));
				}
			}
		} finally {
			await stage.stop();
		}
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

async function profileOf(
	stage: Stage,
	variant: Variant,
	{ count, sizeBytes }: Load,
	file: string,
): Promise<Record<string, number>> {
	const pid = stage.n8n.pid();
	await rm(file, { force: true });
	process.kill(pid, 'SIGUSR2');
	const before = await threadsCpuMs(pid, V8_THREADS);
	await stage.runRecordings(variant, count, sizeBytes, { inFlight: IN_FLIGHT });
	const v8Threads = ((await threadsCpuMs(pid, V8_THREADS)) - before) / count;
	process.kill(pid, 'SIGUSR2');
	const { profile, collections } = await poll('profile', 60_000, async () => {
		return JSON.parse(await readFile(file, 'utf8')) as Written;
	});
	return {
		...partsOf(profile, count),
		v8Threads,
		wholeCollections: collections.whole / count,
		youngCollections: collections.young / count,
	};
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
