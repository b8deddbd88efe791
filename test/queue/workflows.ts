import { readFile } from 'node:fs/promises';
import { change, exampleFile, notesOf, replaceInNode } from '../support/examples';
import type { StoredCredential, WorkflowDefinition, WorkflowNode } from '../support/n8n';
import {
	chain,
	CREDENTIAL_TYPE,
	node,
	to,
	TRIGGER_TYPE,
	using,
	webhookNode,
} from '../support/workflow';
import type { Cluster } from './cluster';

const EXAMPLE = exampleFile('recording-in-queue-mode');

export const TRIGGER = 'When a recording is ready';
export const DOWNLOAD = 'Download the recording';
const STORE = 'Store the recording';
const TABLE = 'Insert the row';

const HASH = 'Hash the audio';

/** What stands instead of the example's addresses. */
export interface Addresses {
	storage: string;
	chat: string;
}

/** The SQL by which the example tells the operator to make its table. */
export async function exampleTable(): Promise<string> {
	const example = JSON.parse(await readFile(EXAMPLE, 'utf8')) as WorkflowDefinition;
	const notes = notesOf(example).map(({ parameters }) => parameters.content);
	const [, sql] = /```\n(CREATE TABLE .*?)\n```/s.exec(notes.join('\n')) ?? [];
	if (sql === undefined) throw new Error('The example does not say how to make its table');
	return sql;
}

/** Imports the example as it is, with addresses and credentials filled in. */
export async function importExample(
	cluster: Cluster,
	credentials: StoredCredential[],
	addresses: Addresses,
	edit: (workflow: WorkflowDefinition) => void = () => undefined,
): Promise<string> {
	const { id } = await cluster.api.importWorkflow(EXAMPLE, {
		credentials,
		edit(workflow) {
			change(workflow, {
				'https://storage.example.com': addresses.storage,
				'https://chat.example.com': addresses.chat,
			});
			edit(workflow);
		},
	});
	return id;
}

/**
 * Makes of the example a workflow whose trigger brings the audio: the worker computes its SHA-256 again,
 * with n8n's Crypto node, and stops where it is not the announced one.
 */
export function takeAudioFromTrigger(acknowledge: 'stored' | 'finished') {
	return (workflow: WorkflowDefinition): void => {
		const trigger = nodeOf(workflow, TRIGGER);
		Object.assign(trigger.parameters, { downloadFile: true, options: { acknowledge } });
		const store = nodeOf(workflow, STORE);
		replaceInNode(store, '$json.fileName', `$('${TRIGGER}').item.json.recording.fileName`);
		const table = nodeOf(workflow, TABLE);
		replaceInNode(table, `$('${DOWNLOAD}').item.json.sha256`, `$('${HASH}').item.json.hash`);
		replaceInNode(table, `$('${DOWNLOAD}').item.json`, `$('${TRIGGER}').item.json.recording`);

		const hash = node(HASH, 'n8n-nodes-base.crypto', 1, {
			action: 'hash',
			type: 'SHA256',
			binaryData: true,
			binaryPropertyName: 'data',
			dataPropertyName: 'hash',
			encoding: 'base64',
		});
		// The Crypto node hands on the hash without the file.
		const merge = node('Hash and audio', 'n8n-nodes-base.merge', 3, {
			mode: 'combine',
			combineBy: 'combineByPosition',
			options: {},
		});
		const compare = node('Is it the right one?', 'n8n-nodes-base.if', 2.2, {
			conditions: {
				options: { caseSensitive: true, leftValue: '', typeValidation: 'strict', version: 2 },
				conditions: [
					{
						id: crypto.randomUUID(),
						leftValue: '={{ $json.hash }}',
						rightValue: '={{ $json.recording.sha256 }}',
						operator: { type: 'string', operation: 'equals' },
					},
				],
				combinator: 'and',
			},
			options: {},
		});
		const stop = node('Wrong audio', 'n8n-nodes-base.stopAndError', 1, {
			errorMessage: 'The audio is not what Meta announced',
		});
		workflow.nodes = [trigger, hash, merge, compare, stop, store, table];
		workflow.connections = {
			[TRIGGER]: { main: [[to(HASH), to(merge.name, 1)]] },
			...chain([hash, merge, compare]),
			[compare.name]: { main: [[to(STORE)], [to(stop.name)]] },
			...chain([store, table]),
		};
	};
}

/** Path of the Webhook node that `useOwnWebhook` puts instead of the trigger. */
export const OWN_WEBHOOK = 'own-webhook';

/**
 * Makes of the example a workflow that begins with n8n's own Webhook node: the webhook processor only passes on
 * what came, and the worker reads it, signature, download and all.
 */
export function useOwnWebhook(responseMode: 'onReceived' | 'lastNode') {
	return (workflow: WorkflowDefinition): void => {
		const trigger = nodeOf(workflow, TRIGGER);
		const { credentials, ...webhook } = {
			...trigger,
			...webhookNode(TRIGGER, 'n8n-nodes-base.webhook', 2, {
				httpMethod: 'POST',
				path: OWN_WEBHOOK,
				responseMode,
				responseData: 'noData',
				options: { rawBody: true },
			}),
		};
		workflow.nodes[workflow.nodes.indexOf(trigger)] = webhook;
		Object.assign(nodeOf(workflow, DOWNLOAD), {
			parameters: {
				resource: 'delivery',
				operation: 'read',
				options: { onFileUnavailable: 'fail' },
			},
			credentials,
		});
		replaceInNode(nodeOf(workflow, STORE), '$json.fileName', '$json.recording.fileName');
		const table = nodeOf(workflow, TABLE);
		const [event, file] = [`$('${TRIGGER}').item.json`, `$('${DOWNLOAD}').item.json`];
		replaceInNode(table, file, `${file}.recording`);
		replaceInNode(table, event, file);
	};
}

/**
 * A workflow that hands each recording through n8n's Remove Duplicates and then counts it, in a table
 * without a key.
 */
export function workflowThatRemovesDuplicates(credentials: StoredCredential[]): WorkflowDefinition {
	const reference = (type: string) => {
		const chosen = credentials.find((credential) => credential.type === type);
		if (!chosen) throw new Error(`There is no credential ${type}`);
		return using(chosen, type);
	};
	const trigger: WorkflowNode = {
		...node(TRIGGER, TRIGGER_TYPE, 1.1, {
			downloadFile: false,
			registration: 'manual',
			verifyToken: 'of no account here',
		}),
		webhookId: crypto.randomUUID(),
		credentials: reference(CREDENTIAL_TYPE),
	};
	const remove = node('Remove Duplicates', 'n8n-nodes-base.removeDuplicates', 2, {
		operation: 'removeItemsSeenInPreviousExecutions',
		dedupeValue: '={{ $json.recording.mediaId }}',
		options: {},
	});
	const count: WorkflowNode = {
		...node('Count', 'n8n-nodes-base.postgres', 2.6, {
			operation: 'executeQuery',
			query: 'INSERT INTO passed (media_id) VALUES ($1)',
			options: { queryReplacement: '={{ [$json.recording.mediaId] }}' },
		}),
		credentials: reference('postgres'),
	};
	return {
		name: 'Remove Duplicates',
		nodes: [trigger, remove, count],
		connections: chain([trigger, remove, count]),
	};
}

function nodeOf({ nodes }: WorkflowDefinition, name: string): WorkflowNode {
	const found = nodes.find((candidate) => candidate.name === name);
	if (!found) throw new Error(`The example has no node "${name}"`);
	return found;
}
