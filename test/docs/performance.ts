import { distanceOf, measuredOf, shown, targetOf } from '../bench/report';
import { goalsOf, NAMES_OF_KINDS } from '../bench/goals';
import { median } from '../bench/measure';
import { figureOf, rowsOf, type Engine, type Key, type Results } from '../bench/results';
import { table } from './markdown';

const MADE =
	'<!-- Made by `npm run docs` from benchmarks/results.json; run `npm run bench` to change it. -->';

const MB = 1_000_000;

const ENGINES: Array<{ engine: Engine; name: string }> = [
	{ engine: 'default', name: "n8n's default engine" },
	{ engine: 'legacy', name: '`N8N_EXPRESSION_ENGINE=legacy`' },
];

const SETTINGS = {
	none: 'none: n8n as it is',
	pool: '`N8N_EXPRESSION_ENGINE_POOL_SIZE=4`',
	compileCache: '`N8N_EXPRESSION_ENGINE_COMPILE_CACHE=true`',
	lazy: '`N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE=true`',
	lazyYoung: 'the same, and `NODE_OPTIONS=--max-semi-space-size=1`',
	lazyYoungUnsaved: 'both, and `EXECUTIONS_DATA_SAVE_ON_SUCCESS=none`',
	legacy: '`N8N_EXPRESSION_ENGINE=legacy` (see below)',
};

/** The same, where they stand alone. */
const SETTINGS_LARGE = {
	none: SETTINGS.none,
	lazyYoung: '`N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE=true`, `NODE_OPTIONS=--max-semi-space-size=1`',
};

const NAMES: Record<string, string> = {
	ours: 'this package',
	oursMetadata: 'this package, *Download File* off',
	handBuilt: 'built of n8n nodes',
	floor: 'trigger without work',
	floorDownload: "n8n's own download, nothing checked",
};

const PARTS = {
	package: 'This package',
	expressions: 'Expression engine',
	database: 'Database',
	n8n: 'n8n, and what it uses',
	node: 'Node itself',
	garbage: 'Garbage collection',
};

