import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from '../../emulator';
import { graph } from '../support/graph';
import { using, webhookNode } from '../support/workflow';
import { GRAPH_HOST_PRELOAD, Stage, startStage } from '../support/stage';

/** Name of n8n's own trigger in its workflow. */
export const ITS_TRIGGER = 'WhatsApp Trigger';

export interface ItsWorkflow {
	id: string;
	url: string;
	nodeId: string;
}

/** An n8n whose own WhatsApp nodes ask an emulator, too. */
export class CoexistenceStage extends Stage {
	private constructor(
		stage: Stage,
		private readonly folder: string,
	) {
		super(stage);
	}

	static async start(env: Record<string, string> = {}): Promise<CoexistenceStage> {
		const folder = await mkdtemp(join(tmpdir(), 'graph-host-'));
		try {
			const stage = await startStage({
				env: {
					NODE_OPTIONS: `--require=${GRAPH_HOST_PRELOAD}`,
					GRAPH_HOST_FILE: fileIn(folder),
					...env,
				},
			});
			return new CoexistenceStage(stage, folder);
		} catch (error) {
			await remove(folder);
			throw error;
		}
	}

	/** Which one they ask from now on. */
	async chooseMeta({ baseUrl }: Emulator): Promise<void> {
		await writeFile(fileIn(this.folder), baseUrl);
	}

	override async stop(): Promise<void> {
		await super.stop();
		await remove(this.folder);
	}
}

const fileIn = (folder: string) => join(folder, 'address');

const remove = async (folder: string) => await rm(folder, { recursive: true, force: true });

/** Publishes a workflow that begins with n8n's own WhatsApp Trigger. */
export async function addItsWorkflow(
	{ n8n: { api } }: Stage,
	emulator: Emulator,
): Promise<ItsWorkflow> {
	const { appId, appSecret, businessAccountId } = emulator.account;
	const type = 'whatsAppTriggerApi';
	const stored = await api.createCredential({
		name: `WhatsApp OAuth ${emulator.baseUrl}`,
		type,
		data: { clientId: appId, clientSecret: appSecret },
	});
	const parameters = { updates: ['messages'] };
	const node = webhookNode(ITS_TRIGGER, 'n8n-nodes-base.whatsAppTrigger', 1, parameters, {
		credentials: using(stored, type),
	});
	const { id } = await api.createWorkflow({ name: ITS_TRIGGER, nodes: [node], connections: {} });
	// It counts on the account's being subscribed in the dashboard.
	await graph(emulator, 'POST', `${businessAccountId}/subscribed_apps`);
	await api.activate(id);
	return { id, url: api.webhookUrl(node), nodeId: node.id };
}
