import { median } from './measure';
import {
	ENGINES,
	figureOf,
	rowsOf,
	type Engine,
	type Key,
	type Results,
	type Row,
} from './results';

const KB = 1000;
const MB = 1000 * KB;

/** What the benchmark is to show, and what it showed. */
export interface Goal {
	what: string;
	/** `undefined`: for both engines. */
	engine?: Engine;
	unit: 'ms' | 'MB' | 'times';
	/** The measured value must not be above `atMost`, or not below `atLeast`. */
	atMost?: number;
	atLeast?: number;
	measured: number;
	reached: boolean;
}

type Draft = Omit<Goal, 'measured' | 'reached'> & { measured: number | undefined };

type Pair = [Partial<Key>, Partial<Key>];

/** Two figures of the same run, put together round by round. */
function combined(
	rows: Row[],
	[one, other]: Pair,
	name: string,
	combine: (a: number, b: number) => number,
): number[] {
	const a = figureOf(rows, one, name);
	const b = figureOf(rows, other, name);
	if (!a || !b) return [];
	return a.rounds.map((value, round) => combine(value, b.rounds[round]));
}

const medianOrNone = (values: number[]) => (values.length === 0 ? undefined : median(values));

const ratio = (rows: Row[], pair: Pair, name: string) =>
	medianOrNone(combined(rows, pair, name, (a, b) => a / b));

/** Of one pair, or of all the rounds of several. */
const difference = (rows: Row[], pairs: Pair[], name: string) =>
	medianOrNone(pairs.flatMap((pair) => combined(rows, pair, name, (a, b) => a - b)));

const ofAll = (
	values: Array<number | undefined>,
	choose: (...numbers: number[]) => number,
): number | undefined => {
	const known = values.filter((value) => value !== undefined);
	return known.length === 0 ? undefined : choose(...known);
};

/** All goals whose figures were measured. */
export function goalsOf({ rows }: Pick<Results, 'rows'>): Goal[] {
	const engines = Object.keys(ENGINES) as Engine[];
	const drafts = [
		...engines.flatMap((engine) => ofEngine(rows, engine)),
		...settings(rows),
		...startUp(rows),
	];
	return drafts.flatMap((draft) => {
		const { measured, atMost = Infinity, atLeast = -Infinity } = draft;
		if (measured === undefined) return [];
		return { ...draft, measured, reached: measured <= atMost && measured >= atLeast };
	});
}

/**
 * How much faster than the hand-built workflow. With n8n's default engine as it is, n8n creates an isolate for
 * the request that its own Webhook node does not need: docs/performance.md.
 */
const HAND_BUILT: Partial<Record<Engine, { oneMb: number; everywhere: number }>> = {
	lazy: { oneMb: 2.5, everywhere: 1.5 },
	legacy: { oneMb: 1.3, everywhere: 1.2 },
};

function ofEngine(rows: Row[], engine: Engine): Draft[] {
	const recordings = { experiment: 'recordings', engine };
	const inFlights = [...new Set(rowsOf(rows, recordings).map(({ inFlight }) => inFlight))];
	const sizes = [...new Set(rowsOf(rows, recordings).map(({ sizeBytes }) => sizeBytes))];
	const pair = (one: string, other: string, more: Partial<Key>): Pair => [
		{ ...recordings, variant: one, ...more },
		{ ...recordings, variant: other, ...more },
	];
	const pairs = (one: string, other: string, more: Partial<Key>): Pair[] =>
		inFlights.map((inFlight) => pair(one, other, { ...more, inFlight }));
	const answers = (one: string, other: string): Pair => [
		{ experiment: 'answers', engine, variant: one },
		{ experiment: 'answers', engine, variant: other },
	];
	const small = { sizeBytes: 100 * KB };
	const againstHandBuilt = (more: Partial<Key>) =>
		ratio(rows, pair('ours', 'handBuilt', more), 'perSecond');
	const drafts: Draft[] = [
		{
			what: "CPU that our code adds to n8n's own download of 100 kB, median over 1, 4, 16 in flight",
			unit: 'ms',
			atMost: engine === 'lazy' ? 3 : 5,
			measured: difference(rows, pairs('ours', 'floorDownload', small), 'cpuMs'),
		},
		{
			what: 'CPU that our code adds to the floor without a download, likewise',
			unit: 'ms',
			atMost: 5,
			measured: difference(rows, pairs('oursMetadata', 'floor', small), 'cpuMs'),
		},
		{
			what: "Time to acknowledge that our code adds to n8n's own download of 100 kB",
			unit: 'ms',
			atMost: 10,
			measured: difference(rows, [answers('ours', 'floorDownload')], 'answeredMs'),
		},
		{
			what: 'Time to acknowledge that our code adds to the floor without a download',
			unit: 'ms',
			atMost: 10,
			measured: difference(rows, [answers('oursMetadata', 'floor')], 'answeredMs'),
		},
	];
	const wanted = HAND_BUILT[engine];
	if (wanted) {
		drafts.push(
			{
				what: 'Recordings per second against the hand-built workflow, 1 MB, 4 in flight',
				unit: 'times',
				atLeast: wanted.oneMb,
				measured: againstHandBuilt({ sizeBytes: MB, inFlight: 4 }),
			},
			{
				what: 'Recordings per second against the hand-built workflow, at least over all sizes and 1, 4, 16 in flight',
				unit: 'times',
				atLeast: wanted.everywhere,
				measured: ofAll(
					sizes.flatMap((sizeBytes) =>
						inFlights.map((inFlight) => againstHandBuilt({ sizeBytes, inFlight })),
					),
					Math.min,
				),
			},
		);
	}
	if (engine === 'lazy') {
		drafts.push({
			what: "CPU of reading the length of 1 MB of audio, as a part of n8n's CPU for such a recording, 4 in flight",
			unit: 'times',
			atMost: 0.01,
			measured: ratio(
				rows,
				[
					{ experiment: 'audioLength', engine },
					{ ...recordings, variant: 'ours', sizeBytes: MB, inFlight: 4 },
				],
				'cpuMs',
			),
		});
	}
	if (engine === 'default') {
		drafts.push(
			{
				what: 'Recordings of 100 kB per second against the floor, at least over 1, 4, 16 in flight',
				unit: 'times',
				atLeast: 0.9,
				measured: ofAll(
					inFlights.map((inFlight) =>
						ratio(rows, pair('ours', 'floor', { ...small, inFlight }), 'perSecond'),
					),
					Math.min,
				),
			},
			{
				what: 'Recordings per second of the Webhook node and Delivery > Read against the hand-built workflow, at least over 100 kB, 1 MB and 1, 4, 16 in flight',
				unit: 'times',
				atLeast: 1.1,
				measured: ownWebhook(rows, engine),
			},
		);
	}
	const large = { experiment: 'limit', engine, sizeBytes: 64 * MB };
	const unwanted = { experiment: 'unwanted', engine };
	drafts.push(
		{
			what: 'Recordings of 64 MB per second against a bare Node program, 4 in flight',
			unit: 'times',
			atLeast: 0.6,
			measured: ratio(
				rows,
				[
					{ ...large, variant: 'ours' },
					{ ...large, variant: 'bareNode' },
				],
				'perSecond',
			),
		},
		{
			what: 'Peak memory above idle, 16 recordings of 64 MB at once',
			unit: 'MB',
			atMost: 100,
			measured: peakOfOurs(rows, { engine }),
		},
		...['forged', 'otherNumber', 'otherEvent'].map(
			(kind): Draft => ({
				what: `CPU of ${NAMES_OF_KINDS[kind]} against a trigger that answers 401`,
				unit: 'times',
				atMost: 1.15,
				measured: ratio(
					rows,
					[
						{ ...unwanted, variant: 'ours', kind },
						{ ...unwanted, variant: 'floorRefusal' },
					],
					'cpuMs',
				),
			}),
		),
		...growth(rows, engine),
	);
	return drafts.map((draft) => ({ ...draft, engine }));
}

