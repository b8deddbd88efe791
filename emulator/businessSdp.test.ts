import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerProblem, readBusinessSdp, SDP_CHECKS, type SdpCheck } from './businessSdp';
import { NUMBER, PERSON } from '../test/support/constants';
import { graph } from '../test/support/graph';
import { startEmulator, type Emulator } from './index';
import { makeBusinessSdp, makeSdp } from './sdp';

const fixture = (name: string) =>
	readFileSync(join(__dirname, '../test/fixtures/sdp', `${name}.sdp`), 'utf8').replaceAll(
		'\n',
		'\r\n',
	);

const OFFER = fixture('chromium-offer');
const ANSWER = fixture('chromium-answer');
const withoutLines = (sdp: string, lines: RegExp) =>
	sdp
		.split('\r\n')
		.filter((line) => !lines.test(line))
		.join('\r\n');

/** Everything refused that may be chosen to be refused. */
const STRICT = Object.fromEntries(SDP_CHECKS.map((check) => [check, 'refuse' as const]));

describe('a stock SDP', () => {
	it.each([
		['chromium-offer', 'offer', 111, 126],
		['chromium-answer', 'answer', 111, 126],
		['firefox-offer', 'offer', 109, 101],
		['janus-offer', 'offer', 111, undefined],
		['janus-answer', 'answer', 111, undefined],
	] as const)('The SDP %s passes the strictest checks', (name, type, opus, tones) => {
		expect(readBusinessSdp(fixture(name), type, STRICT)).toMatchObject({
			fingerprint: expect.stringMatching(/^00:11:22:.*:FF$/) as string,
			opensDtls: type === 'answer' ? true : undefined,
			opus,
			telephoneEvent: tones,
			warnings: [],
		});
	});

	it.each(['offer', 'answer'] as const)(
		'The SDP that other tests send as %s has no warnings',
		(type) => {
			expect(readBusinessSdp(makeBusinessSdp(type), type, STRICT).warnings).toEqual([]);
		},
	);

	it.each(['chromium-hidden', 'firefox-hidden'])(
		'The SDP %s is accepted with a warning',
		(name) => {
			const { warnings } = readBusinessSdp(fixture(name), 'answer');
			expect(warnings).toEqual([expect.stringMatching(/\.local/)]);
		},
	);

	it('An SDP of older Firefox versions, which name the channels of keypad tones, is read', () => {
		const sdp = fixture('firefox-offer').replace('telephone-event/8000', 'telephone-event/8000/1');
		expect(readBusinessSdp(sdp, 'offer').telephoneEvent).toBe(101);
	});

	it('An SDP of aiortc is rejected for its fingerprints, and accepted with SHA-256 alone', () => {
		const sdp = fixture('aiortc-answer');
		expect(() => readBusinessSdp(sdp, 'answer')).toThrow(/3 a=fingerprint lines.*one, of SHA-256/);
		const single = withoutLines(sdp, /fingerprint:sha-(384|512)/);
		expect(readBusinessSdp(single, 'answer', STRICT).warnings).toEqual([]);
	});
});

