import fc from 'fast-check';

import { parseExactJson } from '../../nodes/WhatsAppBusinessCalling/exactJson';

describe('parseExactJson', () => {
	it.each<[string, unknown]>([
		['{"id":12345678901234567890}', { id: '12345678901234567890' }],
		['[-12345678901234567890]', ['-12345678901234567890']],
		['{"id":9007199254740991}', { id: 9007199254740991 }],
		['{"id":9007199254740993}', { id: '9007199254740993' }],
		['[1.2345678901234567890]', [1.2345678901234568]],
		['[12345678901234567890e2]', [12345678901234567890e2]],
		['["o=- 12345678901234567890 2"]', ['o=- 12345678901234567890 2']],
		[String.raw`["\"12345678901234567890"]`, ['"12345678901234567890']],
		['\uFEFF{"a":1}', { a: 1 }],
	])('reads %s', (text, value) => {
		expect(parseExactJson(text)).toEqual(value);
	});

	it('reads all other JSON as JSON.parse does', () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				const text = JSON.stringify(value);
				fc.pre(!/\d{16}/.test(text));
				const padded = `[${text},"12345678901234567890"]`;
				expect(parseExactJson(padded)).toEqual(JSON.parse(padded));
			}),
		);
	});

	it.each(['', '{"a":', '12345678901234567890 1', '"12345678901234567890'])(
		'refuses %j',
		(text) => {
			expect(() => parseExactJson(text)).toThrow(SyntaxError);
		},
	);

	it('reads a text of some megabytes that looks like a number', () => {
		const long = JSON.stringify(['1'.repeat(3_000_000), '\\'.repeat(300_000)]);
		expect(parseExactJson(long)).toEqual(JSON.parse(long));
	});
});
