import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startEmulator, type Emulator, type EmulatorOptions } from '../../emulator';
import { startN8n, type N8n, type StoredCredential } from '../support/n8n';
import { packPackage } from '../support/package';
import {
	chain,
	credentialData,
	CREDENTIAL_TYPE,
	node,
	TRIGGER_TYPE,
	using,
	webhookNode,
	type IdentifiedNode,
} from '../support/workflow';

export const TRIGGER = 'Trigger';
export const STORAGE = 'Storage';

export interface Workflow {
	id: string;
	/** Production address of the trigger. */
	url: string;
	testUrl: string;
}

/** A real n8n with the packed package in it, and the emulator as its Meta. */
export interface Stage {
	n8n: N8n;
	emulator: Emulator;
	credential: StoredCredential;
	addWorkflow: (options?: WorkflowOptions) => Promise<Workflow>;
	credentialFor: (emulator: Emulator) => Promise<StoredCredential>;
	stop: () => Promise<void>;
}

export interface WorkflowOptions {
	parameters?: Record<string, unknown>;
	credential?: StoredCredential;
	/** Address that each item's file is put to after the trigger. */
	storageUrl?: string;
	activate?: boolean;
}

export async function startStage(
	options: { emulator?: EmulatorOptions; env?: Record<string, string>; version?: string } = {},
): Promise<Stage> {
	const emulator = await startEmulator({
		recordingDelayMs: 0,
		redeliveryDelaysMs: [],
		...options.emulator,
	});
	const { tarball, remove } = await packPackage();
	const { env, version } = options;
	const n8n = await startN8n({ tarball, env, version }).finally(remove);
	const credentialFor = async (meta: Emulator) =>
		await n8n.api.createCredential({
			name: `WhatsApp ${meta.baseUrl}`,
			type: CREDENTIAL_TYPE,
			data: credentialData(meta),
		});
	const credential = await credentialFor(emulator);
	let workflows = 0;
	return {
		n8n,
		emulator,
		credential,
		credentialFor,
		addWorkflow: async (wanted = {}) => {
			workflows++;
			const trigger = triggerNode(wanted.credential ?? credential, wanted.parameters);
			const storage = wanted.storageUrl === undefined ? [] : [storageNode(wanted.storageUrl)];
			const { id } = await n8n.api.createWorkflow({
				name: `Workflow ${workflows}`,
				nodes: [trigger, ...storage],
				connections: chain([trigger, ...storage]),
			});
			if (wanted.activate !== false) await n8n.api.activate(id);
			return {
				id,
				url: n8n.api.webhookUrl(trigger),
				testUrl: n8n.api.webhookUrl(trigger, { test: true }),
			};
		},
		stop: async () => {
			await n8n.stop();
			await emulator.stop();
		},
	};
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

/** The operator's storage: keeps what is put to it, and can be down or slow. */
export class FileStore {
	readonly files = new Map<string, Buffer>();

	/** How many of the next requests are answered 500. */
	failNext = 0;

	delayMs = 0;

	requests = 0;

	private readonly server: Server = createServer((request, response) => {
		this.requests++;
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			const fails = this.failNext > 0;
			if (fails) this.failNext--;
			else this.files.set((request.url ?? '/').slice(1), Buffer.concat(chunks));
			setTimeout(() => response.writeHead(fails ? 500 : 200).end('{}'), this.delayMs).unref();
		});
	});

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
	}
}
