import type { IDataObject } from 'n8n-workflow';

import type { CallSettings } from '../../graph/callSettings';
import { asText, truncate } from '../shared/parameters';

/** Limits of Meta ("Call settings"). */
const MAX_RANGES_A_DAY = 2;
const MAX_HOLIDAYS = 20;

export const DAYS = [
	'MONDAY',
	'TUESDAY',
	'WEDNESDAY',
	'THURSDAY',
	'FRIDAY',
	'SATURDAY',
	'SUNDAY',
] as const;

type Day = (typeof DAYS)[number];

/** Times are Meta's four digits, such as `0900`. */
interface WeeklyRange {
	day: Day;
	opens: string;
	closes: string;
}

interface Holiday {
	date: string;
	starts: string;
	ends: string;
}

export interface CallHours {
	status: 'ENABLED' | 'DISABLED';
	/** Null if call hours are turned off without a schedule and no time zone was given. */
	timeZone: string | null;
	weeklyHours: WeeklyRange[];
	holidays: Holiday[];
}

/** Call hours as the panel or an expression gives them. */
export interface GivenCallHours {
	status: unknown;
	timeZone: unknown;
	weeklyHours: unknown;
	holidays: unknown;
}

export type ReadCallHours = { ok: true; hours: CallHours } | { ok: false; problems: string[] };

const START_OF_DAY = '0000';
/** Midnight at the end of a day, as operators write it. */
const MIDNIGHT = '2400';
/** The end of a day in all samples of Meta ("Call settings"); none has 2400. */
const END_OF_DAY = '2359';

const AS_TIME = 'as 09:00 or 9:00 AM';
const AS_DAY = 'in English, such as Monday or Mon';
const AS_DATE = 'as 2026-12-24';

/**
 * @param now Unix milliseconds; WhatsApp refuses holidays of the past
 * @returns the hours, or all problems, each as a sentence without a full stop
 */
export function readCallHours(given: GivenCallHours, now: number): ReadCallHours {
	const problems: string[] = [];
	/** `how` says how to write it, `place` and `field` where in the panel. */
	const read = <T>(
		value: unknown,
		reader: (text: string) => T | null,
		how: string,
		place: string,
		field: string,
	): T | null => {
		const text = asText(value);
		const found = reader(text);
		if (found === null) {
			const written = text === '' ? 'leaving it empty' : `"${truncate(text)}"`;
			problems.push(`${place}: write ${field} ${how} instead of ${written}`);
		}
		return found;
	};
	const rows = (value: unknown, label: string): IDataObject[] => {
		if (value === undefined || value === null || value === '') return [];
		if (Array.isArray(value)) return value.map((row) => (row ?? {}) as IDataObject);
		problems.push(`${label} must be a list`);
		return [];
	};

	const here = 'Call Hours';
	const status = read(given.status, readStatus, 'as ENABLED or DISABLED', here, 'Status');
	const weeklyRows = rows(given.weeklyHours, 'Weekly Hours');
	const isZoneNeeded = status === 'ENABLED' || weeklyRows.length > 0;
	const timeZone =
		isZoneNeeded || asText(given.timeZone) !== ''
			? read(given.timeZone, readTimeZone, 'as a name such as Europe/Berlin', here, 'Time Zone')
			: null;

	if (status === 'ENABLED' && weeklyRows.length === 0) {
		problems.push('Call hours that are turned on need at least one weekly range');
	}
	const weeklyHours = weeklyRows.flatMap((row, index): WeeklyRange[] => {
		const day = read(row.day, readDay, AS_DAY, `Weekly Hours, range ${index + 1}`, 'Day');
		const place = `Weekly Hours, ${day === null ? `range ${index + 1}` : titled(day)}`;
		const opens = read(row.opens, readTime, AS_TIME, place, 'Opens');
		const closes = read(row.closes, readTime, AS_TIME, place, 'Closes');
		if (day === null || opens === null || closes === null) return [];
		const range = { day, opens, closes: asEnd(closes, opens) };
		problems.push(...rangeProblems(range));
		return [range];
	});
	problems.push(...DAYS.flatMap((day) => dayProblems(day, weeklyHours)));

	const holidayRows = rows(given.holidays, 'Holidays');
	if (holidayRows.length > MAX_HOLIDAYS) {
		problems.push(`WhatsApp accepts at most ${MAX_HOLIDAYS} holidays`);
	}
	const today = dateIn(timeZone, now);
	const holidays = holidayRows.flatMap((row, index): Holiday[] => {
		const date = read(row.date, readDate, AS_DATE, `Holidays, day ${index + 1}`, 'Date');
		const place = `Holidays, ${date ?? `day ${index + 1}`}`;
		const starts = read(row.starts, readTime, AS_TIME, place, 'Starts');
		const ends = read(row.ends, readTime, AS_TIME, place, 'Ends');
		if (date === null || starts === null || ends === null) return [];
		const holiday = { date, starts, ends: asEnd(ends, starts) };
		problems.push(...holidayProblems(holiday, today));
		return [holiday];
	});

	if (problems.length > 0 || status === null) {
		return { ok: false, problems: [...new Set(problems)] };
	}
	return { ok: true, hours: { status, timeZone, weeklyHours, holidays } };
}

