import { createHmac, timingSafeEqual } from 'crypto';

const HEADER_PATTERN = /^sha256=([0-9a-f]{64})$/i;

const hmac = (appSecret: string, rawBody: Buffer) =>
	createHmac('sha256', appSecret).update(rawBody).digest();

/** The header with which Meta signs a delivery. */
export function signatureOf(appSecret: string, rawBody: Buffer): string {
	return `sha256=${hmac(appSecret, rawBody).toString('hex')}`;
}

/** Whether a header has the form of a signature. Anything else can be rejected without reading the secret. */
export function isSignature(header: unknown): header is string {
	return typeof header === 'string' && HEADER_PATTERN.test(header);
}

/**
 * Whether a delivery was signed with the app secret. Never throws. The comparison takes the same time wherever the
 * two values differ.
 *
 * @param rawBody the bytes as they came; JSON that was parsed and written again has another signature
 * @param header value of `X-Hub-Signature-256`, `sha256=<64 hexadecimal digits>`
 * @source Meta, "Create a webhook endpoint": HMAC-SHA256 of the body with the app secret
 * @example isSignedBy(appSecret, request.rawBody, request.headers['x-hub-signature-256'])
 */
export function isSignedBy(
	appSecret: string,
	rawBody: unknown,
	header: unknown,
): rawBody is Buffer {
	if (!Buffer.isBuffer(rawBody) || typeof header !== 'string') return false;
	const given = HEADER_PATTERN.exec(header)?.[1];
	if (!given || appSecret === '') return false;
	const expected = hmac(appSecret, rawBody);
	return timingSafeEqual(expected, Buffer.from(given, 'hex'));
}
