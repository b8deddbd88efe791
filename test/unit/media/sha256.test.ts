import { createHash } from 'node:crypto';
import fc from 'fast-check';

import { parseSha256 } from '../../../nodes/WhatsAppBusinessCalling/media/sha256';
import { RUNS } from '../../support/properties';

// 0xfb and 0xff give both characters in which base64 and its URL-safe form differ.
const BYTES = Buffer.concat([
	Buffer.from([0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff]),
	Buffer.alloc(26, 7),
]);
const BASE64 = BYTES.toString('base64');

describe('parseSha256', () => {
	it.each([
		['base64', BASE64],
		['base64 without padding', BASE64.replace('=', '')],
		['URL-safe base64', BYTES.toString('base64url')],
		['URL-safe base64 with padding', `${BYTES.toString('base64url')}=`],
		['hexadecimal digits', BYTES.toString('hex')],
		['upper-case hexadecimal digits', BYTES.toString('hex').toUpperCase()],
		['base64 between blanks', ` ${BASE64}\n`],
		['base64 in quotation marks', `"${BASE64}"`],
		['hexadecimal digits in quotation marks', `'${BYTES.toString('hex')}'`],
	])('The hash is read from %s', (_, text) => {
		expect(parseSha256(text)).toEqual(BYTES);
	});

	it("The hash of Meta's example is read", () => {
		expect(parseSha256('Y9vvGyeo3n76ptkXu3CwDBsnzbRFqpjHskQdMGSVqas=')?.toString('hex')).toBe(
			'63dbef1b27a8de7efaa6d917bb70b00c1b27cdb445aa98c7b2441d306495a9ab',
		);
	});

	it.each<[string, unknown]>([
		['nothing', undefined],
		['null', null],
		['an empty text', ''],
		['a number', 5],
		['the bytes themselves', BYTES],
		['a list', [BASE64]],
		['63 digits', BYTES.toString('hex').slice(1)],
		['65 digits', `${BYTES.toString('hex')}0`],
		['another letter among the digits', `g${BYTES.toString('hex').slice(1)}`],
		['a hash of 20 bytes', createHash('sha1').update('').digest('base64')],
		['a hash of 64 bytes', createHash('sha512').update('').digest('base64')],
		['one quotation mark', `"${BASE64}`],
		['a word before base64', `sha256 ${BASE64}`],
		['two padding characters', `${BASE64}=`],
		['padding in the middle', `${BASE64.slice(0, 20)}=${BASE64.slice(21)}`],
		['a blank in the middle', `${BASE64.slice(0, 20)} ${BASE64.slice(20)}`],
	])('The hash is rejected if it is %s', (_, text) => {
		expect(parseSha256(text)).toBeNull();
	});

	it('Every hash is read in each way of writing it', () => {
		fc.assert(
			fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (array) => {
				const bytes = Buffer.from(array);
				const written = [
					bytes.toString('base64'),
					bytes.toString('base64').replace('=', ''),
					bytes.toString('base64url'),
					bytes.toString('hex'),
					bytes.toString('hex').toUpperCase(),
				];
				return written.every((text) => parseSha256(text)?.equals(bytes) === true);
			}),
			{ numRuns: RUNS },
		);
	});

	it('The result is 32 bytes or null for anything, and nothing throws', () => {
		const text = fc.oneof(
			fc.string(),
			fc.base64String(),
			fc.string({ minLength: 43, maxLength: 44 }),
		);
		fc.assert(
			fc.property(fc.oneof(text, fc.anything()), (value) => {
				const hash = parseSha256(value);
				return hash === null || hash.length === 32;
			}),
			{ numRuns: RUNS },
		);
	});
});
