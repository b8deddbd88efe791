const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.\d{1,9})?)?)?$/;
const WITH_OFFSET =
	/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/;

/**
 * A time as n8n's date picker or an expression gives it.
 *
 * @param text ISO 8601. Without an offset, it is the time that a clock in the time zone shows
 * @returns Unix seconds, or null if the text is no time
 * @example unixSecondsOf('2026-11-01', 'Europe/Berlin') // 1793487600, which is 2026-10-31T23:00:00Z
 */
export function unixSecondsOf(text: string, timeZone: string): number | null {
	if (WITH_OFFSET.test(text)) return secondsOf(Date.parse(text));
	const [, date, minutes = '00:00', seconds = '00'] = DATE.exec(text) ?? [];
	if (date === undefined) return null;
	const shown = Date.parse(`${date}T${minutes}:${seconds}Z`);
	// Date.parse reads 30 February as 2 March.
	if (Number.isNaN(shown) || !new Date(shown).toISOString().startsWith(date)) return null;
	// The second guess is right unless a clock change is within its offset.
	const guess = shown - offsetAt(shown, timeZone);
	return secondsOf(shown - offsetAt(guess, timeZone));
}

function secondsOf(milliseconds: number): number | null {
	return Number.isNaN(milliseconds) || milliseconds < 0 ? null : Math.floor(milliseconds / 1000);
}

/** Milliseconds by which clocks in the time zone are ahead of UTC. */
function offsetAt(time: number, timeZone: string): number {
	const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
	const name = format.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? '';
	const [, sign, hours, minutes] = /^GMT([+-])(\d{2}):(\d{2})/.exec(name) ?? [];
	if (sign === undefined) return 0;
	return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
