import type { INodeProperties } from 'n8n-workflow';

import type { Operation } from '../types';
import { check } from './check';

export const setupOperations: Record<string, Operation> = { check };

export const setupProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'check',
		displayOptions: { show: { resource: ['setup'] } },
		options: [
			{
				name: 'Check',
				value: 'check',
				action: 'Check setup',
				description:
					'Find out why no events arrive: checks token, account, number, calling and webhook. Changes nothing.',
			},
		],
	},
	...Object.values(setupOperations).flatMap((operation) => operation.properties),
];
