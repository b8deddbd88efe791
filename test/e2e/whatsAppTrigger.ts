import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from '../../emulator';
import { graph } from '../../emulator/helpers';
import { using, webhookNode } from '../support/workflow';
import { startStage, type Stage } from './stage';

/** Name of n8n's own trigger in its workflow. */
export const ITS_TRIGGER = 'WhatsApp Trigger';

export interface ItsWorkflow {
	id: string;
	url: string;
	nodeId: string;
}

/** An n8n whose own WhatsApp nodes ask an emulator, too. */
export interface StageForBoth extends Stage {
	/** Which one they ask from now on. */
	chooseMeta: (emulator: Emulator) => Promise<void>;
}

export async function startStageForBoth(env: Record<string, string> = {}): Promise<StageForBoth> {
	const folder = await mkdtemp(join(tmpdir(), 'graph-host-'));
	const file = join(folder, 'address');
	const removeFolder = async () => await rm(folder, { recursive: true, force: true });
	try {
		const stage = await startStage({
			env: {
				NODE_OPTIONS: `--require=${join(__dirname, 'graph-host.cjs')}`,
				GRAPH_HOST_FILE: file,
				...env,
			},
		});
		return {
			...stage,
			chooseMeta: async ({ baseUrl }) => await writeFile(file, baseUrl),
			stop: async () => {
				await stage.stop();
				await removeFolder();
			},
		};
	} catch (error) {
		await removeFolder();
		throw error;
	}
}

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