/**
 * Adds a schedule to call hours that are turned off without one. Meta is reported to require one even then, so
 * the stored schedule is sent unchanged, except for past holidays, which Meta refuses. If none is stored, it is
 * "always open", which has the same effect as no call hours.
 */
export function withStoredSchedule(
	hours: CallHours,
	stored: CallSettings['call_hours'],
	now: number,
): CallHours {
	const weekly = (stored?.weekly_operating_hours ?? []).flatMap((range): WeeklyRange[] => {
		const day = readDay(range.day_of_week);
		const opens = readTime(range.open_time ?? '');
		const closes = readTime(range.close_time ?? '');
		return day && opens && closes ? [{ day, opens, closes: asEnd(closes, opens) }] : [];
	});
	const timeZone = hours.timeZone ?? stored?.timezone_id ?? 'UTC';
	const today = dateIn(timeZone, now);
	const kept = (stored?.holiday_schedule ?? []).flatMap((day): Holiday[] => {
		const starts = readTime(day.start_time ?? '');
		const ends = readTime(day.end_time ?? '');
		if (!starts || !ends || day.date < today) return [];
		return [{ date: day.date, starts, ends: asEnd(ends, starts) }];
	});
	return {
		status: hours.status,
		timeZone,
		weeklyHours:
			weekly.length > 0
				? weekly
				: DAYS.map((day) => ({ day, opens: START_OF_DAY, closes: END_OF_DAY })),
		holidays: hours.holidays.length > 0 ? hours.holidays : kept,
	};
}

/** The `call_hours` of the request. Without a holiday schedule Meta deletes the stored one. */
export function callHoursBody(hours: CallHours): IDataObject {
	return {
		status: hours.status,
		timezone_id: hours.timeZone,
		weekly_operating_hours: hours.weeklyHours.map((range) => ({
			day_of_week: range.day,
			open_time: range.opens,
			close_time: range.closes,
		})),
		holiday_schedule: hours.holidays.map((day) => ({
			date: day.date,
			start_time: day.starts,
			end_time: day.ends,
		})),
	};
}

function rangeProblems({ day, opens, closes }: WeeklyRange): string[] {
	const name = titled(day);
	if (opens === MIDNIGHT) return [`On ${name} 24:00 cannot be the opening time`];
	if (opens === closes) return [`On ${name} the opening time must be before the closing time`];
	if (opens < closes) return [];
	const [from, to] = [withColon(opens), withColon(closes)];
	const next = titled(DAYS[(DAYS.indexOf(day) + 1) % DAYS.length]);
	return [
		`On ${name} the closing time ${to} is before the opening time ${from}. For hours past midnight, add two ranges: ${name} ${from} to 24:00, and ${next} 00:00 to ${to}`,
	];
}

