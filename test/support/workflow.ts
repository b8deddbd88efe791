import type { Emulator } from '../../emulator';
import type { StoredCredential, WorkflowNode } from './n8nClient';

export const PACKAGE = 'n8n-nodes-whatsapp-business-calling';
export const TRIGGER_TYPE = `${PACKAGE}.whatsAppBusinessCallingTrigger`;
export const ACTION_TYPE = `${PACKAGE}.whatsAppBusinessCalling`;
export const CREDENTIAL_TYPE = 'whatsAppBusinessCallingApi';

export type IdentifiedNode = WorkflowNode & { id: string };

/** A credential, as n8n's editor would save it. */
export type CredentialFields = Record<string, string>;

/** What an operator types into the credential. */
export function credentialData({
	account,
	baseUrl,
}: {
	account: Pick<Emulator['account'], 'accessToken' | 'businessAccountId' | 'appId' | 'appSecret'>;
	baseUrl: string;
}): CredentialFields {
	return {
		accessToken: account.accessToken,
		businessAccountId: account.businessAccountId,
		appId: account.appId,
		appSecret: account.appSecret,
		apiVersion: 'v26.0',
		baseUrl,
	};
}

/** A node of a workflow, as the editor saves it. */
export function node(
	name: string,
	type: string,
	typeVersion: number,
	parameters: Record<string, unknown> = {},
	more: Partial<WorkflowNode> = {},
): IdentifiedNode {
	return {
		name,
		type,
		typeVersion,
		position: [0, 0],
		parameters,
		...more,
		id: crypto.randomUUID(),
	};
}

/** The same with an address of its own. */
export function webhookNode(...wanted: Parameters<typeof node>): IdentifiedNode {
	return { ...node(...wanted), webhookId: crypto.randomUUID() };
}

/** How a node refers to its credential. */
export function using(
	{ id, name }: Pick<StoredCredential, 'id' | 'name'>,
	type = CREDENTIAL_TYPE,
): NonNullable<WorkflowNode['credentials']> {
	return { [type]: { id, name } };
}

/** Where an output leads. */
export const to = (name: string, index = 0) => ({ node: name, type: 'main', index });

/** The connections of nodes of which each is followed by the next. */
export function chain(nodes: Array<{ name: string }>): Record<string, unknown> {
	return Object.fromEntries(
		nodes.slice(1).map(({ name }, index) => [nodes[index].name, { main: [[to(name)]] }]),
	);
}
