import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../support/processes';
import { bodyOf, newEvents, oneEach, textMessage } from './deliveries';
import { cpuMs, median, percentile } from './measure';
import { ENGINES, type Engine, type Key, type Samples } from './results';
import { Stage, type Run, type World } from './stage';
import type { Variant } from './workflows';

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

/** So many deliveries make a run of one to three seconds: n8n's default engine is the slower one. */
const deliveriesOf = (engine: Engine, inFlight: number, sizeBytes: number) =>
	Math.max(inFlight * 2, sizeBytes > 4 * MB ? 8 : engine === 'legacy' ? 60 : 24);

async function inRounds(rounds: number, round: (number: number) => Promise<void>): Promise<void> {
	for (let number = 0; number < rounds; number++) await round(number);
}

const throughput = (run: Run) => ({
	perSecond: run.deliveries / run.seconds,
	cpuMs: run.cpuMs / run.deliveries,
});

const times = (run: Run, inFlight: number) => ({
	answeredMs: median(run.answeredMs),
	answeredP95Ms: percentile(run.answeredMs, 0.95),
	...(inFlight === 1 && {
		finishedMs: median(run.finishedMs),
		finishedP95Ms: percentile(run.finishedMs, 0.95),
	}),
});

/** n8n compiles what runs often: nobody is measured cold. */
export async function warmUp(stage: Stage, variants: Variant[], count: number): Promise<void> {
	for (const variant of variants) {
		await stage.runRecordings(variant, count, 100 * KB, { inFlight: 4 });
	}
}

const IN_FLIGHT = [1, 4, 16];

/** Who is compared at each size of file; the floors do not look at it. */
const COMPARED: Array<{ sizeBytes: number; variants: Variant[] }> = [
	{
		sizeBytes: 100 * KB,
		variants: ['ours', 'handBuilt', 'floor', 'floorDownload', 'oursMetadata'],
	},
	{ sizeBytes: MB, variants: ['ours', 'handBuilt', 'floorDownload'] },
	{ sizeBytes: 16 * MB, variants: ['ours', 'handBuilt', 'floorDownload'] },
];

/** 1 and 2: recordings per second, CPU and times. */
const recordings: Experiment = async ({ samples, rounds, engine }, stage) =>
	await inRounds(rounds, async () => {
		for (const { sizeBytes, variants } of COMPARED) {
			for (const inFlight of IN_FLIGHT) {
				for (const variant of variants) {
					const count = deliveriesOf(engine, inFlight, sizeBytes);
					const run = await stage.runRecordings(variant, count, sizeBytes, { inFlight });
					samples.add(
						{ experiment: 'recordings', engine, variant, sizeBytes, inFlight },
						{ ...throughput(run), ...times(run, inFlight) },
					);
				}
			}
		}
	});

/** 3: memory above idle, of recordings of 64 MB that all come at once. */
const memory: Experiment = async ({ samples, rounds, engine }, stage) =>
	await inRounds(rounds, async () => {
		for (const variant of ['ours', 'handBuilt'] as const) {
			await sleep(1_000);
			const peak = await stage.peakDuring(
				async () => await stage.runRecordings(variant, 16, 64 * MB, { inFlight: 16 }),
			);
			samples.add(
				{ experiment: 'memory', engine, variant, sizeBytes: 64 * MB, inFlight: 16 },
				{ peakMb: peak },
			);
		}
	});

