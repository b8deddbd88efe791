import type { INodeProperties } from 'n8n-workflow';

import type { Operation } from '../types';
import { getCallSettings } from './getCallSettings';
import { getMany } from './getMany';
import { updateCallSettings } from './updateCallSettings';

export const phoneNumberOperations: Record<string, Operation> = {
	getCallSettings,
	getMany,
	updateCallSettings,
};

export const phoneNumberProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'getMany',
		displayOptions: { show: { resource: ['phoneNumber'] } },
		options: [
			{
				name: 'Get Call Settings',
				value: 'getCallSettings',
				action: 'Get call settings of phone number',
				description: 'Get whether calling is on, call hours, call-back permission and restrictions',
			},
			{
				name: 'Get Many',
				value: 'getMany',
				action: 'Get many phone numbers',
				description: 'Get the phone numbers of the WhatsApp Business account',
			},
			{
				name: 'Update Call Settings',
				value: 'updateCallSettings',
				action: 'Update call settings of phone number',
				description: 'Change calling, call icon, call hours and call-back permission of a number',
			},
		],
	},
	...Object.values(phoneNumberOperations).flatMap((operation) => operation.properties),
];
