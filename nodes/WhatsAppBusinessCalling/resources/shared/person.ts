import type { INodeProperties } from 'n8n-workflow';

import type { OfflineInput, OperationInput } from '../types';
import { cleanPhoneNumber } from './cleanPhoneNumber';
import { inputError } from './errors';
import { idParameter, textParameter, truncate } from './parameters';

/** The two ways to name a person on WhatsApp. */
export function personFields(
	displayOptions: INodeProperties['displayOptions'],
	verb: 'call' | 'ask' | 'invite' | 'look up',
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

/** @returns the business-scoped user ID, or an empty text if there is none */
export function userIdParameter(input: OperationInput): string {
	const value = idParameter(input, 'recipient');
	if (value === '' || isUserId(value)) return value;
	throw inputError(
		input,
		`"${truncate(value)}" is not a user ID`,
		'User IDs consist of a country code, a dot, and letters and digits, e.g. US.13491208655302741918.',
	);
}

/**
 * Whether a text is a business-scoped user ID: country code, a dot, letters and digits. A parent ID has `ENT.`
 * after the dot.
 *
 * @example isUserId('US.13491208655302741918') // true
 */
export function isUserId(text: string): boolean {
	return /^[A-Za-z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(text);
}

/** A person, as the bodies of Meta's requests name them. */
export type Person = {
	/** Phone number as digits. */
	to?: string;
	/** Business-scoped user ID. */
	recipient?: string;
};

/**
 * Reads which person an operation is about.
 *
 * @throws NodeOperationError if both are empty or one is invalid
 */
export function readPerson(input: OperationInput): Person {
	const number = textParameter(input, 'to');
	const userId = userIdParameter(input);
	if (number === '' && userId === '') {
		throw inputError(
			input,
			'No recipient: fill in To or User ID',
			'Enter the phone number with country code under To, or the user ID from an event of this person under User ID.',
		);
	}
	const to = number === '' ? null : readPhoneNumber(input, number);
	return { ...(to === null ? {} : { to }), ...(userId === '' ? {} : { recipient: userId }) };
}

/**
 * @param written a phone number, as people write it
 * @returns digits only
 * @throws NodeOperationError if it is not an international phone number
 */
export function readPhoneNumber(input: OfflineInput, written: string): string {
	const number = cleanPhoneNumber(written);
	if (number !== null) return number;
	throw inputError(
		input,
		`"${truncate(written)}" is not a phone number`,
		hasNoCountryCode(written)
			? 'The country code is missing. Write the number as people dial it from abroad, e.g. +1 408 555 1234 instead of (408) 555-1234.'
			: 'Enter one number with country code and digits only, e.g. +1 408 555 1234. Spaces, dashes and a leading + or 00 are fine; extensions, commas and letters are not. From a spreadsheet, read the column as text.',
	);
}

/** Whether a number is in national format: it begins with an area code in brackets, or with one zero. */
function hasNoCountryCode(text: string): boolean {
	return /^['\s]*(?:\(\d|0[1-9])/.test(text);
}
