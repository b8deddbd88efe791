/** The digit 0 of other scripts: Arabic, Persian and Urdu, Devanagari, Bengali, full-width. */
const ZEROS = [0x0660, 0x06f0, 0x0966, 0x09e6, 0xff10];

/** Prefixes and suffixes from links, other WhatsApp APIs and spreadsheets. */
const AFFIXES = [
	/^['\u2019]/,
	/^(?:tel|whatsapp):/i,
	/^(?:https?:\/\/)?wa\.me\/(?=[^?#]*$)/i,
	/@(?:c\.us|s\.whatsapp\.net)$/i,
];

/** Digits in groups, with at most one group in brackets, at the position of an area code. */
const GROUPS = /^(?:\d[ .-]*){1,4}\((?!0\))\d{1,5}\)[ .-]*\d[\d .-]*$|^\d[\d .-]*$/;

/** Longer than a link with a number in it. */
const MAX_LENGTH = 100;

/**
 * Converts a phone number, as people and spreadsheets write it, to the format of the API. An ambiguous text is
 * refused: a call to a stranger is worse than an error.
 *
 * The result has all digits of the text in their order, except for:
 * - `00` in front of the country code
 * - the `(0)` that some countries write after it. Not for Italy, where the zero is part of the number.
 * - `.0` or `.00` after 7 or more digits without a separator: a spreadsheet stored the number as a decimal
 * - the exponent of a number such as `1.4085551234E10`, if no digit was rounded away
 *
 * @returns digits only, or null if the text is not an international phone number
 * @example
 * cleanPhoneNumber('+1 (408) 555-1234') // '14085551234'
 * cleanPhoneNumber('(408) 555-1234') // null: the country code is missing
 */
export function cleanPhoneNumber(text: string): string | null {
	if (text.length > MAX_LENGTH) return null;
	const written = withoutAffixes(inAscii(text));
	const digits = exactInteger(written) ?? digitsOfGroups(written);
	return digits !== null && /^[1-9]\d{4,14}$/.test(digits) ? digits : null;
}

function inAscii(text: string): string {
	return text
		.replace(/\p{Cf}/gu, '')
		.replace(/\p{Nd}/gu, asciiDigit)
		.replace(/[\uff08\uff09\uff0b\uff0d\uff0e]/g, (sign) =>
			String.fromCharCode(sign.charCodeAt(0) - 0xfee0),
		)
		.replace(/[\u2010-\u2015\u2212]/g, '-')
		.replace(/\p{Zs}/gu, ' ')
		.trim();
}

/** Digits of other scripts are not converted, so the text is refused. */
function asciiDigit(digit: string): string {
	const code = digit.codePointAt(0) ?? 0;
	const zero = ZEROS.find((first) => code >= first && code <= first + 9);
	return zero === undefined ? digit : String(code - zero);
}

function withoutAffixes(text: string): string {
	return AFFIXES.reduce((rest, affix) => rest.replace(affix, ''), text).trim();
}

/** The digits of a number that a spreadsheet wrote as a decimal, if none was rounded away. */
function exactInteger(text: string): string | null {
	const decimal = /^(\d{7,15})\.0{1,2}$/.exec(text);
	if (decimal) return decimal[1];
	const scientific = /^(\d)\.(\d+)e\+?(\d{1,2})$/i.exec(text);
	if (!scientific) return null;
	const [, first, fraction, exponent] = scientific;
	// With fewer digits than the exponent requires, the number may have been rounded.
	return fraction.length === Number(exponent) ? first + fraction : null;
}

/**
 * Countries that write a (0) which is left out in international calls. In other countries, such as Italy and
 * Ivory Coast, it is part of the number.
 */
const LEAVES_OUT_ZERO = /^(27|31|32|33|41|43|44|46|49|61|64|90|91|353|358|972)[ .-]*\(0\)/;

/**
 * Not international numbers without a + or 00: national numbers of North America, which would be read as
 * numbers of another country, dates, and IP addresses.
 */
const NOT_INTERNATIONAL = [
	/^\d{3}[ .-]\d{3}[ .-]\d{4}$/,
	/^\d{4}[./-]\d{1,2}[./-]\d{1,2}$/,
	/^\d{1,2}[./-]\d{1,2}[./-]\d{4}$/,
	/^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/,
];

function digitsOfGroups(text: string): string | null {
	if (NOT_INTERNATIONAL.some((form) => form.test(text))) return null;
	const rest = text
		.replace(/^\(((?:\+|00) ?\d{1,3})\)/, '$1 ')
		.replace(/^(?:\+|00) ?/, '')
		.replace(LEAVES_OUT_ZERO, '$1 ');
	if (!GROUPS.test(rest) || isDecimal(rest) || isTwoNumbers(rest)) return null;
	return rest.replace(/\D/g, '');
}

/** Whether the last dot is before a fraction or an extension, and not before a group of the number. */
function isDecimal(text: string): boolean {
	const [after = '', ...before] = text.split('.').reverse();
	const [whole, fraction] = [before.join(''), after].map((part) => part.replace(/\D/g, ''));
	if (before.length === 0 || fraction === '') return false;
	const isShort = fraction.length <= 2;
	if (before.length > 1) return isShort && /\d{4}$/.test(before[0]);
	return whole.length >= 9 || (whole.length >= 7 && (isShort || /^0+$/.test(fraction)));
}

/** No phone number is written with two groups of 7 or more digits. */
function isTwoNumbers(text: string): boolean {
	return text.split(/\D+/).filter((group) => group.length >= 7).length > 1;
}
