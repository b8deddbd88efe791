import { z } from 'zod';

/** zod schemas for what operators type, which an expression may give in another form. */

/**
 * One fixed error message for a zod schema, whatever is wrong with the value.
 *
 * @param message one sentence that names the field as the panel does and says what it must be
 * @example z.boolean(withMessage('Download File must be true or false'))
 */
export const withMessage = (message: string) => ({ errorMap: () => ({ message }) });

/**
 * A number, which an expression may give as text. Not zod's coercion: it accepts null, an empty text,
 * false and an empty list as 0.
 *
 * @param message as for `withMessage`
 * @param bounds further conditions for the number
 * @example numberSchema('Limit must be a whole number, 1 or above', (limit) => limit.int().min(1))
 */
export const numberSchema = (message: string, bounds: (number: z.ZodNumber) => z.ZodNumber) => {
	const digits = z
		.string()
		.trim()
		.regex(/^-?\d+(\.\d+)?$/)
		.transform(Number);
	return z
		.union([z.number(), digits], withMessage(message))
		.pipe(bounds(z.number(withMessage(message)).finite()));
};

const MEBIBYTE = 1024 * 1024;

/** The option *Max File Size (MB)* of both nodes, default 100. The output is in bytes. */
export const maxFileSizeSchema = numberSchema(
	'Max File Size (MB) must be a number above 0',
	(size) => size.positive(),
)
	.default(100)
	.transform((size) => size * MEBIBYTE);
