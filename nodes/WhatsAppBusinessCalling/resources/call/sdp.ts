export type SdpType = 'offer' | 'answer';

export type CleanedSdp = { ok: true; sdp: string } | { ok: false; problem: string };

/**
 * Brings a session description into the form that the Calling API takes: the text of RFC 8866 with
 * CRLF at the end of each line. Nothing else in it is changed.
 *
 * Media servers and HTTP nodes hand it over in other wrappings, which are taken off: the JSON object
 * `{"type": "offer", "sdp": "..."}` of browsers, as an object or as text, and line ends written as
 * the characters `\r\n`.
 *
 * @param given the parameter's value
 * @param expected what the operation needs; a wrapping that says otherwise is a problem
 */
export function cleanSdp(given: unknown, expected: SdpType): CleanedSdp {
	const { text, type } = unwrap(given);
	if (type !== null && type !== expected) {
		return { ok: false, problem: `It is an ${type}, but an ${expected} is needed here` };
	}
	const unescaped = /[\r\n]/.test(text) ? text : text.replace(/\\r\\n|\\n|\\r/g, '\n');
	const lines = unescaped.replace(/^[\s\uFEFF]+/, '').split(/\r\n|\n|\r/);
	while (lines.length > 1 && lines[lines.length - 1].trim() === '') lines.pop();
	if (lines.length === 1 && lines[0] === '') return { ok: false, problem: 'It is empty' };
	if (lines[0] !== 'v=0') return { ok: false, problem: 'Its first line must be v=0' };
	for (const start of ['o=', 's=', 't=', 'm=']) {
		if (!lines.some((line) => line.startsWith(start))) {
			return { ok: false, problem: `It has no line that starts with ${start}` };
		}
	}
	return { ok: true, sdp: lines.map((line) => `${line}\r\n`).join('') };
}

function unwrap(given: unknown): { text: string; type: SdpType | null } {
	const value =
		typeof given === 'string' && given.trimStart().startsWith('{') ? parse(given) : given;
	if (typeof value === 'object' && value !== null && 'sdp' in value) {
		const { sdp, type } = value as { sdp: unknown; type?: unknown };
		return {
			text: typeof sdp === 'string' ? sdp : '',
			type: type === 'offer' || type === 'answer' ? type : null,
		};
	}
	return { text: typeof value === 'string' ? value : '', type: null };
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}
