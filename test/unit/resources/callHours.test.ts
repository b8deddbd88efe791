import {
	callHoursBody,
	DAYS,
	readCallHours,
	withStoredSchedule,
	type GivenCallHours,
} from '../../../nodes/WhatsAppBusinessCalling/resources/phoneNumber/callHours';

const NOW = Date.parse('2026-11-20T12:00:00Z');

const range = (day: unknown, opens: unknown, closes: unknown) => ({ day, opens, closes });
const holiday = (date: unknown, starts: unknown = '00:00', ends: unknown = '23:59') => ({
	date,
	starts,
	ends,
});

const HOURS: GivenCallHours = {
	status: 'ENABLED',
	timeZone: 'Europe/Berlin',
	weeklyHours: [range('MONDAY', '09:00', '17:00')],
	holidays: [holiday('2026-12-24')],
};

/** What is wrong, in the words for the operator; empty where nothing is. */
function problems(changes: Partial<GivenCallHours>, now = NOW): string[] {
	const read = readCallHours({ ...HOURS, ...changes }, now);
	return read.ok ? [] : read.problems;
}

const AS_TIME = 'as 09:00 or 9:00 AM instead of';

const written = (text: string) => (text === '' ? 'leaving it empty' : `"${text}"`);

function hours(changes: Partial<GivenCallHours>) {
	const read = readCallHours({ ...HOURS, ...changes }, NOW);
	if (!read.ok) throw new Error(read.problems.join('. '));
	return read.hours;
}

const body = (changes: Partial<GivenCallHours>) => callHoursBody(hours(changes));

