import { sdpProblem } from '../sdp';

/** What the business says of its side of a call. */
export interface BusinessDescription {
	iceUfrag: string;
	icePassword: string;
	fingerprints: Array<{ algorithm: string; value: string }>;
	/** Whether the business opens the DTLS handshake; undefined where it leaves that to us. */
	opensDtls: boolean | undefined;
	mid: string;
	/** RTP payload types. */
	opus: number;
	telephoneEvent?: number;
}

/** Node's name of each hash function that a fingerprint may be made with (RFC 8122). */
export const FINGERPRINT_HASHES: Record<string, { name: string; bytes: number }> = {
	'sha-256': { name: 'sha256', bytes: 32 },
	'sha-384': { name: 'sha384', bytes: 48 },
	'sha-512': { name: 'sha512', bytes: 64 },
};

/** The media section of WhatsApp's own offers. */
export const OFFERED_MID = 'audio';

/**
 * Reads a session description of the business as strictly as the standards allow: one audio section
 * with Opus, everything on one port, DTLS roles that fit. Throws with the reason.
 */
export function readDescription(sdp: string, type: 'offer' | 'answer'): BusinessDescription {
	const problem = sdpProblem(sdp);
	if (problem !== undefined) throw new Error(problem);
	const lines = sdp.split('\r\n');
	const sections = lines.filter((line) => line.startsWith('m='));
	if (sections.length !== 1) throw new Error('session.sdp must have one media section, audio');
	const attributes = new Attributes(lines);

	const [, port, protocol, ...formats] = sections[0]!.split(' ');
	if (port === '0') throw new Error('session.sdp refuses the audio: its port is 0');
	if (protocol !== 'UDP/TLS/RTP/SAVPF') throw new Error(`session.sdp has the protocol ${protocol}`);
	if (!attributes.has('rtcp-mux')) throw new Error('session.sdp needs a=rtcp-mux');

	const mid = attributes.value('mid');
	if (mid === undefined) throw new Error('session.sdp needs a=mid');
	if (type === 'answer' && mid !== OFFERED_MID) {
		throw new Error(`session.sdp must answer the offered section ${OFFERED_MID}, not ${mid}`);
	}
	const opus = attributes.payloadType(/^opus\/48000\/2$/i);
	if (opus === undefined || !formats.includes(String(opus))) {
		throw new Error('session.sdp needs the codec opus/48000/2');
	}
	return {
		iceUfrag: attributes.value('ice-ufrag') ?? '',
		icePassword: attributes.value('ice-pwd') ?? '',
		fingerprints: attributes.fingerprints(),
		opensDtls: opensDtls(attributes.value('setup'), type),
		mid,
		opus,
		telephoneEvent: attributes.payloadType(/^telephone-event\/8000$/i),
	};
}

/** RFC 5763, section 5: an offer leaves the choice open, an answer makes it. */
function opensDtls(setup: string | undefined, type: 'offer' | 'answer'): boolean | undefined {
	if (setup === 'active') return true;
	if (setup === 'passive') return false;
	if (setup === 'actpass' && type === 'offer') return undefined;
	throw new Error(
		type === 'offer'
			? 'session.sdp needs a=setup:actpass'
			: 'session.sdp needs a=setup:active or a=setup:passive',
	);
}

class Attributes {
	constructor(private readonly lines: string[]) {}

	has(name: string): boolean {
		return this.lines.includes(`a=${name}`);
	}

	/** The last one: what stands in the media section overrides what holds for the session. */
	value(name: string): string | undefined {
		const start = `a=${name}:`;
		return this.lines.findLast((line) => line.startsWith(start))?.slice(start.length);
	}

	payloadType(codec: RegExp): number | undefined {
		for (const line of this.lines) {
			const [, type, name = ''] = /^a=rtpmap:(\d+) (\S+)$/.exec(line) ?? [];
			if (codec.test(name)) return Number(type);
		}
		return undefined;
	}

	fingerprints(): BusinessDescription['fingerprints'] {
		const all = this.lines.flatMap((line) => {
			const [, algorithm = '', value = ''] = /^a=fingerprint:(\S+) (\S+)$/.exec(line) ?? [];
			return algorithm === '' ? [] : [{ algorithm: algorithm.toLowerCase(), value }];
		});
		const known = all.filter(({ algorithm }) => algorithm in FINGERPRINT_HASHES);
		if (known.length === 0) throw new Error('session.sdp needs a fingerprint made with SHA-256');
		for (const { algorithm, value } of known) {
			if (value.split(':').length !== FINGERPRINT_HASHES[algorithm]!.bytes) {
				throw new Error(`session.sdp has a fingerprint that is too short or long for ${algorithm}`);
			}
		}
		return known;
	}
}
