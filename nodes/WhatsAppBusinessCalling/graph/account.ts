import type {
	IAdditionalCredentialOptions,
	ICredentialDataDecryptedObject,
	INode,
} from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { z } from 'zod';

import { withMessage } from '../parameterSchemas';
import { ENDED_VERSION } from './apiVersion';
import type { GraphContext } from './types';

export const CREDENTIAL_NAME = 'whatsAppBusinessCallingApi';

/**
 * The credential without the access token. n8n's authenticated request helper adds the token to requests; for the
 * exceptions there is `accessTokenOf`.
 */
export interface Account {
	businessAccountId: string;
	appId: string;
	appSecret: string;
	/** Origin and optional path of the Graph API, without a trailing slash. */
	baseUrl: string;
	/** Version path segment, e.g. `v26.0`. */
	apiVersion: string;
}

/** Trimmed text; an expression may give an ID as a number. */
const text = (message: string, pattern = /\S/) =>
	z
		.union([z.string(), z.number()], withMessage(message))
		.transform((value) => String(value).trim())
		.pipe(z.string(withMessage(message)).regex(pattern));

const id = (label: string) =>
	text(`${label} must be the number shown in Meta's app dashboard`, /^[A-Za-z0-9_-]+$/);

const BASE_URL_MESSAGE = 'Base URL must be an address such as https://graph.facebook.com';

const accountSchema = z.object({
	businessAccountId: id('WhatsApp Business Account ID'),
	appId: id('App ID'),
	appSecret: text('App Secret is empty'),
	apiVersion: text('API Version must look like v26.0', /^v?\d+\.\d+$/i)
		.transform((version) => version.replace(/^v/i, ''))
		.refine(
			(version) => !ENDED_VERSION.test(version),
			'API Version is too old, and Meta no longer has it: use v26.0',
		)
		.transform((version) => `v${version}`),
	baseUrl: text(BASE_URL_MESSAGE)
		.refine(isBaseUrl, BASE_URL_MESSAGE)
		.transform((url) => url.replace(/\/+$/, '')),
});

/** Checked, but not part of `Account`. */
const tokenSchema = z.object({ accessToken: text('Access Token is empty') });

function isBaseUrl(text: string): boolean {
	if (!URL.canParse(text) || /[?#]/.test(text)) return false;
	const { protocol, username, password } = new URL(text);
	return ['https:', 'http:'].includes(protocol) && !username && !password;
}

/** The credential with the token, by account and not in it, so that the token is not passed around. */
const decrypted = new WeakMap<Account, ICredentialDataDecryptedObject>();

/**
 * Reads and checks the credential.
 *
 * @throws NodeOperationError that names each invalid field
 */
export async function readAccount(context: GraphContext): Promise<Account> {
	const fields = await context.getCredentials(CREDENTIAL_NAME);
	const account = parseAccount(context.getNode(), fields);
	decrypted.set(account, fields);
	return account;
}

/**
 * An option for n8n's authenticated requests, which otherwise decrypt the credential again. In a webhook that
 * costs more than the request: n8n creates an isolate of its expression engine for it.
 */
export function decryptedCredential(account: Account): IAdditionalCredentialOptions {
	const data = decrypted.get(account);
	if (data === undefined) return {};
	return { credentialsDecrypted: { id: '', name: '', type: CREDENTIAL_NAME, data } };
}

/** The access token, for what n8n's helper does not do: as a parameter, and to remove it from Meta's texts. */
export function accessTokenOf(account: Account): string {
	return String(decrypted.get(account)?.accessToken ?? '').trim();
}

/** Whether the credential did not change between two readings. */
export function isSameCredential(one: Account, other: Account): boolean {
	return JSON.stringify(decrypted.get(one)) === JSON.stringify(decrypted.get(other));
}

export function parseAccount(node: INode, fields: unknown): Account {
	const [token, account] = [tokenSchema.safeParse(fields), accountSchema.safeParse(fields)];
	if (token.success && account.success) return account.data;
	const issues = [...(token.error?.issues ?? []), ...(account.error?.issues ?? [])];
	const problems = issues.map((issue) => issue.message).join('. ');
	throw new NodeOperationError(
		node,
		`Correct the WhatsApp Business Calling credential: ${problems}.`,
		{ description: 'Open the credential, correct it and save it. Then run this again.' },
	);
}
