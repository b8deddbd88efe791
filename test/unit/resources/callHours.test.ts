import {
	callHoursBody,
	callHoursSchema,
	DAYS,
} from '../../../nodes/WhatsAppBusinessCalling/resources/phoneNumber/callHours';

const range = (day: string, opens: string, closes: string) => ({ day, opens, closes });
const holiday = (date: string, starts = '00:00', ends = '23:59') => ({ date, starts, ends });

const HOURS = {
	status: 'ENABLED',
	timeZone: 'Europe/Berlin',
	weeklyHours: [range('MONDAY', '09:00', '17:00')],
	holidays: [holiday('2026-12-24')],
};

/** What is wrong, in the words for the operator; empty where nothing is. */
function problems(changes: object): string[] {
	const parsed = callHoursSchema.safeParse({ ...HOURS, ...changes });
	return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

const body = (changes: object) => callHoursBody(callHoursSchema.parse({ ...HOURS, ...changes }));

describe('call hours', () => {
	it("become Meta's fields", () => {
		expect(body({})).toEqual({
			status: 'ENABLED',
			timezone_id: 'Europe/Berlin',
			weekly_operating_hours: [{ day_of_week: 'MONDAY', open_time: '0900', close_time: '1700' }],
			holiday_schedule: [{ date: '2026-12-24', start_time: '0000', end_time: '2359' }],
		});
	});

	it.each([
		['09:00', '0900'],
		['9:00', '0900'],
		['0900', '0900'],
		['900', '0900'],
		[' 00:05 ', '0005'],
		['0:05', '0005'],
	])('take the time %j as %s', (opens, sent) => {
		expect(body({ weeklyHours: [range('MONDAY', opens, '23:59')] })).toMatchObject({
			weekly_operating_hours: [{ open_time: sent }],
		});
	});

	it.each(['', '9', '24:00', '2400', '12:60', '9 am', '09.00', '09:00:00', '-1:00', '٠٩:٠٠'])(
		'refuse the time %j',
		(opens) => {
			expect(problems({ weeklyHours: [range('MONDAY', opens, '23:59')] })).toEqual(
				expect.arrayContaining(['Times are written as 09:00']),
			);
			expect(problems({ holidays: [holiday('2026-12-24', opens)] })).toEqual(
				expect.arrayContaining(['Times are written as 09:00']),
			);
		},
	);

	it.each(['2026-12-24T00:00:00', '2026-12-24T00:00:00.000Z', ' 2026-12-24 '])(
		'take the date out of %j',
		(date) => {
			expect(body({ holidays: [holiday(date)] })).toMatchObject({
				holiday_schedule: [{ date: '2026-12-24' }],
			});
		},
	);

	it('take the day that a leap year has', () => {
		expect(problems({ holidays: [holiday('2028-02-29')] })).toEqual([]);
	});

	it.each(['', '24.12.2026', '2026-13-01', '2026-00-10', '2026-02-30', '2027-02-29', '2026-1-1'])(
		'refuse the date %j',
		(date) => {
			expect(problems({ holidays: [holiday(date)] })).toEqual(['Dates are written as 2026-12-24']);
		},
	);

	it.each(['Europe/Berlin', 'America/Manaus', 'Asia/Kolkata', ' UTC '])(
		'take the time zone %j',
		(timeZone) => expect(problems({ timeZone })).toEqual([]),
	);

	it.each(['', 'Berlin', 'Europe/Nowhere', 'CEST+2', '../../etc'])(
		'refuse the time zone %j',
		(timeZone) => {
			expect(problems({ timeZone })).toEqual([
				'The time zone must be a name such as Europe/Berlin',
			]);
		},
	);

	it('take two ranges a day on every day, also where one begins when the other ends', () => {
		const weeklyHours = DAYS.flatMap((day) => [
			range(day, '12:00', '17:00'),
			range(day, '08:00', '12:00'),
		]);
		expect(problems({ weeklyHours })).toEqual([]);
	});

	it('refuse three ranges a day', () => {
		const weeklyHours = ['08', '10', '12'].map((hour) =>
			range('FRIDAY', `${hour}:00`, `${hour}:30`),
		);
		expect(problems({ weeklyHours })).toEqual(['FRIDAY has 3 ranges, but WhatsApp takes 2 a day']);
	});

	it('refuse ranges of a day that overlap, in any order', () => {
		const [early, late] = [range('SUNDAY', '08:00', '12:01'), range('SUNDAY', '12:00', '13:00')];
		for (const weeklyHours of [
			[early, late],
			[late, early],
		]) {
			expect(problems({ weeklyHours })).toEqual(['The ranges of SUNDAY overlap']);
		}
	});

	it.each([
		['17:00', '09:00'],
		['09:00', '09:00'],
	])('refuse a range from %s to %s', (opens, closes) => {
		expect(problems({ weeklyHours: [range('MONDAY', opens, closes)] })).toEqual([
			'On MONDAY the opening time must be before the closing time',
		]);
		expect(problems({ holidays: [holiday('2026-12-24', opens, closes)] })).toEqual([
			'On 2026-12-24 the start must be before the end',
		]);
	});

	it('refuse a day that is none', () => {
		expect(problems({ weeklyHours: [range('Monday', '09:00', '17:00')] })).toHaveLength(1);
	});

	it('take 20 holidays, and not 21', () => {
		const days = (count: number) =>
			Array.from({ length: count }, (_, i) => holiday(`2026-12-${String(i + 1).padStart(2, '0')}`));
		expect(problems({ holidays: days(20) })).toEqual([]);
		expect(problems({ holidays: days(21) })).toEqual(['WhatsApp takes at most 20 holidays']);
	});

	it('need a range where they are on, and none where they are off', () => {
		expect(problems({ weeklyHours: [] })).toEqual([
			'Call hours that are on need at least one weekly range',
		]);
		expect(problems({ status: 'DISABLED', weeklyHours: [] })).toEqual([]);
	});

	it('without holidays send an empty schedule, which deletes the one that is there', () => {
		expect(body({ holidays: undefined })).toMatchObject({ holiday_schedule: [] });
	});

	it('tell every problem at once', () => {
		expect(
			problems({
				weeklyHours: [range('MONDAY', '17:00', '09:00'), range('TUESDAY', '12:00', '12:00')],
				holidays: [holiday('2026-12-24', '10:00', '09:00')],
			}),
		).toHaveLength(3);
	});
});
