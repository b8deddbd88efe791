import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import { MEDIA_ID_PATTERN } from '../media/mediaInfo';
import type { OperationInput } from './types';

/** An error about a parameter, which says what to do; thrown before anything is sent. */
export function inputError(
	{ context, itemIndex }: OperationInput,
	message: string,
	description: string,
): NodeOperationError {
	return new NodeOperationError(context.getNode(), message, { description, itemIndex });
}

/** An error about an answer of Meta's that is a success but not as documented. */
export function oddAnswer(
	{ context, itemIndex }: OperationInput,
	what: string,
	description: string,
): NodeApiError {
	const message = `WhatsApp responded, but ${what}`;
	return new NodeApiError(context.getNode(), { message }, { message, description, itemIndex });
}

/** Characters that show nothing: blanks, control and format characters, variation selectors, fillers. */
const INVISIBLE = /[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Whether a text has nothing to see in it; such a text is as good as none. */
export function isBlank(text: string): boolean {
	return text.replace(INVISIBLE, '') === '';
}

/** Any value of an expression as text, without blanks around it. */
export function written(value: unknown): string {
	if (value === null || value === undefined) return '';
	try {
		return String(value).trim();
	} catch {
		// JSON can hold an object with a field `toString`.
		return '[object]';
	}
}

export function textParameter({ context, itemIndex }: OperationInput, name: string): string {
	const text = written(context.getNodeParameter(name, itemIndex, ''));
	return isBlank(text) ? '' : text;
}

/** What copying from a page or a chat brings along. */
const AROUND_ID = /^[\s\p{Default_Ignorable_Code_Point}]+|[\s\p{Default_Ignorable_Code_Point}]+$/gu;

/** Longer than any ID, and short enough for a pattern that looks at each run of blanks again. */
const MAX_ID_LENGTH = 1_000;

function idText(value: unknown): string {
	// A number so large has lost digits on its way here: it is the ID of something else.
	if (typeof value === 'number' && !Number.isSafeInteger(value)) return `${value} (rounded)`;
	const text = written(value);
	return text.length > MAX_ID_LENGTH ? text : text.replace(AROUND_ID, '');
}

function idParameter({ context, itemIndex }: OperationInput, name: string): string {
	return idText(context.getNodeParameter(name, itemIndex, ''));
}

/**
 * A switch that an expression may give as a text or a number.
 *
 * @param fallback for a switch that was not added to the node
 * @throws NodeOperationError for anything else: what is to be recorded must not be guessed
 */
export function switchParameter(
	input: OperationInput,
	name: string,
	label: string,
	fallback = false,
): boolean {
	const value: unknown = input.context.getNodeParameter(name, input.itemIndex, fallback);
	const word = written(value).toLowerCase();
	if (['true', '1'].includes(word)) return true;
	if (['false', '0', ''].includes(word)) return false;
	throw inputError(
		input,
		`${label} must be true or false, not "${shortened(word)}"`,
		'Use the switch, or an expression that evaluates to true or false.',
	);
}

/** The ID out of the resource locator, as digits. */
export function phoneNumberIdParameter(input: OperationInput): string {
	const { context, itemIndex } = input;
	const value = idText(
		context.getNodeParameter('phoneNumberId', itemIndex, '', { extractValue: true }),
	);
	if (/^[A-Za-z0-9_-]+$/.test(value)) return value;
	throw inputError(
		input,
		value === '' ? 'No phone number was chosen' : `"${shortened(value)}" is not a phone number ID`,
		"Choose the number from the list under Business Phone Number, or enter its ID, which WhatsApp Manager and Meta's app dashboard (API Setup) show. It is not the phone number itself.",
	);
}

/** @returns the call ID, which starts with `wacid.` */
export function callIdParameter(input: OperationInput): string {
	const value = idParameter(input, 'callId');
	if (/^wacid\.[^\s\p{Cc}]+$/u.test(value)) return value;
	throw inputError(
		input,
		value === '' ? 'The call ID is missing' : `"${shortened(value)}" is not a call ID`,
		'Call IDs start with "wacid.". Take it from the trigger\'s item ({{ $json.callId }}) or from the output of Start Call.',
	);
}

/** @returns the business-scoped user ID, or an empty text where none is given */
export function userIdParameter(input: OperationInput): string {
	const value = idParameter(input, 'recipient');
	if (value === '' || isUserId(value)) return value;
	throw inputError(
		input,
		`"${shortened(value)}" is not a user ID`,
		'User IDs consist of a country code, a dot, and letters and digits, e.g. US.13491208655302741918.',
	);
}

/** Business-scoped user ID: country code, a dot, and letters and digits; a parent ID has ENT between. */
export function isUserId(text: string): boolean {
	return /^[A-Za-z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(text);
}

/** @returns the media ID, safe for a path */
export function mediaIdParameter(input: OperationInput): string {
	const value = idParameter(input, 'mediaId');
	if (MEDIA_ID_PATTERN.test(value)) return value;
	throw inputError(
		input,
		value === '' ? 'The media ID is missing' : `"${shortened(value)}" is not a media ID`,
		"Media IDs are long numbers: keep them as text. Take the ID from the trigger's item, e.g. {{ $json.recording.mediaId }}.",
	);
}

export function shortened(text: string): string {
	return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
