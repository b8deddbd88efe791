import type { INodeProperties } from 'n8n-workflow';

import { returnedTextParameter } from '../shared/parameters';
import type { OfflineInput } from '../types';

/** @param returnedAs the field of the trigger's items in which the text arrives */
export function payloadField(returnedAs: string): INodeProperties {
	return {
		displayName: 'Payload',
		name: 'payload',
		type: 'string',
		default: '',
		placeholder: 'e.g. order-4471',
		description: `Your own text, up to 512 characters, that arrives as ${returnedAs} in the events Call Connecting and Call Ended of a call that is made this way. Use it to recognize what the call is about. Every app that is subscribed to the account's calls can read it.`,
	};
}

export function payloadParameter(input: OfflineInput, name: string): string | null {
	return returnedTextParameter(input, name, 'payload');
}
