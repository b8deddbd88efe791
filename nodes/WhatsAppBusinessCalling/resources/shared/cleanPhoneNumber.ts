/** Where the digits 0 to 9 of other scripts begin: Arabic, Persian and Urdu, Devanagari, Bengali, full-width. */
const ZEROS = [0x0660, 0x06f0, 0x0966, 0x09e6, 0xff10];

/** What comes with a number from links, other WhatsApp APIs and sheets. */
const WRAPPINGS = [
	/^['\u2019]/,
	/^(?:tel|whatsapp):/i,
	/^(?:https?:\/\/)?wa\.me\/(?=[^?#]*$)/i,
	/@(?:c\.us|s\.whatsapp\.net)$/i,
];

/** Digits in groups, and at most one pair of brackets, which stands where an area code does. */
const GROUPS = /^(?:\d[ .-]*){1,4}\((?!0\))\d{1,5}\)[ .-]*\d[\d .-]*$|^\d[\d .-]*$/;

/** Characters of a link with a number in it, and more. */
const MAX_LENGTH = 100;

/**
 * Brings a phone number as people and sheets write it into the form of the API. A text that could mean
 * another number is refused: a call to a stranger is worse than an error.
 *
 * The result has all digits of the text in their order, except for these:
 * - `00` in front of the country code
 * - the `(0)` that some countries write after it. Not for Italy, where the zero is a part of the number.
 * - `.0` or `.00` after 7 or more digits without a sign between them: a sheet kept the number as a decimal
 * - the exponent of a number such as `1.4085551234E10`, if no digit was rounded away
 *
 * @returns digits only, or null where the text is not an international phone number
 */
export function cleanPhoneNumber(text: string): string | null {
	if (text.length > MAX_LENGTH) return null;
	const written = unwrapped(inAscii(text));
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

/** Digits of scripts that are not listed stay as they are, and are refused with the text. */
function asciiDigit(digit: string): string {
	const code = digit.codePointAt(0) ?? 0;
	const zero = ZEROS.find((first) => code >= first && code <= first + 9);
	return zero === undefined ? digit : String(code - zero);
}

function unwrapped(text: string): string {
	return WRAPPINGS.reduce((rest, wrapping) => rest.replace(wrapping, ''), text).trim();
}

/** The digits of a number that a sheet or a program wrote as a decimal, without a doubt about its value. */
function exactInteger(text: string): string | null {
	const decimal = /^(\d{7,15})\.0{1,2}$/.exec(text);
	if (decimal) return decimal[1];
	const scientific = /^(\d)\.(\d+)e\+?(\d{1,2})$/i.exec(text);
	if (!scientific) return null;
	const [, first, fraction, exponent] = scientific;
	// With fewer digits than the exponent says, the number may have been rounded.
	return fraction.length === Number(exponent) ? first + fraction : null;
}

/**
 * Countries that write a (0) which is left out when one calls from abroad. Elsewhere it is a part of the
 * number, as in Italy and the Ivory Coast.
 */
const LEAVES_OUT_ZERO = /^(27|31|32|33|41|43|44|46|49|61|64|90|91|353|358|972)[ .-]*\(0\)/;

/**
 * Without a + or 00 these are no international numbers: national numbers of North America, which would
 * ring someone in another country, dates, and addresses of computers.
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

/** Whether the last dot separates a fraction or an extension, and not a group of the number. */
function isDecimal(text: string): boolean {
	const [after = '', ...before] = text.split('.').reverse();
	const [whole, fraction] = [before.join(''), after].map((part) => part.replace(/\D/g, ''));
	if (before.length === 0 || fraction === '') return false;
	const isShort = fraction.length <= 2;
	if (before.length > 1) return isShort && /\d{4}$/.test(before[0]);
	return whole.length >= 9 || (whole.length >= 7 && (isShort || /^0+$/.test(fraction)));
}

/** No phone number is written with two groups of so many digits. */
function isTwoNumbers(text: string): boolean {
	return text.split(/\D+/).filter((group) => group.length >= 7).length > 1;
}
