import { distanceOf, measuredOf, shown, targetOf } from '../bench/report';
import { goalsOf, NAMES_OF_KINDS } from '../bench/goals';
import { median } from '../bench/measure';
import { figureOf, partOf, rowsOf, type Engine, type Key, type Results } from '../bench/results';
import { table } from './markdown';

const MB = 1_000_000;

const ENGINES: Array<{ engine: Engine; name: string }> = [
	{ engine: 'default', name: "n8n's default engine" },
	{ engine: 'legacy', name: '`N8N_EXPRESSION_ENGINE=legacy`' },
];

const SETTINGS = {
	none: 'none: n8n with its defaults',
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
	handBuilt: 'built from n8n nodes',
	floor: 'trigger without work',
	floorDownload: "n8n's own download, nothing checked",
};

const PARTS = {
	package: 'This package',
	expressions: 'Expression engine',
	database: 'Database',
	n8n: 'n8n and its libraries',
	node: 'Node itself',
	garbage: 'Garbage collection',
};

/** Medians of one run, as the page shows them; a dash for what was not measured. */
class Figures {
	constructor(private readonly results: Results) {}

	median(key: Partial<Key>, name: string): string {
		const figure = figureOf(this.results.rows, key, name);
		return figure ? shown(figure.median) : '–';
	}

	times(key: Partial<Key>, base: Partial<Key>, name: string): string {
		const { rows } = this.results;
		const [figure, compared] = [figureOf(rows, key, name), figureOf(rows, base, name)];
		return figure && compared ? shown(figure.median / compared.median) : '–';
	}

	/** One value for each round; none if it was not measured. */
	rounds(key: Partial<Key>, name: string): number[] {
		return figureOf(this.results.rows, key, name)?.rounds ?? [];
	}
}

/** The generated parts of docs/performance.md, by their markers: tables, and the figures within sentences. */
export function performanceParts(results: Results): Record<string, string> {
	const figures = new Figures(results);
	return {
		...ofRun(results),
		settings: settings(figures),
		recordingsDefault: recordings(figures, results, 'default'),
		recordingsLazy: recordings(figures, results, 'lazy'),
		recordingsLegacy: recordings(figures, results, 'legacy'),
		profile: profile(figures),
		answers: answers(figures),
		memory: memory(figures),
		unwanted: unwanted(figures),
		...costOfUnwanted(figures),
		large: large(figures),
		limit: limit(figures),
		collections: collections(figures),
		growth: growth(figures),
		ledger: ledger(figures),
		sharedAddress: sharedAddress(figures),
		ownWebhook: ownWebhook(figures, results),
		goals: goals(results),
		...inSentences(figures),
	};
}

/** When and where it was measured. */
function ofRun({ date, machine, rounds, rows, separately }: Results): Record<string, string> {
	const runOf = (experiment: string, engine: Engine) => {
		const apart = separately?.[partOf({ experiment, engine })];
		if (apart) return `on ${apart.date}, in ${apart.rounds} rounds`;
		return rowsOf(rows, { experiment, engine }).length > 0 ? 'in the same run' : 'not yet';
	};
	return {
		date,
		n8n: machine.n8n,
		node: machine.node,
		machine: `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB`,
		rounds: String(rounds),
		recordingsLazyRun: runOf('recordings', 'lazy'),
		sharedAddressRun: runOf('sharedAddress', 'default'),
		ownWebhookRun: runOf('ownWebhook', 'default'),
	};
}

function settings(figures: Figures): string {
	const rows = Object.entries(SETTINGS).map(([kind, name]) => {
		const key = { experiment: 'settings', kind, sizeBytes: MB };
		const ours = { ...key, variant: 'ours' };
		return [
			name,
			figures.median(ours, 'perSecond'),
			figures.times(ours, { ...ours, kind: 'none' }, 'perSecond'),
			figures.median({ ...key, variant: 'handBuilt' }, 'perSecond'),
			figures.median({ ...key, variant: 'floor' }, 'perSecond'),
		];
	});
	const head = ['Setting', 'This package', 'Times', 'Built from n8n nodes', 'Trigger without work'];
	return table(head, rows, 1);
}

