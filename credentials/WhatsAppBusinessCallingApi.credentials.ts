import type {
	IAuthenticateRuleResponseSuccessBody,
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IHttpRequestOptions,
	INodeProperties,
} from 'n8n-workflow';

import { ENDED_VERSION } from '../nodes/WhatsAppBusinessCalling/graph/apiVersion';
import { appSecretProof } from '../nodes/WhatsAppBusinessCalling/graph/appSecretProof';

const text = (value: unknown) => String(value ?? '').trim();

/** A rule for a response with this value at this path. The test gets errors of Meta's as responses. */
const failsWhere = (
	key: string,
	value: unknown,
	message: string,
): IAuthenticateRuleResponseSuccessBody => ({
	type: 'responseSuccessBody',
	properties: { key, value, message },
});

const failsForCode = (codes: number[], message: string) =>
	codes.map((code) => failsWhere('error.code', code, message));

const WRONG_ACCOUNT =
	'Meta found no WhatsApp Business account with this ID that the access token can use. Copy WhatsApp Business Account ID from WhatsApp > API Setup, below the phone number. It is not the ID of the app, of the phone number or of the business portfolio. The system user of the token needs access to the account.';

export class WhatsAppBusinessCallingApi implements ICredentialType {
	name = 'whatsAppBusinessCallingApi';

	displayName = 'WhatsApp Business Calling API';

	icon = {
		light: 'file:../icons/whatsAppBusinessCalling.svg',
		dark: 'file:../icons/whatsAppBusinessCalling.dark.svg',
	} as const;

	documentationUrl =
		'https://github.com/n8n-nodes-whatsapp-business-calling/n8n-nodes-whatsapp-business-calling#credential';

	properties: INodeProperties[] = [
		{
			displayName: 'Access Token',
			name: 'accessToken',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			hint: 'Meta Business Suite > Settings > Users > System users > Generate token',
			description:
				'System user token that does not expire, generated for your app with the permissions whatsapp_business_messaging and whatsapp_business_management',
		},
		{
			displayName: 'WhatsApp Business Account ID',
			name: 'businessAccountId',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. 102290129340398',
			hint: "Meta's app dashboard > WhatsApp > API Setup, below the phone number",
			description:
				'It is not the ID of the app, of the phone number or of the business portfolio. Meta also calls it Messaging account ID.',
		},
		{
			displayName: 'App ID',
			name: 'appId',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. 670843887433847',
			hint: "Meta's app dashboard > App settings > Basic, at the top",
			description:
				'ID of the app for which the access token was generated. Saving does not verify it; publishing and the action Setup > Check do.',
		},
		{
			displayName: 'App Secret',
			name: 'appSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			hint: "Meta's app dashboard > App settings > Basic, next to the App ID (click Show)",
			description: 'The trigger uses it to verify that events come from Meta',
		},
		{
			displayName: 'API Version',
			name: 'apiVersion',
			type: 'string',
			default: 'v26.0',
			required: true,
			placeholder: 'e.g. v26.0',
			hint: 'Advanced: keep the default',
			description:
				"Version of Meta's Graph API. The action Setup > Check tells you when Meta no longer supports it.",
		},
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			default: 'https://graph.facebook.com',
			required: true,
			placeholder: 'e.g. https://graph.facebook.com',
			hint: 'Advanced: keep the default',
			description:
				"Change it only to use a proxy, or this package's emulator instead of Meta. The access token is sent to this host.",
		},
	];

	// A function: with an expression, n8n would start its expression engine for each request.
	authenticate = async (
		{ accessToken, appSecret, baseUrl }: ICredentialDataDecryptedObject,
		options: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> => {
		const token = text(accessToken);
		const headers = { ...options.headers, Authorization: `Bearer ${token}` };
		const url = `${options.baseURL ?? ''}${options.url}`;
		// Not to hosts of files: their URLs are signed.
		const isGraphApi = url.startsWith(`${text(baseUrl).replace(/\/+$/, '')}/v`);
		if (!isGraphApi || text(appSecret) === '') return { ...options, headers };
		const qs = { ...options.qs, appsecret_proof: appSecretProof(token, text(appSecret)) };
		return { ...options, headers, qs };
	};

	test: ICredentialTestRequest = {
		request: {
			// The same clean-up as in the nodes (`graph/account.ts`), so that test and use agree.
			baseURL: "={{ String($credentials.baseUrl).trim().replace(/\\/+$/, '') }}",
			// Only a WhatsApp Business account has phone numbers, so the ID of an app, a number or a business
			// portfolio fails here. Reading the object itself would succeed with these.
			// Meta would answer an ended version as another one, but it never had a version 0.0.
			url: `=/v{{ String($credentials.apiVersion).trim().replace(/^v/i, '').replace(/${ENDED_VERSION.source}/, '0.0') }}/{{ String($credentials.businessAccountId).trim() }}/phone_numbers`,
			qs: { fields: 'id', limit: 1 },
			// n8n would follow a redirect to any host, with the token.
			disableFollowRedirect: true,
			sendCredentialsOnCrossOriginRedirect: false,
			// A rule for the status could not tell what was wrong: many errors have the status 400.
			ignoreHttpStatusErrors: true,
		},
		// The first one that fits counts.
		rules: [
			failsWhere(
				'error.message',
				'Invalid appsecret_proof provided in the API argument',
				'Meta did not accept the App Secret for this access token. Copy App ID and App Secret from App settings > Basic of the app for which the token was generated.',
			),
			...failsForCode(
				[190, 102, 0],
				'Meta did not accept the access token. Generate a system user token that never expires, and paste all of it.',
			),
			...failsForCode(
				[2500],
				'Meta does not have this API Version: it is too old, too new or mistyped. It must look like v26.0; the default is right unless you have a reason to change it. Base URL must not contain a version.',
			),
			...failsForCode(
				[200, 10, 3],
				'The access token lacks a permission. Generate it with whatsapp_business_messaging and whatsapp_business_management, and give its system user access to the account.',
			),
			...failsForCode([100, 803], WRONG_ACCOUNT),
			...failsForCode(
				[4, 80007],
				'Meta received too many requests from this app. Wait a few minutes, then save again.',
			),
			// Anything else without a list of numbers.
			failsWhere(
				'data',
				undefined,
				'Meta did not respond as expected. Check Base URL, and wait a few minutes before you save again.',
			),
		],
	};
}
