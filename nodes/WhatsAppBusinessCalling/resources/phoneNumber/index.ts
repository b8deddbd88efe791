import type { INodeProperties } from 'n8n-workflow';

import type { Operation } from '../types';
import { getCallSettings } from './getCallSettings';
import { getCallStatistics } from './getCallStatistics';
import { getMany } from './getMany';
import { updateCallSettings } from './updateCallSettings';
import { updateVoicemail } from './updateVoicemail';

export const phoneNumberOperations: Record<string, Operation> = {
	getCallSettings,
	getCallStatistics,
	getMany,
	updateCallSettings,
	updateVoicemail,
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
				name: 'Get Call Statistics',
				value: 'getCallStatistics',
				action: 'Get call statistics',
				description:
					'Get the number of calls, their average duration and their cost, for all numbers of the account',
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
			{
				name: 'Update Voicemail',
				value: 'updateVoicemail',
				action: 'Update voicemail of phone number',
				description:
					'Turn voicemail of a number on or off, and set when it answers and what people hear',
			},
		],
	},
	...Object.values(phoneNumberOperations).flatMap((operation) => operation.properties),
];
