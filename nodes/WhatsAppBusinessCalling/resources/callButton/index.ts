import type { INodeProperties } from 'n8n-workflow';

import type { OfflineOperation, Operation } from '../types';
import { getLink } from './getLink';
import { send } from './send';

export const callButtonOperations: Record<string, Operation | OfflineOperation> = {
	getLink,
	send,
};

export const callButtonProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'send',
		displayOptions: { show: { resource: ['callButton'] } },
		options: [
			{
				name: 'Get Link',
				value: 'getLink',
				action: 'Get call link',
				description:
					'Make a link for websites, emails and QR codes that calls you on WhatsApp. Sends nothing and requires no credential.',
			},
			{
				name: 'Send',
				value: 'send',
				action: 'Send call button',
				description: 'Send a message with a button that calls you on WhatsApp',
			},
		],
	},
	...Object.values(callButtonOperations).flatMap((operation) => operation.properties),
];