describe('call hours', () => {
	it("Call hours become Meta's fields", () => {
		expect(body({})).toEqual({
			status: 'ENABLED',
			timezone_id: 'Europe/Berlin',
			weekly_operating_hours: [{ day_of_week: 'MONDAY', open_time: '0900', close_time: '1700' }],
			holiday_schedule: [{ date: '2026-12-24', start_time: '0000', end_time: '2359' }],
		});
	});

	it.each<[unknown, string]>([
		['09:00', '0900'],
		['9:00', '0900'],
		['0900', '0900'],
		['900', '0900'],
		[900, '0900'],
		[' 00:05 ', '0005'],
		['0:05', '0005'],
		['09:00:00', '0900'],
		['9:00 AM', '0900'],
		['9 am', '0900'],
		['9a.m.', '0900'],
		['12:05 a.m.', '0005'],
		['12 PM', '1200'],
		['5:30pm', '1730'],
	])('The time %j becomes %s', (opens, sent) => {
		expect(body({ weeklyHours: [range('MONDAY', opens, '23:59')] })).toMatchObject({
			weekly_operating_hours: [{ open_time: sent }],
		});
	});

	it.each<unknown>([
		...['', '9', '24:01', '25:00', '12:60', '09.00', '09:00:30', '-1:00', '٠٩:٠٠', '13 PM'],
		...['0:30 AM', '900 AM', 'noon', null, 9, true],
	])('The time %j is rejected', (opens) => {
		const shown = typeof opens === 'string' ? opens : String(opens ?? '');
		expect(problems({ weeklyHours: [range('MONDAY', opens, '23:59')] })).toEqual([
			`Weekly Hours, Monday: write Opens ${AS_TIME} ${written(shown)}`,
		]);
		expect(problems({ holidays: [holiday('2026-12-24', opens)] })).toEqual([
			`Holidays, 2026-12-24: write Starts ${AS_TIME} ${written(shown)}`,
		]);
	});

	it.each(['24:00', '2400', '24:00:00', '00:00', '12 AM'])(
		'A day that ends at midnight is accepted, written as %s',
		(midnight) => {
			const weeklyHours = [range('FRIDAY', '18:00', midnight)];
			expect(
				body({ weeklyHours, holidays: [holiday('2026-12-24', '1 PM', midnight)] }),
			).toMatchObject({
				weekly_operating_hours: [{ open_time: '1800', close_time: '2359' }],
				holiday_schedule: [{ start_time: '1300', end_time: '2359' }],
			});
		},
	);

	it('A range cannot begin at the end of a day', () => {
		expect(problems({ weeklyHours: [range('MONDAY', '24:00', '24:00')] })).toEqual([
			'On Monday 24:00 cannot be the opening time',
		]);
		expect(problems({ holidays: [holiday('2026-12-24', '24:00', '24:00')] })).toEqual([
			'On 2026-12-24 24:00 cannot be the start',
		]);
	});

	it.each<[unknown, string]>([
		['MONDAY', 'MONDAY'],
		['monday', 'MONDAY'],
		[' Tuesday ', 'TUESDAY'],
		['Tu', 'TUESDAY'],
		['Tues', 'TUESDAY'],
		['Wed.', 'WEDNESDAY'],
		['THUR', 'THURSDAY'],
		['fri', 'FRIDAY'],
		['Sa', 'SATURDAY'],
		['su', 'SUNDAY'],
	])('The day %j becomes %s', (day, sent) => {
		expect(body({ weeklyHours: [range(day, '9:00', '17:00')] })).toMatchObject({
			weekly_operating_hours: [{ day_of_week: sent }],
		});
	});

	it.each<unknown>(['', 'T', 'S', 'M', 'Mittwoch', 'Monday-Friday', '1', 1, null])(
		'The day %j is rejected',
		(day) => {
			expect(problems({ weeklyHours: [range(day, '9:00', '17:00')] })).toEqual([
				`Weekly Hours, range 1: write Day in English, such as Monday or Mon instead of ${written(String(day ?? ''))}`,
			]);
		},
	);

	it.each<[unknown, string]>([
		['enabled', 'ENABLED'],
		[' Disabled ', 'DISABLED'],
	])('The status %j is accepted', (status, sent) =>
		expect(body({ status })).toMatchObject({ status: sent }),
	);

	it.each<unknown>(['', 'on', true])('The status %j is rejected', (status) => {
		expect(problems({ status })).toEqual([
			`Call Hours: write Status as ENABLED or DISABLED instead of ${written(String(status))}`,
		]);
	});

	it.each(['2026-12-24T00:00:00', '2026-12-24T00:00:00.000Z', ' 2026-12-24 '])(
		'The date is read from %j',
		(date) => {
			expect(body({ holidays: [holiday(date)] })).toMatchObject({
				holiday_schedule: [{ date: '2026-12-24' }],
			});
		},
	);

	it('The leap day of a leap year is accepted', () => {
		expect(problems({ holidays: [holiday('2028-02-29')] })).toEqual([]);
	});

	it.each(['', '24.12.2026', '2026-13-01', '2026-00-10', '2026-02-30', '2027-02-29', '2026-1-1'])(
		'The date %j is rejected',
		(date) => {
			expect(problems({ holidays: [holiday(date)] })).toEqual([
				`Holidays, day 1: write Date as 2026-12-24 instead of ${written(date)}`,
			]);
		},
	);

	it.each(['Europe/Berlin', 'America/Manaus', 'Asia/Kolkata', ' UTC '])(
		'The time zone %j is accepted',
		(timeZone) => expect(problems({ timeZone })).toEqual([]),
	);

	it.each(['', 'Berlin', 'Europe/Nowhere', 'CEST+2', '../../etc', '+02:00'])(
		'The time zone %j is rejected',
		(timeZone) => {
			expect(problems({ timeZone })).toEqual([
				`Call Hours: write Time Zone as a name such as Europe/Berlin instead of ${written(timeZone)}`,
			]);
		},
	);

	it('A holiday in the past is rejected by its date, in the time zone that was given', () => {
		const past = (date: string) => [
			`The holiday ${date} is in the past, and WhatsApp rejects it. Remove it`,
		];
		const holidays = [holiday('2026-11-20')];
		expect(problems({ holidays: [holiday('2026-01-01')] })).toEqual(past('2026-01-01'));
		expect(problems({ holidays })).toEqual([]);
		const evening = Date.parse('2026-11-20T23:30:00Z');
		expect(problems({ holidays, timeZone: 'Europe/Berlin' }, evening)).toEqual(past('2026-11-20'));
		expect(problems({ holidays, timeZone: 'America/Manaus' }, evening)).toEqual([]);
	});

	it('Two ranges a day are accepted on every day, also if one begins when the other ends', () => {
		const weeklyHours = DAYS.flatMap((day) => [
			range(day, '12:00', '17:00'),
			range(day, '08:00', '12:00'),
		]);
		expect(problems({ weeklyHours })).toEqual([]);
	});

	it('Three ranges a day are rejected', () => {
		const weeklyHours = ['08', '10', '12'].map((hour) =>
			range('FRIDAY', `${hour}:00`, `${hour}:30`),
		);
		expect(problems({ weeklyHours })).toEqual([
			'Friday has 3 ranges, but WhatsApp accepts 2 a day',
		]);
	});

	it('Ranges of a day that overlap are rejected, in any order', () => {
		const [early, late] = [range('SUNDAY', '08:00', '12:01'), range('SUNDAY', '12:00', '13:00')];
		for (const weeklyHours of [
			[early, late],
			[late, early],
		]) {
			expect(problems({ weeklyHours })).toEqual(['The ranges of Sunday overlap']);
		}
	});

	it('Hours over midnight are rejected with the way to write them', () => {
		expect(problems({ weeklyHours: [range('SUNDAY', '22:00', '2 AM')] })).toEqual([
			'On Sunday the closing time 02:00 is before the opening time 22:00. For hours past midnight, add two ranges: Sunday 22:00 to 24:00, and Monday 00:00 to 02:00',
		]);
		expect(problems({ holidays: [holiday('2026-12-24', '22:00', '2:00')] })).toEqual([
			'On 2026-12-24 the end 02:00 is before the start 22:00. For hours past midnight, add two holidays, one for each date',
		]);
	});

	it('A range that ends when it begins is rejected', () => {
		expect(problems({ weeklyHours: [range('MONDAY', '00:00', '00:00')] })).toEqual([
			'On Monday the opening time must be before the closing time',
		]);
		expect(problems({ holidays: [holiday('2026-12-24', '9:00', '9:00')] })).toEqual([
			'On 2026-12-24 the start must be before the end',
		]);
	});

	it.each<[Partial<GivenCallHours>, string]>([
		[{ weeklyHours: 'x' }, 'Weekly Hours must be a list'],
		[{ holidays: { 0: 'x' } }, 'Holidays must be a list'],
	])('A value of %j is rejected as no list', (changes, problem) => {
		expect(problems(changes)).toContain(problem);
	});

	it('20 holidays are accepted, and not 21', () => {
		const days = (count: number) =>
			Array.from({ length: count }, (_, i) => holiday(`2026-12-${String(i + 1).padStart(2, '0')}`));
		expect(problems({ holidays: days(20) })).toEqual([]);
		expect(problems({ holidays: days(21) })).toEqual(['WhatsApp accepts at most 20 holidays']);
	});

	it('A range is required where call hours are on, and not where they are off', () => {
		expect(problems({ weeklyHours: [] })).toEqual([
			'Call hours that are turned on need at least one weekly range',
		]);
		expect(problems({ status: 'DISABLED', weeklyHours: [] })).toEqual([]);
	});

	it('An empty schedule is sent without holidays, which deletes the existing one', () => {
		expect(body({ holidays: undefined })).toMatchObject({ holiday_schedule: [] });
	});

	it('Every problem is reported at once, with its place', () => {
		expect(
			problems({
				weeklyHours: [
					range('MONDAY', '17:00', '09:00'),
					range('TUESDAY', '9', '12:00'),
					range('FRIDAY', '9', '12:00'),
				],
				holidays: [holiday('2026-12-24', '10:00', '09:00'), null],
			}),
		).toEqual([
			expect.stringContaining('On Monday'),
			`Weekly Hours, Tuesday: write Opens ${AS_TIME} "9"`,
			`Weekly Hours, Friday: write Opens ${AS_TIME} "9"`,
			expect.stringContaining('On 2026-12-24'),
			'Holidays, day 2: write Date as 2026-12-24 instead of leaving it empty',
			`Holidays, day 2: write Starts ${AS_TIME} leaving it empty`,
			`Holidays, day 2: write Ends ${AS_TIME} leaving it empty`,
		]);
	});

	it.each<unknown>([{}, [], [[]], Symbol.iterator, 1n, NaN, { toString: null }])(
		'No value of an expression throws',
		(odd) => {
			const read = () =>
				readCallHours(
					{
						status: odd,
						timeZone: odd,
						weeklyHours: [odd, range(odd, odd, odd)],
						holidays: [odd, holiday(odd, odd, odd)],
					},
					NOW,
				);
			expect(read().ok).toBe(false);
		},
	);
});

