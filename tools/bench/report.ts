import { goalsOf, type Goal } from './goals';
import type { Key, Results, Row } from './results';

/** Figures to three digits, and no more than a reader can use. */
export function shown(value: number): string {
	if (value === 0) return '0';
	const rounded = Number(value.toPrecision(3));
	return Math.abs(rounded) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(rounded);
}

const KEYS: Array<keyof Key> = [
	'experiment',
	'engine',
	'variant',
	'sizeBytes',
	'inFlight',
	'kind',
	'updates',
	'triggers',
	'entries',
];

/** Everything that was measured, as a table for the terminal. */
export function report(results: Results): string {
	const { machine } = results;
	const head = `n8n ${machine.n8n}, Node ${machine.node}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB; medians of ${results.rounds} rounds`;
	const goals = goalsOf(results).map(goalLine);
	return [head, '', ...tablesOf(results.rows), 'Goals', '', ...goals].join('\n');
}

function tablesOf(rows: Row[]): string[] {
	return [...new Set(rows.map(({ experiment }) => experiment))].flatMap((experiment) => {
		const own = rows.filter((row) => row.experiment === experiment);
		const keys = KEYS.filter(
			(key) => key !== 'experiment' && own.some((row) => row[key] !== undefined),
		);
		const names = [...new Set(own.flatMap(({ figures }) => Object.keys(figures)))];
		const cells = own.map((row) => [
			...keys.map((key) => String(row[key] ?? '')),
			...names.map((name) => {
				const figure = row.figures[name];
				return figure ? shown(figure.median) : '';
			}),
		]);
		return [experiment, ...aligned([[...keys, ...names], ...cells]), ''];
	});
}

function aligned(rows: string[][]): string[] {
	const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
	return rows.map((row) =>
		row
			.map((cell, column) => cell.padEnd(widths[column]))
			.join('  ')
			.trimEnd(),
	);
}

const UNITS: Record<Goal['unit'], string> = { ms: ' ms', MB: ' MB', times: ' times' };

/** What was to be reached, as a reader says it. */
export function targetOf({ atMost, atLeast, unit }: Goal): string {
	return atLeast === undefined
		? `at most ${atMost}${UNITS[unit]}`
		: `at least ${atLeast}${UNITS[unit]}`;
}

export function measuredOf({ measured, unit }: Goal): string {
	return `${shown(measured)}${UNITS[unit]}`;
}

/** How far a missed goal is away, as a share of it. */
export function distanceOf({ atMost, atLeast, measured, reached }: Goal): string {
	if (reached) return 'reached';
	const target = atMost ?? atLeast ?? 1;
	return `missed by ${Math.round((Math.abs(measured - target) / target) * 100)} %`;
}

function goalLine(goal: Goal): string {
	const engine = goal.engine ? `${goal.engine} engine: ` : '';
	return `${goal.reached ? '  ok   ' : '  MISS '} ${engine}${goal.what}: ${measuredOf(goal)} (${targetOf(goal)}; ${distanceOf(goal)})`;
}
