import { z } from 'zod';

import { says } from './says';

/**
 * A number, which an expression may give as a text. Not zod's coercion: that takes null, an empty text,
 * false and an empty list for 0.
 *
 * @param message one sentence that names the field as the panel does and says what it must be
 * @param bounds what the number must be besides
 */
export const numeric = (message: string, bounds: (number: z.ZodNumber) => z.ZodNumber) => {
	const written = z
		.string()
		.trim()
		.regex(/^-?\d+(\.\d+)?$/)
		.transform(Number);
	return z
		.union([z.number(), written], says(message))
		.pipe(bounds(z.number(says(message)).finite()));
};
