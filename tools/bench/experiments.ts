import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child } from '../../test/support/child';
import { cpuMs } from '../../test/support/usage';
import { bodyOf, newEvents, oneEach, textMessage } from './deliveries';
import { median, percentile } from './measure';
import { ENGINES, type Engine, type Key, type Samples } from './results';
import { Stage, type Run, type World } from './stage';
import { SHARED, type Variant } from './workflows';

export const KB = 1000;
export const MB = 1000 * KB;

/** What every experiment gets. */
export interface Bench {
	world: World;
	samples: Samples;
	rounds: number;
	engine: Engine;
}

type Experiment = (bench: Bench, stage: Stage) => Promise<void>;

/** So many deliveries make a run of about two seconds: n8n's default engine is the slower one. */
const deliveriesOf = (engine: Engine, inFlight: number, sizeBytes: number) =>
	Math.max(inFlight * 2, sizeBytes > 4 * MB ? 12 : engine === 'default' ? 32 : 100);

async function inRounds(rounds: number, round: (number: number) => Promise<void>): Promise<void> {
	for (let number = 0; number < rounds; number++) await round(number);
}

/** A list that begins one further each round: so nobody always comes after the same one. */
export function turned<T>(list: readonly T[], round: number): T[] {
	const first = round % list.length;
	return [...list.slice(first), ...list.slice(0, first)];
}

/** Whose figures are compared, and one turn of it. */
interface Compared {
	key: Key;
	run: () => Promise<Run>;
}

/** One round: everybody has so many turns, and what they come to together counts. */
async function takeTurns(
	{ samples }: Bench,
	compared: Compared[],
	round: number,
	turns: number,
): Promise<void> {
	const sums = compared.map((one) => ({ ...one, seconds: 0, cpuMs: 0, deliveries: 0 }));
	for (let turn = 0; turn < turns; turn++) {
		for (const sum of turned(sums, round * turns + turn)) {
			const run = await sum.run();
			sum.seconds += run.seconds;
			sum.cpuMs += run.cpuMs;
			sum.deliveries += run.deliveries;
		}
	}
	for (const sum of sums) samples.add(sum.key, throughput(sum));
}

export const throughput = (run: Pick<Run, 'deliveries' | 'seconds' | 'cpuMs'>) => ({
	perSecond: run.deliveries / run.seconds,
	cpuMs: run.cpuMs / run.deliveries,
});

const times = (run: Run) => ({
	answeredMs: median(run.answeredMs),
	answeredP95Ms: percentile(run.answeredMs, 0.95),
	finishedMs: median(run.finishedMs),
	finishedP95Ms: percentile(run.finishedMs, 0.95),
});

/** The largest recordings that are measured. */
export const LARGE_BYTES = 64 * MB;

