import type {
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IHttpRequestOptions,
	INodeProperties,
} from 'n8n-workflow';

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
			description:
				'System user token that does not expire. Generate it in Meta Business Suite > Settings > Users > System users > Generate token, for your app, with the permissions whatsapp_business_messaging and whatsapp_business_management.',
		},
		{
			displayName: 'Business Account ID',
			name: 'businessAccountId',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. 102290129340398',
			description:
				"ID of the WhatsApp Business account. Find it in Meta's app dashboard under WhatsApp > API Setup, below the phone number. It is not the app ID or the phone number ID.",
		},
		{
			displayName: 'App ID',
			name: 'appId',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. 670843887433847',
			description: "Find it in Meta's app dashboard under App settings > Basic, at the top",
		},
		{
			displayName: 'App Secret',
			name: 'appSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description:
				"Find it in Meta's app dashboard under App settings > Basic, next to the App ID (click Show). The trigger uses it to verify that events come from Meta.",
		},
		{
			displayName: 'API Version',
			name: 'apiVersion',
			type: 'string',
			default: 'v26.0',
			required: true,
			placeholder: 'e.g. v26.0',
			description:
				"Version of Meta's Graph API. Keep the default unless Meta's changelog tells you to change it.",
		},
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			default: 'https://graph.facebook.com',
			required: true,
			placeholder: 'e.g. https://graph.facebook.com',
			description:
				"Keep the default unless you use a proxy or this package's emulator instead of Meta. The access token is sent to this host.",
		},
	];

	// A function: with an expression, n8n would start its expression engine for each request.
	authenticate = async (
		{ accessToken }: ICredentialDataDecryptedObject,
		options: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> => ({
		...options,
		headers: { ...options.headers, Authorization: `Bearer ${String(accessToken).trim()}` },
	});

	test: ICredentialTestRequest = {
		request: {
			// The same clean-up as in the nodes (`graph/account.ts`), so that test and use agree.
			baseURL: "={{ String($credentials.baseUrl).trim().replace(/\\/+$/, '') }}",
			// Only a WhatsApp Business account has phone numbers, so the ID of an app, a number or a business
			// portfolio fails here. Reading the object itself would succeed with these.
			url: "=/v{{ String($credentials.apiVersion).trim().replace(/^v/i, '') }}/{{ String($credentials.businessAccountId).trim() }}/phone_numbers",
			qs: { fields: 'id', limit: 1 },
			// n8n would follow a redirect to any host, with the token.
			disableFollowRedirect: true,
			sendCredentialsOnCrossOriginRedirect: false,
		},
		rules: [
			{
				type: 'responseCode',
				properties: {
					value: 401,
					message:
						'Meta did not accept the access token. Generate a system user token that never expires, and paste all of it.',
				},
			},
			{
				type: 'responseCode',
				properties: {
					// An unknown version is also a 400, and a rule of n8n has the status only.
					value: 400,
					message:
						'Meta found no WhatsApp Business account with this ID that the access token can use, or does not know the API Version. Find the ID under WhatsApp > API Setup, below the phone number. It is not the app ID or the phone number ID. The system user of the token needs access to that account. API Version must look like v26.0.',
				},
			},
			{
				type: 'responseCode',
				properties: {
					value: 403,
					message:
						'The access token lacks a permission. It needs whatsapp_business_messaging and whatsapp_business_management.',
				},
			},
		],
	};
}
