import type { INodeProperties } from 'n8n-workflow';

import type { Operation } from '../types';
import { get } from './get';
import { request } from './request';

export const permissionOperations: Record<string, Operation> = { get, request };

export const permissionProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'get',
		displayOptions: { show: { resource: ['permission'] } },
		options: [
			{
				name: 'Get',
				value: 'get',
				action: 'Get call permission',
				description: 'Find out whether you may call a person now, until when and how often',
			},
			{
				name: 'Request',
				value: 'request',
				action: 'Request call permission',
				description: 'Send a message that asks a person for permission to be called',
			},
		],
	},
	...Object.values(permissionOperations).flatMap((operation) => operation.properties),
];
