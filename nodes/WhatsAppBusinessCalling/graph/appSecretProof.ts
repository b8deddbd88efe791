import { createHmac } from 'crypto';

/**
 * The parameter `appsecret_proof` of a request: it shows Meta that the sender of an access token also has the
 * secret of the app for which the token was generated. Meta checks it wherever it is sent, and requires it for apps
 * with "Require app secret".
 *
 * @returns 64 hexadecimal digits
 * @source Meta, "Secure Graph API calls": HMAC-SHA256 of the access token with the app secret
 */
export function appSecretProof(accessToken: string, appSecret: string): string {
	return createHmac('sha256', appSecret).update(accessToken).digest('hex');
}