describe('call hours that are turned off without a schedule', () => {
	const off = (changes: Partial<GivenCallHours> = {}) =>
		hours({ status: 'DISABLED', timeZone: '', weeklyHours: [], holidays: [], ...changes });
	const stored = {
		status: 'ENABLED',
		timezone_id: 'America/Manaus',
		weekly_operating_hours: [
			{ day_of_week: 'MONDAY', open_time: '04:00', close_time: '1020' },
			{ day_of_week: 'SOMEDAY', open_time: '0400', close_time: '1020' },
			{ day_of_week: 'TUESDAY', open_time: null, close_time: '1020' },
		],
		holiday_schedule: [
			{ date: '2026-01-01', start_time: '0000', end_time: '2359' },
			{ date: '2026-12-31', start_time: '00:00', end_time: '1200' },
			{ date: '2026-12-30', start_time: null, end_time: '1200' },
		],
	};

	it('The stored schedule is kept, without holidays in the past', () => {
		expect(callHoursBody(withStoredSchedule(off(), stored, NOW))).toEqual({
			status: 'DISABLED',
			timezone_id: 'America/Manaus',
			weekly_operating_hours: [{ day_of_week: 'MONDAY', open_time: '0400', close_time: '1020' }],
			holiday_schedule: [{ date: '2026-12-31', start_time: '0000', end_time: '1200' }],
		});
	});

	it('A time zone is required for ranges that are given', () => {
		expect(problems({ status: 'DISABLED', timeZone: '' })).toEqual([
			'Call Hours: write Time Zone as a name such as Europe/Berlin instead of leaving it empty',
		]);
		expect(body({ status: 'DISABLED' })).toMatchObject({ timezone_id: 'Europe/Berlin' });
	});

	it('What was given is used before what is stored', () => {
		const given = off({ timeZone: 'Europe/Berlin', holidays: [holiday('2027-01-01')] });
		expect(withStoredSchedule(given, stored, NOW)).toMatchObject({
			timeZone: 'Europe/Berlin',
			holidays: [{ date: '2027-01-01' }],
		});
	});

	it.each([
		['nothing is stored', null],
		['no range is stored', { ...stored, timezone_id: null, weekly_operating_hours: [] }],
	])('The schedule is always open if %s', (_, settings) => {
		expect(withStoredSchedule(off(), settings, NOW)).toMatchObject({
			status: 'DISABLED',
			timeZone: 'UTC',
			weeklyHours: DAYS.map((day) => ({ day, opens: '0000', closes: '2359' })),
		});
	});
});
