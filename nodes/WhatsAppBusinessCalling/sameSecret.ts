import { createHmac, timingSafeEqual } from 'crypto';

/**
 * Compares a text from outside with a secret, in a time that does not show where they differ. Nothing is the same
 * as an empty secret.
 *
 * @example isSameSecret(query['hub.verify_token'], 'my token') // true or false
 */
export function isSameSecret(given: unknown, expected: string): boolean {
	if (typeof given !== 'string' || expected === '') return false;
	const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest();
	return timingSafeEqual(digest(given), digest(expected));
}