function dayProblems(day: Day, weeklyHours: WeeklyRange[]): string[] {
	const ranges = weeklyHours
		.filter((range) => range.day === day)
		.sort((a, b) => a.opens.localeCompare(b.opens));
	const problems: string[] = [];
	if (ranges.length > MAX_RANGES_A_DAY) {
		problems.push(
			`${titled(day)} has ${ranges.length} ranges, but WhatsApp accepts ${MAX_RANGES_A_DAY} a day`,
		);
	}
	if (ranges.some((range, i) => i > 0 && range.opens < ranges[i - 1].closes)) {
		problems.push(`The ranges of ${titled(day)} overlap`);
	}
	return problems;
}

function holidayProblems({ date, starts, ends }: Holiday, today: string): string[] {
	if (date < today) {
		return [`The holiday ${date} is in the past, and WhatsApp rejects it. Remove it`];
	}
	if (starts === MIDNIGHT) return [`On ${date} 24:00 cannot be the start`];
	if (starts === ends) return [`On ${date} the start must be before the end`];
	if (starts < ends) return [];
	return [
		`On ${date} the end ${withColon(ends)} is before the start ${withColon(starts)}. For hours past midnight, add two holidays, one for each date`,
	];
}

function readStatus(text: string): CallHours['status'] | null {
	const word = text.toUpperCase();
	return word === 'ENABLED' || word === 'DISABLED' ? word : null;
}

/** An English name or its beginning, such as `Mon`. Two letters are enough to distinguish all seven. */
function readDay(text: string): Day | null {
	const word = text.replace(/\.$/, '').toUpperCase();
	return (word.length >= 2 && DAYS.find((day) => day.startsWith(word))) || null;
}

/** `9:00`, `0900`, `09:00:00` or `9 PM` as Meta's four digits. Not `9`, which may be morning or evening. */
function readTime(text: string): string | null {
	const byClock = /^(\d{1,2}):?(\d{2})$/.exec(text) ?? /^(\d{1,2}):(\d{2}):00$/.exec(text);
	if (byClock) return fourDigits(Number(byClock[1]), byClock[2]);
	const byHalf = /^(1[0-2]|0?[1-9])(?::(\d{2}))?\s*([ap])\.?m\.?$/i.exec(text);
	if (!byHalf) return null;
	const [, hour, minutes = '00', half] = byHalf;
	return fourDigits((Number(hour) % 12) + (half.toLowerCase() === 'p' ? 12 : 0), minutes);
}

function fourDigits(hour: number, minutes: string): string | null {
	const time = `${String(hour).padStart(2, '0')}${minutes}`;
	return time === MIDNIGHT || (hour <= 23 && Number(minutes) <= 59) ? time : null;
}

/** As an end, 24:00 and 0:00 both mean midnight, unless the start is 0:00. */
function asEnd(time: string, start: string): string {
	return time === MIDNIGHT || (time === START_OF_DAY && start !== START_OF_DAY) ? END_OF_DAY : time;
}

function readTimeZone(name: string): string | null {
	// Intl also accepts offsets, Meta only names.
	if (!/^[a-z]/i.test(name)) return null;
	try {
		return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) === '' ? null : name;
	} catch {
		return null;
	}
}

/** @returns the date in a time zone, such as `2026-12-24` */
function dateIn(timeZone: string | null, now: number): string {
	const format = new Intl.DateTimeFormat('en', {
		timeZone: readTimeZone(timeZone ?? '') ?? 'UTC',
		year: 'numeric',
		month: '2-digit',
		day: '2-digit',
	});
	const parts = Object.fromEntries(
		format.formatToParts(now).map(({ type, value }) => [type, value]),
	);
	return `${parts.year}-${parts.month}-${parts.day}`;
}

/** n8n's date picker adds a time of day, which is ignored. */
function readDate(text: string): string | null {
	const date = text.slice(0, 10);
	if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return null;
	const time = Date.parse(date);
	// Date.parse reads 30 February as 2 March.
	return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date) ? date : null;
}

const titled = (day: Day) => day[0] + day.slice(1).toLowerCase();

/** @example withColon('0900') // '09:00' */
export function withColon(time: string): string {
	return time.replace(/^(\d{2})(\d{2})$/, '$1:$2');
}
