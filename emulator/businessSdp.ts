import { VARIANTS, type Variants } from './variants';

/** What the business says about its side of a call. */
export interface BusinessDescription {
	iceUfrag: string;
	/** SHA-256 of the certificate: pairs of upper-case hexadecimal digits with colons. */
	fingerprint: string;
	/** Whether the business opens the DTLS handshake; undefined where it leaves that to us. */
	opensDtls: boolean | undefined;
	mid: string;
	/** RTP payload types. */
	opus: number;
	telephoneEvent: number | undefined;
	/** What is odd in it although a call may come about, a sentence each. */
	warnings: string[];
}

type SdpType = 'offer' | 'answer';

/** RFC 3264, section 5: the session ID is a signed integer of 64 bits. */
const MAX_SESSION_ID = 2n ** 63n - 1n;

export type SdpCheck = Exclude<Extract<keyof Variants, `sdp${string}`>, 'sdpErrorCode'>;

/**
 * What an SDP can have that is odd, although a call may come about: the problem, if the SDP has it. The
 * variants say whether it is refused.
 */
const CHECKS: Record<SdpCheck, (sdp: CheckedSdp) => string | false> = {
	sdpNoCandidate: ({ candidates }) =>
		candidates.length === 0 &&
		'The SDP has no usable candidate: it was sent before ICE gathering was over. WhatsApp takes no candidates later',
	sdpTcpOnly: ({ candidates }) =>
		candidates.length > 0 &&
		!candidates.some(({ transport }) => transport === 'udp') &&
		'The SDP has only TCP candidates: WhatsApp sends audio over UDP',
	// WhatsApp learns the address from the checks of the other side, so that this connects all the same.
	sdpLocalNamesOnly: ({ candidates }) =>
		candidates.length > 0 &&
		candidates.every(({ address }) => address.endsWith('.local')) &&
		'The SDP has only candidates with .local names, which WhatsApp cannot resolve: browsers hide the addresses from a page without permission for the microphone. The call connects only because WhatsApp learns the address from your connectivity checks',
	sdpIceLite: ({ attributes }) =>
		attributes.has('ice-lite') &&
		'The SDP has a=ice-lite: WhatsApp is ICE-lite too, so no side makes connectivity checks. Use full ICE, in the controlling role',
	sdpDirection: ({ attributes }) => {
		const direction = attributes.direction();
		return (
			direction !== 'sendrecv' &&
			`The SDP has a=${direction}: a call needs audio in both directions. In a browser, add the microphone's track before the SDP is made`
		);
	},
	// Meta, "Integration patterns": 20 ms are mandatory.
	sdpPtime: ({ attributes }) =>
		(Number(attributes.value('ptime') ?? 20) !== 20 ||
			Number(attributes.value('maxptime') ?? 20) < 20) &&
		'The SDP asks for packets of another length than 20 ms: WhatsApp needs a=ptime:20',
	// Meta, "Integration patterns": more than one audio SSRC means damaged sound or none.
	sdpSeveralSsrcs: ({ attributes }) =>
		attributes.ssrcs() > 1 && 'The SDP has more than one SSRC: send one audio stream',
	// RFC 8842, section 5.2: an offer must have actpass. Section 5.3 lets the other side understand more.
	sdpOfferRole: ({ attributes, type }) =>
		type === 'offer' &&
		attributes.value('setup') !== 'actpass' &&
		'an offer needs a=setup:actpass (RFC 8842)',
};

export const SDP_CHECKS = Object.keys(CHECKS) as SdpCheck[];

interface CheckedSdp {
	type: SdpType;
	attributes: Attributes;
	candidates: Candidate[];
}

interface Candidate {
	transport: string;
	address: string;
}

/**
 * Reads a session description of the business as strictly as the standards allow: its form, one audio
 * section with Opus, everything on one port, one SHA-256 fingerprint, DTLS roles that fit. Throws with
 * the reason.
 *
 * @param variants where they are not the default
 */
