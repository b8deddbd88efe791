import fc from 'fast-check';

import {
	bareMimeType,
	fileMimeType,
	mediaFileName,
	safeMimeType,
	type FileProperty,
} from '../../../nodes/WhatsAppBusinessCalling/media/fileNames';
import { anyText, RUNS } from '../../support/properties';

const EXTENSIONS: Array<[string, FileProperty, string[]]> = [
	['ogg', 'recording', ['audio/ogg', 'audio/opus', 'application/ogg']],
	['mp3', 'recording', ['audio/mpeg', 'audio/mp3']],
	['m4a', 'recording', ['audio/mp4', 'audio/m4a', 'audio/x-m4a']],
	['aac', 'recording', ['audio/aac', 'audio/x-aac']],
	['wav', 'recording', ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave']],
	['flac', 'recording', ['audio/flac', 'audio/x-flac']],
	['webm', 'recording', ['audio/webm', 'video/webm']],
	['amr', 'recording', ['audio/amr']],
	['3gp', 'recording', ['audio/3gpp', 'video/3gpp']],
	['3g2', 'recording', ['audio/3gpp2', 'video/3gpp2']],
	['mp4', 'recording', ['video/mp4']],
	['json', 'transcription', ['application/json']],
	['txt', 'transcription', ['text/plain']],
	['vtt', 'transcription', ['text/vtt']],
];

const NAMED = EXTENSIONS.flatMap(([extension, property, types]) =>
	types.map((type) => [property, type, extension] as const),
);

/** Nothing that says of what format a file is. */
const GENERIC = [
	undefined,
	null,
	'',
	5,
	'application/octet-stream',
	'binary/octet-stream',
	'audio/x-something',
	'application/zip',
	'video',
];

const PROPERTY = fc.constantFrom<FileProperty>('recording', 'transcription');

const DEFAULTS = [
	['recording', 'audio/ogg', 'call-recording-5.ogg'],
	['transcription', 'application/json', 'call-transcript-5.json'],
] as const;

describe('safeMimeType', () => {
	it.each([
		'audio/ogg',
		'audio/ogg; codecs=opus',
		'audio/ogg; codecs="opus"',
		'application/json; charset=utf-8',
		'video/mp4',
		'text/plain; charset=utf-8',
		'Audio/OGG',
	])('The type %s stays as it is, of the files that may have it', (text) => {
		const safe = (['recording', 'transcription'] as const).map((property) =>
			safeMimeType(property, text),
		);
		expect(safe.toSorted()).toEqual([text, null].toSorted());
	});

	it('Surrounding spaces are removed', () => {
		expect(safeMimeType('recording', ' audio/ogg ')).toBe('audio/ogg');
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
		['a type that names no format', 'application/octet-stream'],
		['a type that nobody knows', 'audio/x-something'],
		['a name of an object', 'constructor'],
	])('The type is rejected if it is %s', (_, text) => {
		expect(safeMimeType('recording', text)).toBeNull();
		expect(safeMimeType('transcription', text)).toBeNull();
	});

	it('No type ends a header or a path, or is run by a browser', () => {
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
			fc.property(PROPERTY, fc.oneof(text, type, anyText()), (property, given) => {
				const safe = fileMimeType(property, given);
				const runs = /\+xml$|^(text|application)\/.*(html|xml|script)|^multipart|^image/.test(
					bareMimeType(safe),
				);
				return /^[\x20-\x7e]+$/.test(safe) && !runs;
			}),
			{ numRuns: RUNS },
		);
	});

	it('A long text that almost matches takes no endless time', () => {
		// An expression that tries all ways to read it would not within a lifetime.
		expect(safeMimeType('recording', `audio/ogg${'; codecs="'.repeat(20_000)}!`)).toBeNull();
	});
});

describe('bareMimeType', () => {
	it.each([
		['audio/ogg; codecs=opus', 'audio/ogg'],
		['audio/ogg', 'audio/ogg'],
		['Audio/OGG ;x=y', 'audio/ogg'],
		['', ''],
	])('The type %j is read as %j', (text, bare) => {
		expect(bareMimeType(text)).toBe(bare);
	});
});

describe('fileMimeType', () => {
	it.each(DEFAULTS)('The type of a %s is %s if no format is known', (property, type) => {
		expect(fileMimeType(property)).toBe(type);
		expect(fileMimeType(property, ...GENERIC)).toBe(type);
	});

	it('The first type that names a format of such files is used', () => {
		expect(fileMimeType('recording', ...GENERIC, 'audio/mpeg', 'audio/wav')).toBe('audio/mpeg');
		expect(fileMimeType('recording', 'text/plain', 'application/json', 'audio/wav')).toBe(
			'audio/wav',
		);
		expect(fileMimeType('transcription', 'audio/ogg', 'text/vtt')).toBe('text/vtt');
	});
});

describe('mediaFileName', () => {
	it.each(NAMED)('The name of a %s of type %s ends in %s', (property, type, extension) => {
		expect(fileMimeType(property, type)).toBe(type);
		const name = mediaFileName(property, '5', `${type.toUpperCase()}; a=b`);
		expect(name.split('.').at(-1)).toBe(extension);
	});

	it.each(DEFAULTS)(
		'The name of a %s has the extension of %s for any other type',
		(property, _, name) => {
			for (const type of [...GENERIC, 'constructor', 'text/html']) {
				expect(mediaFileName(property, '5', String(type))).toBe(name);
			}
		},
	);

	it('The name cannot leave its folder', () => {
		expect(mediaFileName('recording', '../../etc/passwd', 'audio/ogg')).toBe(
			'call-recording-______etc_passwd.ogg',
		);
	});

	it('The name is plain and ends in the extension of a format, for every ID and type', () => {
		const text = anyText({ maxLength: 80 });
		const subtype = fc.constantFrom(...NAMED.map(([, type]) => type), 'audio/x-new', 'video/x');
		fc.assert(
			fc.property(PROPERTY, text, fc.array(fc.oneof(text, subtype)), (property, id, types) => {
				const name = mediaFileName(property, id, fileMimeType(property, ...types));
				return /^call-(recording|transcript)-[A-Za-z0-9_-]*\.(?!bin$)[a-z0-9]{2,4}$/.test(name);
			}),
			{ numRuns: RUNS },
		);
	});
});
