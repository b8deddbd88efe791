/**
 * Reads a SHA-256 as Meta writes it: base64 in webhooks, with or without padding and also in the URL-safe
 * alphabet; 64 hexadecimal digits in responses of the Media API. In quotation marks, as in headers (ETag), it is
 * read too.
 *
 * @returns the 32 bytes, or null if the text is not a SHA-256
 * @example parseSha256('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=') // <Buffer e3 b0 c4 42 ...>
 */
export function parseSha256(text: unknown): Buffer | null {
	if (typeof text !== 'string') return null;
	const trimmed = text.trim().replace(/^(['"])(.*)\1$/, '$2');
	if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
	// 43 characters of base64 hold 32 bytes.
	return /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : null;
}
