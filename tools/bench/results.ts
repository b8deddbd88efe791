import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './measure';

export const BENCHMARKS = join(__dirname, '../../benchmarks');

/** `lazy` is the default engine with the setting that docs/performance.md recommends. */
export type Engine = 'default' | 'lazy' | 'legacy';

export const LAZY = { N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE: 'true' };

export const ENGINES: Record<Engine, Record<string, string>> = {
	default: {},
	lazy: LAZY,
	legacy: { N8N_EXPRESSION_ENGINE: 'legacy' },
};

/** What was measured: the same keys in each round. */
export interface Key {
	experiment: string;
	/** Who was measured. */
	variant: string;
	engine?: Engine;
	/** Bytes of each file. */
	sizeBytes?: number;
	/** Deliveries under way at once. */
	inFlight?: number;
	/** Of deliveries that are none of ours. */
	kind?: string;
	/** In one delivery. */
	updates?: number;
	/** On one address. */
	triggers?: number;
	/** In the ledger, when the measuring began. */
	entries?: number;
}

export interface Figure {
	median: number;
	/** One value a round, in their order. */
	rounds: number[];
}

export interface Row extends Key {
	figures: Record<string, Figure>;
}

export interface Machine {
	cores: number;
	cpu: string;
	memoryGb: number;
	platform: string;
	node: string;
	n8n: string;
}

export interface Results {
	version: string;
	date: string;
	rounds: number;
	machine: Machine;
	rows: Row[];
	/** Parts that were measured again, or for the first time, after the whole run; by `partOf`. */
	separately?: Record<string, { date: string; rounds: number }>;
}

const digits = (value: number) => Number(value.toPrecision(4));

/** Gathers the rounds of each measurement. */
export class Samples {
	private readonly byKey = new Map<string, { key: Key; rounds: Record<string, number[]> }>();

	add(key: Key, values: Record<string, number>): void {
		const id = JSON.stringify(Object.entries(key).sort());
		const entry = this.byKey.get(id) ?? { key, rounds: {} };
		this.byKey.set(id, entry);
		for (const [name, value] of Object.entries(values)) {
			(entry.rounds[name] ??= []).push(digits(value));
		}
	}

	get rows(): Row[] {
		return [...this.byKey.values()].map(({ key, rounds }) => ({
			...key,
			figures: Object.fromEntries(
				Object.entries(rounds).map(([name, values]) => [
					name,
					{ median: digits(median(values)), rounds: values },
				]),
			),
		}));
	}
}

/** The rows that have all these keys. */
export function rowsOf(rows: Row[], wanted: Partial<Key>): Row[] {
	return rows.filter((row) =>
		Object.entries(wanted).every(([name, value]) => row[name as keyof Key] === value),
	);
}

/** The figure of the one row that has all these keys; undefined where it was not measured. */
export function figureOf(rows: Row[], wanted: Partial<Key>, name: string): Figure | undefined {
	return rowsOf(rows, wanted)[0]?.figures[name];
}

/** An experiment can be repeated for one engine alone. */
export const partOf = ({ experiment, engine }: Pick<Key, 'experiment' | 'engine'>) =>
	engine === undefined ? experiment : `${experiment}/${engine}`;

/** The results of a whole run with those of a later run of a part. */
export function withPart(whole: Results, part: Results): Results {
	const names = [...new Set(part.rows.map(partOf))];
	const { date, rounds } = part;
	return {
		...whole,
		rows: [...whole.rows.filter((row) => !names.includes(partOf(row))), ...part.rows],
		separately: {
			...whole.separately,
			...Object.fromEntries(names.map((name) => [name, { date, rounds }])),
		},
	};
}

/** Of the last whole run; null where there was none yet. */
export function readResults(): Results | null {
	const file = join(BENCHMARKS, 'results.json');
	return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : null;
}