function recordings(figures: Figures, results: Results, engine: Engine): string {
	const variants = ['ours', 'handBuilt', 'floorDownload', 'floor'];
	const key = { experiment: 'recordings', engine };
	const rows = rowsOf(results.rows, { ...key, variant: 'ours' }).map(({ sizeBytes, inFlight }) => [
		sizeName(sizeBytes),
		String(inFlight),
		...variants.map((variant) => {
			// The floor does not look at the file, so it was measured with one size.
			const at = {
				...{ ...key, variant, inFlight },
				sizeBytes: variant === 'floor' ? 100_000 : sizeBytes,
			};
			return `${figures.median(at, 'perSecond')} (${figures.median(at, 'cpuMs')} ms)`;
		}),
	]);
	return table(['File', 'At once', ...variants.map((variant) => NAMES[variant])], rows, 1);
}

function profile(figures: Figures): string {
	const rows = ENGINES.flatMap(({ engine, name }) =>
		['ours', 'floor'].map((variant) => [
			name,
			NAMES[variant],
			...Object.keys(PARTS).map((part) =>
				figures.median({ experiment: 'profile', engine, variant }, part),
			),
		]),
	);
	return table(['Engine', 'Who', ...Object.values(PARTS)], rows, 2);
}

function answers(figures: Figures): string {
	const rows = ENGINES.flatMap(({ engine, name }) =>
		['ours', 'oursMetadata', 'handBuilt', 'floorDownload', 'floor'].map((variant) => {
			const key = { experiment: 'answers', engine, variant };
			const withP95 = (middle: string, p95: string) =>
				`${figures.median(key, middle)} (${figures.median(key, p95)})`;
			return [
				name,
				`${NAMES[variant]}${variant === 'handBuilt' ? ' *' : ''}`,
				withP95('answeredMs', 'answeredP95Ms'),
				withP95('finishedMs', 'finishedP95Ms'),
			];
		}),
	);
	return table(['Engine', 'Who', 'Acknowledged', 'Finished'], rows, 2);
}

function memory(figures: Figures): string {
	const rows = [
		{ name: ENGINES[0].name, key: { engine: ENGINES[0].engine } },
		{ name: SETTINGS_LARGE.lazyYoung, key: { kind: 'lazyYoung' } },
		{ name: ENGINES[1].name, key: { engine: ENGINES[1].engine } },
	].map(({ name, key }) => [
		name,
		...['ours', 'handBuilt', 'floor'].map((variant) =>
			figures.median({ experiment: 'memory', ...key, variant }, 'peakMb'),
		),
	]);
	const head = ['Setting', 'This package', 'Built from n8n nodes', 'Trigger without work'];
	return table(head, rows, 1);
}

function unwanted(figures: Figures): string {
	const rows = ENGINES.flatMap(({ engine, name }) => {
		const row = (label: string, one: Partial<Key>) => {
			const key = { experiment: 'unwanted', engine, ...one };
			return [name, label, figures.median(key, 'perSecond'), figures.median(key, 'cpuMs')];
		};
		return [
			...Object.entries(NAMES_OF_KINDS).map(([kind, label]) =>
				row(`this package: ${label}`, { variant: 'ours', kind }),
			),
			row('trigger that answers 401 to everything', { variant: 'floorRefusal' }),
			row('trigger without work, starts an execution', { variant: 'floor' }),
			row("n8n's Webhook node alone, starts an execution", { variant: 'bareWebhook' }),
		];
	});
	return table(['Engine', 'Delivery', 'Per second', 'CPU ms'], rows, 2);
}

/** What deliveries cost that start no execution, beyond one that is rejected unread; compared round by round. */
function costOfUnwanted(figures: Figures): Record<string, string> {
	const key = { experiment: 'unwanted', engine: 'legacy' as const };
	const refusal = { ...key, variant: 'floorRefusal' };
	const refusalMs = figures.rounds(refusal, 'cpuMs');
	const overRefusal = (kind: string): string => {
		const ours = figures.rounds({ ...key, variant: 'ours', kind }, 'cpuMs');
		if (ours.length === 0 || refusalMs.length === 0) return '–';
		return shown(median(ours.map((ms, round) => ms - refusalMs[round])));
	};
	return {
		refusalMs: figures.median(refusal, 'cpuMs'),
		forgedMs: overRefusal('forged'),
		otherNumberMs: overRefusal('otherNumber'),
		otherEventMs: overRefusal('otherEvent'),
	};
}

