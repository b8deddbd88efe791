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
		['as that object with another type', { type: 'pranswer', sdp: CLEAN }],
		['as the JSON text of that object', JSON.stringify({ type: 'offer', sdp: CLEAN })],
		['as an indented JSON text', ` ${JSON.stringify({ type: 'offer', sdp: CLEAN }, null, 2)}`],
	])('takes a session description %s', (_, given) => {
		expect(cleanSdp(given, 'offer')).toEqual({ ok: true, sdp: CLEAN });
	});

	it.each([
		['offer', 'answer', 'It is an offer, but an answer is needed here'],
		['answer', 'offer', 'It is an answer, but an offer is needed here'],
	] as const)('says so where an %s comes and an %s is needed', (type, expected, problem) => {
		expect(cleanSdp({ type, sdp: CLEAN }, expected)).toEqual({ ok: false, problem });
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
			'It has no line that starts with m=',
		],
		[
			'one without a time',
			LINES.filter((line) => line !== 't=0 0').join('\n'),
			'It has no line that starts with t=',
		],
	])('refuses %s', (_, given, problem) => {
		expect(cleanSdp(given, 'offer')).toEqual({ ok: false, problem });
	});

	const text = fc
		.string({ unit: 'grapheme-composite' })
		.map((line) => line.replace(/[\r\n\\]/g, ''));
	const body = fc
		.array(text, { minLength: 1, maxLength: 8 })
		.map((lines) => [...LINES, ...lines.map((line) => `a=${line}`), 'a=end']);
	const end = fc.constantFrom('\r\n', '\n', '\r', '\\r\\n', '\\n');

	it('changes no byte but the line ends', () => {
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

	it('leaves what it has cleaned as it is', () => {
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

	it('gives CRLF-ended lines or a problem for anything, and never throws', () => {
		fc.assert(
			fc.property(fc.oneof(fc.anything(), fc.json(), fc.string()), (given) => {
				const cleaned = cleanSdp(given, 'answer');
				return cleaned.ok ? /^v=0\r\n([^\r\n]*\r\n)+$/.test(cleaned.sdp) : cleaned.problem !== '';
			}),
			{ numRuns: RUNS },
		);
	});
});
