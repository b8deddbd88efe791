import { createHmac } from 'node:crypto';

/** The header by which Meta signs the body of a delivery, `sha256=<hex>`. */
export function signatureOf(
	body: Buffer | string,
	appSecret: string,
	algorithm = 'sha256',
): string {
	return `${algorithm}=${createHmac(algorithm, appSecret).update(body).digest('hex')}`;
}
