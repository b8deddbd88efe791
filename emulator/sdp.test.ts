import fc from 'fast-check';
import { readBusinessSdp } from './businessSdp';
import { answerTo, makeSdp, type DtlsSetup } from './sdp';

/** A real offer of Meta's, as two public logs show it, with everything replaced that differs from call to call. */
const LAYOUT = `v=0
o=- MILLISECONDS 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE audio
a=msid-semantic: WMS STREAM
a=ice-lite
m=audio PORT UDP/TLS/RTP/SAVPF 111 126
c=IN IP4 IPV4
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:NUMBER 1 udp 2122260223 IPV4 PORT typ host generation 0 network-cost 50
a=candidate:NUMBER 1 udp 2122262783 IPV6 PORT typ host generation 0 network-cost 50
a=ice-ufrag:UFRAG
a=ice-pwd:PASSWORD
a=fingerprint:sha-256 FINGERPRINT
a=setup:actpass
a=mid:audio
a=sendrecv
a=msid:STREAM WhatsAppTrack1
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1
a=rtpmap:126 telephone-event/8000
a=maxptime:20
a=ptime:20
a=ssrc:NUMBER cname:WhatsAppAudioStream1
`;

const NUMBER = '[1-9]\\d{0,9}';
const PATTERNS: Record<string, string> = {
	MILLISECONDS: '[1-9]\\d{12}',
	STREAM: '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}',
	PORT: '[1-9]\\d{0,4}',
	IPV4: '\\d+\\.\\d+\\.\\d+\\.\\d+',
	IPV6: '[0-9a-f:]+',
	NUMBER,
	UFRAG: '[A-Za-z0-9+/]{16}',
	PASSWORD: '[A-Za-z0-9+/]{22}==',
	FINGERPRINT: '([0-9A-F]{2}:){31}[0-9A-F]{2}',
};

const pattern = new RegExp(
	`^${LAYOUT.replace(/[.+*?^$()[\]{}|\\/]/g, '\\$&')
		.replace(/[A-Z]{4,}\d?|IPV[46]/g, (word) => PATTERNS[word] ?? word)
		.replaceAll('\n', '\r\n')}$`,
);

describe("WhatsApp's own SDP", () => {
	it("The SDP has the layout of Meta's real offers, and is never the same twice", () => {
		const offers = Array.from({ length: 200 }, () => makeSdp('offer'));
		for (const offer of offers) expect(offer).toMatch(pattern);
		expect(new Set(offers).size).toBe(offers.length);
	});

	it('A strict peer can read the SDP, whatever is in it', () => {
		fc.assert(
			fc.property(
				fc.record({
					type: fc.constantFrom('offer' as const, 'answer' as const),
					port: fc.integer({ min: 1, max: 65_535 }),
					ssrc: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
					mid: fc.constantFrom('audio', '0'),
					opus: fc.integer({ min: 96, max: 110 }),
					telephoneEvent: fc.option(fc.integer({ min: 111, max: 127 }), { nil: undefined }),
				}),
				({ type, ...parts }) => {
					const sdp = makeSdp(type, parts);
					const [, id, version] = /^o=- (\d+) (\d+) /m.exec(sdp)!;
					// RFC 3264, section 5; Firefox and Janus fail where it is greater.
					expect(BigInt(id)).toBeLessThan(2n ** 63n);
					expect(BigInt(version)).toBeLessThan(2n ** 63n);
					const { mid, opus, telephoneEvent } = readBusinessSdp(sdp, type);
					expect({ mid, opus, telephoneEvent }).toEqual({
						mid: parts.mid,
						opus: parts.opus,
						telephoneEvent: parts.telephoneEvent,
					});
				},
			),
			{ numRuns: 500 },
		);
	});

	it('The answer makes the business the DTLS client, unless configured otherwise', () => {
		expect(makeSdp('answer')).toContain('a=setup:passive\r\n');
		expect(makeSdp('answer', { setup: 'active' })).toContain('a=setup:active\r\n');
	});

	it.each<[boolean | undefined, DtlsSetup, DtlsSetup]>([
		[undefined, 'passive', 'passive'],
		[undefined, 'actpass', 'actpass'],
		[true, 'active', 'passive'],
		[false, 'passive', 'active'],
	])(
		'The answer to an offer whose side starts the handshake (%s) has the other role',
		(opens, choice, is) => {
			expect(answerTo(opens, choice)).toBe(is);
		},
	);
});
