import { chartOf } from '../../tools/bench/chart';
import { goalsOf } from '../../tools/bench/goals';
import { median, percentile } from '../../tools/bench/measure';
import { distanceOf, report, shown } from '../../tools/bench/report';
import {
	figureOf,
	rowsOf,
	Samples,
	withPart,
	type Key,
	type Results,
} from '../../tools/bench/results';

const recordings: Key = {
	experiment: 'recordings',
	variant: 'ours',
	engine: 'legacy',
	sizeBytes: 1_000_000,
	inFlight: 4,
};

function resultsOf(samples: Samples): Results {
	const machine = {
		cores: 2,
		cpu: 'A CPU',
		memoryGb: 8,
		platform: 'x',
		node: '24.0.0',
		n8n: '2.0.0',
	};
	return { version: '1.0.0', date: '2026-01-02', rounds: 3, machine, rows: samples.rows };
}

describe('percentile', () => {
	it.each([
		[[3, 1, 2], 0.5, 2],
		[[1, 2, 3, 4], 0.5, 2.5],
		[[1, 2, 3, 4, 5], 1, 5],
		[[7], 0.95, 7],
		[[0, 100], 0.95, 95],
	])('The percentile of %j at %d is %d', (values, share, expected) => {
		expect(percentile(values, share)).toBeCloseTo(expected);
	});

	it('The percentile leaves the values in their order', () => {
		const values = [3, 1, 2];
		expect(median(values)).toBe(2);
		expect(values).toEqual([3, 1, 2]);
	});
});

describe('Samples', () => {
	it('The rounds of the same measurement are collected, whatever the order of its keys', () => {
		const samples = new Samples();
		samples.add(recordings, { perSecond: 10 });
		const { variant, ...others } = recordings;
		samples.add({ ...others, variant }, { perSecond: 30 });
		samples.add({ ...recordings, inFlight: 1 }, { perSecond: 99 });
		samples.add(recordings, { perSecond: 20.00004 });
		expect(rowsOf(samples.rows, { inFlight: 4 })).toHaveLength(1);
		expect(figureOf(samples.rows, recordings, 'perSecond')).toEqual({
			median: 20,
			rounds: [10, 30, 20],
		});
		expect(figureOf(samples.rows, { ...recordings, inFlight: 16 }, 'perSecond')).toBeUndefined();
	});
});

describe('a goal', () => {
	const withRounds = (ours: number[], handBuilt: number[]) => {
		const samples = new Samples();
		for (const perSecond of ours) samples.add(recordings, { perSecond });
		for (const perSecond of handBuilt) {
			samples.add({ ...recordings, variant: 'handBuilt' }, { perSecond });
		}
		return goalsOf(resultsOf(samples)).filter(({ unit }) => unit === 'times');
	};

	it('A goal compares round by round, so that a machine that gets slower counts for both', () => {
		const [goal] = withRounds([30, 20, 10], [20, 10, 10]);
		expect(goal).toMatchObject({ measured: 1.5, reached: true, atLeast: 1.3 });
		expect(distanceOf(goal)).toBe('reached');
	});

	it('A goal that is missed says by how much', () => {
		const [goal] = withRounds([13, 13, 13], [20, 20, 20]);
		expect(goal).toMatchObject({ measured: 0.65, reached: false });
		expect(distanceOf(goal)).toBe('missed by 50 %');
	});

	it('A goal whose figures were not measured does not appear', () => {
		expect(withRounds([10], [])).toEqual([]);
	});
});

describe('the report', () => {
	it('The report shows each experiment, and whether its goals are reached', () => {
		const samples = new Samples();
		samples.add(recordings, { perSecond: 26.04, cpuMs: 1234.5 });
		samples.add({ ...recordings, variant: 'handBuilt' }, { perSecond: 20 });
		const text = report(resultsOf(samples));
		expect(text).toContain('ours       1000000    4         26         1,235');
		expect(text).toMatch(/ok {4}legacy engine: Recordings per second .*: 1\.3 times/);
	});

	it.each([
		[0, '0'],
		[0.01234, '0.0123'],
		[12.345, '12.3'],
		[-3.456, '-3.46'],
		[999.6, '1,000'],
		[123_456, '123,456'],
	])('The report writes %d as %s', (value, text) => expect(shown(value)).toBe(text));
});

describe('the chart', () => {
	const samples = new Samples();
	for (const [kind, perSecond] of Object.entries({
		none: 10,
		lazy: 40,
		lazyYoung: 45,
		lazyYoungUnsaved: 50,
		legacy: 45,
	})) {
		for (const variant of ['ours', 'handBuilt', 'floor']) {
			const key = { experiment: 'settings', kind, variant };
			samples.add({ ...key, sizeBytes: 1_000_000 }, { perSecond });
			samples.add({ ...key, sizeBytes: 64_000_000 }, { perSecond: 1_000 });
		}
	}
	const chart = chartOf(resultsOf(samples));

	it('The chart has a bar for each, the longest for the most, and none outside of the picture', () => {
		const bars = [...chart.matchAll(/<rect x="(\d+)" y="\d+" width="(\d+)"/g)];
		expect(bars).toHaveLength(15);
		const ends = bars.map(([, x, width]) => Number(x) + Number(width));
		expect(Math.max(...ends)).toBeLessThan(760);
		expect(ends.indexOf(Math.max(...ends))).toBe(9);
	});

	it('The chart is readable in light and dark, and with a screen reader', () => {
		expect(chart).toContain('prefers-color-scheme: dark');
		expect(chart).toMatch(/<desc id="description">this package, n8n as it is 10/);
	});
});

describe('withPart', () => {
	it('A new part replaces the rows of its experiments, and keeps their date and rounds', () => {
		const run = (experiments: string[], date: string): Results => {
			const samples = new Samples();
			for (const experiment of experiments)
				samples.add({ experiment, variant: date }, { cpuMs: 1 });
			return { ...resultsOf(samples), date, rounds: 2 };
		};
		const whole = run(['recordings', 'memory'], '2026-01-01');
		const all = withPart(whole, run(['memory', 'sharedAddress'], '2026-02-02'));
		const dates = all.rows.map(({ experiment, variant }) => [experiment, variant]);
		expect(Object.fromEntries(dates)).toEqual({
			recordings: '2026-01-01',
			memory: '2026-02-02',
			sharedAddress: '2026-02-02',
		});
		const part = { date: '2026-02-02', rounds: 2 };
		expect(all).toMatchObject({
			date: '2026-01-01',
			separately: { memory: part, sharedAddress: part },
		});
	});
});
