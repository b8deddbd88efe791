import type { INodeProperties } from 'n8n-workflow';

import type { OfflineOperation, Operation } from '../types';
import { check } from './check';
import { getSampleRecording } from './getSampleRecording';
import { sendTestRecording } from './sendTestRecording';

export const setupOperations: Record<string, Operation | OfflineOperation> = {
	check,
	getSampleRecording,
	sendTestRecording,
};

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
			{
				name: 'Get Sample Recording',
				value: 'getSampleRecording',
				action: 'Get sample recording',
				description:
					"Get a sample of the trigger's items, to build the rest of a workflow before the first call. Requires no credential.",
			},
			{
				name: 'Send Test Recording',
				value: 'sendTestRecording',
				action: 'Send test recording',
				description:
					'Find out whether recordings arrive, without a call: uploads audio to Meta and sends your trigger an event about it, as Meta would',
			},
		],
	},
	...Object.values(setupOperations).flatMap((operation) => operation.properties),
];
