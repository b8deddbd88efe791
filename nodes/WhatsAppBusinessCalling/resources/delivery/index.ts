import type { INodeProperties } from 'n8n-workflow';

import type { Operation } from '../types';
import { read } from './read';

export const deliveryOperations: Record<string, Operation> = { read };

export const deliveryProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'read',
		displayOptions: { show: { resource: ['delivery'] } },
		options: [
			{
				name: 'Read',
				value: 'read',
				action: 'Read delivery',
				description:
					"Turn a webhook delivery that your own webhook, queue or other system received from Meta into the trigger's items",
			},
		],
	},
	...Object.values(deliveryOperations).flatMap((operation) => operation.properties),
];
