import { MEDIA_ID_PATTERN } from '../../media/mediaInfo';
import type { OfflineInput, OperationInput } from '../types';
import { inputError } from './errors';

/** Invisible characters: blanks, control and format characters, variation selectors, fillers. */
const INVISIBLE = /[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Whether a text has no visible character; such a text counts as empty. */
export function isBlank(text: string): boolean {
	return text.replace(INVISIBLE, '') === '';
}

/** Any value of an expression as trimmed text. */
export function asText(value: unknown): string {
	if (value === null || value === undefined) return '';
	try {
		return String(value).trim();
	} catch {
		// JSON can hold an object with a field `toString`.
		return '[object]';
	}
}

/** @throws NodeOperationError for an object: people would hear or read `[object Object]` */
export function textParameter(input: OfflineInput, name: string): string {
	return textOf(input, input.context.getNodeParameter(name, input.itemIndex, ''));
}

/** @throws NodeOperationError as `textParameter` */
export function textOf(input: OfflineInput, value: unknown): string {
	const text = asText(value);
	if (typeof value === 'object' && text.includes('[object')) {
		throw inputError(
			input,
			'An expression evaluates to an object where a text is needed',
			`Choose one of its fields, e.g. {{ $json.topic }}. It evaluates to ${truncate(JSON.stringify(value))}`,
		);
	}
	return isBlank(text) ? '' : text;
}

/**
 * A text of limited length. Meta does not say how it counts. We count code points, the smallest count, so that
 * nothing is refused that Meta may accept.
 *
 * @param what the text as an error names it, e.g. `message`
 * @param advice what to do if the text is too long
 * @throws NodeOperationError for a longer text
 */
export function limitedText(
	input: OfflineInput,
	text: string,
	what: string,
	maxLength: number,
	advice = 'Shorten it.',
): string {
	const { length } = [...text];
	if (length <= maxLength) return text;
	throw inputError(
		input,
		`The ${what} is too long: ${length} characters`,
		`WhatsApp accepts at most ${maxLength}. ${advice}`,
	);
}

/** Meta's limit for texts that come back in events ("Calling API: reference", "Call button messages"). */
const MAX_RETURNED_LENGTH = 512;

/**
 * The operator's own text, which Meta returns in later events. It is sent as it is; an object becomes JSON.
 *
 * @param what the text as an error names it, e.g. `callback data`
 * @returns null if the text is empty
 */
export function returnedTextParameter(
	input: OfflineInput,
	name: string,
	what: string,
): string | null {
	const given: unknown = input.context.getNodeParameter(name, input.itemIndex, '') ?? '';
	const text = typeof given === 'object' ? JSON.stringify(given) : String(given);
	if (isBlank(text)) return null;
	const advice = 'Put an ID there and keep the rest in your own system.';
	return limitedText(input, text, what, MAX_RETURNED_LENGTH, advice);
}

/** Invisible characters around an ID that was copied from a page or a chat. */
const AROUND_ID = /^[\s\p{Default_Ignorable_Code_Point}]+|[\s\p{Default_Ignorable_Code_Point}]+$/gu;

/** Longer than any ID. Limits the time of AROUND_ID, which is quadratic for runs of blanks. */
const MAX_ID_LENGTH = 1_000;

function cleanId(value: unknown): string {
	// Such a number was rounded: its digits are the ID of something else.
	if (typeof value === 'number' && !Number.isSafeInteger(value)) return `${value} (rounded)`;
	const text = asText(value);
	return text.length > MAX_ID_LENGTH ? text : text.replace(AROUND_ID, '');
}

export function idParameter({ context, itemIndex }: OperationInput, name: string): string {
	return cleanId(context.getNodeParameter(name, itemIndex, ''));
}

/**
 * A boolean, which an expression may give as text or number.
 *
 * @param fallback for an option that was not added to the node
 * @throws NodeOperationError for anything else: whether to record must not be guessed
 */
export function booleanParameter(
	input: OperationInput,
	name: string,
	label: string,
	fallback = false,
): boolean {
	const value: unknown = input.context.getNodeParameter(name, input.itemIndex, fallback);
	const word = asText(value).toLowerCase();
	if (['true', '1'].includes(word)) return true;
	if (['false', '0', ''].includes(word)) return false;
	throw inputError(
		input,
		`${label} must be true or false, not "${truncate(word)}"`,
		'Use the switch, or an expression that evaluates to true or false.',
	);
}

/** The phone number ID from the resource locator. */
export function phoneNumberIdParameter(input: OperationInput): string {
	const { context, itemIndex } = input;
	const value = cleanId(
		context.getNodeParameter('phoneNumberId', itemIndex, '', { extractValue: true }),
	);
	if (/^[A-Za-z0-9_-]+$/.test(value)) return value;
	throw inputError(
		input,
		value === '' ? 'No phone number was chosen' : `"${truncate(value)}" is not a phone number ID`,
		"Choose the number from the list under Business Phone Number, or enter its ID, which WhatsApp Manager and Meta's app dashboard (API Setup) show. It is not the phone number itself.",
	);
}

/** @returns the call ID, which starts with `wacid.` */
export function callIdParameter(input: OperationInput): string {
	const value = idParameter(input, 'callId');
	if (/^wacid\.[^\s\p{Cc}]+$/u.test(value)) return value;
	throw inputError(
		input,
		value === '' ? 'The call ID is missing' : `"${truncate(value)}" is not a call ID`,
		'Call IDs start with "wacid.". Take it from the trigger\'s item ({{ $json.callId }}) or from the output of Call > Start.',
	);
}

/** @returns the media ID, safe for a path */
export function mediaIdParameter(input: OperationInput): string {
	const value = idParameter(input, 'mediaId');
	// Words are no IDs: Meta would only say that it has no such file (any more).
	if (MEDIA_ID_PATTERN.test(value) && /\d/.test(value)) return value;
	throw inputError(
		input,
		value === '' ? 'The media ID is missing' : `"${truncate(value)}" is not a media ID`,
		"Media IDs are long numbers: keep them as text. Take the ID from the trigger's item, e.g. {{ $json.recording.mediaId }}.",
	);
}

/**
 * Limits a text for an error message.
 *
 * @example truncate('x'.repeat(100)) // 57 times x, then ...
 */
export function truncate(text: string): string {
	return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
