import fc from 'fast-check';

import { cleanSdp } from '../../../nodes/WhatsAppBusinessCalling/resources/call/sdp';
import { RUNS } from '../../support/properties';

const LINES = [
	'v=0',
	'o=- 1 2 IN IP4 127.0.0.1',
	's=-',
	't=0 0',
	'm=audio 9 RTP/SAVPF 111',
	'a=x: y',
];
const CLEAN = LINES.map((line) => `${line}\r\n`).join('');

describe('cleanSdp', () => {
	it.each<[string, unknown]>([
		['as it should be', CLEAN],
		['with bare line feeds', LINES.join('\n')],
		['with bare carriage returns', LINES.join('\r')],
		['without an end to its last line', LINES.join('\r\n')],
		['with line ends written out', LINES.join('\\r\\n')],
		['with line feeds written out', `${LINES.join('\\n')}\\n`],
		['between blank lines', `\n\n ${CLEAN}\r\n\r\n`],
		['behind a byte order mark', `\ufeff${CLEAN}`],
		['as the object of a browser', { type: 'offer', sdp: CLEAN }],
		['as that object without a type', { sdp: CLEAN }],
		['as that object with the type in capitals', { type: ' OFFER ', sdp: CLEAN }],
		['as that object with a type that is no text', { type: 1, sdp: CLEAN }],
		["as the trigger's object", { sdpType: 'offer', sdp: CLEAN }],
		['as the JSON text of that object', JSON.stringify({ type: 'offer', sdp: CLEAN })],
		['as a JSON text behind a byte order mark', `\ufeff${JSON.stringify({ sdp: CLEAN })}`],
		['as the JSON text of a text', JSON.stringify(CLEAN)],
		['with blanks at the ends of lines', LINES.join(' \t \r\n')],
		['with indented lines', LINES.join('\n\t\t')],
		['with line ends that were made twice', LINES.join('\r\r\n')],
		['as an indented JSON text', ` ${JSON.stringify({ type: 'offer', sdp: CLEAN }, null, 2)}`],
	])('A session description is accepted %s', (_, given) => {
		expect(cleanSdp(given, 'offer')).toEqual({ ok: true, sdp: CLEAN });
	});

	it.each<[object, 'offer' | 'answer', string]>([
		[{ type: 'Answer' }, 'offer', 'It is an answer, but an offer is needed here'],
		[{ type: 'pranswer' }, 'answer', 'It is a pranswer, but an answer is needed here'],
		[{ type: 'rollback' }, 'offer', 'It is a rollback, but an offer is needed here'],
	])('The value %j is an error that says that an %s is needed', (type, expected, problem) => {
		expect(cleanSdp({ ...type, sdp: CLEAN }, expected)).toEqual({ ok: false, problem });
	});

	it.each([{ type: 'offer' }, { type: 'OFFER' }, { sdpType: 'offer' }, { sdp_type: 'offer' }])(
		'The error for %j says what an answer is and where it comes from',
		(type) => {
			expect(cleanSdp({ ...type, sdp: CLEAN }, 'answer')).toMatchObject({
				title: 'This SDP is an offer, not an answer',
				hint: expect.stringContaining('Call Connecting'),
			});
		},
	);

	it('The space of a session without a name is kept', () => {
		const lines = LINES.map((line) => (line === 's=-' ? 's= ' : line));
		const expected = lines.map((line) => `${line}\r\n`).join('');
		expect(cleanSdp(lines.join(' \n'), 'offer')).toEqual({ ok: true, sdp: expected });
	});

	it.each<[string, unknown, string]>([
		['nothing', undefined, 'It is empty'],
		['null', null, 'It is empty'],
		['an empty text', '', 'It is empty'],
		['blanks', ' \r\n\t', 'It is empty'],
		['a number', 5, 'It is empty'],
		['an object without it', {}, 'It is empty'],
		['an object with a number for it', { sdp: 5 }, 'It is empty'],
		['an object in an object', { sdp: { sdp: CLEAN } }, 'It is empty'],
		['another text', 'hello', 'Its first line must be v=0'],
		['broken JSON', `{"sdp":"${CLEAN}`, 'Its first line must be v=0'],
		['an ICE candidate', 'candidate:1 1 UDP 1 10.0.0.1 9 typ host', 'Its first line must be v=0'],
		[
			'one without an audio line',
			LINES.slice(0, 4).join('\n'),
			'It has no line that starts with m=audio',
		],
		[
			'one with video only',
			CLEAN.replace('m=audio', 'm=video'),
			'It has no line that starts with m=audio',
		],
		[
			'one without a time',
			LINES.filter((line) => line !== 't=0 0').join('\n'),
			'It has no line that starts with t=',
		],
	])('The SDP is rejected if it is %s', (_, given, problem) => {
		expect(cleanSdp(given, 'offer')).toEqual({ ok: false, problem });
	});

	const SESSION = LINES.slice(0, 4);
	const MEDIA = LINES.slice(4);
	const sha = (bits: number, value = 'AA:BB') => `a=fingerprint:sha-${bits} ${value}`;

	it.each<[string, string[], string[]]>([
		[
			'as aiortc writes them',
			[...SESSION, ...MEDIA, sha(256), sha(384), sha(512)],
			[...SESSION, ...MEDIA, sha(256)],
		],
		[
			'in another order and in capitals',
			[...SESSION, ...MEDIA, 'a=fingerprint:SHA-1 AA', 'a=fingerprint:SHA-256 AA:BB'],
			[...SESSION, ...MEDIA, 'a=fingerprint:SHA-256 AA:BB'],
		],
		[
			'of the session beside those of the media section',
			[...SESSION, sha(256), ...MEDIA, sha(512)],
			[...SESSION, sha(256), ...MEDIA],
		],
		[
			'of the session and the same of the media section',
			[...SESSION, sha(256), ...MEDIA, sha(256, 'aa:bb')],
			[...SESSION, sha(256), ...MEDIA],
		],
		[
			'twice the same',
			[...SESSION, ...MEDIA, sha(256), sha(256)],
			[...SESSION, ...MEDIA, sha(256)],
		],
		[
			'of two certificates, which are left to WhatsApp',
			[...SESSION, ...MEDIA, sha(256), sha(256, 'CC:DD')],
			[...SESSION, ...MEDIA, sha(256), sha(256, 'CC:DD')],
		],
		[
			'of two media sections',
			[...SESSION, ...MEDIA, sha(256), ...MEDIA, sha(512), sha(256)],
			[...SESSION, ...MEDIA, sha(256), ...MEDIA, sha(256)],
		],
		['that are not there', LINES, LINES],
	])('The SHA-256 fingerprint alone is sent, of fingerprints %s', (_, given, sent) => {
		expect(cleanSdp(given.join('\n'), 'offer')).toEqual({
			ok: true,
			sdp: sent.map((line) => `${line}\r\n`).join(''),
		});
	});

	it('Fingerprints without one of SHA-256 are rejected', () => {
		expect(cleanSdp([...LINES, sha(1), sha(512)].join('\n'), 'answer')).toMatchObject({
			ok: false,
			problem: expect.stringContaining('no SHA-256 fingerprint'),
			hint: expect.stringContaining('a=fingerprint:sha-256'),
		});
	});

	const LITE = 'a=ice-lite';
	const setup = (role: string) => `a=setup:${role}`;
	const OWN_OFFER = "This is WhatsApp's own offer, not an answer";
	const OWN_ANSWER = "This is WhatsApp's own answer, not an offer";
	const AN_OFFER = 'This SDP is an offer, not an answer';

	it.each<['offer' | 'answer', string[], string[], string | null]>([
		['answer', [], [setup('active')], null],
		['answer', [], [setup('passive')], null],
		['answer', [setup('actpass')], [setup('active')], null],
		['answer', [LITE], [setup('active')], null],
		['answer', [], [setup('actpass')], AN_OFFER],
		['answer', [setup('actpass')], [], AN_OFFER],
		['answer', [LITE], [setup('actpass')], OWN_OFFER],
		['offer', [], [setup('actpass')], null],
		['offer', [LITE], [setup('actpass')], null],
		['offer', [], [setup('active')], null],
		['offer', [LITE], [setup('active')], OWN_ANSWER],
		['offer', [LITE], [setup('passive')], OWN_ANSWER],
	])(
		'The role of the DTLS handshake is checked as %s with %j for the session and %j for the media: %s',
		(expected, session, media, title) => {
			const cleaned = cleanSdp([...SESSION, ...session, ...MEDIA, ...media].join('\n'), expected);
			expect(cleaned.ok ? null : cleaned.title).toBe(title);
			if (!cleaned.ok)
				expect(cleaned.hint).toContain('your browser tab, media server or voice agent');
		},
	);

	const text = fc
		.string({ unit: 'grapheme-composite' })
		.map((line) => line.replace(/[\r\n\\]/g, '').trimEnd())
		.filter((line) => !/^(fingerprint|setup):/i.test(line));
	const body = fc
		.array(text, { minLength: 1, maxLength: 8 })
		.map((lines) => [...LINES, ...lines.map((line) => `a=${line}`), 'a=end']);
	const end = fc.constantFrom('\r\n', '\n', '\r', '\\r\\n', '\\n');

	it('No byte but the line ends is changed', () => {
		fc.assert(
			fc.property(body, end, (lines, lineEnd) => {
				const expected = lines.map((line) => `${line}\r\n`).join('');
				expect(cleanSdp(lines.join(lineEnd), 'offer')).toEqual({ ok: true, sdp: expected });
				expect(cleanSdp({ type: 'offer', sdp: lines.join(lineEnd) }, 'offer')).toEqual({
					ok: true,
					sdp: expected,
				});
			}),
			{ numRuns: RUNS },
		);
	});

	it('An SDP that was cleaned stays as it is', () => {
		const noise = fc.string({
			unit: fc.constantFrom('\r', '\n', '\\r', '\\n', ' ', 'a=b', '"', '\ufeff'),
		});
		fc.assert(
			fc.property(body, end, noise, noise, noise, (lines, lineEnd, before, between, after) => {
				const given = before + lines.join(lineEnd) + between + lineEnd + lines.at(-1) + after;
				const once = cleanSdp(given, 'offer');
				return !once.ok || JSON.stringify(cleanSdp(once.sdp, 'offer')) === JSON.stringify(once);
			}),
			{ numRuns: RUNS },
		);
	});

	it('An endless line of spaces is read in time that grows only with its length', () => {
		const given = `${LINES.join('\n')}\na=x${' '.repeat(4_000_000)}x`;
		expect(cleanSdp(given, 'offer').ok).toBe(true);
	});

	it('The result is lines that end with CRLF or a problem for anything, and nothing throws', () => {
		fc.assert(
			fc.property(fc.oneof(fc.anything(), fc.json(), fc.string()), (given) => {
				const cleaned = cleanSdp(given, 'answer');
				return cleaned.ok ? /^v=0\r\n([^\r\n]*\r\n)+$/.test(cleaned.sdp) : cleaned.problem !== '';
			}),
			{ numRuns: RUNS },
		);
	});
});
