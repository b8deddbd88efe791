import { join } from 'node:path';
import { startEmulator, type Emulator, type EmulatorOptions } from '../../emulator';
import { startN8nWithPackage, type Execution, type N8n, type StoredCredential } from './n8n';
import { sleep } from './processes';
import {
	chain,
	credentialData,
	CREDENTIAL_TYPE,
	node,
	TRIGGER_TYPE,
	using,
	webhookNode,
	type IdentifiedNode,
} from './workflow';

/** Preloaded into n8n, sends requests for Meta's own host to the address in the file GRAPH_HOST_FILE. */
export const GRAPH_HOST_PRELOAD = join(__dirname, 'graphHost.cjs');

export const TRIGGER = 'Trigger';
export const STORAGE = 'Storage';

export interface Workflow {
	id: string;
	/** Production address of the trigger. */
	url: string;
	testUrl: string;
}

export interface StageOptions {
	emulator?: EmulatorOptions;
	env?: Record<string, string>;
	version?: string;
}

export interface WorkflowOptions {
	parameters?: Record<string, unknown>;
	credential?: StoredCredential;
	/** Address that each item's file is put to after the trigger. */
	storageUrl?: string;
	activate?: boolean;
}

type Parts = Pick<Stage, 'n8n' | 'emulator' | 'credential'>;

/** A real n8n with the packed package in it, and the emulator as its Meta. */
export class Stage {
	readonly n8n: N8n;

	readonly emulator: Emulator;

	/** For the emulator. */
	readonly credential: StoredCredential;

	private workflows = 0;

	constructor({ n8n, emulator, credential }: Parts) {
		this.n8n = n8n;
		this.emulator = emulator;
		this.credential = credential;
	}

	async credentialFor(meta: Parameters<typeof credentialData>[0]): Promise<StoredCredential> {
		return await addCredential(this.n8n, meta);
	}

	/** A workflow that begins with the trigger. */
	async addWorkflow(wanted: WorkflowOptions = {}): Promise<Workflow> {
		const { api } = this.n8n;
		const trigger = triggerNode(wanted.credential ?? this.credential, wanted.parameters);
		const storage = wanted.storageUrl === undefined ? [] : [storageNode(wanted.storageUrl)];
		const { id } = await api.createWorkflow({
			name: `Workflow ${++this.workflows}`,
			nodes: [trigger, ...storage],
			connections: chain([trigger, ...storage]),
		});
		if (wanted.activate !== false) await api.activate(id);
		return { id, url: api.webhookUrl(trigger), testUrl: api.webhookUrl(trigger, { test: true }) };
	}

	/** Works with a Meta of its own, because an app has one webhook. */
	async withMeta(work: (emulator: Emulator) => Promise<void>): Promise<void> {
		const emulator = await startMeta();
		try {
			await work(emulator);
		} finally {
			await emulator.stop();
		}
	}

	/** The executions of a workflow that begin while `work` runs, finished: so many, and no more. */
	async executionsOf(
		workflowId: string,
		expected: number,
		work: () => Promise<void>,
	): Promise<Execution[]> {
		const { api } = this.n8n;
		const before = (await api.executions(workflowId)).length;
		await work();
		const all = await api.waitForExecutions(workflowId, before + expected);
		// A moment for one that should not come.
		await sleep(500);
		expect(await api.executions(workflowId)).toHaveLength(before + expected);
		return all.slice(before);
	}

	async stop(): Promise<void> {
		await this.n8n.stop();
		await this.emulator.stop();
	}
}

/** An emulator that sends recordings at once, and delivers nothing a second time. */
export async function startMeta(options: EmulatorOptions = {}): Promise<Emulator> {
	return await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [], ...options });
}

export async function startStage({ emulator, env, version }: StageOptions = {}): Promise<Stage> {
	const meta = await startMeta(emulator);
	const n8n = await startN8nWithPackage({ env, version });
	return new Stage({ n8n, emulator: meta, credential: await addCredential(n8n, meta) });
}

async function addCredential(
	{ api }: N8n,
	meta: Parameters<typeof credentialData>[0],
): Promise<StoredCredential> {
	const data = credentialData(meta);
	return await api.createCredential({
		name: `WhatsApp ${meta.baseUrl}`,
		type: CREDENTIAL_TYPE,
		data,
	});
}

function triggerNode(
	credential: StoredCredential,
	parameters: Record<string, unknown> = {},
): IdentifiedNode {
	const credentials = using(credential);
	return webhookNode(TRIGGER, TRIGGER_TYPE, 1.1, parameters, { credentials });
}

function storageNode(url: string): IdentifiedNode {
	return node(STORAGE, 'n8n-nodes-base.httpRequest', 4.2, {
		method: 'PUT',
		url: `=${url}/{{ $json.recording.mediaId }}`,
		sendBody: true,
		contentType: 'binaryData',
		inputDataFieldName: 'data',
		options: {},
	});
}
