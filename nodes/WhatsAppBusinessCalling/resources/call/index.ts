import type { INodeProperties } from 'n8n-workflow';

import type { Operation } from '../types';
import { accept } from './accept';
import { announcementFields } from './announcement';
import { optionsField, showForCall } from './fields';
import { preAccept } from './preAccept';
import { reject } from './reject';
import { start } from './start';
import { terminate } from './terminate';

export const callOperations: Record<string, Operation> = {
	accept,
	preAccept,
	reject,
	start,
	terminate,
};

export const callProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'start',
		displayOptions: { show: { resource: ['call'] } },
		options: [
			{
				name: 'Accept',
				value: 'accept',
				action: 'Accept call',
				description: 'Answer an incoming call, optionally with recording and transcription',
			},
			{
				name: 'Pre-Accept',
				value: 'preAccept',
				action: 'Set up audio of incoming call',
				description:
					'Set up the audio of an incoming call some time before you accept it. By default, Accept does this right before accepting.',
			},
			{
				name: 'Reject',
				value: 'reject',
				action: 'Reject call',
				description: 'Decline an incoming call',
			},
			{
				name: 'Start',
				value: 'start',
				action: 'Start call',
				description: 'Call a person, optionally with recording and transcription',
			},
			{
				name: 'Terminate',
				value: 'terminate',
				action: 'Terminate call',
				description: 'End a call in progress',
			},
		],
	},
	...Object.values(callOperations).flatMap((operation) => operation.properties),
	...announcementFields,
	optionsField(showForCall('start', 'accept')),
];
