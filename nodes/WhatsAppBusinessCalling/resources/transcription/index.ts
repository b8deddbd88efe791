import type { INodeProperties } from 'n8n-workflow';

import { downloadOperation, getOperation } from '../shared/mediaOperations';
import type { Operation } from '../types';

export const transcriptionOperations: Record<string, Operation> = {
	download: downloadOperation('transcription'),
	get: getOperation('transcription'),
};

export const transcriptionProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'download',
		displayOptions: { show: { resource: ['transcription'] } },
		options: [
			{
				name: 'Download',
				value: 'download',
				action: 'Download transcript',
				description: 'Download and verify the transcript of a call, up to 7 days after its event',
			},
			{
				name: 'Get',
				value: 'get',
				action: 'Get transcript',
				description: 'Get the metadata and a short-lived URL of the file',
			},
		],
	},
	...Object.values(transcriptionOperations).flatMap((operation) => operation.properties),
];
