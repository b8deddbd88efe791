export type SdpType = 'offer' | 'answer';

export type CleanedSdp =
	| { ok: true; sdp: string }
	/** `title` replaces the general one; `hint` says what to do, unless it is to pass on the text unchanged. */
	| { ok: false; title?: string; problem: string; hint?: string };

type Problem = Extract<CleanedSdp, { ok: false }>;

/**
 * Converts a session description to the form that the Calling API accepts: RFC 8866 text with CRLF at the end
 * of each line, no surrounding blanks, and only the SHA-256 fingerprint. Nothing else is changed. What is certain
 * to fail is refused here, because WhatsApp's error does not name the cause, or comes only after call setup.
 *
 * An SDP without candidates is accepted: WhatsApp is ICE-lite and learns the address from connectivity checks.
 *
 * Browsers, media servers and HTTP nodes often wrap the text. These forms are unwrapped: the JSON object
 * `{"type": "offer", "sdp": "..."}`, as an object or as text, and line ends written as the characters `\r\n`.
 *
 * @param given the parameter's value
 * @param expected type that the operation needs; a wrapper with another type is a problem
 * @example cleanSdp({ type: 'offer', sdp: 'v=0\n...' }, 'offer') // { ok: true, sdp: 'v=0\r\n...' }
 */
export function cleanSdp(given: unknown, expected: SdpType): CleanedSdp {
	const { text, type } = unwrap(given);
	const lines = linesOf(text);
	const wrong = wrongSide(lines, expected, type);
	if (wrong) return wrong;
	if (lines.length === 0) return { ok: false, problem: 'It is empty' };
	if (lines[0] !== 'v=0') return { ok: false, problem: 'Its first line must be v=0' };
	for (const start of ['o=', 's=', 't=', 'm=audio']) {
		if (!lines.some((line) => line.startsWith(start))) {
			return { ok: false, problem: `It has no line that starts with ${start}` };
		}
	}
	const sent = withOneFingerprint(lines);
	if (sent === null) {
		return {
			ok: false,
			problem: 'It has no SHA-256 fingerprint, the only kind that WhatsApp accepts',
			hint: 'Configure your media server to use SHA-256 for its DTLS certificate (a line a=fingerprint:sha-256 ...).',
		};
	}
	return { ok: true, sdp: sent.map((line) => `${line}\r\n`).join('') };
}

/** Trimmed lines, except for `s= `, where the blank is the value (RFC 4566: no session name). */
function linesOf(text: string): string[] {
	const unescaped = /[\r\n]/.test(text) ? text : text.replace(/\\r\\n|\\n|\\r/g, '\n');
	return unescaped
		.replace(/^[\s\uFEFF]+/, '')
		.split(/[\r\n]/)
		.map((line) => line.trim())
		.filter((line) => line !== '')
		.map((line) => (line === 's=' ? 's= ' : line));
}

const YOUR_SIDE = 'your browser tab, media server or voice agent';

/**
 * Recognizes a description of the wrong kind or side. An offer leaves the DTLS role open (`actpass`), an answer chooses
 * it (RFC 8842, section 5). WhatsApp is ICE-lite and the business must not be (Meta, "Integration
 * patterns"), or no side would send connectivity checks.
 *
 * @param type that the value names, or null
 */
function wrongSide(lines: string[], expected: SdpType, type: string | null): Problem | null {
	const setup = valueOf(lines, 'setup');
	const isWhatsApps = lines.includes('a=ice-lite');
	if (expected === 'answer' && (setup === 'actpass' || type === 'offer')) {
		return {
			ok: false,
			title: `${isWhatsApps ? "This is WhatsApp's own offer" : 'This SDP is an offer'}, not an answer`,
			problem: 'Accepting a call requires the SDP answer of your side of the call',
			hint: `Pass the offer from the event Call Connecting ({{ $json.session.sdp }}) to ${YOUR_SIDE}, and enter the answer that it returns.`,
		};
	}
	// Only WhatsApp's own answer is refused: older standards allow an offer that chooses a role.
	if (expected === 'offer' && isWhatsApps && ['active', 'passive'].includes(setup ?? '')) {
		return {
			ok: false,
			title: "This is WhatsApp's own answer, not an offer",
			problem: 'Starting a call requires an SDP offer of your side of the call',
			hint: `Use a new offer, made by ${YOUR_SIDE} (a=setup:actpass). WhatsApp's answer to it comes with the event Call Connecting.`,
		};
	}
	if (type !== null && type !== expected) {
		const article = /^[aeiou]/.test(type) ? 'an' : 'a';
		return { ok: false, problem: `It is ${article} ${type}, but an ${expected} is needed here` };
	}
	return null;
}

/** Value of an attribute. One in a media section, which comes later, overrides that of the session. */
function valueOf(lines: string[], attribute: string): string | undefined {
	const start = `a=${attribute}:`;
	const values = lines.filter((line) => line.startsWith(start));
	return values.at(-1)?.slice(start.length).trim().toLowerCase();
}

/**
 * Removes fingerprints other than SHA-256, which WhatsApp refuses and aiortc writes, and duplicates. They are of
 * the same certificate (RFC 8122, section 5).
 *
 * @returns null if there are fingerprints, but none with SHA-256. Without any, WhatsApp's error is clear.
 */
function withOneFingerprint(lines: string[]): string[] | null {
	const isFingerprint = (line: string) => /^a=fingerprint:/i.test(line);
	const ofSession = new Set<string>();
	let known = ofSession;
	const kept = lines.filter((line) => {
		if (line.startsWith('m=')) known = new Set(ofSession);
		if (!isFingerprint(line)) return true;
		const value = line.toLowerCase();
		if (!/^a=fingerprint:\s*sha-256\s/.test(value) || known.has(value)) return false;
		known.add(value);
		return true;
	});
	return kept.some(isFingerprint) || !lines.some(isFingerprint) ? kept : null;
}

function unwrap(given: unknown): { text: string; type: string | null } {
	const value = typeof given === 'string' ? parse(given) : given;
	if (typeof value !== 'object' || value === null) {
		return { text: typeof value === 'string' ? value : '', type: null };
	}
	// The trigger's item has `sdpType`, Meta's webhook has `sdp_type`.
	const { sdp, type, sdpType, sdp_type: metaType } = value as Record<string, unknown>;
	const named = [type, sdpType, metaType].find((name) => typeof name === 'string');
	return {
		text: typeof sdp === 'string' ? sdp : '',
		type: typeof named === 'string' ? named.trim().toLowerCase() : null,
	};
}

/** JSON of an object or of a text; anything else is the text itself. */
function parse(text: string): unknown {
	const json = text.trim();
	if (!/^[{"]/.test(json)) return text;
	try {
		return JSON.parse(json);
	} catch {
		return text;
	}
}
