import type { IDataObject } from 'n8n-workflow';
import { z } from 'zod';

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

/** A time of day: `9:00`, `09:00` or `0900`, as Meta's four digits. */
const timeOfDay = z
	.string()
	.trim()
	.regex(/^(?:[01]?\d|2[0-3]):?[0-5]\d$/, 'Times are written as 09:00')
	.transform((time) => time.replace(':', '').padStart(4, '0'));

const date = z
	.string()
	.trim()
	// A date picker of n8n adds a time of day.
	.transform((text) => text.slice(0, 10))
	.refine(isDate, 'Dates are written as 2026-12-24');

export const callHoursSchema = z
	.object({
		status: z.enum(['ENABLED', 'DISABLED']),
		timeZone: z
			.string()
			.trim()
			.refine(isTimeZone, 'The time zone must be a name such as Europe/Berlin'),
		weeklyHours: z
			.array(z.object({ day: z.enum(DAYS), opens: timeOfDay, closes: timeOfDay }))
			.default([]),
		holidays: z
			.array(z.object({ date, starts: timeOfDay, ends: timeOfDay }))
			.max(MAX_HOLIDAYS, `WhatsApp takes at most ${MAX_HOLIDAYS} holidays`)
			.default([]),
	})
	.superRefine(({ status, weeklyHours, holidays }, context) => {
		const complain = (message: string) => context.addIssue({ code: 'custom', message });
		if (status === 'ENABLED' && weeklyHours.length === 0) {
			complain('Call hours that are on need at least one weekly range');
		}
		for (const { day, opens, closes } of weeklyHours) {
			if (opens >= closes) complain(`On ${day} the opening time must be before the closing time`);
		}
		for (const { date: day, starts, ends } of holidays) {
			if (starts >= ends) complain(`On ${day} the start must be before the end`);
		}
		for (const day of DAYS) {
			const ranges = weeklyHours
				.filter((range) => range.day === day)
				.sort((a, b) => a.opens.localeCompare(b.opens));
			if (ranges.length > MAX_RANGES_A_DAY) {
				complain(
					`${day} has ${ranges.length} ranges, but WhatsApp takes ${MAX_RANGES_A_DAY} a day`,
				);
			}
			if (ranges.some((range, i) => i > 0 && range.opens < ranges[i - 1].closes)) {
				complain(`The ranges of ${day} overlap`);
			}
		}
	});

/** The request's `call_hours`. Without a holiday schedule Meta deletes the one that is there. */
export function callHoursBody(hours: z.infer<typeof callHoursSchema>): IDataObject {
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

function isTimeZone(name: string): boolean {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
	} catch {
		return false;
	}
}

function isDate(text: string): boolean {
	if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
	const time = Date.parse(text);
	// 30 February is read as 2 March.
	return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
