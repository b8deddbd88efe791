import { randomBytes, randomInt } from 'node:crypto';

/**
 * Why a text is not a session description (RFC 8866) that a call can be set up with, or undefined
 * when it is one. Line ends, the mandatory lines and what ICE and DTLS need are checked.
 */
export function sdpProblem(sdp: unknown): string | undefined {
	if (typeof sdp !== 'string') return 'session.sdp must be a string';
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

	const lines = sdp.slice(0, -2).split('\r\n');
	const malformed = lines.find((line) => !/^[a-z]=\S.*$/.test(line) && line !== 's= ');
	if (malformed !== undefined) {
		return `session.sdp has a line that is not <type>=<value>: ${malformed.slice(0, 40)}`;
	}
	const firstMedia = lines.findIndex((line) => line.startsWith('m='));
	const session = firstMedia === -1 ? lines : lines.slice(0, firstMedia);
	if (!/^o=\S+ \d+ \d+ IN IP[46] \S+$/.test(session[1] ?? '')) {
		return 'session.sdp needs a well-formed o= line after v=0';
	}
	if (!session[2]?.startsWith('s=')) return 'session.sdp needs an s= line after o=';
	if (!session.some((line) => /^t=\d+ \d+$/.test(line))) return 'session.sdp needs a t= line';
	if (!lines.some((line) => /^m=audio \d+ \S+ \S+/.test(line))) {
		return 'session.sdp needs an m=audio line';
	}
	if (!lines.some((line) => /^a=ice-ufrag:\S{4,}$/.test(line))) {
		return 'session.sdp needs a=ice-ufrag';
	}
	if (!lines.some((line) => /^a=ice-pwd:\S{22,}$/.test(line))) {
		return 'session.sdp needs a=ice-pwd';
	}
	if (!lines.some((line) => /^a=fingerprint:\S+ [0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+$/.test(line))) {
		return 'session.sdp needs a=fingerprint';
	}
	return undefined;
}

/** What a session description tells of one side's media, as far as it differs from call to call. */
export interface SdpParts {
	address: string;
	port: number;
	iceUfrag: string;
	icePassword: string;
	/** SHA-256 of the certificate, as pairs of hexadecimal digits with colons. */
	fingerprint: string;
	ssrc: number;
	/** Name of the media section; an answer repeats that of the offer. */
	mid: string;
	/** RTP payload types; an answer repeats those of the offer. */
	opus: number;
	/** Undefined where the offer has no keypad tones. */
	telephoneEvent?: number;
}

/** Parts that look right, and that nobody listens behind. */
const madeUpParts = (): SdpParts => ({
	address: '192.0.2.10',
	port: randomInt(3000, 4000),
	iceUfrag: newIceUfrag(),
	icePassword: newIcePassword(),
	fingerprint: (randomBytes(32).toString('hex').match(/../g) ?? []).join(':').toUpperCase(),
	ssrc: randomInt(1, 2 ** 31),
	mid: 'audio',
	opus: 111,
	telephoneEvent: 126,
});

export const newIceUfrag = () => randomBytes(12).toString('base64url');
export const newIcePassword = () => randomBytes(18).toString('base64url');

/** A session description as WhatsApp's side of a call would send it; never twice the same. */
export function makeSdp(type: 'offer' | 'answer', parts: SdpParts = madeUpParts()): string {
	const { address, port, mid, opus, telephoneEvent } = parts;
	const sessionId = `${randomInt(1, 2 ** 31)}${randomInt(1, 2 ** 31)}`;
	const hasTones = telephoneEvent !== undefined;
	return [
		'v=0',
		`o=- ${sessionId} 2 IN IP4 127.0.0.1`,
		's=-',
		't=0 0',
		`a=group:BUNDLE ${mid}`,
		'a=msid-semantic: WMS emulated-stream',
		'a=ice-lite',
		`m=audio ${port} UDP/TLS/RTP/SAVPF ${opus}${hasTones ? ` ${telephoneEvent}` : ''}`,
		`c=IN IP4 ${address}`,
		'a=rtcp:9 IN IP4 0.0.0.0',
		`a=candidate:${randomInt(1, 2 ** 31)} 1 udp 2122260223 ${address} ${port} typ host generation 0`,
		`a=ice-ufrag:${parts.iceUfrag}`,
		`a=ice-pwd:${parts.icePassword}`,
		`a=fingerprint:sha-256 ${parts.fingerprint}`,
		`a=setup:${type === 'offer' ? 'actpass' : 'active'}`,
		`a=mid:${mid}`,
		'a=sendrecv',
		'a=msid:emulated-stream emulated-audio',
		'a=rtcp-mux',
		`a=rtpmap:${opus} opus/48000/2`,
		`a=rtcp-fb:${opus} transport-cc`,
		`a=fmtp:${opus} maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1`,
		...(hasTones ? [`a=rtpmap:${telephoneEvent} telephone-event/8000`] : []),
		'a=maxptime:20',
		`a=ssrc:${parts.ssrc} cname:emulated`,
		'',
	].join('\r\n');
}
