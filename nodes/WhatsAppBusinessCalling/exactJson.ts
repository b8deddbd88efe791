/** A text, or a number with what follows its digits: what a number in a text looks like does not matter. */
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

/** From 16 digits on, a number may be larger than JavaScript can hold. */
const LONG_INTEGER = /^-?\d{16,}$/;

/**
 * Parses JSON from Meta without losing digits: an integer that JavaScript would round becomes a text.
 * Meta writes most IDs as texts, but not all, and a rounded ID is the ID of something else. A byte order
 * mark at the start is ignored.
 *
 * @throws SyntaxError where the text is not JSON
 * @example parseExactJson('{"id": 12345678901234567890}') // { id: '12345678901234567890' }
 */
export function parseExactJson(text: string): unknown {
	const json = withoutByteOrderMark(text);
	return JSON.parse(/\d{16}/.test(json) ? json.replace(TEXT_OR_NUMBER, quoteIfRounded) : json);
}

function quoteIfRounded(token: string): string {
	return LONG_INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token;
}

/** JSON.parse refuses a text that begins with a byte order mark. */
export function withoutByteOrderMark(text: string): string {
	return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
