import { z } from 'zod';

import { integer, isoTimeOfMs } from '../values';

/**
 * Scalars as Meta writes them in responses of the Graph API, as zod schemas. Events of webhooks are read
 * with the functions in `values.ts`, for speed.
 */

/** Null for what is missing or does not fit the schema. */
export const orNull = <T extends z.ZodTypeAny>(schema: T) => schema.nullable().catch(null);

/** A text that is not empty, or null. */
export const text = orNull(z.string().min(1));

/** A list of texts, or null. */
export const texts = orNull(z.array(z.string()));

/** A whole number, which Meta writes as a number or as text. */
export const wholeNumber = z.unknown().transform((value, { addIssue }) => {
	const number = integer(value);
	if (number !== null) return number;
	addIssue({ code: 'custom', message: 'not a whole number' });
	return z.NEVER;
});

/** An ID that consists of digits and may come as a number. */
export const idText = z.union([
	z.string().min(1),
	z.number().int().nonnegative().safe().transform(String),
]);

/** The last second that a `Date` can hold. */
const MAX_UNIX_SECONDS = 8.64e12;

/** A time in Unix seconds; the output is an ISO 8601 text. */
export const unixTime = wholeNumber
	.pipe(z.number().positive().max(MAX_UNIX_SECONDS))
	.transform((seconds) => isoTimeOfMs(seconds * 1000));
