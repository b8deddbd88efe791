import { z } from 'zod';

/**
 * A whole number, which Meta writes as a number or as text. Not zod's coercion: that takes an empty
 * text, false and an empty list for 0, and throws for some objects.
 */
export const wholeNumber = z.union([
	z.number().int().safe(),
	z
		.string()
		.regex(/^-?\d{1,15}$/)
		.transform(Number),
]);

/** An ID that is digits and may come as a number. */
export const idText = z.union([
	z.string().min(1),
	z.number().int().nonnegative().safe().transform(String),
]);

/** A time in Unix seconds, as an ISO text. */
export const unixTime = wholeNumber
	.pipe(z.number().positive().max(8.64e12))
	.transform((seconds) => new Date(seconds * 1000).toISOString());
