import type { INodeProperties } from 'n8n-workflow';

import { cleanPhoneNumber } from './cleanPhoneNumber';
import { inputError, shortened, textParameter, userIdParameter } from './input';
import type { OperationInput } from './types';

/** The two ways to name a WhatsApp user. */
export function personFields(
	displayOptions: INodeProperties['displayOptions'],
	verb: 'call' | 'ask' | 'look up',
): INodeProperties[] {
	return [
		{
			displayName: 'To',
			name: 'to',
			type: 'string',
			default: '',
			placeholder: 'e.g. +1 408 555 1234',
			hint: 'Fill in either To or User ID',
			description: `Phone number of the person, with country code. Leave empty to ${verb} by User ID only.`,
			displayOptions,
		},
		{
			displayName: 'User ID',
			name: 'recipient',
			type: 'string',
			default: '',
			placeholder: 'e.g. US.13491208655302741918',
			description:
				"Business-scoped user ID (BSUID) of the person, if you don't know their phone number. If you fill in both, WhatsApp uses the phone number.",
			displayOptions,
		},
	];
}

/**
 * Reads whom an operation is about.
 *
 * @throws NodeOperationError where both are empty or one is not what it should be
 */
export function readPerson(input: OperationInput): { to?: string; recipient?: string } {
	const number = textParameter(input, 'to');
	const userId = userIdParameter(input);
	if (number === '' && userId === '') {
		throw inputError(
			input,
			'No recipient: fill in To or User ID',
			'Enter the phone number with country code under To, or the user ID from an event of this person under User ID.',
		);
	}
	const to = cleanPhoneNumber(number);
	if (number !== '' && to === null) {
		throw inputError(
			input,
			`"${shortened(number)}" is not a phone number`,
			hasNoCountryCode(number)
				? 'The country code is missing. Write the number as people dial it from abroad, e.g. +1 408 555 1234 instead of (408) 555-1234.'
				: 'Enter one number with country code and digits only, e.g. +1 408 555 1234. Spaces, dashes and a leading + or 00 are fine; extensions, commas and letters are not. From a spreadsheet, read the column as text.',
		);
	}
	return { ...(to === null ? {} : { to }), ...(userId === '' ? {} : { recipient: userId }) };
}

/** Written for callers of the same country: it begins with an area code in brackets, or with one zero. */
function hasNoCountryCode(text: string): boolean {
	return /^['\s]*(?:\(\d|0[1-9])/.test(text);
}