export function readBusinessSdp(
	sdp: string,
	type: SdpType,
	variants: Partial<Pick<Variants, SdpCheck>> = {},
): BusinessDescription {
	const lines = readLines(sdp);
	const attributes = new Attributes(lines);
	const sections = lines.filter((line) => line.startsWith('m='));
	if (sections.length !== 1) throw new Error('session.sdp must have one media section, audio');

	const [, port, protocol, ...formats] = sections[0].split(' ');
	if (port === '0') throw new Error('session.sdp refuses the audio: its port is 0');
	if (protocol !== 'UDP/TLS/RTP/SAVPF') throw new Error(`session.sdp has the protocol ${protocol}`);
	if (!attributes.has('rtcp-mux')) throw new Error('session.sdp needs a=rtcp-mux');

	const mid = attributes.value('mid');
	if (mid === undefined) throw new Error('session.sdp needs a=mid');
	const opus = attributes.payloadType(/^opus\/48000\/2$/i);
	if (opus === undefined || !formats.includes(String(opus))) {
		throw new Error('session.sdp needs the codec opus/48000/2');
	}
	const description = {
		iceUfrag: attributes.value('ice-ufrag') ?? '',
		fingerprint: attributes.fingerprint(),
		opensDtls: opensDtls(attributes.value('setup'), type),
		mid,
		opus,
		// Firefox names the number of channels, which may be left out.
		telephoneEvent: attributes.payloadType(/^telephone-event\/8000(\/1)?$/i),
	};
	const checked = { type, attributes, candidates: attributes.candidates() };
	const warnings: string[] = [];
	for (const name of SDP_CHECKS) {
		const found = CHECKS[name](checked);
		if (found === false) continue;
		if ((variants[name] ?? VARIANTS[name][0]) === 'refuse') throw new Error(found);
		warnings.push(found);
	}
	return { ...description, warnings };
}

/** Why this cannot be the answer to the offer, or undefined when it can. */
export function answerProblem(
	{ iceUfrag, mid }: BusinessDescription,
	offer: string,
): string | undefined {
	const offered = new Attributes(linesOf(offer));
	if (iceUfrag === offered.value('ice-ufrag')) {
		return "session.sdp is WhatsApp's own offer, not an answer to it";
	}
	const offeredMid = offered.value('mid') ?? mid;
	if (mid === offeredMid) return undefined;
	return `session.sdp must answer the offered section ${offeredMid}, not ${mid}`;
}

/** The lines of a text that has the form of RFC 8866, and what ICE and DTLS need. */
function readLines(sdp: string): string[] {
	const problem = problemOf(sdp);
	if (problem !== undefined) throw new Error(problem);
	return linesOf(sdp);
}

const linesOf = (sdp: string) => sdp.slice(0, -2).split('\r\n');

