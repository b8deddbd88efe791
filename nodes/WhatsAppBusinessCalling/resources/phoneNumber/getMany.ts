import { toNodeApiError } from '../../graph/nodeApiError';
import { phoneNumbers } from '../../graph/phoneNumbers';
import { numberSchema } from '../../parameterSchemas';
import { inputError } from '../shared/errors';
import { booleanParameter } from '../shared/parameters';
import type { Operation, OperationInput } from '../types';

const limitSchema = numberSchema('Limit must be a whole number, 1 or above', (number) =>
	number.int().min(1),
);

const show = { resource: ['phoneNumber'], operation: ['getMany'] };

/** @source Meta, "Phone numbers": `GET /<WABA_ID>/phone_numbers` */
export const getMany: Operation = {
	properties: [
		{
			displayName: 'Return All',
			name: 'returnAll',
			type: 'boolean',
			default: false,
			description: 'Whether to return all results or only up to a given limit',
			displayOptions: { show },
		},
		{
			displayName: 'Limit',
			name: 'limit',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 50,
			description: 'Max number of results to return',
			displayOptions: { show: { ...show, returnAll: [false] } },
		},
	],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const numbers = await phoneNumbers(context, account, limitParameter(input));
		if (!numbers.ok) throw toNodeApiError(context.getNode(), numbers.failure, itemIndex);
		return numbers.value.map(({ id, ...number }) => ({
			json: { ...number, phoneNumberId: id },
		}));
	},
};

function limitParameter(input: OperationInput): number {
	const { context, itemIndex } = input;
	if (booleanParameter(input, 'returnAll', 'Return All')) return Infinity;
	const limit = limitSchema.safeParse(context.getNodeParameter('limit', itemIndex, 50));
	if (limit.success) return limit.data;
	throw inputError(
		input,
		limit.error.issues[0].message,
		'Correct it. If it is an expression, check what it evaluates to. To get all numbers, turn on Return All.',
	);
}
