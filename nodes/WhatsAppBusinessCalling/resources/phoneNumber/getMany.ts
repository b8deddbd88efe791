import { toNodeApiError } from '../../graph/apiError';
import { phoneNumbers } from '../../graph/phoneNumbers';
import { numeric } from '../../numeric';
import { inputError, switchParameter } from '../input';
import type { Operation, OperationInput } from '../types';

const limitSchema = numeric('Limit must be a whole number, 1 or above', (number) =>
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
		const numbers = await phoneNumbers(context, account, readLimit(input));
		if (!numbers.ok) throw toNodeApiError(context.getNode(), numbers.failure, itemIndex);
		return numbers.value.map(({ id, ...number }) => ({
			json: { phoneNumberId: id, ...number },
		}));
	},
};

function readLimit(input: OperationInput): number {
	const { context, itemIndex } = input;
	if (switchParameter(input, 'returnAll', 'Return All')) return Infinity;
	const limit = limitSchema.safeParse(context.getNodeParameter('limit', itemIndex, 50));
	if (limit.success) return limit.data;
	throw inputError(
		input,
		limit.error.issues[0].message,
		'Correct it. If it is an expression, check what it evaluates to. To get all numbers, turn on Return All.',
	);
}