function problemOf(sdp: string): string | undefined {
	if (/^\s*["{[]/.test(sdp)) {
		return 'session.sdp must be the SDP text itself, not JSON inside a JSON string';
	}
	if (!sdp.startsWith('v=0\r\n')) {
		return sdp.startsWith('v=0\n')
			? 'session.sdp lines must end with CRLF'
			: 'session.sdp must start with v=0 and CRLF';
	}
	if (!sdp.endsWith('\r\n')) return 'session.sdp must end with CRLF';
	if (/\r(?!\n)|(?<!\r)\n/.test(sdp)) return 'session.sdp lines must end with CRLF';

	const lines = linesOf(sdp);
	const malformed = lines.find((line) => !/^[a-z]=\S.*$/.test(line) && line !== 's= ');
	if (malformed !== undefined) {
		return `session.sdp has a line that is not <type>=<value>: ${malformed.slice(0, 40)}`;
	}
	const firstMedia = lines.findIndex((line) => line.startsWith('m='));
	const session = firstMedia === -1 ? lines : lines.slice(0, firstMedia);
	const [, id, version] =
		/^o=\S+ (\d{1,40}) (\d{1,40}) IN IP[46] \S+$/.exec(session[1] ?? '') ?? [];
	if (id === undefined || version === undefined) {
		return 'session.sdp needs a well-formed o= line after v=0';
	}
	if (BigInt(id) > MAX_SESSION_ID || BigInt(version) > MAX_SESSION_ID) {
		return 'session.sdp has a number in o= that is greater than 2^63-1 (RFC 3264)';
	}
	if (!session[2]?.startsWith('s=')) return 'session.sdp needs an s= line after o=';
	if (!session.some((line) => /^t=\d+ \d+$/.test(line))) return 'session.sdp needs a t= line';
	if (!lines.some((line) => /^m=audio \d+ \S+ \S+/.test(line))) {
		return 'session.sdp needs an m=audio line';
	}
	// RFC 8839, section 5.4; `=` is in Meta's own.
	if (!lines.some((line) => /^a=ice-ufrag:[A-Za-z0-9+/=]{4,256}$/.test(line))) {
		return 'session.sdp needs a=ice-ufrag';
	}
	if (!lines.some((line) => /^a=ice-pwd:[A-Za-z0-9+/=]{22,256}$/.test(line))) {
		return 'session.sdp needs a=ice-pwd';
	}
	return undefined;
}

/** RFC 8842, section 5.3: an offer leaves the choice open, an answer makes it. */
function opensDtls(setup: string | undefined, type: SdpType): boolean | undefined {
	if (setup === 'active') return true;
	if (setup === 'passive') return false;
	if (setup === 'actpass' && type === 'offer') return undefined;
	throw new Error(
		type === 'offer'
			? 'session.sdp needs a=setup:actpass'
			: `an answer needs a=setup:active or a=setup:passive${setup === 'actpass' ? '; a=setup:actpass belongs in offers, such as the one of WhatsApp' : ''}`,
	);
}

/** The attributes of an SDP with one media section. */
class Attributes {
	constructor(private readonly lines: string[]) {}

	has(name: string): boolean {
		return this.lines.includes(`a=${name}`);
	}

	/** What stands in the media section overrides what holds for the session. */
	value(name: string): string | undefined {
		return this.values(name).at(-1);
	}

	direction(): string {
		const directions = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
		return (
			this.lines.findLast((line) => directions.includes(line.slice(2)))?.slice(2) ?? 'sendrecv'
		);
	}

	payloadType(codec: RegExp): number | undefined {
		for (const value of this.values('rtpmap')) {
			const [, type, name = ''] = /^(\d+) (\S+)$/.exec(value) ?? [];
			if (codec.test(name)) return Number(type);
		}
		return undefined;
	}

	/** Number of different ones. */
	ssrcs(): number {
		return new Set(this.values('ssrc').map((value) => value.split(' ', 1)[0])).size;
	}

	/** Those that name an address of the audio's port (RFC 8839, section 5.1). */
	candidates(): Candidate[] {
		return this.values('candidate').flatMap((value) => {
			const [, transport = '', address = ''] =
				/^\S+ 1 (\S+) \d+ (\S+) [1-9]\d* typ (?:host|srflx|prflx|relay)\b/.exec(value) ?? [];
			const isUsable = address !== '' && address !== '0.0.0.0' && address !== '::';
			return isUsable ? [{ transport: transport.toLowerCase(), address }] : [];
		});
	}

	/** Meta takes one, of SHA-256: an SDP with those of other hash functions beside it is refused. */
	fingerprint(): string {
		const all = this.values('fingerprint');
		if (all.length === 0) throw new Error('session.sdp needs a=fingerprint');
		if (all.length > 1) {
			throw new Error(
				`session.sdp has ${all.length} a=fingerprint lines: WhatsApp takes one, of SHA-256`,
			);
		}
		const [algorithm = '', value = ''] = all[0].split(' ');
		if (algorithm.toLowerCase() !== 'sha-256') {
			throw new Error('session.sdp needs a fingerprint made with SHA-256');
		}
		if (!/^[0-9A-F]{2}(:[0-9A-F]{2})*$/i.test(value)) {
			throw new Error('session.sdp has an a=fingerprint line that is not well-formed');
		}
		if (value.split(':').length !== 32) {
			throw new Error('session.sdp has a fingerprint that is too short or long for SHA-256');
		}
		return value.toUpperCase();
	}

	private values(name: string): string[] {
		const start = `a=${name}:`;
		return this.lines
			.filter((line) => line.startsWith(start))
			.map((line) => line.slice(start.length));
	}
}
