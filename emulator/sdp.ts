import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** Who opens the DTLS handshake (RFC 8842); `actpass` leaves that to the other side. */
export type DtlsSetup = 'active' | 'passive' | 'actpass';

/** What a session description says about one side's media, as far as it differs from call to call. */
export interface SdpParts {
	port: number;
	ipv4: string;
	ipv6: string;
	iceUfrag: string;
	icePassword: string;
	/** SHA-256 of the certificate, as pairs of hexadecimal digits with colons. */
	fingerprint: string;
	setup: DtlsSetup;
	ssrc: number;
	/** Name of the media section; an answer repeats that of the offer. */
	mid: string;
	/** RTP payload types; an answer repeats those of the offer. */
	opus: number;
	/** Undefined where the offer has no keypad tones. */
	telephoneEvent: number | undefined;
}

/** In the range for documentation (RFC 3849): nobody is reached there. */
export const UNREACHABLE_IPV6 = '2001:db8:f36b:131:face:b00c:0:699c';

/** Parts that look right, and that nobody listens behind. */
const madeUpParts = (): SdpParts => ({
	port: randomInt(3000, 4000),
	ipv4: '192.0.2.10',
	ipv6: UNREACHABLE_IPV6,
	iceUfrag: newIceUfrag(),
	icePassword: newIcePassword(),
	fingerprint: (randomBytes(32).toString('hex').match(/../g) ?? []).join(':').toUpperCase(),
	setup: 'actpass',
	ssrc: randomInt(1, 2 ** 31),
	mid: 'audio',
	opus: 111,
	telephoneEvent: 126,
});

/** Of the candidates; Meta prefers IPv6. */
export const CANDIDATE_PRIORITY = { ipv4: 2122260223, ipv6: 2122262783 };

export const newIceUfrag = () => randomBytes(12).toString('base64');
/** Ends with `==`, as Meta's do, although RFC 8839 does not allow that character. */
export const newIcePassword = () => randomBytes(16).toString('base64');

/** The role that an answer names; the choice is free where the offer leaves it open. */
export function answerTo(offererOpensDtls: boolean | undefined, choice: DtlsSetup): DtlsSetup {
	if (offererOpensDtls === undefined) return choice;
	return offererOpensDtls ? 'passive' : 'active';
}

/**
 * A session description as WhatsApp's side of a call sends it, line for line as in real offers of 2025
 * and 2026; never the same twice. The answer of WhatsApp names a role in the handshake, `passive` by
 * default: Meta, "Integration patterns", wants the business to be the DTLS client.
 */
export function makeSdp(type: 'offer' | 'answer', given: Partial<SdpParts> = {}): string {
	const parts = { ...madeUpParts(), ...(type === 'answer' && { setup: 'passive' }), ...given };
	const { ipv4, ipv6, port, mid, opus, telephoneEvent } = parts;
	const stream = randomUUID();
	const hasTones = telephoneEvent !== undefined;
	const candidate = (priority: number, address: string) =>
		`a=candidate:${randomInt(1, 2 ** 32)} 1 udp ${priority} ${address} ${port} typ host generation 0 network-cost 50`;
	return [
		'v=0',
		// RFC 3264, section 5: at most 2^63-1. Meta takes the time in milliseconds.
		`o=- ${Date.now()} 2 IN IP4 127.0.0.1`,
		's=-',
		't=0 0',
		`a=group:BUNDLE ${mid}`,
		`a=msid-semantic: WMS ${stream}`,
		'a=ice-lite',
		`m=audio ${port} UDP/TLS/RTP/SAVPF ${opus}${hasTones ? ` ${telephoneEvent}` : ''}`,
		`c=IN IP4 ${ipv4}`,
		'a=rtcp:9 IN IP4 0.0.0.0',
		candidate(CANDIDATE_PRIORITY.ipv4, ipv4),
		candidate(CANDIDATE_PRIORITY.ipv6, ipv6),
		`a=ice-ufrag:${parts.iceUfrag}`,
		`a=ice-pwd:${parts.icePassword}`,
		`a=fingerprint:sha-256 ${parts.fingerprint}`,
		`a=setup:${parts.setup}`,
		`a=mid:${mid}`,
		'a=sendrecv',
		`a=msid:${stream} WhatsAppTrack1`,
		'a=rtcp-mux',
		`a=rtpmap:${opus} opus/48000/2`,
		`a=rtcp-fb:${opus} transport-cc`,
		`a=fmtp:${opus} maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1`,
		...(hasTones ? [`a=rtpmap:${telephoneEvent} telephone-event/8000`] : []),
		'a=maxptime:20',
		'a=ptime:20',
		`a=ssrc:${parts.ssrc} cname:WhatsAppAudioStream1`,
		'',
	].join('\r\n');
}

/** A session description as the business's side would send it: full ICE, and the DTLS client in an answer. */
export function makeBusinessSdp(type: 'offer' | 'answer'): string {
	return makeSdp(type, { setup: type === 'offer' ? 'actpass' : 'active' })
		.replace('a=ice-lite\r\n', '')
		.replaceAll('WhatsApp', 'Business');
}
