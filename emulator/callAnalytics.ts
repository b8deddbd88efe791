import { digitsOf, type PhoneNumber } from './account';
import type { Call } from './calls';
import { GraphError, invalidParameter } from './errors';
import type { Variants } from './variants';

const DIMENSIONS = ['direction', 'phone', 'country'];
const DIRECTIONS = ['USER_INITIATED', 'BUSINESS_INITIATED'];
const METRICS = ['COUNT', 'COST', 'AVERAGE_DURATION'];
const LENGTHS = { HALF_HOUR: 1_800, DAILY: 86_400 };

/** Of each begun 6 seconds of a call that the business placed. */
const COST_OF_PULSE = 0.0012;

interface Filters {
	start: number;
	end: number;
	granularity: 'HALF_HOUR' | 'DAILY' | 'MONTHLY';
	dimensions: string[];
	directions: string[];
	metrics: string[];
	phoneNumbers: string[];
	countries: string[];
}

/** `call_analytics` of the account, with its filters (Meta, "Analytics"). Days begin at midnight UTC. */
export function callAnalytics(
	field: string,
	calls: Call[],
	numbers: PhoneNumber[],
	variants: Variants,
): Record<string, unknown> {
	const filters = parseFilters(field, variants);
	const { granularity, dimensions, directions, metrics } = filters;
	const groups = new Map<string, { point: Record<string, unknown>; seconds: number[] }>();
	for (const call of calls) {
		const country = call.user.userId.slice(0, 2);
		const { startedAt, endedAt, direction } = call;
		if (startedAt === undefined || endedAt === undefined) continue;
		const second = Math.floor(startedAt / 1000);
		const number = numbers.find(({ id }) => id === call.phoneNumberId);
		const phone = digitsOf(number?.displayPhoneNumber ?? '');
		if (second < filters.start || second >= filters.end) continue;
		if (directions.length > 0 && !directions.includes(direction)) continue;
		if (filters.phoneNumbers.length > 0 && !filters.phoneNumbers.includes(phone)) continue;
		if (filters.countries.length > 0 && !filters.countries.includes(country)) continue;
		const point = {
			...periodOf(second, granularity),
			...(dimensions.includes('phone') && { phone_number: phone }),
			...(dimensions.includes('direction') && { direction }),
			...(dimensions.includes('country') && { country }),
		};
		const key = JSON.stringify(point);
		const group = groups.get(key) ?? { point: { ...point, cost: 0 }, seconds: [] };
		const duration = Math.round((endedAt - startedAt) / 1000);
		group.seconds.push(duration);
		if (direction === 'BUSINESS_INITIATED') {
			group.point.cost = Number(group.point.cost) + Math.ceil(duration / 6) * COST_OF_PULSE;
		}
		groups.set(key, group);
	}
	return {
		granularity,
		...(directions.length > 0 && { directions: directions.join(',') }),
		// The newest first, as in Meta's sample.
		data_points: [...groups.values()].reverse().map(({ point: { cost, ...point }, seconds }) => ({
			...point,
			...(wants(metrics, 'COST') && { cost }),
			...(wants(metrics, 'COUNT') && { count: seconds.length }),
			...(wants(metrics, 'AVERAGE_DURATION') && {
				average_duration: Math.round(seconds.reduce((sum, one) => sum + one, 0) / seconds.length),
			}),
		})),
	};
}

const wants = (metrics: string[], metric: string) =>
	metrics.length === 0 || metrics.includes(metric);

function periodOf(second: number, granularity: Filters['granularity']) {
	if (granularity === 'MONTHLY') {
		const date = new Date(second * 1000);
		const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
		return { start: Date.UTC(year, month) / 1000, end: Date.UTC(year, month + 1) / 1000 };
	}
	const length = LENGTHS[granularity];
	const start = second - (second % length);
	return { start, end: start + length };
}

function parseFilters(field: string, { callDimensionsAs }: Variants): Filters {
	const given = new Map<string, string>();
	const rest = field.replace(/\.([a-z_]+)\(([^()]*)\)/g, (_, name: string, value: string) => {
		if (given.has(name)) throw syntaxError(field);
		given.set(name, value.trim());
		return '';
	});
	if (rest !== 'call_analytics') throw syntaxError(field);
	const take = (name: string) => {
		const value = given.get(name);
		given.delete(name);
		return value;
	};
	const time = (name: string) => {
		const value = take(name) ?? '';
		if (!/^\d{9,11}$/.test(value)) {
			throw new GraphError(100, { message: `(#100) The parameter ${name} is required.` });
		}
		return Number(value);
	};
	const entriesOf = (name: string) => {
		const value = (take(name) ?? '').replace(/^\[(.*)\]$/, '$1');
		const entries = value === '' ? [] : value.split(',').map(unquoted);
		if (new Set(entries).size < entries.length) throw invalidParameter(`${name} names one twice`);
		return entries;
	};
	const list = (name: string, known: string[]) => {
		const entries = entriesOf(name);
		if (entries.some((entry) => !known.includes(entry))) throw notOneOf(name, known);
		return entries;
	};
	const listOf = (name: string, form: RegExp) => {
		const entries = entriesOf(name);
		const odd = entries.find((entry) => !form.test(entry));
		if (odd !== undefined) throw invalidParameter(`${name} cannot be ${odd}`);
		return entries;
	};
	const [start, end] = [time('start'), time('end')];
	if (start >= end) throw invalidParameter('start must be before end');
	const granularity = take('granularity') ?? '';
	if (!isGranularity(granularity)) {
		throw notOneOf('granularity', ['HALF_HOUR', 'DAILY', 'MONTHLY']);
	}
	const isUpper = callDimensionsAs === 'upper';
	const known = isUpper ? DIMENSIONS.map((name) => name.toUpperCase()) : DIMENSIONS;
	const filters = {
		start,
		end,
		granularity,
		dimensions: list('dimensions', known).map((name) => name.toLowerCase()),
		directions: list('directions', DIRECTIONS),
		metrics: list('metric_types', METRICS),
		phoneNumbers: listOf('phone_numbers', /^\d{5,15}$/),
		countries: listOf('country_codes', /^[A-Z]{2}$/),
	};
	if (given.size > 0) throw syntaxError(field);
	return filters;
}

const isGranularity = (text: string): text is Filters['granularity'] =>
	text in LENGTHS || text === 'MONTHLY';

const unquoted = (text: string) => text.trim().replace(/^(["'])(.*)\1$/, '$2');

const notOneOf = (name: string, values: string[]) =>
	new GraphError(100, { message: `(#100) Param ${name} must be one of {${values.join(', ')}}` });

const syntaxError = (field: string) =>
	new GraphError(2500, { message: `Syntax error at "${field}" in the parameter fields` });