function large(figures: Figures): string {
	const key = { experiment: 'settings', sizeBytes: 64 * MB };
	const bare = { ...key, variant: 'bareNode' };
	const rows = (['none', 'lazy', 'lazyYoung'] as const).map((kind) => {
		const ours = { ...key, kind, variant: 'ours' };
		return [
			SETTINGS[kind],
			figures.median(ours, 'perSecond'),
			figures.median({ ...ours, variant: 'handBuilt' }, 'perSecond'),
			figures.median(bare, 'perSecond'),
			figures.times(ours, bare, 'perSecond'),
			`${figures.median(ours, 'cpuMs')} ms`,
			`${figures.median(bare, 'cpuMs')} ms`,
		];
	});
	const head = [
		...['Setting', 'This package', 'Built from n8n nodes', 'Bare program', 'Times'],
		...['CPU, this package', 'CPU, bare program'],
	];
	return table(head, rows, 1);
}

function limit(figures: Figures): string {
	const rows = ENGINES.map(({ engine, name }) => [
		name,
		...['ours', 'floorDownload', 'bareNodeFull', 'bareNode'].map((variant) => {
			const key = { experiment: 'limit', engine, sizeBytes: 64 * MB, variant };
			return `${figures.median(key, 'perSecond')} (${figures.median(key, 'cpuMs')} ms)`;
		}),
	]);
	const head = ["n8n's own download, nothing checked", 'Bare program, full memory', 'Bare program'];
	return table(['Engine', 'This package', ...head], rows, 1);
}

function collections(figures: Figures): string {
	const names = ['wholeCollections', 'youngCollections', 'v8Threads', 'garbage', 'node', 'package'];
	const rows = (['none', 'lazyYoung'] as const).flatMap((kind) =>
		['ours', 'floorDownload'].map((variant) => [
			SETTINGS_LARGE[kind],
			NAMES[variant],
			...names.map((name) => figures.median({ experiment: 'profile', kind, variant }, name)),
		]),
	);
	const head = ['Whole heap', 'Young', "V8's threads", 'Collections', 'Node', 'This package'];
	return table(['Setting', 'Who', ...head], rows, 2);
}

function growth(figures: Figures): string {
	const rows = ENGINES.flatMap(({ engine, name }) =>
		[1, 10, 100, 1000].map((updates) => {
			const key = { experiment: 'growth', engine, updates };
			return [
				name,
				updates.toLocaleString('en-US'),
				figures.median({ ...key, variant: 'oursMetadata' }, 'answeredMs'),
				figures.median({ ...key, variant: 'floorEcho' }, 'answeredMs'),
			];
		}),
	);
	return table(['Engine', 'Updates', 'This package', 'n8n alone'], rows, 1);
}

function ledger(figures: Figures): string {
	const rows = ENGINES.flatMap(({ engine, name }) =>
		[10, 1_000, 100_000].map((entries) => {
			const key = { experiment: 'ledger', engine, entries };
			return [
				name,
				entries.toLocaleString('en-US'),
				figures.median({ ...key, variant: 'oursMetadata' }, 'cpuMs'),
				figures.median({ ...key, variant: 'floor' }, 'cpuMs'),
			];
		}),
	);
	return table(['Engine', 'Events', 'This package', 'Trigger without work'], rows, 1);
}

