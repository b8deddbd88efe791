/** IDs of the business phone numbers that each emulator has. */
export const NUMBER = '106000000000001';
export const SECOND_NUMBER = '106000000000002';

/** Phone number of the person at the other side of a call. */
export const PERSON = '14085551234';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
