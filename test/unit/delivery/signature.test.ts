import crypto, { createHmac } from 'node:crypto';
import fc from 'fast-check';

import { isSignedBy } from '../../../nodes/WhatsAppBusinessCalling/delivery/signature';
import { isSameSecret } from '../../../nodes/WhatsAppBusinessCalling/sameSecret';
import { RUNS } from '../../support/properties';

const SECRET = 'app secret';
const BODY = Buffer.from('{"object":"whatsapp_business_account","name":"\\u00e4"}');

const hmac = (secret: string, body: Buffer, algorithm = 'sha256') =>
	createHmac(algorithm, secret).update(body).digest('hex');

const GOOD = `sha256=${hmac(SECRET, BODY)}`;

describe('isSignedBy', () => {
	it.each([
		['as Meta writes it', GOOD],
		['with upper-case digits', `sha256=${hmac(SECRET, BODY).toUpperCase()}`],
	])('The signature %s is accepted', (_, header) => {
		expect(isSignedBy(SECRET, BODY, header)).toBe(true);
	});

	it.each<[string, unknown]>([
		['missing', undefined],
		['null', null],
		['empty', ''],
		['an array that holds the right one', [GOOD]],
		['an object', { toString: () => GOOD }],
		['without its prefix', hmac(SECRET, BODY)],
		['with nothing after its prefix', 'sha256='],
		['of another algorithm', `sha1=${hmac(SECRET, BODY, 'sha1')}`],
		['of another algorithm under the right name', `sha256=${hmac(SECRET, BODY, 'sha1')}`],
		['of a longer algorithm', `sha256=${hmac(SECRET, BODY, 'sha512')}`],
		['one digit short', GOOD.slice(0, -1)],
		['one digit long', `${GOOD}0`],
		['followed by a line end', `${GOOD}\n`],
		['after a blank', ` ${GOOD}`],
		['with a letter that is no digit', `${GOOD.slice(0, -1)}g`],
		['made with another secret', `sha256=${hmac('another secret', BODY)}`],
		['made over another body', `sha256=${hmac(SECRET, Buffer.from('{}'))}`],
		['twice, joined as proxies do', `${GOOD}, ${GOOD}`],
	])('A signature that is %s is rejected', (_, header) => {
		expect(isSignedBy(SECRET, BODY, header)).toBe(false);
	});

	it('JSON that was parsed and written again is rejected', () => {
		const rewritten = Buffer.from(JSON.stringify(JSON.parse(BODY.toString())));
		expect(isSignedBy(SECRET, rewritten, GOOD)).toBe(false);
	});

	it('An empty secret rejects everything', () => {
		expect(isSignedBy('', BODY, `sha256=${hmac('', BODY)}`)).toBe(false);
	});

	it.each<[string, unknown]>([
		['a text', BODY.toString()],
		['parsed JSON', JSON.parse(BODY.toString())],
		['missing', undefined],
		['bytes that are no Buffer', new Uint8Array(BODY)],
	])('A body that is %s is rejected', (_, body) => {
		expect(isSignedBy(SECRET, body, GOOD)).toBe(false);
	});

	it('An empty body that was signed is accepted', () => {
		const nothing = Buffer.alloc(0);
		expect(isSignedBy(SECRET, nothing, `sha256=${hmac(SECRET, nothing)}`)).toBe(true);
	});

	it('The HMAC of the body is accepted and nothing else, for any secret and body', () => {
		const bytes = fc.uint8Array({ maxLength: 200 });
		fc.assert(
			fc.property(fc.string({ minLength: 1 }), bytes, bytes, (secret, body, other) => {
				const header = `sha256=${hmac(secret, Buffer.from(body))}`;
				const same = Buffer.from(body).equals(Buffer.from(other));
				return (
					isSignedBy(secret, Buffer.from(body), header) &&
					isSignedBy(secret, Buffer.from(other), header) === same
				);
			}),
			{ numRuns: RUNS },
		);
	});

	it('A signature with one wrong digit is rejected', () => {
		fc.assert(
			fc.property(fc.nat(63), fc.constantFrom(...'0123456789abcdef'), (place, digit) => {
				const at = 'sha256='.length + place;
				const changed = GOOD.slice(0, at) + digit + GOOD.slice(at + 1);
				return isSignedBy(SECRET, BODY, changed) === (changed === GOOD);
			}),
			{ numRuns: RUNS },
		);
	});

	it('No body and no header throws or is accepted by accident', () => {
		const odd = fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true });
		fc.assert(
			fc.property(fc.string(), fc.oneof(odd, fc.constant(BODY)), odd, (secret, body, header) => {
				return !isSignedBy(secret, body, header);
			}),
			{ numRuns: RUNS },
		);
	});
});

describe('isSameSecret', () => {
	it('Only the same text is accepted', () => {
		fc.assert(
			fc.property(fc.string(), fc.string({ minLength: 1 }), (given, expected) => {
				return (
					isSameSecret(given, expected) === (given === expected) && isSameSecret(expected, expected)
				);
			}),
			{ numRuns: RUNS },
		);
	});

	it.each([undefined, null, 1, ['secret'], { secret: true }])(
		'The value %j is rejected',
		(given) => {
			expect(isSameSecret(given, 'secret')).toBe(false);
		},
	);

	it('Nothing is accepted if nothing is expected', () => {
		expect(isSameSecret('', '')).toBe(false);
	});
});

describe('the comparison of secrets', () => {
	const wrongAt = (place: number) =>
		`${GOOD.slice(0, place)}${GOOD[place] === '0' ? '1' : '0'}${GOOD.slice(place + 1)}`;
	const FIRST = 'sha256='.length;
	const LAST = GOOD.length - 1;

	// No clock: what it takes in nanoseconds is Node's matter, and lost in the noise of this machine.
	it.each<[string, () => boolean]>([
		['a signature whose first digit is wrong', () => isSignedBy(SECRET, BODY, wrongAt(FIRST))],
		['a signature whose last digit is wrong', () => isSignedBy(SECRET, BODY, wrongAt(LAST))],
		[
			'a signature of nothing but zeros',
			() => isSignedBy(SECRET, BODY, `sha256=${'0'.repeat(64)}`),
		],
		['a text whose first letter is wrong', () => isSameSecret('xecret', 'secret')],
		['a text whose last letter is wrong', () => isSameSecret('secrex', 'secret')],
		['a much longer text', () => isSameSecret('s'.repeat(10_000), 'secret')],
		['an empty text', () => isSameSecret('', 'secret')],
	])(
		'The comparison of %s is timingSafeEqual, once, over 32 bytes, and nothing beside it',
		(_, compare) => {
			const spy = jest.spyOn(crypto, 'timingSafeEqual');
			try {
				expect(compare()).toBe(false);
				expect(spy.mock.calls.map((sides) => sides.map((side) => side.byteLength))).toEqual([
					[32, 32],
				]);
				// What it says decides.
				spy.mockReturnValue(true);
				expect(compare()).toBe(true);
			} finally {
				spy.mockRestore();
			}
		},
	);
});
