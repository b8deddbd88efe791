import type { IDataObject, INodeProperties } from 'n8n-workflow';
import { z } from 'zod';

import { toNodeApiError } from '../../graph/nodeApiError';
import { graphRequest, parseResponse } from '../../graph/request';
import { orNull, text, unixTime } from '../../graph/scalars';
import type { Result } from '../../graph/types';
import { decimal } from '../../values';
import { inputError } from '../shared/errors';
import { asText, truncate } from '../shared/parameters';
import type { Operation, OperationInput } from '../types';
import { unixSecondsOf } from './unixSeconds';

const displayOptions = { show: { resource: ['phoneNumber'], operation: ['getCallStatistics'] } };

const DAY_SECONDS = 86_400;
const DEFAULT_DAYS = 30;

const GRANULARITIES = ['DAILY', 'HALF_HOUR', 'MONTHLY'];
const DIMENSIONS = ['direction', 'phone', 'country'];

const fields: INodeProperties[] = [
	{
		displayName: 'From',
		name: 'from',
		type: 'dateTime',
		default: '',
		description: 'Start of the period. If empty, it is 30 days before its end.',
		displayOptions,
	},
	{
		displayName: 'To',
		name: 'to',
		type: 'dateTime',
		default: '',
		description: 'End of the period. If empty, it is now.',
		displayOptions,
	},
	{
		displayName: 'Per',
		name: 'granularity',
		type: 'options',
		default: 'DAILY',
		description: 'Period that each item covers. Meta decides where days begin.',
		displayOptions,
		options: [
			{ name: 'Day', value: 'DAILY' },
			{ name: 'Half Hour', value: 'HALF_HOUR' },
			{ name: 'Month', value: 'MONTHLY' },
		],
	},
	{
		displayName: 'Split By',
		name: 'dimensions',
		type: 'multiOptions',
		default: ['direction'],
		description: 'Values by which the items are split. Leave empty for one item per period.',
		displayOptions,
		options: [
			{ name: 'Country', value: 'country', description: 'Country of the person' },
			{ name: 'Direction', value: 'direction', description: 'Who called: a person, or you' },
			{ name: 'Phone Number', value: 'phone', description: 'Your business number' },
		],
	},
];

/** A number, which Meta may write as text; null for anything else. */
const number = z.unknown().transform(decimal);

const pointSchema = z
	.object({
		start: orNull(unixTime),
		end: orNull(unixTime),
		direction: text,
		// Meta documents neither name.
		phone_number: text,
		phone: text,
		country: text,
		count: number,
		average_duration: number,
		cost: number,
	})
	.transform((point) => ({
		start: point.start,
		end: point.end,
		direction: point.direction,
		phoneNumber: point.phone_number ?? point.phone,
		country: point.country,
		calls: point.count,
		averageDurationSeconds: point.average_duration,
		cost: point.cost,
	}));

const pointsSchema = z.object({ data_points: z.array(pointSchema).default([]) });

const responseSchema = z.object({
	currency: text,
	// Without calls there may be none. Conversation analytics have the points one level deeper, in `data`.
	call_analytics: z
		.union([
			z.object({ data: z.array(pointsSchema) }).transform(({ data }) => data),
			pointsSchema.transform((points) => [points]),
		])
		.default({}),
});

type Statistics = z.output<typeof responseSchema>;

/** @source Meta, "Analytics": call analytics of an account */
export const getCallStatistics: Operation = {
	properties: fields,

	async execute(input) {
		const { context, itemIndex } = input;
		const period = periodParameter(input);
		const granularity = granularityParameter(input);
		const dimensions = dimensionsParameter(input);
		const filter = `.start(${period.from}).end(${period.to}).granularity(${granularity})`;
		let statistics = await ask(input, filter, dimensions);
		if (!statistics.ok && statistics.failure.code === 100 && dimensions.length > 0) {
			// Meta's page has them in lower case, clients in upper case.
			const others = dimensions.map((dimension) => dimension.toUpperCase());
			const second = await ask(input, filter, others);
			if (second.ok) statistics = second;
		}
		if (!statistics.ok) throw toNodeApiError(context.getNode(), statistics.failure, itemIndex);
		return itemsOf(statistics.value);
	},
};

async function ask(
	{ context, account }: OperationInput,
	filter: string,
	dimensions: string[],
): Promise<Result<Statistics>> {
	const split = dimensions.length === 0 ? '' : `.dimensions(${JSON.stringify(dimensions)})`;
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: account.businessAccountId,
		query: { fields: `currency,call_analytics${filter}${split}` },
		repeat: 'freely',
	});
	return parseResponse(response, responseSchema, "Meta's response about calls cannot be read");
}

/** Meta's points come in no order. */
function itemsOf({ currency, call_analytics: lists }: Statistics): Array<{ json: IDataObject }> {
	const points = lists.flatMap(({ data_points: list }) => list);
	const key = (point: (typeof points)[number]) =>
		[point.start, point.phoneNumber, point.country, point.direction].join('\n');
	return points
		.sort((a, b) => key(a).localeCompare(key(b)))
		.map((point) => ({ json: { ...point, currency } }));
}

/** Unix seconds. */
interface Period {
	from: number;
	to: number;
}

function periodParameter(input: OperationInput): Period {
	const to = timeParameter(input, 'to', 'To') ?? Math.floor(Date.now() / 1000);
	const from = timeParameter(input, 'from', 'From') ?? to - DEFAULT_DAYS * DAY_SECONDS;
	if (from < to) return { from, to };
	throw inputError(input, 'From must be before To', 'Correct the period.');
}

function timeParameter(input: OperationInput, name: string, label: string): number | null {
	const { context, itemIndex } = input;
	const given = asText(context.getNodeParameter(name, itemIndex, ''));
	if (given === '') return null;
	const seconds = unixSecondsOf(given, context.getTimezone());
	if (seconds !== null) return seconds;
	throw inputError(
		input,
		`${label} is not a time: "${truncate(given)}"`,
		'Write it as 2026-11-01 or 2026-11-01T09:00:00, or use an expression such as {{ $now.minus(7, "days") }}.',
	);
}

function granularityParameter(input: OperationInput): string {
	const given = asText(input.context.getNodeParameter('granularity', input.itemIndex, 'DAILY'));
	const known = given.toUpperCase();
	if (GRANULARITIES.includes(known)) return known;
	throw inputError(
		input,
		`"${truncate(given)}" is not a value of Per`,
		`In an expression, use one of these: ${GRANULARITIES.join(', ')}.`,
	);
}

function dimensionsParameter(input: OperationInput): string[] {
	const given: unknown = input.context.getNodeParameter('dimensions', input.itemIndex, []);
	const chosen = [given ?? []].flat().map((dimension) => asText(dimension).toLowerCase());
	const unknown = chosen.find((dimension) => !DIMENSIONS.includes(dimension));
	if (unknown === undefined) return DIMENSIONS.filter((dimension) => chosen.includes(dimension));
	throw inputError(
		input,
		`"${truncate(unknown)}" is not a value of Split By`,
		`In an expression, use a list of these: ${DIMENSIONS.join(', ')}.`,
	);
}
