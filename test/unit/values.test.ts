import {
	amount,
	digitsOf,
	identifier,
	integer,
	listOf,
	text,
	timeMs,
	upperCaseWord,
	yesOrNo,
} from '../../nodes/WhatsAppBusinessCalling/values';

const ODD: unknown[] = [undefined, null, '', {}, [], NaN, { toString: 1, valueOf: 1 }];

describe('the readers of values', () => {
	const cases: Array<[string, (value: unknown) => unknown, Array<[unknown, unknown]>]> = [
		[
			'text',
			text,
			[
				['x', 'x'],
				[5, '5'],
				[2 ** 60, null],
				[1.5, null],
				[true, null],
			],
		],
		[
			'identifier',
			identifier,
			[
				['wacid.A=', 'wacid.A='],
				['a\nb', null],
				['a'.repeat(513), null],
			],
		],
		[
			'amount',
			amount,
			[
				[0, 0],
				['12', 12],
				[1.5, 1.5],
				['1.5', 1.5],
				[-1, null],
				['1e3', null],
				[Infinity, null],
			],
		],
		[
			'integer',
			integer,
			[
				['-5', -5],
				[7, 7],
				[1.5, null],
				['1'.repeat(16), null],
				[false, null],
			],
		],
		[
			'yesOrNo',
			yesOrNo,
			[
				[true, true],
				['TRUE', true],
				[1, true],
				['false', false],
				[0, false],
				['yes', null],
			],
		],
		[
			'upperCaseWord',
			upperCaseWord,
			[
				['Failed', 'FAILED'],
				[['a', 'b'], 'A'],
				[5, null],
				[[5], null],
			],
		],
		[
			'timeMs',
			timeMs,
			[
				['1728932177', 1_728_932_177_000],
				[1_728_932_177, 1_728_932_177_000],
				['2024-10-14T18:56:17Z', 1_728_932_177_000],
				['2024-10-14T20:56:17.000+0200', 1_728_932_177_000],
				['2024-10-14', null],
				['2024-10-14T25:00:00Z', null],
				[0, null],
				[1e12, null],
			],
		],
	];

	it.each(
		cases.flatMap(([name, read, rows]) =>
			rows.map(([value, expected]) => ({ name, read, value, expected })),
		),
	)('The reader $name reads $value', ({ read, value, expected }) =>
		expect(read(value)).toEqual(expected),
	);

	it.each(cases.map(([name, read]) => ({ name, read })))(
		'The reader $name gives null for what is odd',
		({ read }) => {
			for (const value of ODD) expect(read(value)).toBeNull();
		},
	);

	it.each<[unknown, unknown]>([
		[undefined, []],
		[null, []],
		[[1], [1]],
		[{ a: 1 }, [{ a: 1 }]],
		['x', null],
		[5, null],
	])('The list in %j is %j', (value, expected) => expect(listOf(value)).toEqual(expected));

	it.each([
		['+1 (555) 010-0001', '15550100001'],
		['0044 20 7946 0958', '442079460958'],
		[null, ''],
		['x', ''],
	])('The digits of %j are %j', (number, digits) => expect(digitsOf(number)).toBe(digits));
});
