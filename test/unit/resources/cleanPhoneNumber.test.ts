import fc from 'fast-check';

import { cleanPhoneNumber } from '../../../nodes/WhatsAppBusinessCalling/resources/shared/cleanPhoneNumber';
import { RUNS } from '../../support/properties';

describe('cleanPhoneNumber', () => {
	it.each([
		['14085551234', '14085551234'],
		['+14085551234', '14085551234'],
		['+1 (408) 555-1234', '14085551234'],
		['1 (408) 555-1234', '14085551234'],
		['1.408.555.1234', '14085551234'],
		['+1.4085551234', '14085551234'],
		['+1 408 555.1234', '14085551234'],
		['+33.1.23.45.67.89', '33123456789'],
		['14.085.551.234', '14085551234'],
		['+49\u00a030\u2011123456', '4930123456'],
		['+49 30 123456\u22120', '49301234560'],
		[' +49 30 123456. ', '4930123456'],
		['+290 12345', '29012345'],
		['+52 1 (55) 1234-5678', '5215512345678'],
		['+55 (11) 91234-5678', '5511912345678'],
		['\u202a+49 30 123456\u202c', '4930123456'],
		['\u200e14085551234', '14085551234'],
		// A zero that only callers of the same country dial.
		['+49 (0)30 123456', '4930123456'],
		['+49(0) 30-123456', '4930123456'],
		['49 (0)30 123456', '4930123456'],
		// The international prefix in other spellings.
		['004930123456', '4930123456'],
		['00 49 (0)30 123456', '4930123456'],
		['(+49) 30 123456', '4930123456'],
		['(0049) 30 123456', '4930123456'],
		// A sheet, or a program, took the number for a decimal.
		['14085551234.0', '14085551234'],
		['14085551234.00', '14085551234'],
		['1.4085551234E10', '14085551234'],
		['1.4085551234e+10', '14085551234'],
		["'+14085551234", '14085551234'],
		// Links and addresses of other APIs.
		['tel:+1-408-555-1234', '14085551234'],
		['whatsapp:+14085551234', '14085551234'],
		['14085551234@c.us', '14085551234'],
		['14085551234@s.whatsapp.net', '14085551234'],
		['wa.me/14085551234', '14085551234'],
		['https://wa.me/14085551234', '14085551234'],
		// Digits of other scripts: Arabic, Persian, Devanagari, full-width.
		['+\u0661\u0664\u0660\u0668\u0665\u0665\u0665\u0661\u0662\u0663\u0664', '14085551234'],
		['\u06f1\u06f4\u06f0\u06f8\u06f5\u06f5\u06f5\u06f1\u06f2\u06f3\u06f4', '14085551234'],
		['\u0967\u096a\u0966\u096e\u096b\u096b\u096b\u0967\u0968\u0969\u096a', '14085551234'],
		[
			'\uff0b\uff11\u3000\uff08\uff14\uff10\uff18\uff09\uff15\uff15\uff15\uff0d\uff11\uff12\uff13\uff14',
			'14085551234',
		],
	])('The number %j becomes %s', (text, number) => {
		expect(cleanPhoneNumber(text)).toBe(number);
	});

	it.each([
		['no text', ''],
		['a plus alone', '+'],
		['a national number', '030123456'],
		['a national number in brackets', '(030) 123456'],
		['an area code in brackets without a country code', '(408) 555-1234'],
		['a zero of which Italy makes a part of the number', '+39 (0)6 1234567'],
		['a zero of which the Ivory Coast makes a part of the number', '+225 (0)7 12 34 56 78'],
		['a national number of North America', '408-555-1234'],
		['the same with dots', '212.555.0123'],
		['a date', '2026-11-27'],
		['a date in another order', '27.11.2026'],
		['an address of a computer', '192.168.100.100'],
		['a plus and the international prefix', '+004930123456'],
		['two plus signs', '++4930123456'],
		['a plus in the middle', '49+30123456'],
		['a plus in brackets that are not the country code', '(+4930123456)'],
		['a negative number', '-14085551234'],
		['letters', '1-800-FLOWERS'],
		['an extension', '+1 408 555 1234 x5'],
		['an extension in words', '+1 408 555 1234 ext. 5'],
		['an extension after a number sign', '+1 408 555 1234#5'],
		['an extension in brackets', '+1 408 555 1234 (5)'],
		['an extension after a dot', '+1 408 555 1234.5'],
		['an extension in a link', 'tel:+1-408-555-1234;ext=5'],
		['two numbers', '14085551234, 14085551235'],
		['two numbers with a blank between', '4930123 4930124'],
		['two numbers in two lines', '49301\n49302'],
		['two numbers with a slash between', '49301/49302'],
		['commas', '1,408,555,1234'],
		['a fraction', '14085551234.5'],
		['a fraction of zeros that may be a group', '4930123.000'],
		['a fraction of a number with blanks for thousands', '14 085 551 234.00'],
		['a fraction of a short number', '1408555.12'],
		['a rounded number', '1.40856E+10'],
		['a number that may be rounded', '1.408555123E10'],
		['a number that JavaScript writes with an exponent', '1.4085551234e+25'],
		['a group', '120363000000000000@g.us'],
		['a WhatsApp ID that is no number', '14085551234@lid'],
		['a device', '14085551234:12@s.whatsapp.net'],
		['a link with a text', 'https://wa.me/14085551234?text=5'],
		['a link to a message', 'https://wa.me/message/ABC123'],
		['brackets that are not closed', '+1 (408 555 1234'],
		['two pairs of brackets', '+1 (408) (555) 1234'],
		['a superscript', '+49 30 123456\u00b2'],
		['keycaps', '1\ufe0f\u20e34\ufe0f\u20e30855'],
		['a user ID', 'US.13491208655302741918'],
		['too few digits', '1234'],
		['too many digits', '1234567890123456'],
		['blanks without an end', `1${' '.repeat(4_000_000)}4085551234`],
	])('The number is rejected if it is %s', (_, text) => {
		expect(cleanPhoneNumber(text)).toBeNull();
	});

	const part = fc.oneof(
		{ weight: 6, arbitrary: fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 5 }) },
		{ weight: 3, arbitrary: fc.constantFrom(...' .-()+', '00', '(0)', '.0', '.00', ',', '/') },
		fc.constantFrom('E10', 'e+9', 'x5', '#', "'", 'tel:', '@c.us', '\n', '\u200b', '\u0661'),
		fc.string({ unit: 'grapheme', maxLength: 2 }),
	);
	const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));

	const SCRIPTS = ['٠١٢٣٤٥٦٧٨٩', '۰۱۲۳۴۵۶۷۸۹', '०१२३४५६७८९', '০১২৩৪৫৬৭৮৯', '０１２３４５６７８９'];

	/** All digits of a text, and each of them without what may be left out of it. */
	function readings(given: string): string[] {
		const plain = SCRIPTS.reduce(
			(some, script) =>
				[...script].reduce(
					(written, digit, value) => written.replaceAll(digit, String(value)),
					some,
				),
			given,
		);
		const shortened = [
			(some: string) => some.replace(/^(\D*)00/, '$1'),
			(some: string) => some.replace('(0)', ''),
			(some: string) => some.replace(/\.00?\D*$/, ''),
			(some: string) => some.replace(/e\+?\d+\D*$/i, ''),
		];
		return shortened
			.reduce((all, shorten) => [...all, ...all.map(shorten)], [plain])
			.map((some) => some.replace(/\D/g, ''));
	}

	it('The result is the digits of the text in their order, with the documented exceptions, or null', () => {
		fc.assert(
			fc.property(text, (given) => {
				const number = cleanPhoneNumber(given);
				if (number === null) return;
				expect(number).toMatch(/^[1-9]\d{4,14}$/);
				expect(readings(given)).toContain(number);
				expect(cleanPhoneNumber(number)).toBe(number);
			}),
			{ numRuns: Math.max(RUNS, 20_000) },
		);
	});

	it('Every number that JavaScript writes is accepted, and also after a plus', () => {
		fc.assert(
			fc.property(fc.integer({ min: 10_000, max: 999_999_999_999_999 }), (number) => {
				expect(cleanPhoneNumber(String(number))).toBe(String(number));
				expect(cleanPhoneNumber(`+${number}`)).toBe(String(number));
			}),
		);
	});
});
