import type { INodeProperties } from 'n8n-workflow';

import { DEFAULT_EVENTS } from '../events/eventFilter';
import { eventOptions } from '../events/eventTypes';

/** Fields of the trigger that the action node also has, in Delivery > Read. */

export const eventsField: INodeProperties = {
	displayName: 'Events',
	name: 'events',
	type: 'multiOptions',
	options: eventOptions,
	default: [...DEFAULT_EVENTS],
	required: true,
};

export const phoneNumbersField: INodeProperties = {
	displayName: 'Phone Number Names or IDs',
	name: 'phoneNumberIds',
	type: 'multiOptions',
	typeOptions: { loadOptionsMethod: 'getPhoneNumbers' },
	default: [],
	description:
		'Only calls of these business numbers start the workflow. Leave empty for all. An expression can also return phone numbers such as +1 555 010 0001. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
};

export const downloadFileField: INodeProperties = {
	displayName: 'Download File',
	name: 'downloadFile',
	type: 'boolean',
	default: true,
	description:
		'Whether to download and verify recordings, voicemails and transcripts. If off, the item contains only the media ID; download the file with the action node within 7 days.',
};

export const includeRawEventOption: INodeProperties = {
	displayName: 'Include Raw Event',
	name: 'includeRawEvent',
	type: 'boolean',
	default: false,
	description:
		'Whether to add the event as Meta sent it to the item, under rawEvent, with its contacts, errors and metadata. Events that cannot be read completely always include it.',
};

export const maxFileSizeOption: INodeProperties = {
	displayName: 'Max File Size (MB)',
	name: 'maxFileSize',
	type: 'number',
	default: 100,
	typeOptions: { minValue: 1 },
	description:
		'Maximum file size in MB. A larger file counts as unavailable. One hour of audio is about 11 MB.',
};

export const outputFieldOption: INodeProperties = {
	displayName: 'Put Output File in Field',
	name: 'binaryPropertyName',
	type: 'string',
	default: 'data',
	hint: 'The name of the output binary field to put the file in',
};