/** New recordings of a size, downloaded by a bare program. */
export async function runBare(
	{ record, meta }: World,
	program: Child,
	{ count, sizeBytes, inFlight }: { count: number; sizeBytes: number; inFlight: number },
) {
	const recordings = await record(count, sizeBytes);
	const folder = await mkdtemp(join(tmpdir(), 'n8n-bench-limit-'));
	try {
		const before = await cpuMs(program.pid);
		const { seconds } = await program.ask<{ seconds: number }>('download', {
			recordings,
			accessToken: meta.accessToken,
			inFlight,
			folder,
		});
		return {
			perSecond: count / seconds,
			cpuMs: ((await cpuMs(program.pid)) - before) / count,
		};
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** n8n compiles what runs often: nobody is measured cold. */
export async function warmUp(stage: Stage, variants: Variant[], count: number): Promise<void> {
	for (const variant of variants) {
		await stage.runRecordings(variant, count, 100 * KB, { inFlight: 4 });
	}
}

const IN_FLIGHT = [1, 4, 16];

/**
 * Who is compared at each size of file, and in how many turns a round; the floors do not look at the size.
 * What is over soon has more turns, or a moment's noise would decide.
 */
const COMPARED: Array<{ sizeBytes: number; variants: Variant[]; turns: number }> = [
	{
		sizeBytes: 100 * KB,
		variants: ['ours', 'floor', 'floorDownload', 'handBuilt', 'oursMetadata'],
		turns: 2,
	},
	{ sizeBytes: MB, variants: ['ours', 'handBuilt', 'floorDownload'], turns: 2 },
	{ sizeBytes: 16 * MB, variants: ['ours', 'handBuilt', 'floorDownload'], turns: 1 },
];

/** 1: recordings per second and CPU; and what it takes to read the length of 1 MB of audio, which has no engine. */
const recordings: Experiment = async (bench, stage) =>
	await inRounds(bench.rounds, async (round) => {
		const { engine, world, samples } = bench;
		if (engine === 'lazy') {
			const length = await world.limit.ask<{ cpuMs: number }>('audioLength', { count: 500 });
			samples.add({ experiment: 'audioLength', engine, variant: 'bareNode' }, length);
		}
		for (const { sizeBytes, variants, turns } of COMPARED) {
			for (const inFlight of IN_FLIGHT) {
				const count = deliveriesOf(engine, inFlight, sizeBytes);
				const compared = variants.map((variant) => ({
					key: { experiment: 'recordings', engine, variant, sizeBytes, inFlight },
					run: async () => await stage.runRecordings(variant, count, sizeBytes, { inFlight }),
				}));
				await takeTurns(bench, compared, round, turns);
			}
		}
	});

const OWN_WEBHOOK: Variant[] = ['ownWebhook', 'handBuilt', 'ours'];

/** 11: n8n's Webhook node with Delivery > Read behind it. */
const ownWebhook: Experiment = async (bench, stage) =>
	await inRounds(bench.rounds, async (round) => {
		const { engine } = bench;
		for (const sizeBytes of [100 * KB, MB]) {
			for (const inFlight of IN_FLIGHT) {
				const count = deliveriesOf(engine, inFlight, sizeBytes);
				const compared = OWN_WEBHOOK.map((variant) => ({
					key: { experiment: 'ownWebhook', engine, variant, sizeBytes, inFlight },
					run: async () => await stage.runRecordings(variant, count, sizeBytes, { inFlight }),
				}));
				await takeTurns(bench, compared, round, 2);
			}
		}
	});

/** Longer than n8n takes to make the isolates that it wants to have ready. */
const PAUSE_MS = 150;

/**
 * 2: times of a delivery that finds n8n idle. Not one right after the other: n8n keeps one isolate ready,
 * and who comes while it makes the next waits for another. Once in that rhythm a queue of one stays in
 * it, or does not, no matter whose trigger it is.
 */
const answers: Experiment = async ({ samples, rounds, engine }, stage) =>
	await inRounds(rounds, async (round) => {
		for (const variant of turned(COMPARED[0].variants, round)) {
			const run = await stage.runRecordings(variant, 20, 100 * KB, {
				inFlight: 1,
				pauseMs: PAUSE_MS,
			});
			samples.add({ experiment: 'answers', engine, variant, sizeBytes: 100 * KB }, times(run));
		}
	});

/** These are over soonest of all. */
const TURNS_OF_UNWANTED: Record<Engine, number> = { default: 4, lazy: 8, legacy: 8 };

/** V8 compiles what only these deliveries come to after a thousand or two; beside an isolate it does not count. */
const WARM_UP_OF_UNWANTED: Record<Engine, number> = { default: 15, lazy: 2_000, legacy: 2_000 };

/** 4: deliveries that are none of ours. */
const unwanted: Experiment = async (bench, stage) => {
	const { world, rounds, engine } = bench;
	const { meta } = world;
	const count = engine === 'default' ? 15 : 100;
	const inFlight = 4;
	const [ofUs] = await world.record(1, 100 * KB);
	const [ofOther] = await world.record(1, 100 * KB, meta.phoneNumberIds[1]);
	const recordings = newEvents(ofUs, count).map((update) => bodyOf(meta, [update]));
	const otherNumber = newEvents(ofOther, count).map((update) => bodyOf(meta, [update]));
	const otherEvent = recordings.map(() => bodyOf(meta, [textMessage(meta.phoneNumberIds[0])]));
	const skipped = { inFlight, executes: false };
	const refused = { ...skipped, status: 401 };
	const forged = { ...refused, forged: true };
	const compared = (
		key: Pick<Key, 'variant' | 'kind'>,
		...[variant, bodies, options]: Parameters<Stage['run']>
	) => ({
		key: { experiment: 'unwanted', engine, inFlight, ...key },
		run: async () => await stage.run(variant, bodies, options),
		warmUp: async () => {
			if (options.executes ?? true) return;
			const deliveries = Array.from(
				{ length: WARM_UP_OF_UNWANTED[engine] },
				(_, index) => bodies[index % bodies.length],
			);
			await stage.run(variant, deliveries, options);
		},
	});
	const all = [
		compared({ variant: 'ours', kind: 'forged' }, 'oursOneNumber', recordings, forged),
		compared({ variant: 'floorRefusal' }, 'floorRefusal', recordings, refused),
		compared({ variant: 'ours', kind: 'otherNumber' }, 'oursOneNumber', otherNumber, skipped),
		compared({ variant: 'ours', kind: 'otherEvent' }, 'oursOneNumber', otherEvent, skipped),
		compared({ variant: 'floor' }, 'floor', recordings, { inFlight }),
		compared({ variant: 'bareWebhook' }, 'bareWebhook', recordings, { inFlight }),
	];
	for (const { warmUp } of all) await warmUp();
	await inRounds(rounds, async (round) => {
		await takeTurns(bench, all, round, TURNS_OF_UNWANTED[engine]);
	});
};

const LIMITS = [
	{ sizeBytes: 100 * KB, count: 200 },
	{ sizeBytes: MB, count: 80 },
	{ sizeBytes: 16 * MB, count: 12 },
	{ sizeBytes: LARGE_BYTES, count: 8 },
];

/** 5: what Node itself can do with the same files, and n8n with the largest of them. */
const limit: Experiment = async ({ world, samples, rounds, engine }, stage) => {
	const inFlight = 4;
	const [recording] = await world.record(1, 100 * KB);
	const body = oneEach(world.meta, [recording])[0];
	await inRounds(rounds, async () => {
		for (const { sizeBytes, count } of LIMITS) {
			samples.add(
				{ experiment: 'limit', engine, variant: 'bareNode', sizeBytes, inFlight },
				await runBare(world, world.limit, { count, sizeBytes, inFlight }),
			);
		}
		const key = { experiment: 'limit', engine, sizeBytes: LARGE_BYTES, inFlight };
		samples.add(
			{ ...key, variant: 'bareNodeFull' },
			await runBare(world, world.fullLimit, { count: 8, sizeBytes: LARGE_BYTES, inFlight }),
		);
		for (const variant of ['ours', 'floorDownload'] as const) {
			const run = await stage.runRecordings(variant, 8, LARGE_BYTES, { inFlight });
			samples.add({ ...key, variant }, throughput(run));
		}
		const hmac = await world.limit.ask<{ microseconds: number }>('hmac', { body, count: 20_000 });
		samples.add({ experiment: 'limit', engine, variant: 'bareNode', kind: 'hmac' }, hmac);
	});
};

const UPDATES = [
	{ updates: 1, count: 20 },
	{ updates: 10, count: 20 },
	{ updates: 100, count: 10 },
	{ updates: 1000, count: 4 },
];

/** 6: deliveries of many updates, each an item of its own. Without files: those are number 1. */
const growth: Experiment = async ({ world, samples, rounds, engine }, stage) => {
	const [recording] = await world.record(1, 100 * KB);
	await inRounds(rounds, async (round) => {
		for (const { updates, count } of UPDATES) {
			for (const variant of turned(['oursMetadata', 'floorEcho'] as const, round)) {
				const bodies = Array.from({ length: count }, () =>
					bodyOf(world.meta, newEvents(recording, updates)),
				);
				const run = await stage.run(variant, bodies, { inFlight: 1 });
				samples.add(
					{ experiment: 'growth', engine, variant, updates },
					{ cpuMs: run.cpuMs / count, answeredMs: median(run.answeredMs) },
				);
			}
		}
	});
};

const LEDGER_ENTRIES = [10, 1_000, 100_000];
const PER_DELIVERY = 1_000;

/** 6: a ledger of some and of very many entries; in an n8n of its own, because its ledger is not emptied. */
export async function ledger({ world, samples, rounds, engine }: Bench): Promise<void> {
	const stage = await Stage.start(world, ENGINES[engine], [
		'floor',
		'oursMetadata',
		'oursUnsaved',
		'oursOneNumber',
	]);
	try {
		const [recording] = await world.record(1, 100 * KB);
		const deliver = async (variant: Variant, deliveries: number, updates = 1) =>
			await stage.run(
				variant,
				Array.from({ length: deliveries }, () => bodyOf(world.meta, newEvents(recording, updates))),
				{ inFlight: 1 },
			);
		await warmUp(stage, ['floor'], 60);
		let entries = 0;
		for (const wanted of LEDGER_ENTRIES) {
			for (; entries < wanted; entries += Math.min(wanted, PER_DELIVERY)) {
				await deliver('oursUnsaved', 1, Math.min(wanted - entries, PER_DELIVERY));
			}
			await inRounds(rounds, async (round) => {
				for (const variant of turned(['oursMetadata', 'floor'] as const, round)) {
					const run = await deliver(variant, 20);
					samples.add(
						{ experiment: 'ledger', engine, variant, entries: wanted },
						{ cpuMs: run.cpuMs / run.deliveries, answeredMs: median(run.answeredMs) },
					);
				}
			});
			entries += rounds * 20;
		}
	} finally {
		await stage.stop();
	}
}

const SHARING: Variant[] = SHARED.map((number) => `sharing${number}` as const);
const SHARING_OTHERS: Variant[] = SHARED.map((number) => `sharingOthers${number}` as const);

/**
 * 10: more triggers on one address, that want what is delivered or do not. Without files, so that the cost is
 * that of passing on and of n8n's executions. In an n8n of its own: the others need not know so many workflows.
 */
export async function sharedAddress({ world, samples, rounds, engine }: Bench): Promise<void> {
	const holder = 'oursMetadata';
	const all = [holder, ...SHARING, ...SHARING_OTHERS] as Variant[];
	const stage = await Stage.start(world, ENGINES[engine], all);
	try {
		const [recording] = await world.record(1, 100 * KB);
		const deliver = async (wanting: number, others: number, count: number) => {
			const alsoStarts = SHARING.slice(0, wanting);
			const bodies = newEvents(recording, count).map((update) => bodyOf(world.meta, [update]));
			return await stage.run(holder, bodies, {
				inFlight: 1,
				pauseMs: PAUSE_MS,
				sharedBy: [...alsoStarts, ...SHARING_OTHERS.slice(0, others)],
				alsoStarts,
			});
		};
		await deliver(4, 4, engine === 'default' ? 20 : 60);
		const compared = [
			{ kind: 'alone', more: 0 },
			...[1, 4].flatMap((more) => [
				{ kind: 'wanting', more },
				{ kind: 'notWanting', more },
			]),
		];
		await inRounds(rounds, async (round) => {
			for (const { kind, more } of turned(compared, round)) {
				const run = await deliver(
					kind === 'wanting' ? more : 0,
					kind === 'notWanting' ? more : 0,
					engine === 'default' ? 20 : 40,
				);
				samples.add(
					{
						experiment: 'sharedAddress',
						engine,
						variant: 'oursMetadata',
						kind,
						triggers: 1 + more,
					},
					{ cpuMs: run.cpuMs / run.deliveries, ...times(run) },
				);
			}
		});
	} finally {
		await stage.stop();
	}
}

/** What is measured in one n8n for each engine, by its number (`--only`). */
export const EXPERIMENTS: Array<{ numbers: number[]; name: string; run: Experiment }> = [
	{ numbers: [1], name: 'recordings', run: recordings },
	{ numbers: [2], name: 'times', run: answers },
	{ numbers: [4], name: 'deliveries that are none of ours', run: unwanted },
	{ numbers: [5], name: 'the limit', run: limit },
	{ numbers: [6], name: 'growth', run: growth },
	{ numbers: [11], name: 'Delivery > Read', run: ownWebhook },
];
