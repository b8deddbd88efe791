/** Finds digits outside quotes that may be a number too long for JavaScript. Most JSON has none. */
const MAY_ROUND = /(?:^|[:,[\s-])\d{16}/;

/** A number in JSON. */
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const LONG_INTEGER = /^-?\d{16,}$/;

/**
 * Parses JSON from Meta without losing digits: an integer that JavaScript would round becomes a text. Meta
 * writes most IDs as texts, but not all, and a rounded ID is the ID of something else. A byte order mark at the
 * start is ignored.
 *
 * @throws SyntaxError if the text is not JSON
 * @example parseExactJson('{"id": 12345678901234567890}') // { id: '12345678901234567890' }
 */
export function parseExactJson(text: string): unknown {
	const json = withoutByteOrderMark(text);
	// Unchanged first, so that text which is not JSON is not scanned.
	const parsed: unknown = JSON.parse(json);
	return MAY_ROUND.test(json) ? JSON.parse(withLongIntegersAsText(json)) : parsed;
}

/** A loop and not one regular expression, which would overflow the stack for texts of several megabytes. */
function withLongIntegersAsText(json: string): string {
	let written = '';
	let copied = 0;
	for (let at = 0; at < json.length; at++) {
		const character = json.charCodeAt(at);
		if (character === QUOTE) at = endOfText(json, at);
		else if (character === MINUS || (character >= ZERO && character <= NINE)) {
			NUMBER.lastIndex = at;
			const [number = ''] = NUMBER.exec(json) ?? [];
			if (LONG_INTEGER.test(number) && !Number.isSafeInteger(Number(number))) {
				written += `${json.slice(copied, at)}"${number}"`;
				copied = at + number.length;
			}
			at += Math.max(0, number.length - 1);
		}
	}
	return written + json.slice(copied);
}

const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = [...'"\\-09'].map((letter) => letter.charCodeAt(0));

/** The position of the quote that ends a string. */
function endOfText(json: string, start: number): number {
	for (let at = start + 1; at < json.length; at++) {
		const character = json.charCodeAt(at);
		if (character === BACKSLASH) at++;
		else if (character === QUOTE) return at;
	}
	return json.length;
}

/** JSON.parse refuses a text that begins with a byte order mark. */
export function withoutByteOrderMark(text: string): string {
	return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
