import type { INodeProperties } from 'n8n-workflow';

import {
	downloadFileField,
	eventsField,
	includeRawEventOption,
	maxFileSizeOption,
	outputFieldOption,
	phoneNumbersField,
} from '../../trigger/sharedFields';
import { timeoutOption } from '../shared/mediaOperations';
import { SIGNATURE_EXPRESSION } from './signedContent';

const readShow = { resource: ['delivery'], operation: ['read'] };
const displayOptions = { show: readShow };

export const readProperties: INodeProperties[] = [
	{
		displayName: 'Body From',
		name: 'bodyFrom',
		type: 'options',
		noDataExpression: true,
		default: 'binary',
		description:
			'Where the body of the request from Meta is in the input item, byte by byte as Meta sent it',
		displayOptions,
		options: [
			{
				name: 'Binary Field',
				value: 'binary',
				description: "From n8n's Webhook node with its option Raw Body, for example",
			},
			{
				name: 'Text',
				value: 'text',
				description: 'The JSON text, unchanged. From a queue such as SQS or Kafka, for example.',
			},
			{
				name: 'Text in Base64',
				value: 'base64',
				description: 'From systems that encode the body, such as an API gateway',
			},
		],
	},
	{
		displayName: 'Input Binary Field',
		name: 'inputBinaryField',
		type: 'string',
		default: 'data',
		required: true,
		hint: 'The name of the input binary field that contains the body',
		displayOptions: { show: { ...readShow, bodyFrom: ['binary'] } },
	},
	{
		displayName: 'Body',
		name: 'body',
		type: 'string',
		default: '={{ $json.body }}',
		required: true,
		placeholder: 'e.g. {{ $json.Body }}',
		description: 'The body of the request, exactly as Meta sent it',
		displayOptions: { show: { ...readShow, bodyFrom: ['text', 'base64'] } },
	},
	{
		displayName: 'Verify Signature',
		name: 'verifySignature',
		type: 'boolean',
		default: true,
		description:
			"Whether to accept only what Meta signed with the credential's app secret. Turn it off only if another system has verified the signature.",
		displayOptions,
	},
	{
		displayName:
			'Without verification, anyone who can send data to this workflow can fake calls and recordings',
		name: 'unverifiedNotice',
		type: 'notice',
		default: '',
		displayOptions: { show: { ...readShow, verifySignature: [false] } },
	},
	{
		displayName: 'Signature',
		name: 'signature',
		type: 'string',
		default: SIGNATURE_EXPRESSION,
		required: true,
		placeholder: 'e.g. sha256=1f2e3d...',
		description: 'Value of the header X-Hub-Signature-256 of the request',
		displayOptions: { show: { ...readShow, verifySignature: [true] } },
	},
	{
		...eventsField,
		description: 'Events to output. Each event becomes one item; all others are left out.',
		displayOptions,
	},
	{
		...phoneNumbersField,
		description:
			'Only calls of these business numbers are output. Leave empty for all. An expression can also return phone numbers such as +1 555 010 0001. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
		displayOptions,
	},
	{
		...downloadFileField,
		description:
			'Whether to download and verify recordings, voicemails and transcripts. If off, the item contains only the media ID; download the file later with Recording > Download or Transcription > Download, within 7 days.',
		displayOptions,
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		displayOptions,
		options: [
			{
				displayName: 'Downloads at Once',
				name: 'maxConcurrentDownloads',
				type: 'number',
				default: 4,
				typeOptions: { minValue: 1, maxValue: 64 },
				description: 'Maximum number of files of one delivery to download at once',
			},
			{
				displayName: 'If File Is Unavailable',
				name: 'onFileUnavailable',
				type: 'options',
				default: 'retry',
				description: 'What to do if a file cannot be downloaded',
				options: [
					{
						name: 'Emit Item Without File',
						value: 'emit',
						description: 'With the reason in the item',
					},
					{
						name: 'Fail',
						value: 'fail',
						description: 'With the reason, also if the file will never be available',
					},
					{
						name: 'Fail If the Error Is Temporary',
						value: 'retry',
						description:
							'So that Retry On Fail, or a retry of the execution, can download it. If the file will never be available, the item comes without it, with the reason.',
					},
				],
			},
			includeRawEventOption,
			maxFileSizeOption,
			outputFieldOption,
			timeoutOption,
		],
	},
];
