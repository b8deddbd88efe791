import { createHmac } from 'node:crypto';
import { Workflow, type IDataObject, type INodeTypes } from 'n8n-workflow';

import { WhatsAppBusinessCallingApi } from '../../credentials/WhatsAppBusinessCallingApi.credentials';
import { parseAccount } from '../../nodes/WhatsAppBusinessCalling/graph/account';
import { WhatsAppBusinessCalling } from '../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCalling.node';
import { APP_SECRET, CREDENTIAL, NODE, TOKEN } from './fakes';

const nodeTypes = { getByNameAndVersion: () => new WhatsAppBusinessCalling() };

const workflow = new Workflow({
	nodes: [NODE],
	connections: {},
	active: false,
	nodeTypes: nodeTypes as unknown as INodeTypes,
});

const credentialType = new WhatsAppBusinessCallingApi();
const { request, rules = [] } = credentialType.test;

/** Where n8n sends the test of a credential. */
function testedAddress(fields: IDataObject): string {
	const resolved = [request.baseURL, request.url].map((expression) =>
		workflow.expression.getParameterValue(expression ?? '', null, 0, 0, NODE.name, [], 'internal', {
			$credentials: fields,
		} as IDataObject as never),
	);
	return resolved.join('');
}

describe("the credential's test", () => {
	it.each<[string, IDataObject]>([
		['as the editor has it', {}],
		['with a version without its letter', { apiVersion: '26.0' }],
		['with a version in capitals', { apiVersion: ' V26.0 ' }],
		['with the oldest version', { apiVersion: 'v21.0' }],
		['with slashes behind the address', { baseUrl: ' https://graph.facebook.com// ' }],
		['with blanks around the ID', { businessAccountId: ' 102290129340398\n' }],
		['with an ID as a number', { businessAccountId: 102290129340398 }],
	])('The test sends its request where the nodes send theirs: %s', (_, fields) => {
		const credential = { ...CREDENTIAL, ...fields };
		const { baseUrl, apiVersion, businessAccountId } = parseAccount(NODE, credential);
		expect(testedAddress(credential)).toBe(
			`${baseUrl}/${apiVersion}/${businessAccountId}/phone_numbers`,
		);
	});

	it.each(['latest', 'v26', ''])('The test does not accept %j as a version', (apiVersion) => {
		expect(testedAddress({ ...CREDENTIAL, apiVersion })).not.toContain('/v26.0/');
	});

	it.each(['v12.0', '2.12', ' V20.0 '])(
		'The test asks for a version that Meta never had instead of %j, which neither Meta nor the test could report',
		(apiVersion) => {
			const credential = { ...CREDENTIAL, apiVersion };
			expect(() => parseAccount(NODE, credential)).toThrow('too old');
			expect(testedAddress(credential)).toContain('.com/v0.0/');
		},
	);
});

/** What n8n shows for a response: the message of the first rule that fits; null for a success. */
function shown(response: unknown): string | null {
	const valueAt = (key: string) =>
		key
			.split('.')
			.reduce<unknown>((value, name) => (value as IDataObject | undefined)?.[name], response);
	const failed = rules.find(
		(rule) =>
			rule.type === 'responseSuccessBody' && valueAt(rule.properties.key) === rule.properties.value,
	);
	return failed?.properties.message ?? null;
}

describe("the result of the credential's test", () => {
	it('The result is positive for an account, with numbers or without', () => {
		expect(shown({ data: [{ id: '1' }], paging: {} })).toBeNull();
		expect(shown({ data: [] })).toBeNull();
	});

	it.each<[string, unknown, RegExp]>([
		['a wrong token', { code: 190 }, /access token\. Generate/],
		[
			'a secret of another app',
			{ code: 100, message: 'Invalid appsecret_proof provided in the API argument' },
			/App Secret for this access token\. Copy/,
		],
		[
			'an unknown version',
			{ code: 2500 },
			/API Version: it is too old, too new or mistyped\. It must look like v26\.0/,
		],
		['a missing permission', { code: 200 }, /lacks a permission\. Generate/],
		['an ID that is none', { code: 803 }, /Copy WhatsApp Business Account ID/],
		['the ID of something else', { code: 100 }, /Copy WhatsApp Business Account ID/],
		['too many requests', { code: 4 }, /Wait a few minutes/],
		['an outage', { code: 2 }, /Check Base URL, and wait/],
	])('The result about %s names the field, and what to do', (_, error, message) => {
		expect(shown({ error })).toMatch(message);
	});

	it.each([[''], ['<html>'], [null], [{}], [{ data: undefined }]])(
		'The result for %j of a proxy is not positive',
		(response) => expect(shown(response)).toMatch(/Meta did not respond as expected\. Check/),
	);
});

describe('a request with the credential', () => {
	const proof = createHmac('sha256', APP_SECRET).update(TOKEN).digest('hex');
	const sign = async (url: string, more: object = {}, fields: IDataObject = {}) =>
		await credentialType.authenticate({ ...CREDENTIAL, ...fields } as never, { url, ...more });

	it('A request to the Graph API has the token, and the proof that the app secret belongs to it', async () => {
		const url = 'https://graph.facebook.com/v26.0/1/calls';
		expect(await sign(url, { qs: { a: 1 }, headers: { b: '2' } })).toEqual({
			url,
			qs: { a: 1, appsecret_proof: proof },
			headers: { b: '2', Authorization: `Bearer ${TOKEN}` },
		});
	});

	it('A request has the same with spaces around the secrets, a slash after the address, and a base URL', async () => {
		const fields = {
			accessToken: ` ${TOKEN}\n`,
			appSecret: `${APP_SECRET} `,
			baseUrl: ' https://graph.facebook.com/ ',
		};
		const more = { baseURL: 'https://graph.facebook.com' };
		expect(await sign('/v26.0/1/phone_numbers', more, fields)).toMatchObject({
			qs: { appsecret_proof: proof },
			headers: { Authorization: `Bearer ${TOKEN}` },
		});
	});

	it.each([
		'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&hash=2',
		'https://graph.facebook.com/whatsapp_business/attachments/?mid=1',
	])('A request for a file leaves its signed URL as it is: %s', async (url) => {
		const signed = await sign(url);
		expect(signed).toEqual({ url, headers: { Authorization: `Bearer ${TOKEN}` } });
	});
});
