import { startN8nWithPackage, type N8n, type StoredCredential } from '../support/n8n';
import {
	CREDENTIAL_TYPE,
	node,
	to,
	TRIGGER_TYPE,
	using,
	webhookNode,
	type IdentifiedNode,
} from '../support/workflow';
import { INSPECTABLE } from './inspector';
import type { Standing } from './outsideProcess';
import { OutsideProcess } from './outside';

/**
 * As a careful operator sets it: what succeeded is not kept, neither its data nor its files, and what is
 * to be deleted is deleted soon (every quarter of a minute; n8n's default is 15 minutes).
 */
const PRUNING = {
	EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'none',
	EXECUTIONS_DATA_PRUNE: 'true',
	EXECUTIONS_DATA_PRUNE_HARD_DELETE_INTERVAL: '0.25',
};

/**
 * As docs/performance.md recommends. Otherwise n8n makes isolates for every request, which is what a soak then
 * measures; `SOAK_ENGINE=eager` does that.
 */
const ENGINE = {
	N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE: String(process.env.SOAK_ENGINE !== 'eager'),
};

/** A real n8n with the packed package, two published workflows, and the world outside in a process of its own. */
export interface SoakStage {
	n8n: N8n;
	outside: OutsideProcess;
	/** Of the workflows: one for each of the two promises. */
	urls: [string, ...string[]];
	workflowIds: string[];
	stop: () => Promise<void>;
}

export async function startSoakStage(env: Record<string, string> = {}): Promise<SoakStage> {
	const outside = await OutsideProcess.start();
	try {
		const n8n = await startN8nWithPackage({
			env: { ...PRUNING, ...ENGINE, ...INSPECTABLE, ...env },
		});
		try {
			const stop = async () => {
				await n8n.stop();
				await outside.stop();
			};
			return { n8n, outside, stop, ...(await publish(n8n, outside.standing)) };
		} catch (error) {
			await n8n.stop();
			throw error;
		}
	} catch (error) {
		await outside.stop();
		throw error;
	}
}

async function publish(
	n8n: N8n,
	standing: Standing,
): Promise<Pick<SoakStage, 'urls' | 'workflowIds'>> {
	const credential = await n8n.api.createCredential({
		name: 'WhatsApp',
		type: CREDENTIAL_TYPE,
		data: standing.credential,
	});
	const publishOne = async (acknowledge: 'stored' | 'finished') => {
		const trigger = triggerNode(credential, standing.phoneNumberId, acknowledge);
		const { id } = await n8n.api.createWorkflow({
			name: `Soak, ${acknowledge}`,
			nodes: [trigger, hasFileNode(), ...storageNodes(standing.storageUrl)],
			connections: {
				[trigger.name]: { main: [[to(HAS_FILE)]] },
				[HAS_FILE]: { main: [[to(STORE)], [to(REPORT)]] },
			},
		});
		await n8n.api.activate(id);
		return { id, url: n8n.api.webhookUrl(trigger) };
	};
	const stored = await publishOne('stored');
	const finished = await publishOne('finished');
	return { urls: [stored.url, finished.url], workflowIds: [stored.id, finished.id] };
}

const HAS_FILE = 'Has a file?';
const STORE = 'Store the recording';
const REPORT = 'Report the event';

function triggerNode(
	credential: StoredCredential,
	phoneNumberId: string,
	acknowledge: 'stored' | 'finished',
): IdentifiedNode {
	const parameters = {
		events: ['call_recording_available', 'terminate'],
		phoneNumberIds: [phoneNumberId],
		registration: 'manual',
		verifyToken: acknowledge,
		options: { acknowledge },
	};
	const credentials = using(credential);
	return webhookNode('Trigger', TRIGGER_TYPE, 1.1, parameters, { credentials });
}

function hasFileNode(): IdentifiedNode {
	return node(HAS_FILE, 'n8n-nodes-base.if', 2.2, {
		conditions: {
			options: { caseSensitive: true, leftValue: '', typeValidation: 'strict', version: 2 },
			conditions: [
				{
					id: crypto.randomUUID(),
					leftValue: '={{ $json.recording?.verified === true }}',
					rightValue: '',
					operator: { type: 'boolean', operation: 'true', singleValue: true },
				},
			],
			combinator: 'and',
		},
	});
}

function storageNodes(storageUrl: string): IdentifiedNode[] {
	const request = (name: string, parameters: Record<string, unknown>) =>
		node(name, 'n8n-nodes-base.httpRequest', 4.2, { sendBody: true, options: {}, ...parameters });
	return [
		request(STORE, {
			method: 'PUT',
			url: `=${storageUrl}/{{ $json.recording.mediaId }}`,
			contentType: 'binaryData',
			inputDataFieldName: 'data',
		}),
		request(REPORT, {
			method: 'POST',
			url: storageUrl,
			specifyBody: 'json',
			jsonBody: '={{ JSON.stringify($json) }}',
		}),
	];
}
