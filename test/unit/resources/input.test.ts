import fc from 'fast-check';

import {
	callIdParameter,
	cleanPhoneNumber,
	isUserId,
	mediaIdParameter,
	phoneNumberIdParameter,
	shortened,
	switchParameter,
} from '../../../nodes/WhatsAppBusinessCalling/resources/input';
import { ACCOUNT, fakeExecution } from '../fakes';

const input = (parameters: Record<string, string | number>) => ({
	context: fakeExecution(parameters).context,
	account: ACCOUNT,
	itemIndex: 0,
});

describe('cleanPhoneNumber', () => {
	it.each([
		['14085551234', '14085551234'],
		['+14085551234', '14085551234'],
		['+1 (408) 555-1234', '14085551234'],
		['1.408.555.1234', '14085551234'],
		['+49\u00a030\u2011123456', '4930123456'],
		[' +49 30 123456 ', '4930123456'],
		['+290 12345', '29012345'],
		['+49 (0)30 123456', '4930123456'],
		['+49(0) 30-123456', '4930123456'],
		['\u202a+49 30 123456\u202c', '4930123456'],
		['\u200e14085551234', '14085551234'],
	])('cleans %j to %s', (text, number) => {
		expect(cleanPhoneNumber(text)).toBe(number);
	});

	it.each([
		['no text', ''],
		['a plus alone', '+'],
		['an international prefix', '004930123456'],
		['a national number', '030123456'],
		['two plus signs', '++4930123456'],
		['a plus in the middle', '49+30123456'],
		['letters', '1-800-FLOWERS'],
		['an extension', '+1 408 555 1234 x5'],
		['two numbers', '14085551234, 14085551235'],
		['a user ID', 'US.13491208655302741918'],
		['too few digits', '1234'],
		['too many digits', '1234567890123456'],
		['digits of another script', '\u0661\u0664\u0660\u0668\u0665\u0665\u0665'],
	])('refuses %s', (_, text) => {
		expect(cleanPhoneNumber(text)).toBeNull();
	});

	it('gives the digits of the text in their order, or null', () => {
		const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789+-() .') }));
		fc.assert(
			fc.property(text, (given) => {
				// The one case in which a digit goes.
				fc.pre(!given.replace(/[^\d()]/g, '').includes('(0)'));
				const number = cleanPhoneNumber(given);
				return (
					number === null ||
					(/^[1-9]\d{4,14}$/.test(number) &&
						number === given.replace(/\D/g, '') &&
						cleanPhoneNumber(number) === number)
				);
			}),
			{ numRuns: 5000 },
		);
	});
});

describe('isUserId', () => {
	it.each(['US.13491208655302741918', 'DE.ENT.11815799212886844830', `LB.${'a1'.repeat(64)}`])(
		'knows %s',
		(text) => expect(isUserId(text)).toBe(true),
	);

	it.each([
		'',
		'US',
		'US.',
		'USA.1',
		'US.ENT.',
		'US.1 2',
		'US.1/../2',
		`US.${'1'.repeat(129)}`,
		'14085551234',
	])('refuses %j', (text) => expect(isUserId(text)).toBe(false));
});

describe('IDs that become a part of a path', () => {
	const forbidden = fc.string({ unit: fc.constantFrom(...'a1/\\.?#%& \n@:') });

	it.each(['1002764438271669', 'a-b_C'])('takes the media ID %s', (mediaId) => {
		expect(mediaIdParameter(input({ mediaId }))).toBe(mediaId);
	});

	it('takes an ID that an expression gives as a number', () => {
		expect(mediaIdParameter(input({ mediaId: 1002764438271669 }))).toBe('1002764438271669');
		expect(phoneNumberIdParameter(input({ phoneNumberId: 106540352242922 }))).toBe(
			'106540352242922',
		);
	});

	it.each([
		[mediaIdParameter, 'mediaId'],
		[phoneNumberIdParameter, 'phoneNumberId'],
	])('lets nothing through that leaves its segment of the path (%p)', (read, name) => {
		fc.assert(
			fc.property(forbidden, (text) => {
				try {
					return /^[A-Za-z0-9_-]+$/.test(read(input({ [name]: text })));
				} catch (error) {
					return error instanceof Error && error.constructor.name === 'NodeOperationError';
				}
			}),
			{ numRuns: 1000 },
		);
	});

	it.each([
		['', 'The call ID is missing'],
		['HBgL', '"HBgL" is not a call ID'],
		['wacid.', '"wacid." is not a call ID'],
		['wacid.a b', '"wacid.a b" is not a call ID'],
	])('refuses the call ID %j', (callId, message) => {
		expect(() => callIdParameter(input({ callId }))).toThrow(message);
	});

	it('takes the padding of a call ID', () => {
		expect(callIdParameter(input({ callId: ' wacid.HBgL+/== ' }))).toBe('wacid.HBgL+/==');
	});
});

describe('shortened', () => {
	it('keeps a text of 60 characters and cuts a longer one to 60', () => {
		expect(shortened('x'.repeat(60))).toHaveLength(60);
		expect(shortened('x'.repeat(61))).toBe(`${'x'.repeat(57)}...`);
	});
});

describe('switchParameter', () => {
	it.each([
		[true, true],
		['true', true],
		[1, true],
		['1', true],
		[false, false],
		['FALSE', false],
		[0, false],
		['', false],
		[null, false],
	])('reads %j as %s', (value, expected) => {
		const { context } = fakeExecution({ recordCall: value });
		const given = { context, account: ACCOUNT, itemIndex: 0 };
		expect(switchParameter(given, 'recordCall', 'Record Call')).toBe(expected);
	});

	it.each(['yes', 'off', 2, '$json.record'])('does not guess what %j means', (value) => {
		const { context } = fakeExecution({ recordCall: value });
		const given = { context, account: ACCOUNT, itemIndex: 0 };
		expect(() => switchParameter(given, 'recordCall', 'Record Call')).toThrow(
			'Record Call is neither on nor off',
		);
	});
});