function sharedAddress(figures: Figures): string {
	const rows = ENGINES.flatMap(({ engine, name }) => {
		const of = (kind: string, triggers: number, figure: string) =>
			figures.median({ experiment: 'sharedAddress', engine, kind, triggers }, figure);
		return (['cpuMs', 'answeredMs'] as const).map((figure) => [
			name,
			figure === 'cpuMs' ? 'CPU of n8n, ms' : 'Acknowledged after, ms',
			of('alone', 1, figure),
			...[2, 5].flatMap((triggers) =>
				['wanting', 'notWanting'].map((kind) => of(kind, triggers, figure)),
			),
		]);
	});
	const head = ['Alone', '1 more', '1 more, other event', '4 more', '4 more, other events'];
	return table(['Engine', '', ...head], rows, 2);
}

function ownWebhook(figures: Figures, { rows: measured }: Results): string {
	const keys = rowsOf(measured, { experiment: 'ownWebhook', variant: 'ownWebhook' });
	const rows = keys.map(({ figures: _, ...key }) => [
		ENGINES.find(({ engine }) => engine === key.engine)?.name ?? '',
		sizeName(key.sizeBytes),
		String(key.inFlight),
		...['ownWebhook', 'handBuilt', 'ours'].map((variant) => {
			const at = { ...key, variant };
			return `${figures.median(at, 'perSecond')} (${figures.median(at, 'cpuMs')} ms)`;
		}),
		figures.times(key, { ...key, variant: 'handBuilt' }, 'perSecond'),
	]);
	const head = ['Webhook node and Delivery > Read', NAMES.handBuilt, NAMES.ours];
	return table(['Engine', 'File', 'At once', ...head, 'Times the hand-built'], rows, 3);
}

function goals(results: Results): string {
	const rows = goalsOf(results).map((goal) => [
		goal.engine === 'lazy' ? 'default, lazy' : (goal.engine ?? 'both'),
		goal.what,
		targetOf(goal),
		measuredOf(goal),
		distanceOf(goal),
	]);
	return table(['Engine', 'What', 'Goal', 'Measured', ''], rows, 2);
}

/** The figures within sentences. */
function inSentences(figures: Figures): Record<string, string> {
	const isolate = { experiment: 'footprint', kind: 'isolate' };
	const loading = { experiment: 'startUp', variant: 'ours' };
	const floor = { experiment: 'recordings', sizeBytes: 100_000, variant: 'floor' };
	const againstFloor = (variant: string) =>
		[1, 4, 16]
			.map((inFlight) => {
				const at = { ...floor, engine: 'default' as const, inFlight };
				return figures.times({ ...at, variant }, at, 'perSecond');
			})
			.join(', ');
	const ownWorkMs = figures.rounds({ ...floor, engine: 'legacy', inFlight: 4 }, 'cpuMs');
	const oneMb = { experiment: 'recordings', engine: 'legacy' as const, sizeBytes: MB, inFlight: 4 };
	const handBuilt = figures.rounds({ ...oneMb, variant: 'handBuilt' }, 'perSecond');
	const overHandBuilt = figures
		.rounds({ ...oneMb, variant: 'ours' }, 'perSecond')
		.map((perSecond, round) => perSecond / handBuilt[round]);
	return {
		isolateMs: figures.median(isolate, 'cpuMs'),
		isolateMb: figures.median(isolate, 'rssMb'),
		signatureUs: figures.median(
			{ experiment: 'limit', engine: 'default', kind: 'hmac' },
			'microseconds',
		),
		audioLengthMs: figures.median({ experiment: 'audioLength' }, 'cpuMs'),
		ledgerMb: figures.median({ experiment: 'footprint', kind: 'ledger' }, 'heapMb'),
		loadingMs: figures.median(loading, 'ms'),
		loadingMb: figures.median(loading, 'rssMb'),
		downloadAgainstFloor: againstFloor('floorDownload'),
		oursAgainstFloor: againstFloor('ours'),
		floorPeakMb: figures.median(
			{ experiment: 'memory', engine: 'default', variant: 'floor' },
			'peakMb',
		),
		handBuiltTimes: range(overHandBuilt),
		ownWorkMs: range(ownWorkMs),
	};
}

const range = (values: number[]): string =>
	values.length === 0 ? '–' : `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`;

const sizeName = (bytes = 0) => (bytes >= MB ? `${bytes / MB} MB` : `${bytes / 1000} kB`);
