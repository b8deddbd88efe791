import type {
	IAdditionalCredentialOptions,
	ICredentialDataDecryptedObject,
	INode,
} from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { z } from 'zod';

import type { GraphContext } from './types';

export const CREDENTIAL_NAME = 'whatsAppBusinessCallingApi';

/** What the nodes need of the credential besides the access token, which only n8n's authenticated request helper touches. */
export interface Account {
	businessAccountId: string;
	appId: string;
	appSecret: string;
	/** Origin and optional path of the Graph API, without a trailing slash. */
	baseUrl: string;
	/** Version path segment, e.g. `v26.0`. */
	apiVersion: string;
}

const id = (label: string) =>
	z
		.string()
		.trim()
		.regex(/^[A-Za-z0-9_-]+$/, `${label} must be the number shown in Meta's dashboard`);

const accountSchema = z.object({
	businessAccountId: id('Business Account ID'),
	appId: id('App ID'),
	appSecret: z.string().trim().min(1, 'App Secret is empty'),
	apiVersion: z
		.string()
		.trim()
		.regex(/^v?\d+\.\d+$/, 'API Version must look like v26.0')
		.transform((version) => (version.startsWith('v') ? version : `v${version}`)),
	baseUrl: z
		.string()
		.trim()
		.refine(isBaseUrl, 'Base URL must be an address such as https://graph.facebook.com')
		.transform((url) => url.replace(/\/+$/, '')),
});

function isBaseUrl(text: string): boolean {
	if (!URL.canParse(text)) return false;
	const url = new URL(text);
	const plain = !url.username && !url.password && !url.search && !url.hash;
	return ['https:', 'http:'].includes(url.protocol) && plain;
}

/** What n8n decrypted, beside the account and not in it: so the token is in nothing that is handed on. */
const decrypted = new WeakMap<Account, ICredentialDataDecryptedObject>();

/**
 * Reads and checks the credential.
 *
 * @throws NodeOperationError that names each field to correct
 */
export async function readAccount(context: GraphContext): Promise<Account> {
	const fields = await context.getCredentials(CREDENTIAL_NAME);
	const account = parseAccount(context.getNode(), fields);
	decrypted.set(account, fields);
	return account;
}

/**
 * For n8n's authenticated requests, which otherwise decrypt the credential again. In a webhook that
 * costs more than the request: n8n makes an isolate of its expression engine for it.
 */
export function decryptedCredential(account: Account): IAdditionalCredentialOptions {
	const data = decrypted.get(account);
	if (data === undefined) return {};
	return { credentialsDecrypted: { id: '', name: '', type: CREDENTIAL_NAME, data } };
}

/** Whether two accounts are of a credential that nobody changed between their readings. */
export function isSameCredential(one: Account, other: Account): boolean {
	return JSON.stringify(decrypted.get(one)) === JSON.stringify(decrypted.get(other));
}

export function parseAccount(node: INode, fields: unknown): Account {
	const parsed = accountSchema.safeParse(fields);
	if (parsed.success) return parsed.data;
	throw new NodeOperationError(
		node,
		'The WhatsApp Business Calling credential needs a correction',
		{
			description: `${parsed.error.issues.map((issue) => issue.message).join('. ')}. Open the credential, correct it and save it.`,
		},
	);
}
