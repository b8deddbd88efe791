import { isObject } from './callRequest';
import { invalidParameter, missingField } from './errors';
import type { Variants } from './variants';

const DAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'];
const RANGES_A_DAY = 2;
const HOLIDAYS = 20;
const PLACE = 'calling.call_hours';

interface Range {
	start: string;
	end: string;
}

/**
 * Meta, "Call settings": form and limits of `call_hours`.
 *
 * @param now Unix milliseconds.
 */
export function checkCallHours(
	hours: unknown,
	checks: Variants['callHoursChecks'],
	now: number,
): void {
	if (!isObject(hours)) throw invalidParameter(`${PLACE} must be an object`);
	if (hours.status !== 'ENABLED' && hours.status !== 'DISABLED') {
		throw invalidParameter(`${PLACE}.status must be one of ENABLED, DISABLED`);
	}
	if (typeof hours.timezone_id !== 'string') throw missingField('timezone_id', PLACE);
	if (!isTimeZone(hours.timezone_id)) throw invalidParameter(`${PLACE}.timezone_id is unknown`);

	const weekly = listOf(hours.weekly_operating_hours, 'weekly_operating_hours');
	if ((hours.status === 'ENABLED' || checks === 'strict') && weekly.length === 0) {
		throw missingField('weekly_operating_hours', PLACE);
	}
	const days = new Map<string, Range[]>();
	for (const entry of weekly) {
		const day = String(entry.day_of_week);
		if (!DAYS.includes(day)) throw invalidParameter(`${PLACE}: ${day} is not a day_of_week`);
		const range = rangeOf(entry.open_time, entry.close_time);
		days.set(day, [...(days.get(day) ?? []), range]);
	}
	for (const [day, ranges] of days) checkDay(day, ranges);

	const holidays = listOf(hours.holiday_schedule ?? [], 'holiday_schedule');
	if (holidays.length > HOLIDAYS) {
		throw invalidParameter(`${PLACE}.holiday_schedule has more than ${HOLIDAYS} days`);
	}
	for (const holiday of holidays) {
		if (!isDate(holiday.date)) {
			throw invalidParameter(`${PLACE}: ${String(holiday.date)} is not a date`);
		}
		if (checks === 'strict' && holiday.date < dayIn(hours.timezone_id, now)) {
			throw invalidParameter(`${PLACE}: the holiday ${holiday.date} is in the past`);
		}
		rangeOf(holiday.start_time, holiday.end_time);
	}
}

function checkDay(day: string, ranges: Range[]): void {
	if (ranges.length > RANGES_A_DAY) {
		throw invalidParameter(`${PLACE}: ${day} has more than ${RANGES_A_DAY} ranges`);
	}
	const [first, second] = ranges.toSorted((a, b) => a.start.localeCompare(b.start));
	if (first && second && second.start < first.end) {
		throw invalidParameter(`${PLACE}: the ranges of ${day} overlap`);
	}
}

function listOf(value: unknown, name: string): Array<Record<string, unknown>> {
	if (!Array.isArray(value) || !value.every(isObject)) {
		throw invalidParameter(`${PLACE}.${name} must be a list of objects`);
	}
	return value;
}

function rangeOf(start: unknown, end: unknown): Range {
	for (const time of [start, end]) {
		if (typeof time !== 'string' || !/^([01]\d|2[0-3])[0-5]\d$/.test(time)) {
			throw invalidParameter(`${PLACE}: ${String(time)} is not a time of four digits`);
		}
	}
	const range = { start: String(start), end: String(end) };
	if (range.start >= range.end) {
		throw invalidParameter(`${PLACE}: ${range.start} is not before ${range.end}`);
	}
	return range;
}

/** `YYYY-MM-DD`, the form of Sweden. */
const dayIn = (timeZone: string, now: number) =>
	new Intl.DateTimeFormat('sv-SE', { timeZone }).format(now);

function isDate(text: unknown): text is string {
	if (typeof text !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
	const time = Date.parse(`${text}T00:00:00Z`);
	return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function isTimeZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat('en', { timeZone: name });
		return true;
	} catch {
		return false;
	}
}
