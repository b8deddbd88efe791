import {
	decryptedCredential,
	isSameCredential,
	parseAccount,
	readAccount,
} from '../../../nodes/WhatsAppBusinessCalling/graph/account';
import { ACCOUNT, APP_SECRET, CREDENTIAL, fakeExecution, NODE, TOKEN } from '../fakes';

describe('parseAccount', () => {
	it('Spaces from copying are removed, and the access token is not kept', () => {
		const account = parseAccount(NODE, {
			accessToken: TOKEN,
			businessAccountId: ' 102290129340398\n',
			appId: '670843887433847 ',
			appSecret: ` ${APP_SECRET}`,
			apiVersion: ' 26.0',
			baseUrl: 'https://graph.facebook.com// ',
		});
		expect(account).toEqual({
			businessAccountId: '102290129340398',
			appId: '670843887433847',
			appSecret: APP_SECRET,
			apiVersion: 'v26.0',
			baseUrl: 'https://graph.facebook.com',
		});
	});

	it.each([
		['businessAccountId', '', 'WhatsApp Business Account ID'],
		['businessAccountId', '1/../2', 'Business Account ID'],
		['appId', 'a?b', 'App ID'],
		['businessAccountId', undefined, 'Business Account ID must be the number shown'],
		['accessToken', ' ', 'Access Token is empty'],
		['accessToken', undefined, 'Access Token is empty'],
		['accessToken', {}, 'Access Token is empty'],
		['appSecret', ' ', 'App Secret is empty'],
		['appSecret', null, 'App Secret is empty'],
		['apiVersion', {}, 'API Version must look like v26.0'],
		['baseUrl', 5, 'Base URL must be an address'],
		['baseUrl', 'https://graph.facebook.com?', 'Base URL'],
		['baseUrl', 'https://graph.facebook.com#', 'Base URL'],
		['apiVersion', 'latest', 'API Version must look like v26.0'],
		['apiVersion', 'v26.0/../x', 'API Version'],
		['apiVersion', 'v12.0', 'API Version is too old, and Meta no longer has it: use v26.0.'],
		['apiVersion', ' 2.12', 'API Version is too old'],
		['apiVersion', 'V20.0', 'API Version is too old'],
		['baseUrl', 'graph.facebook.com', 'Base URL'],
		['baseUrl', 'ftp://graph.facebook.com', 'Base URL'],
		['baseUrl', 'https://user@graph.facebook.com', 'Base URL'],
		['baseUrl', 'https://:secret@graph.facebook.com', 'Base URL'],
		['baseUrl', 'https://graph.facebook.com/?x=1', 'Base URL'],
		['baseUrl', 'https://graph.facebook.com/#x', 'Base URL'],
	])('The error names the field to correct: %s = %j', (field, value, said) => {
		const parse = () => parseAccount(NODE, { ...CREDENTIAL, [field]: value });
		expect(parse).toThrow('Correct the WhatsApp Business Calling credential: ');
		expect(parse).toThrow(said);
	});

	it.each(['v26.0', '26.0', 'V26.0', ' v26.0 '])('The version %j is accepted', (apiVersion) => {
		expect(parseAccount(NODE, { ...CREDENTIAL, apiVersion })).toEqual(ACCOUNT);
	});

	it.each(['v21.0', 'v100.0'])('The version %s has not ended', (apiVersion) => {
		expect(parseAccount(NODE, { ...CREDENTIAL, apiVersion })).toEqual({ ...ACCOUNT, apiVersion });
	});

	it('An ID that an expression gives as a number is accepted', () => {
		const account = parseAccount(NODE, { ...CREDENTIAL, appId: 670843887433847 });
		expect(account).toEqual(ACCOUNT);
	});

	it('No secret appears in the error about another field', () => {
		try {
			parseAccount(NODE, { ...CREDENTIAL, appId: '' });
		} catch (error) {
			expect(JSON.stringify(error)).not.toContain(TOKEN);
			expect(JSON.stringify(error)).not.toContain(APP_SECRET);
		}
		expect.assertions(2);
	});
});

describe('readAccount', () => {
	const read = async (fields: object = {}) => {
		const { context } = fakeExecution({});
		context.getCredentials = async () => ({ ...CREDENTIAL, ...fields }) as never;
		return await readAccount(context);
	};

	it('What n8n decrypted for its requests is kept beside the account', async () => {
		const account = await read();
		expect(account).toEqual(ACCOUNT);
		expect(decryptedCredential(account)).toEqual({
			credentialsDecrypted: {
				id: '',
				name: '',
				type: 'whatsAppBusinessCallingApi',
				data: CREDENTIAL,
			},
		});
		expect(decryptedCredential({ ...account })).toEqual({});
	});

	it('A changed credential is recognized', async () => {
		const account = await read();
		expect(isSameCredential(account, await read())).toBe(true);
		expect(isSameCredential(account, await read({ accessToken: 'another' }))).toBe(false);
		expect(isSameCredential(account, await read({ appSecret: 'another' }))).toBe(false);
	});

	it('The error names all fields to correct', async () => {
		await expect(read({ appId: '', appSecret: '' })).rejects.toMatchObject({
			message:
				"Correct the WhatsApp Business Calling credential: App ID must be the number shown in Meta's app dashboard. App Secret is empty.",
		});
	});
});
