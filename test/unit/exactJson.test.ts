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
	])('The text %s is read exactly', (text, value) => {
		expect(parseExactJson(text)).toEqual(value);
	});

	it('All other JSON is read as JSON.parse reads it', () => {
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
		'The text %j is rejected',
		(text) => {
			expect(() => parseExactJson(text)).toThrow(SyntaxError);
		},
	);

	it('What is no JSON is rejected at once, and millions of escapes are read', () => {
		const startedAt = process.cpuUsage();
		expect(() => parseExactJson(`{"n":${'1'.repeat(20)},"a":"${'\\"'.repeat(400_000)}`)).toThrow();
		const escapes = JSON.stringify(['\n'.repeat(5_000_000)]).slice(0, -1);
		expect(parseExactJson(`${escapes},${'1'.repeat(20)}]`)).toEqual([
			'\n'.repeat(5_000_000),
			'1'.repeat(20),
		]);
		// Quadratic work would take minutes.
		expect(process.cpuUsage(startedAt).user / 1e6).toBeLessThan(20);
	});

	it('A text of some megabytes that looks like a number is read', () => {
		const long = JSON.stringify(['1'.repeat(3_000_000), '\\'.repeat(300_000)]);
		expect(parseExactJson(long)).toEqual(JSON.parse(long));
	});
});
