import fc from 'fast-check';

import {
	bareMimeType,
	mediaFileName,
	safeMimeType,
} from '../../../nodes/WhatsAppBusinessCalling/media/fileNames';
import { RUNS } from '../../support/properties';

describe('safeMimeType', () => {
	it.each([
		'audio/ogg',
		'audio/ogg; codecs=opus',
		'audio/ogg; codecs="opus"',
		'application/json; charset=utf-8',
		'audio/amr-wb+',
		'video/mp4',
		'text/plain; charset=utf-8',
		'application/octet-stream',
		'Audio/OGG',
	])('takes %s as it is', (text) => {
		expect(safeMimeType(text)).toBe(text);
	});

	it('takes the blanks around it off', () => {
		expect(safeMimeType(' audio/ogg ')).toBe('audio/ogg');
	});

	it.each<[string, unknown]>([
		['nothing', undefined],
		['null', null],
		['an empty text', ''],
		['a number', 1],
		['a list', ['audio/ogg']],
		['no slash', 'audio'],
		['two slashes', 'audio/ogg/x'],
		['a path', '../../etc/passwd'],
		['a line end', 'audio/ogg\r\nSet-Cookie: a=b'],
		['a line end in a parameter', 'audio/ogg; codecs=opus\r\nX: y'],
		['a line end before a parameter', 'audio/ogg;\r\nx=y'],
		['a tab before a parameter', 'audio/ogg;\tx=y'],
		['a quotation mark that stays open', 'audio/ogg; codecs="opus'],
		['a NUL', 'audio/ogg\0'],
		['markup', 'text/html<script>'],
		['letters of other scripts', 'audio/ögg'],
		['a page', 'text/html'],
		['a page with a charset', 'Text/HTML; charset=utf-7'],
		['a page of another kind', 'application/xhtml+xml'],
		['a document that calls itself audio', 'audio/x+xml'],
		['the same in capitals', 'audio/x+XML; a=b'],
		['a picture that runs scripts', 'image/svg+xml'],
		['a script', 'text/javascript'],
		['a document with scripts', 'application/pdf'],
		['a list of parts', 'multipart/x-mixed-replace'],
		['more than any type has', `audio/${'o'.repeat(100)}`],
	])('refuses %s', (_, text) => {
		expect(safeMimeType(text)).toBeNull();
	});

	it('lets nothing through that ends a header or a path, or that a browser runs', () => {
		const piece = fc.constantFrom(
			'audio',
			'/',
			'ogg',
			';',
			' ',
			'\r\n',
			'\t',
			'"',
			'=',
			'..',
			'\0',
			'é',
		);
		const text = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''));
		const type = fc
			.tuple(
				fc.constantFrom('audio', 'video', 'text', 'application', 'image', 'multipart', 'model'),
				fc.constantFrom('html', 'x+xml', 'xml', 'svg+xml', 'javascript', 'ogg', 'plain', 'json'),
				fc.constantFrom('', ';', '; charset=utf-7', ';x="y"', '\n', ' '),
			)
			.map(([kind, subtype, more]) => `${kind}/${subtype}${more}`);
		fc.assert(
			fc.property(fc.oneof(text, type, fc.string({ unit: 'binary' })), (given) => {
				const safe = safeMimeType(given);
				if (safe === null) return true;
				const runs = /\+xml$|^(text|application)\/.*(html|xml|script)|^multipart|^image/.test(
					bareMimeType(safe),
				);
				return /^[\x20-\x7e]+$/.test(safe) && !runs;
			}),
			{ numRuns: RUNS },
		);
	});

	it('comes to an end with a long text that almost fits', () => {
		// An expression that tries all ways to read it would not within a lifetime.
		expect(safeMimeType(`audio/ogg${'; codecs="'.repeat(20_000)}!`)).toBeNull();
	});
});

describe('bareMimeType', () => {
	it.each([
		['audio/ogg; codecs=opus', 'audio/ogg'],
		['audio/ogg', 'audio/ogg'],
		['Audio/OGG ;x=y', 'audio/ogg'],
		['', ''],
	])('reads %j as %j', (text, bare) => {
		expect(bareMimeType(text)).toBe(bare);
	});
});

describe('mediaFileName', () => {
	it.each([
		[
			'call-recording',
			'1002764438271669',
			'audio/ogg; codecs=opus',
			'call-recording-1002764438271669.ogg',
		],
		['call-transcript', '5', 'application/json', 'call-transcript-5.json'],
		['call-recording', '5', 'audio/mpeg', 'call-recording-5.mp3'],
		['call-recording', '5', 'AUDIO/MP4', 'call-recording-5.m4a'],
		['call-recording', '5', 'application/x-unknown', 'call-recording-5.bin'],
		['call-recording', '5', '', 'call-recording-5.bin'],
		['call-recording', '5', 'constructor', 'call-recording-5.bin'],
		['call-recording', '../../etc/passwd', 'audio/ogg', 'call-recording-______etc_passwd.ogg'],
		['call-recording', 'a\r\nb\0c"d', 'audio/ogg', 'call-recording-a__b_c_d.ogg'],
	])('names %s, %j, %s: %s', (prefix, id, mimeType, name) => {
		expect(mediaFileName(prefix, id, mimeType)).toBe(name);
	});

	it('gives a plain name without folders for every ID and type', () => {
		const text = fc.string({ unit: 'binary', maxLength: 80 });
		fc.assert(
			fc.property(text, text, (id, mimeType) =>
				/^call-recording-[A-Za-z0-9_-]*\.[a-z0-9]{3,4}$/.test(
					mediaFileName('call-recording', id, mimeType),
				),
			),
			{ numRuns: RUNS },
		);
	});
});
