import { Workflow, type IDataObject, type INodeTypes } from 'n8n-workflow';

import { WhatsAppBusinessCallingApi } from '../../credentials/WhatsAppBusinessCallingApi.credentials';
import { parseAccount } from '../../nodes/WhatsAppBusinessCalling/graph/account';
import { WhatsAppBusinessCalling } from '../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCalling.node';
import { CREDENTIAL, NODE } from './fakes';

const nodeTypes = { getByNameAndVersion: () => new WhatsAppBusinessCalling() };

const workflow = new Workflow({
	nodes: [NODE],
	connections: {},
	active: false,
	nodeTypes: nodeTypes as unknown as INodeTypes,
});

const { request } = new WhatsAppBusinessCallingApi().test;

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
});