/** The page for operators: all that it says in figures was measured in one run. */
export function performancePage(results: Results): string {
	const { rows, machine, rounds, date } = results;
	const value = (key: Partial<Key>, name: string) => {
		const figure = figureOf(rows, key, name);
		return figure ? shown(figure.median) : '–';
	};
	const times = (key: Partial<Key>, base: Partial<Key>, name: string) => {
		const [a, b] = [figureOf(rows, key, name), figureOf(rows, base, name)];
		return a && b ? shown(a.median / b.median) : '–';
	};

	const settings = Object.entries(SETTINGS).map(([kind, name]) => {
		const key = { experiment: 'settings', kind, sizeBytes: MB };
		const ours = { ...key, variant: 'ours' };
		return [
			name,
			value(ours, 'perSecond'),
			times(ours, { ...ours, kind: 'none' }, 'perSecond'),
			value({ ...key, variant: 'handBuilt' }, 'perSecond'),
			value({ ...key, variant: 'floor' }, 'perSecond'),
		];
	});

	const largeKey = { experiment: 'settings', sizeBytes: 64 * MB };
	const bareKey = { ...largeKey, variant: 'bareNode' };
	const large = (['none', 'lazy', 'lazyYoung'] as const).map((kind) => {
		const ours = { ...largeKey, kind, variant: 'ours' };
		return [
			SETTINGS[kind],
			value(ours, 'perSecond'),
			value({ ...ours, variant: 'handBuilt' }, 'perSecond'),
			value(bareKey, 'perSecond'),
			times(ours, bareKey, 'perSecond'),
			`${value(ours, 'cpuMs')} ms`,
			`${value(bareKey, 'cpuMs')} ms`,
		];
	});

	const recordings = ({ engine, name }: (typeof ENGINES)[number]) => {
		const key = { experiment: 'recordings', engine };
		const cells = rowsOf(rows, { ...key, variant: 'ours' }).map(({ sizeBytes, inFlight }) => {
			const at = { ...key, sizeBytes, inFlight };
			const both = (variant: string) => {
				// The floor does not look at the file, so it was measured with one size.
				const size = variant === 'floor' ? 100_000 : sizeBytes;
				const one = { ...at, sizeBytes: size, variant };
				return `${value(one, 'perSecond')} (${value(one, 'cpuMs')} ms)`;
			};
			return [
				sizeName(sizeBytes),
				String(inFlight),
				both('ours'),
				both('handBuilt'),
				both('floorDownload'),
				both('floor'),
			];
		});
		const head = [
			'File',
			'At once',
			...['ours', 'handBuilt', 'floorDownload', 'floor'].map((v) => NAMES[v]),
		];
		return `With ${name}:\n\n${table(head, cells, 1)}`;
	};

	const latency = ENGINES.flatMap(({ engine, name }) =>
		['ours', 'oursMetadata', 'handBuilt', 'floorDownload', 'floor'].map((variant) => {
			const key = { experiment: 'answers', engine, variant };
			return [
				name,
				`${NAMES[variant]}${variant === 'handBuilt' ? ' *' : ''}`,
				`${value(key, 'answeredMs')} (${value(key, 'answeredP95Ms')})`,
				`${value(key, 'finishedMs')} (${value(key, 'finishedP95Ms')})`,
			];
		}),
	);

	const memory = [
		{ name: ENGINES[0].name, key: { engine: ENGINES[0].engine } },
		{ name: SETTINGS_LARGE.lazyYoung, key: { kind: 'lazyYoung' } },
		{ name: ENGINES[1].name, key: { engine: ENGINES[1].engine } },
	].map(({ name, key }) => [
		name,
		...['ours', 'handBuilt', 'floor'].map((variant) =>
			value({ experiment: 'memory', ...key, variant }, 'peakMb'),
		),
	]);

	const unwanted = ENGINES.flatMap(({ engine, name }) => {
		const key = { experiment: 'unwanted', engine };
		const row = (label: string, one: Partial<Key>) => [
			name,
			label,
			value({ ...key, ...one }, 'perSecond'),
			value({ ...key, ...one }, 'cpuMs'),
		];
		return [
			...Object.entries(NAMES_OF_KINDS).map(([kind, label]) =>
				row(`this package: ${label}`, { variant: 'ours', kind }),
			),
			row('trigger that answers 401 to everything', { variant: 'floorRefusal' }),
			row('trigger without work, starts an execution', { variant: 'floor' }),
			row("n8n's Webhook node alone, starts an execution", { variant: 'bareWebhook' }),
		];
	});

	const limit = ENGINES.map(({ engine, name }) => {
		const key = { experiment: 'limit', engine, sizeBytes: 64 * MB };
		return [
			name,
			...['ours', 'floorDownload', 'bareNodeFull', 'bareNode'].map(
				(variant) =>
					`${value({ ...key, variant }, 'perSecond')} (${value({ ...key, variant }, 'cpuMs')} ms)`,
			),
		];
	});

	const growth = ENGINES.flatMap(({ engine, name }) =>
		[1, 10, 100, 1000].map((updates) => {
			const key = { experiment: 'growth', engine, updates };
			return [
				name,
				updates.toLocaleString('en-US'),
				value({ ...key, variant: 'oursMetadata' }, 'answeredMs'),
				value({ ...key, variant: 'floorEcho' }, 'answeredMs'),
			];
		}),
	);

	const ledger = ENGINES.flatMap(({ engine, name }) =>
		[10, 1_000, 100_000].map((entries) => {
			const key = { experiment: 'ledger', engine, entries };
			return [
				name,
				entries.toLocaleString('en-US'),
				value({ ...key, variant: 'oursMetadata' }, 'cpuMs'),
				value({ ...key, variant: 'floor' }, 'cpuMs'),
			];
		}),
	);

	const profile = ENGINES.flatMap(({ engine, name }) =>
		['ours', 'floor'].map((variant) => [
			name,
			NAMES[variant],
			...Object.keys(PARTS).map((part) => value({ experiment: 'profile', engine, variant }, part)),
		]),
	);

	const collections = (['none', 'lazyYoung'] as const).flatMap((kind) =>
		['ours', 'floorDownload'].map((variant) => {
			const key = { experiment: 'profile', kind, variant };
			return [
				SETTINGS_LARGE[kind],
				NAMES[variant],
				...['wholeCollections', 'youngCollections', 'v8Threads', 'garbage', 'node', 'package'].map(
					(name) => value(key, name),
				),
			];
		}),
	);

	const shared = ENGINES.flatMap(({ engine, name }) => {
		const of = (kind: string, triggers: number, figure: string) =>
			value({ experiment: 'sharedAddress', engine, kind, triggers }, figure);
		return (['cpuMs', 'answeredMs'] as const).map((figure) => [
			name,
			figure === 'cpuMs' ? 'CPU of n8n, ms' : 'Acknowledged after, ms',
			of('alone', 1, figure),
			...[2, 5].flatMap((triggers) =>
				['wanting', 'notWanting'].map((kind) => of(kind, triggers, figure)),
			),
		]);
	});
	const isShared = rowsOf(rows, { experiment: 'sharedAddress' }).length > 0;
	const sharedAddress = isShared
		? `## Several workflows on one address

A delivery without files, to a trigger alone and to one that shares its address with others. Each that chose the event gets a
request of its own and runs an execution of its own, as if Meta had sent it there; those that chose other events are not asked:

${table(['Engine', '', 'Alone', '1 more', '1 more, other event', '4 more', '4 more, other events'], shared, 2)}

`
		: '';

	const isProfiled = rowsOf(rows, { experiment: 'profile', sizeBytes: 64 * MB }).length > 0;
	const largeProfile = isProfiled
		? `A profile of n8n with these files, 4 at once, shows where it goes. For each file: how often V8 collects the whole heap, and
what was made last; CPU milliseconds of its threads beside the main one, which do most of that; and of the main thread in
collections, in Node itself and in this package (nearly all of it the hash):

${table(['Setting', 'Who', 'Whole heap', 'Young', "V8's threads", 'Collections', 'Node', 'This package'], collections, 2)}

`
		: '';

	const floorKey = { experiment: 'recordings', engine: 'default' as const, sizeBytes: 100_000 };
	const [downloadAgainstFloor, oursAgainstFloor] = ['floorDownload', 'ours'].map((variant) =>
		[1, 4, 16].map((inFlight) => {
			const at = { ...floorKey, inFlight };
			return times({ ...at, variant }, { ...at, variant: 'floor' }, 'perSecond');
		}),
	);
	const isolate = { experiment: 'footprint', kind: 'isolate' };
	const ledgerSize = { experiment: 'footprint', kind: 'ledger' };
	const loading = { experiment: 'startUp', variant: 'ours' };
	const goals = goalsOf(results).map((goal) => [
		goal.engine ?? 'both',
		goal.what,
		targetOf(goal),
		measuredOf(goal),
		distanceOf(goal),
	]);

	const ownWork = figureOf(
		rows,
		{ ...floorKey, engine: 'legacy', variant: 'floor', inFlight: 4 },
		'cpuMs',
	)?.rounds.map((ms) => Number(shown(ms))) ?? [NaN];

	const oneMb = { experiment: 'recordings', engine: 'legacy' as const, sizeBytes: MB, inFlight: 4 };
	const [oursAtOneMb, handBuilt] = (['ours', 'handBuilt'] as const).map(
		(variant) => figureOf(rows, { ...oneMb, variant }, 'perSecond')?.rounds ?? [NaN],
	);
	const overHandBuilt = oursAtOneMb.map((perSecond, round) => perSecond / handBuilt[round]);
	const handBuiltAtOneMb = `${shown(Math.min(...overHandBuilt))} to ${shown(Math.max(...overHandBuilt))}`;

	const notOurs = { experiment: 'unwanted', engine: 'legacy' as const };
	const refusal = figureOf(rows, { ...notOurs, variant: 'floorRefusal' }, 'cpuMs');
	const overRefusal = (kind: string): string => {
		const ours = figureOf(rows, { ...notOurs, variant: 'ours', kind }, 'cpuMs');
		if (!ours || !refusal) return '–';
		return shown(median(ours.rounds.map((ms, round) => ms - refusal.rounds[round])));
	};

	return `# Performance

${MADE}

What a recording costs n8n, and which of n8n's settings make it cheaper. All figures are from one run of
\`npm run bench\` on ${date}: n8n ${machine.n8n}, Node ${machine.node}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, SQLite, files in
the file system; medians of ${rounds} rounds. They are those of that machine: what carries over are the ratios.
[How it is measured, and how to run it](../benchmarks/README.md).

![Recordings per second with each setting](../benchmarks/chart.svg)

## Settings that help

Recordings of 1 MB per second, 4 deliveries at once:

${table(['Setting', 'This package', 'Times', 'Built of n8n nodes', 'Trigger without work'], settings, 1)}

**Switch on \`N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE=true\`.** n8n 2.x evaluates expressions in isolates of V8, and
makes a new one for every webhook request of a community trigger and another for every execution, also
where no expression is evaluated: each takes ${value(isolate, 'cpuMs')} ms of CPU, and ${value(isolate, 'rssMb')} MB for as long as it is held. With this setting it makes one when the first expression needs it. This
package gives n8n nothing to evaluate when a delivery arrives, so it profits in full; nodes after it that hold
expressions still cost their execution one isolate.

**\`NODE_OPTIONS=--max-semi-space-size=1\`** makes large files cheap. Every 64 kB that come from the network
are a buffer of their own, and V8 counts those bytes: with n8n's large heap and few small objects, it comes
to collect the whole heap again and again, for each large file more than once. A small young generation
(1 MB) is collected so often that the buffers are gone before. [Recordings of 64 MB](#large-recordings) show
it most. It is a setting of Node.js, for all that this n8n does, and n8n's own work (*trigger without work*) may
become a little dearer by it: worth it where recordings are large.

**\`EXECUTIONS_DATA_SAVE_ON_SUCCESS=none\`** (or *Save successful production executions* in the workflow's
settings) spares n8n the writing of what succeeded. You then do not see these executions in the list. What
this package promises does not depend on it: n8n stores the execution before Meta is told, and removes it
when it has succeeded.

**\`N8N_EXPRESSION_ENGINE=legacy\`** is here for comparison only. n8n says at its start that this engine runs
expressions without isolation, is no longer considered secure, and will be removed.

Where one process is not enough, queue mode shares the work: switch *Download File* off in the trigger, and
download in the workflow with the action node, so that the workers do it.

## Recordings per second

In brackets: CPU time of n8n for each. *At once* is how many deliveries are under way, each until its execution has ended.

${ENGINES.map(recordings).join('\n\n')}

*Trigger without work* is a community trigger that returns one item: what n8n itself takes to receive a
delivery and to run and store an execution. *n8n's own download* is one that fetches the file with n8n's
helpers into n8n's store and looks at nothing; the hand-built workflow is in [the benchmark's README](../benchmarks/README.md).

## Where the time goes

Milliseconds of n8n's main thread for a recording of 100 kB, 4 at once, by a CPU profile (which itself takes
a part); to make isolates also takes other threads, which it does not show.

${table(['Engine', 'Who', ...Object.values(PARTS)], profile, 2)}

## Time until Meta has its answer

Milliseconds from the delivery to the answer, and to the end of the execution; 100 kB, into an n8n that has
nothing else to do. Median, in brackets the 95th percentile.

${table(['Engine', 'Who', 'Acknowledged', 'Finished'], latency, 2)}

\\* answers at once, before it has checked or fetched anything.

## Memory

Peak of n8n's resident memory above idle in MB, 16 recordings of 64 MB delivered at once:

${table(['Setting', 'This package', 'Built of n8n nodes', 'Trigger without work'], memory, 1)}

Idle is what n8n has before it has met a large file; where the figure is below 0, n8n gave back more of what its start had
taken than the recordings needed. Files are never in memory as a whole, and at most four are
downloaded at a time (*Downloads at Once*). What a trigger without work takes for 16 deliveries at once is n8n's:
with the default engine an isolate of ${value(isolate, 'rssMb')} MB for each.

## Deliveries that start nothing

Events and numbers that were not chosen, and forged deliveries; 4 at once.

${table(['Engine', 'Delivery', 'Per second', 'CPU ms'], unwanted, 2)}

Compared with what n8n takes for a delivery that is refused unread (legacy engine, ${shown(refusal?.median ?? NaN)} ms of CPU), forged ones cost
${overRefusal('forged')} ms more, other numbers ${overRefusal('otherNumber')} ms and other events ${overRefusal('otherEvent')} ms: their signature is right, so n8n gives the
trigger its list of events and numbers, and the JSON is read as far as they tell. With the default engine the isolate
that n8n makes for each request hides it. The check of the signature itself takes ${value({ experiment: 'limit', engine: 'default', kind: 'hmac' }, 'microseconds')} µs.

## Large recordings

Files of 64 MB per second, 4 at once, against a bare Node program that only downloads them with undici,
hashes them and writes them to disk:

${table(['Setting', 'This package', 'Built of n8n nodes', 'Bare program', 'Times', 'CPU, this package', 'CPU, bare program'], large, 1)}

In brackets the CPU time of each file. A bare program with as much live data in its memory as n8n has loses a part
of its speed as well; n8n's own download, which checks nothing, is little faster than this package:

${table(['Engine', 'This package', "n8n's own download, nothing checked", 'Bare program, full memory', 'Bare program'], limit, 1)}

${largeProfile}## Large deliveries, and a long memory

Milliseconds until a delivery of many updates is acknowledged, without files; *n8n alone* is a trigger that
hands on as many items unread:

${table(['Engine', 'Updates', 'This package', 'n8n alone'], growth, 1)}

CPU milliseconds for a delivery with so many events in the memory against doubles, which takes ${value(ledgerSize, 'heapMb')} MB
when it is full (100,000 events):

${table(['Engine', 'Events', 'This package', 'Trigger without work'], ledger, 1)}

${sharedAddress}## Loading

Loading the package adds ${value(loading, 'ms')} ms to n8n's start and ${value(loading, 'rssMb')} MB to its resident memory.

## What was to be reached

Ratios and differences are taken round by round, within one engine, and their median is what counts: so they need
not be those of the medians in the tables above.

${table(['Engine', 'What', 'Goal', 'Measured', ''], goals, 2)}

Where a goal is missed:

- **64 MB against the bare program**: V8's collections of n8n's large heap, see [large recordings](#large-recordings). n8n's
  own download, which checks nothing, is as slow; with the settings above the goal is reached.
- **The floor at 100 kB**: it downloads nothing. n8n's own download reaches ${downloadAgainstFloor.join(', ')} times the floor with 1, 4
  and 16 at once, this package with its checks ${oursAgainstFloor.join(', ')} times (of the medians).
- **Peak memory**, default engine: n8n's isolates. A trigger that downloads nothing takes ${value({ experiment: 'memory', engine: 'default', variant: 'floor' }, 'peakMb')} MB for as many
  deliveries at once. With the settings above, which make no isolates, the goal is reached.
- **Against the hand-built workflow**: 1 MB and 4 at once are ${handBuiltAtOneMb} times from round to round of this run.
- **Loading**: some seventy small files, which Node finds, reads and compiles one after the other; once, when n8n starts.
- **The rest**: goals in milliseconds are those of the machine, and what is missed by little is of the moment. n8n's own work
  alone (*trigger without work*, legacy engine, 4 at once) took ${Math.min(...ownWork)} to ${Math.max(...ownWork)} ms of CPU from round to round of this run;
  [results.json](../benchmarks/results.json) has every round of everything.
`;
}

const sizeName = (bytes = 0) => (bytes >= MB ? `${bytes / MB} MB` : `${bytes / 1000} kB`);
