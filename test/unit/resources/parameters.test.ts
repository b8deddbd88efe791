import fc from 'fast-check';

import {
	booleanParameter,
	callIdParameter,
	isBlank,
	mediaIdParameter,
	phoneNumberIdParameter,
	textParameter,
	truncate,
} from '../../../nodes/WhatsAppBusinessCalling/resources/shared/parameters';
import {
	isUserId,
	userIdParameter,
} from '../../../nodes/WhatsAppBusinessCalling/resources/shared/person';
import { ACCOUNT, fakeExecution } from '../fakes';

const input = (parameters: Record<string, string | number>) => ({
	context: fakeExecution(parameters).context,
	account: ACCOUNT,
	itemIndex: 0,
});

/** What shows nothing, by its name in Unicode. */
const INVISIBLE: Array<[string, string]> = [
	['a zero width space', '\u200b'],
	['a right-to-left mark', '\u200f'],
	['a variation selector', '\ufe0f'],
	['a word joiner', '\u2060'],
	['a byte order mark', '\ufeff'],
	['a soft hyphen', '\u00ad'],
	['a Hangul filler', '\u3164'],
	['a half-width Hangul filler', '\uffa0'],
	['a braille blank', '\u2800'],
	['a no-break space', '\u00a0'],
	['a combining grapheme joiner', '\u034f'],
	['a tag', '\u{e0020}'],
	['a control character', '\u0007'],
];

describe('isBlank', () => {
	it.each(INVISIBLE)('The text is blank if it is %s, alone or with others', (_, character) => {
		expect(isBlank(character)).toBe(true);
		expect(isBlank(` ${character}\u200d${character}\n`)).toBe(true);
	});

	it.each(['a', '.', '\u{1f4de}', '\u260e\ufe0f', '\u0651', '\u200b0\u200b'])(
		'The text %j is not blank',
		(text) => expect(isBlank(text)).toBe(false),
	);
});

describe('textParameter', () => {
	it.each(INVISIBLE)('The result is nothing for %s', (_, character) => {
		expect(textParameter(input({ purpose: character }), 'purpose')).toBe('');
	});

	const of = (purpose: unknown) => {
		const { context } = fakeExecution({ purpose: purpose as object });
		return textParameter({ context, itemIndex: 0 }, 'purpose');
	};

	it.each([
		[{ topic: 'quality' }],
		[[{ topic: 'quality' }]],
		[{ toString: null }],
		[{ toString: { toString: 1 } }],
	])('The object %j is refused: people would hear or read [object Object]', (value) => {
		expect(() => of(value)).toThrow('An expression evaluates to an object where a text is needed');
	});

	it.each<[unknown, string]>([
		[null, ''],
		[0, '0'],
		[['a', 'b'], 'a,b'],
		[{ toString: () => '2026-11-27' }, '2026-11-27'],
		['[object Object]', '[object Object]'],
	])('The text of %j is %j', (value, text) => expect(of(value)).toBe(text));

	it('What belongs to a visible text is kept', () => {
		expect(textParameter(input({ purpose: ' quality \u260e\ufe0f ' }), 'purpose')).toBe(
			'quality \u260e\ufe0f',
		);
	});
});

describe('isUserId', () => {
	it.each(['US.13491208655302741918', 'DE.ENT.11815799212886844830', `LB.${'a1'.repeat(64)}`])(
		'The user ID %s is recognized',
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
	])('The text %j is no user ID', (text) => expect(isUserId(text)).toBe(false));
});

describe('IDs that become a part of a path', () => {
	const forbidden = fc.string({ unit: fc.constantFrom(...'a1/\\.?#%& \n@:') });

	it.each(['1002764438271669', 'a-b_1'])('The media ID %s is accepted', (mediaId) => {
		expect(mediaIdParameter(input({ mediaId }))).toBe(mediaId);
	});

	it('A word is no media ID: Meta would only say that the file is gone', () => {
		expect(() => mediaIdParameter(input({ mediaId: 'abc' }))).toThrow('"abc" is not a media ID');
	});

	it('An ID that an expression gives as a number is accepted', () => {
		expect(mediaIdParameter(input({ mediaId: 1002764438271669 }))).toBe('1002764438271669');
		expect(phoneNumberIdParameter(input({ phoneNumberId: 106540352242922 }))).toBe(
			'106540352242922',
		);
	});

	it.each([
		[mediaIdParameter, 'mediaId'],
		[phoneNumberIdParameter, 'phoneNumberId'],
	])('No ID leaves its segment of the path (%p)', (read, name) => {
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
		[mediaIdParameter, 'mediaId', '1002764438271669'],
		[phoneNumberIdParameter, 'phoneNumberId', '106540352242922'],
		[callIdParameter, 'callId', 'wacid.HBgL+/=='],
		[userIdParameter, 'userId', 'US.13491208655302741918'],
	])('The invisible characters that copying adds are removed from an ID (%p)', (read, name, id) => {
		expect(read(input({ [name]: ` \u200e \u202a ${id}\u200b \ufeff` }))).toBe(id);
	});

	it('An ID that lost digits as a number is rejected', () => {
		const id = 2 ** 60;
		expect(() => mediaIdParameter(input({ mediaId: id }))).toThrow('(rounded)" is not a media ID');
		expect(() => phoneNumberIdParameter(input({ phoneNumberId: id }))).toThrow(
			'(rounded)" is not a phone number ID',
		);
	});

	it.each([
		['', 'The call ID is missing'],
		['\u200b', 'The call ID is missing'],
		['HBgL', '"HBgL" is not a call ID'],
		['wacid.', '"wacid." is not a call ID'],
		['wacid.a b', '"wacid.a b" is not a call ID'],
	])('The call ID %j is rejected', (callId, message) => {
		expect(() => callIdParameter(input({ callId }))).toThrow(message);
	});

	it('The padding of a call ID is accepted', () => {
		expect(callIdParameter(input({ callId: ' wacid.HBgL+/== ' }))).toBe('wacid.HBgL+/==');
	});
});

describe('truncate', () => {
	it('A text of 60 characters stays, and a longer one is cut to 60', () => {
		expect(truncate('x'.repeat(60))).toHaveLength(60);
		expect(truncate('x'.repeat(61))).toBe(`${'x'.repeat(57)}...`);
	});
});

describe('booleanParameter', () => {
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
	])('The value %j is read as %s', (value, expected) => {
		const { context } = fakeExecution({ recordCall: value });
		const given = { context, account: ACCOUNT, itemIndex: 0 };
		expect(booleanParameter(given, 'recordCall', 'Record Call')).toBe(expected);
	});

	it.each(['yes', 'off', 2, '$json.record'])('The meaning of %j is not guessed', (value) => {
		const { context } = fakeExecution({ recordCall: value });
		const given = { context, account: ACCOUNT, itemIndex: 0 };
		expect(() => booleanParameter(given, 'recordCall', 'Record Call')).toThrow(
			'Record Call must be true or false',
		);
	});
});