describe('a rejected SDP', () => {
	it.each<[string, string, RegExp]>([
		['JSON in JSON', JSON.stringify({ type: 'offer', sdp: OFFER }), /not JSON inside/],
		['LF line ends', OFFER.replace(/\r\n/g, '\n'), /CRLF/],
		['one LF', OFFER.replace('s=-\r\n', 's=-\n'), /CRLF/],
		['no last CRLF', OFFER.trimEnd(), /end with CRLF/],
		['no v=', OFFER.slice(5), /start with v=0/],
		['escaped line ends', OFFER.replace(/\r\n/g, '\\r\\n'), /start with v=0/],
		['no o=', OFFER.replace(/o=.*\r\n/, ''), /o= line/],
		['a session ID of 64 bits', OFFER.replace(/(o=- )\d+/, '$19223372036854775808'), /2\^63-1/],
		['a huge version', OFFER.replace(/(o=- \d+ )2/, '$118446744073709551616'), /2\^63-1/],
		['an endless session ID', OFFER.replace(/(o=- )/, `$1${'9'.repeat(100_000)}`), /o= line/],
		['no s=', OFFER.replace(/s=-\r\n/, ''), /s= line/],
		['no t=', OFFER.replace(/t=0 0\r\n/, ''), /t= line/],
		['an empty line', OFFER.replace('t=0 0\r\n', 't=0 0\r\n\r\n'), /not <type>=<value>/],
		['no audio', OFFER.replace('m=audio', 'm=video'), /m=audio/],
		['two sections', `${OFFER}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`, /one media section/],
		['a refused section', OFFER.replace(/m=audio \d+/, 'm=audio 0'), /port is 0/],
		['no encryption', OFFER.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP'), /RTP\/AVP/],
		['RTCP on another port', withoutLines(OFFER, /^a=rtcp-mux$/), /rtcp-mux/],
		['no name of the section', withoutLines(OFFER, /^a=mid:/), /a=mid/],
		['no Opus', OFFER.replace('opus/48000/2', 'G729/8000'), /opus\/48000\/2/],
		['Opus that is not in m=', OFFER.replace('SAVPF 111 ', 'SAVPF '), /opus\/48000\/2/],
		['no ufrag', withoutLines(OFFER, /ice-ufrag/), /ice-ufrag/],
		['a ufrag of base64url', OFFER.replace('a=ice-ufrag:ab/1', 'a=ice-ufrag:ab-_'), /ice-ufrag/],
		['no password', withoutLines(OFFER, /ice-pwd/), /ice-pwd/],
		['a short password', OFFER.replace(/(ice-pwd:.{21}).*/, '$1'), /ice-pwd/],
		['no fingerprint', withoutLines(OFFER, /fingerprint/), /fingerprint/],
		['a weak fingerprint', OFFER.replace('sha-256', 'sha-1'), /SHA-256/],
		['half a fingerprint', OFFER.replace(/(fingerprint:\S+ .{47}).*/, '$1'), /too short/],
		['an odd fingerprint', OFFER.replace(/(fingerprint:\S+ )../, '$1GG'), /well-formed/],
		['two fingerprints', OFFER.replace(/(a=fingerprint.*\r\n)/, '$1$1'), /2 a=fingerprint/],
		['no role', withoutLines(OFFER, /^a=setup/), /a=setup:actpass/],
		['an odd role', OFFER.replace('actpass', 'holdconn'), /a=setup:actpass/],
		['a role in an offer', OFFER.replace('actpass', 'passive'), /a=setup:actpass \(RFC 8842\)/],
	])('An SDP with %s is rejected', (_, sdp, problem) => {
		expect(() => readBusinessSdp(sdp, 'offer')).toThrow(problem);
	});

	it.each<[string, string, RegExp]>([
		['no role', withoutLines(ANSWER, /^a=setup/), /a=setup:active or a=setup:passive$/],
		['the role of an offer', ANSWER.replace('setup:active', 'setup:actpass'), /belongs in offers/],
		["WhatsApp's own offer", makeSdp('offer'), /belongs in offers/],
	])('An SDP answer with %s is rejected', (_, sdp, problem) => {
		expect(() => readBusinessSdp(sdp, 'answer')).toThrow(problem);
	});

	it('An SDP answer that does not match its offer is rejected', () => {
		const offer = makeSdp('offer');
		const problemOf = (sdp: string) => answerProblem(readBusinessSdp(sdp, 'answer'), offer);
		expect(problemOf(ANSWER)).toBeUndefined();
		expect(problemOf(ANSWER.replace('a=mid:audio', 'a=mid:0'))).toMatch(/section audio, not 0/);
		// With the role repaired by a workflow that means well.
		expect(problemOf(offer.replace('actpass', 'active'))).toMatch(/WhatsApp's own offer/);
	});
});

describe('an odd SDP', () => {
	const CANDIDATES = /^a=candidate:/;
	it.each<[string, SdpCheck, string, RegExp]>([
		[
			'no candidate',
			'sdpNoCandidate',
			withoutLines(OFFER, CANDIDATES),
			/before ICE gathering was over/,
		],
		[
			'candidates that lead nowhere',
			'sdpNoCandidate',
			withoutLines(OFFER, CANDIDATES) + 'a=candidate:1 1 udp 1 0.0.0.0 9 typ host\r\n',
			/no usable candidate/,
		],
		['only TCP candidates', 'sdpTcpOnly', withoutLines(OFFER, /candidate:\d+ 1 udp/), /only TCP/],
		['only .local names', 'sdpLocalNamesOnly', fixture('chromium-hidden'), /\.local names/],
		['ICE-lite', 'sdpIceLite', `${OFFER}a=ice-lite\r\n`, /ICE-lite too/],
		['no direction', 'sdpDirection', OFFER.replace('sendrecv', 'inactive'), /a=inactive/],
		['one direction', 'sdpDirection', OFFER.replace('sendrecv', 'recvonly'), /a=recvonly/],
		['long packets', 'sdpPtime', `${OFFER}a=ptime:60\r\n`, /20 ms/],
		['short packets', 'sdpPtime', `${OFFER}a=maxptime:10\r\n`, /20 ms/],
		['two streams', 'sdpSeveralSsrcs', `${OFFER}a=ssrc:7 cname:other\r\n`, /more than one SSRC/],
	])(
		'An SDP with %s is accepted with a warning, or rejected on request',
		(_, check, sdp, problem) => {
			const type = sdp.includes('actpass') ? 'offer' : 'answer';
			expect(readBusinessSdp(sdp, type).warnings).toEqual([expect.stringMatching(problem)]);
			expect(() => readBusinessSdp(sdp, type, { [check]: 'refuse' })).toThrow(problem);
		},
	);

	it('A role in an offer can be accepted on request', () => {
		const sdp = OFFER.replace('actpass', 'passive');
		const description = readBusinessSdp(sdp, 'offer', { sdpOfferRole: 'warn' });
		expect(description.opensDtls).toBe(false);
		expect(description.warnings).toEqual([expect.stringMatching(/RFC 8842/)]);
	});
});

describe('SDP checks over HTTP, without media', () => {
	let emulator: Emulator;
	beforeEach(async () => {
		emulator = await startEmulator();
	});
	afterEach(async () => await emulator.stop());

	const post = async (body: Record<string, unknown>) =>
		await graph(emulator, 'POST', `${NUMBER}/calls`, { messaging_product: 'whatsapp', ...body });
	const start = async (sdp: string) =>
		await post({ action: 'connect', to: PERSON, session: { sdp_type: 'offer', sdp } });
	const order = async <T>(path: string, body?: unknown) => {
		const response = await fetch(`${emulator.baseUrl}/_emulator${path}`, {
			...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
		});
		return { status: response.status, body: (await response.json()) as T };
	};

	it('The emulator shows what is odd in the SDP of a call', async () => {
		expect((await start(withoutLines(OFFER, /^a=candidate:/))).status).toBe(200);
		const { body } = await order<{ sdpWarnings: string[] }>('/calls/latest');
		expect(body.sdpWarnings).toEqual([expect.stringMatching(/before ICE gathering was over/)]);
	});

	it('The emulator shows no warning for a good SDP', async () => {
		expect((await start(OFFER)).status).toBe(200);
		expect((await order('/calls/latest')).body).not.toHaveProperty('sdpWarnings');
	});

	it('The emulator rejects what it is told to reject, and answers with the role that it is told', async () => {
		const variants = { answerSetup: 'actpass', sdpErrorCode: '100', sdpNoCandidate: 'refuse' };
		expect((await order('/variants', variants)).status).toBe(200);
		const refused = await start(withoutLines(OFFER, /^a=candidate:/));
		expect([refused.status, refused.error.code]).toEqual([400, 100]);
		expect((await start(OFFER)).status).toBe(200);
		// What the offer names is repeated.
		expect(emulator.calls.at(-1)!.sdp).toMatch(/a=setup:actpass\r\na=mid:0\r\n/);
	});

	it("WhatsApp's own offer is rejected as an answer to it", async () => {
		const call = emulator.userCalls();
		for (const sdp of [call.sdp, call.sdp.replace('actpass', 'passive')]) {
			const session = { sdp_type: 'answer', sdp };
			const { error } = await post({ action: 'accept', call_id: call.id, session });
			expect(error).toMatchObject({ code: 138008 });
		}
		expect(call.state).toBe('ringing');
	});
});