/** 4: deliveries that are none of ours. */
const unwanted: Experiment = async ({ world, samples, rounds, engine }, stage) => {
	const { meta } = world;
	const count = engine === 'legacy' ? 200 : 50;
	const inFlight = 4;
	const [ofUs] = await world.record(1, 100 * KB);
	const [ofOther] = await world.record(1, 100 * KB, meta.phoneNumberIds[1]);
	const bodies = {
		recordings: newEvents(ofUs, count).map((update) => bodyOf(meta, [update])),
		otherNumber: newEvents(ofOther, count).map((update) => bodyOf(meta, [update])),
		otherEvent: Array.from({ length: count }, () =>
			bodyOf(meta, [textMessage(meta.phoneNumberIds[0])]),
		),
	};
	const skipped = { inFlight, executes: false };
	const refused = { ...skipped, status: 401 };
	await inRounds(rounds, async () => {
		const measure = async (key: Partial<Key>, run: Promise<Run>) =>
			samples.add(
				{ experiment: 'unwanted', engine, variant: 'ours', inFlight, ...key },
				throughput(await run),
			);
		const run = async (variant: Variant, sent: string[], how: Parameters<Stage['run']>[2]) =>
			await stage.run(variant, sent, how);
		await measure(
			{ kind: 'forged' },
			run('oursOneNumber', bodies.recordings, { ...refused, forged: true }),
		);
		await measure({ kind: 'otherNumber' }, run('oursOneNumber', bodies.otherNumber, skipped));
		await measure({ kind: 'otherEvent' }, run('oursOneNumber', bodies.otherEvent, skipped));
		await measure({ variant: 'floorRefusal' }, run('floorRefusal', bodies.recordings, refused));
		await measure({ variant: 'floor' }, run('floor', bodies.recordings, { inFlight }));
		await measure({ variant: 'bareWebhook' }, run('bareWebhook', bodies.recordings, { inFlight }));
	});
};

const LIMITS = [
	{ sizeBytes: 100 * KB, count: 200 },
	{ sizeBytes: MB, count: 80 },
	{ sizeBytes: 16 * MB, count: 12 },
	{ sizeBytes: 64 * MB, count: 8 },
];

/** 5: what Node itself can do with the same files, and ours with the largest of them. */
const limit: Experiment = async ({ world, samples, rounds, engine }, stage) => {
	const folder = await mkdtemp(join(tmpdir(), 'n8n-bench-limit-'));
	const inFlight = 4;
	const [recording] = await world.record(1, 100 * KB);
	const body = oneEach(world.meta, [recording])[0];
	try {
		await inRounds(rounds, async () => {
			for (const { sizeBytes, count } of LIMITS) {
				const files = await world.record(count, sizeBytes);
				const before = await cpuMs(world.limit.pid);
				const { seconds } = await world.limit.ask<{ seconds: number }>('download', {
					recordings: files,
					accessToken: world.meta.accessToken,
					inFlight,
					folder,
				});
				samples.add(
					{ experiment: 'limit', engine, variant: 'bareNode', sizeBytes, inFlight },
					{
						perSecond: count / seconds,
						cpuMs: ((await cpuMs(world.limit.pid)) - before) / count,
					},
				);
			}
			const run = await stage.runRecordings('ours', 8, 64 * MB, { inFlight });
			samples.add(
				{ experiment: 'limit', engine, variant: 'ours', sizeBytes: 64 * MB, inFlight },
				throughput(run),
			);
			const hmac = await world.limit.ask<{ microseconds: number }>('hmac', { body, count: 20_000 });
			samples.add({ experiment: 'limit', engine, variant: 'bareNode', kind: 'hmac' }, hmac);
		});
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
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
	await inRounds(rounds, async () => {
		for (const { updates, count } of UPDATES) {
			for (const variant of ['oursMetadata', 'floorEcho'] as const) {
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
			await inRounds(rounds, async () => {
				for (const variant of ['oursMetadata', 'floor'] as const) {
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

/** 1 to 6, but the ledger, by their number in the issue of the project. */
export const EXPERIMENTS: Array<{ numbers: number[]; name: string; run: Experiment }> = [
	{ numbers: [1, 2], name: 'recordings', run: recordings },
	{ numbers: [3], name: 'memory', run: memory },
	{ numbers: [4], name: 'deliveries that are none of ours', run: unwanted },
	{ numbers: [5], name: 'the limit', run: limit },
	{ numbers: [6], name: 'growth', run: growth },
];
