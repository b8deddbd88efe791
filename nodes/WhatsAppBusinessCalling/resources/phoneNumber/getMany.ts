import { toNodeApiError } from '../../graph/apiError';
import { phoneNumbers } from '../../graph/phoneNumbers';
import type { Operation } from '../types';

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

	async execute({ context, account, itemIndex }) {
		const returnAll = context.getNodeParameter('returnAll', itemIndex, false) === true;
		const limit = returnAll ? Infinity : Number(context.getNodeParameter('limit', itemIndex, 50));
		const numbers = await phoneNumbers(context, account, limit);
		if (!numbers.ok) throw toNodeApiError(context.getNode(), numbers.failure, itemIndex);
		return numbers.value.map(({ id, ...number }) => ({
			json: { phoneNumberId: id, ...number },
		}));
	},
};
