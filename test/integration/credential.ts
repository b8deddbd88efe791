import type { Emulator } from '../emulator';

/** A credential, as n8n's editor would save it. */
export type CredentialFields = Record<string, string>;

export function credentialFor({ account, baseUrl }: Emulator): CredentialFields {
	return {
		accessToken: account.accessToken,
		businessAccountId: account.businessAccountId,
		appId: account.appId,
		appSecret: account.appSecret,
		apiVersion: 'v26.0',
		baseUrl,
	};
}
