import type { INodeProperties } from 'n8n-workflow';

import { downloadOperation, getOperation } from '../shared/mediaOperations';
import type { Operation } from '../types';

export const recordingOperations: Record<string, Operation> = {
	download: downloadOperation('recording'),
	get: getOperation('recording'),
};

export const recordingProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'download',
		displayOptions: { show: { resource: ['recording'] } },
		options: [
			{
				name: 'Download',
				value: 'download',
				action: 'Download recording',
				description: 'Download and verify the recording of a call, up to 7 days after its event',
			},
			{
				name: 'Get',
				value: 'get',
				action: 'Get recording',
				description: 'Get the metadata and a short-lived URL of the file',
			},
		],
	},
	...Object.values(recordingOperations).flatMap((operation) => operation.properties),
];