function ownWebhook(rows: Row[], engine: Engine): number | undefined {
	const measured = rowsOf(rows, { experiment: 'ownWebhook', engine, variant: 'ownWebhook' });
	const ratios = measured.map(({ figures: _, ...key }) =>
		ratio(rows, [key, { ...key, variant: 'handBuilt' }], 'perSecond'),
	);
	return ofAll(ratios, Math.min);
}

const peakOfOurs = (rows: Row[], key: Partial<Key>) =>
	figureOf(rows, { experiment: 'memory', variant: 'ours', ...key }, 'peakMb')?.median;

export const NAMES_OF_KINDS: Record<string, string> = {
	forged: 'forged deliveries',
	otherNumber: 'deliveries of other numbers',
	otherEvent: 'deliveries of other events',
};

function growth(rows: Row[], engine: Engine): Draft[] {
	const per = (updates: number) => {
		const key = { experiment: 'growth', engine, updates };
		const added = difference(
			rows,
			[
				[
					{ ...key, variant: 'oursMetadata' },
					{ ...key, variant: 'floorEcho' },
				],
			],
			'cpuMs',
		);
		return added === undefined ? undefined : added / updates;
	};
	const ledger = { experiment: 'ledger', engine, variant: 'oursMetadata' };
	const floor = { ...ledger, variant: 'floor' };
	const overFloor = (entries: number) =>
		ratio(
			rows,
			[
				{ ...ledger, entries },
				{ ...floor, entries },
			],
			'cpuMs',
		);
	const [few, many] = [overFloor(10), overFloor(100_000)];
	return [
		{
			what: 'CPU that our code adds for each update of a delivery of 1,000',
			unit: 'ms',
			atMost: 0.1,
			measured: per(1000),
		},
		{
			what: "CPU over the floor's with 100,000 entries in the ledger, against 10",
			unit: 'times',
			atMost: 1.1,
			measured: few === undefined || many === undefined ? undefined : many / few,
		},
	];
}

function settings(rows: Row[]): Draft[] {
	const large = { experiment: 'settings', sizeBytes: 64 * MB };
	return [
		{
			what: 'Recordings of 64 MB per second against a bare Node program, with the settings of docs/performance.md',
			unit: 'times',
			atLeast: 0.75,
			measured: ratio(
				rows,
				[
					{ ...large, kind: 'lazyYoung', variant: 'ours' },
					{ ...large, variant: 'bareNode' },
				],
				'perSecond',
			),
		},
		{
			what: 'Peak memory above idle, 16 recordings of 64 MB at once, with the same settings',
			unit: 'MB',
			atMost: 100,
			measured: peakOfOurs(rows, { kind: 'lazyYoung' }),
		},
	];
}

function startUp(rows: Row[]): Draft[] {
	const key = { experiment: 'startUp', variant: 'ours' };
	return [
		{
			what: 'Loading the package: time',
			unit: 'ms',
			atMost: 30,
			measured: figureOf(rows, key, 'ms')?.median,
		},
		{
			what: 'Loading the package: memory',
			unit: 'MB',
			atMost: 1,
			measured: figureOf(rows, key, 'rssMb')?.median,
		},
	];
}
