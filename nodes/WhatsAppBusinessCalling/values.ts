/**
 * Readers for values in Meta's JSON. Each accepts anything and returns a value, or null if there is none that
 * can be used: an event that Meta signed and the operator chose must reach the workflow, even if parts of it
 * are malformed.
 *
 * They are functions and not zod schemas for speed: a delivery may hold 1,000 events, and a schema that
 * converts malformed values to null creates an error object for each. Responses of the Graph API are read with
 * `graph/scalars.ts`.
 */

/** An object in Meta's JSON. */
export type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};

export function isFields(value: unknown): value is Fields {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value if it is an object, otherwise an empty object. */
export function fieldsOf(value: unknown): Fields {
	return isFields(value) ? value : NO_FIELDS;
}

/**
 * A text that is not empty. A number is converted: some clients received IDs as numbers.
 *
 * @example text(15550100001) // '15550100001'
 */
export function text(value: unknown): string | null {
	if (typeof value === 'string') return value === '' ? null : value;
	return Number.isSafeInteger(value) ? String(value) : null;
}

const IDENTIFIER_PATTERN = /^[\P{Cc}\u0080-\u009f]{1,512}$/u;

/** An ID: at most 512 characters, without control characters, which could forge lines in a log. */
export function identifier(value: unknown): string | null {
	const id = text(value);
	return id !== null && IDENTIFIER_PATTERN.test(id) ? id : null;
}

const DECIMAL_PATTERN = /^-?\d{1,15}(?:\.\d{1,20})?$/;

/**
 * A number, which Meta may write as text.
 *
 * @example decimal('12.5') // 12.5
 */
export function decimal(value: unknown): number | null {
	const number =
		typeof value === 'string' && DECIMAL_PATTERN.test(value.trim()) ? Number(value) : value;
	return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** A number that is 0 or more. */
export function amount(value: unknown): number | null {
	const number = decimal(value);
	return number !== null && number >= 0 ? number : null;
}

/** An integer of either sign, as a number or as text. */
export function integer(value: unknown): number | null {
	const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
	return Number.isSafeInteger(number) ? (number as number) : null;
}

/** A boolean, which may also be a text, 1 or 0. */
export function yesOrNo(value: unknown): boolean | null {
	const word = String(typeof value === 'object' ? '' : value).toLowerCase();
	if (word === 'true' || word === '1') return true;
	return word === 'false' || word === '0' ? false : null;
}

/**
 * A word in upper case. Meta's flow examples show a list of two words, of which the first is used.
 *
 * @example upperCaseWord(['Completed', 'Failed']) // 'COMPLETED'
 */
export function upperCaseWord(value: unknown): string | null {
	const first: unknown = Array.isArray(value) ? value[0] : value;
	return typeof first === 'string' && first !== '' ? first.toUpperCase() : null;
}

/** 12 digits; Meta's times have 10. */
const MAX_UNIX_SECONDS = 999_999_999_999;

const ISO_TIME_PATTERN =
	/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})$/;

/**
 * A time in Unix seconds, as a number or as text, or in ISO 8601 as some third parties show it.
 *
 * @returns milliseconds since 1970
 * @example timeMs('1728932177') // 1728932177000
 */
export function timeMs(value: unknown): number | null {
	const seconds = integer(value);
	if (seconds !== null) {
		return seconds > 0 && seconds <= MAX_UNIX_SECONDS ? seconds * 1000 : null;
	}
	if (typeof value !== 'string' || !ISO_TIME_PATTERN.test(value)) return null;
	const parsed = Date.parse(value);
	return Number.isNaN(parsed) ? null : parsed;
}

/** @param milliseconds since 1970 */
export function isoTimeOfMs(milliseconds: number | null): string | null {
	return milliseconds === null ? null : new Date(milliseconds).toISOString();
}

/**
 * The digits of a phone number in any notation, without the international prefix.
 *
 * @example digitsOf('+1 555-010-0001') // '15550100001'
 */
export function digitsOf(phoneNumber: string | null): string {
	return (phoneNumber ?? '').replace(/\D/g, '').replace(/^00/, '');
}

/**
 * The elements of a list; none if it is absent. A single object counts as a list of one. Null for anything else.
 *
 * @example listOf({ id: 1 }) // [{ id: 1 }]
 */
export function listOf(value: unknown): unknown[] | null {
	if (value === undefined || value === null) return [];
	if (Array.isArray(value)) return value as unknown[];
	return isFields(value) ? [value] : null;
}

/**
 * A name from outside for a log: shortened, without characters that could forge lines.
 *
 * @example safeForLog('call\nstarted') // 'call?started'
 */
export function safeForLog(name: string): string {
	return name.slice(0, 64).replace(/[^\w.-]/g, '?');
}
