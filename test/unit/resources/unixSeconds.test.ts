import fc from 'fast-check';

import { unixSecondsOf } from '../../../nodes/WhatsAppBusinessCalling/resources/phoneNumber/unixSeconds';

describe('unixSecondsOf', () => {
	it.each<[string, string, string]>([
		['2026-11-01', 'UTC', '2026-11-01T00:00:00Z'],
		['2026-11-01', 'Europe/Berlin', '2026-10-31T23:00:00Z'],
		['2026-07-01T09:30:15', 'Europe/Berlin', '2026-07-01T07:30:15Z'],
		['2026-07-01 09:30', 'America/New_York', '2026-07-01T13:30:00Z'],
		['2026-07-01T00:00:00.000', 'Asia/Kolkata', '2026-06-30T18:30:00Z'],
		['2026-07-01T09:30:15.000+02:00', 'America/New_York', '2026-07-01T07:30:15Z'],
		['2026-07-01T09:30:15Z', 'America/New_York', '2026-07-01T09:30:15Z'],
		// The night in which clocks go forward, and the one in which they go back.
		['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00Z'],
		['2026-03-29T03:00', 'Europe/Berlin', '2026-03-29T01:00:00Z'],
		['2026-10-25T12:00', 'Europe/Berlin', '2026-10-25T11:00:00Z'],
	])('The time %s in %s is read', (text, timeZone, expected) => {
		expect(unixSecondsOf(text, timeZone)).toBe(Date.parse(expected) / 1000);
	});

	it.each([
		'',
		'yesterday',
		'2026-02-30',
		'2026-13-01',
		'2026-01-01T25:00',
		'1.1.2026',
		'1969-01-01',
	])('The time "%s" is not read', (text) => {
		expect(unixSecondsOf(text, 'UTC')).toBeNull();
	});

	it('The time is that of a clock in UTC', () => {
		const times = fc.date({
			min: new Date('1971-01-01'),
			max: new Date('2100-01-01'),
			noInvalidDate: true,
		});
		fc.assert(
			fc.property(times, (time) => {
				const seconds = Math.floor(time.getTime() / 1000);
				expect(unixSecondsOf(time.toISOString(), 'Asia/Tokyo')).toBe(seconds);
				expect(unixSecondsOf(time.toISOString().slice(0, 19), 'UTC')).toBe(seconds);
			}),
		);
	});
});
