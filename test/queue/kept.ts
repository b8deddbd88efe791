import { createHash } from 'node:crypto';
import { filesBelow } from '../support/files';
import { N8nApiError, type BinaryReference } from '../support/n8n';
import { poll } from '../support/processes';
import type { Cluster } from './cluster';
import type { Load } from './load';

/** Files of one run in n8n's own storage. */
export interface Kept {
	/** As long as their executions are there. */
	files: number;
	/** What the editor gives for one that n8n shows in an execution: `whole`, or the HTTP status. */
	inEditor: string;
	/** When all executions of the workflow are deleted. */
	filesAfterDeletion: number;
}

/** Looks at the files that n8n stored for a workflow, deletes its executions, and looks again. */
export async function keptFiles(
	cluster: Cluster,
	workflowId: string,
	nodeName: string,
	{ recordings }: Load,
): Promise<Kept> {
	const files = await countFiles(cluster);
	const inEditor = await openInEditor(cluster, workflowId, nodeName, recordings);
	const remove = async (which: { deleteBefore: Date } | { ids: string[] }) =>
		await cluster.api.request('POST', '/rest/executions/delete', {
			...which,
			filters: { workflowId },
		});
	await remove({ deleteBefore: new Date() });
	// By date n8n deletes none that never began: a webhook processor had stored it, and died before it queued it.
	const waiting = (await cluster.api.executions(workflowId)).filter(
		({ status }) => status === 'new',
	);
	if (waiting.length > 0) await remove({ ids: waiting.map(({ id }) => id) });
	await poll('deletion of the executions', 60_000, async () =>
		(await cluster.api.executions(workflowId)).length === 0 ? true : undefined,
	);
	return { files, inEditor, filesAfterDeletion: await countFiles(cluster) };
}

/** In the database and in the folder that the processes share: only one of them is used at a time. */
async function countFiles({ n8nDatabase, sharedFolder }: Cluster): Promise<number> {
	const [row] = await n8nDatabase.query<{ count: string }>('SELECT count(*) FROM binary_data');
	const inFolder = (await filesBelow(sharedFolder)).filter((file) => !file.endsWith('.metadata'));
	return Number(row?.count) + inFolder.length;
}

async function openInEditor(
	{ api, n8nDatabase }: Cluster,
	workflowId: string,
	nodeName: string,
	recordings: Load['recordings'],
): Promise<string> {
	const [row] = await n8nDatabase.query<{ id: number }>(
		`SELECT id FROM execution_entity WHERE "workflowId" = $1 AND status = 'success' LIMIT 1`,
		[workflowId],
	);
	const [item] = (await api.execution(String(row?.id))).items(nodeName);
	const file = item?.binary?.data;
	if (!file) throw new Error(`Execution ${row?.id} shows no file`);
	const mediaId = mediaIdOf(item.json);
	const announced = recordings.find((recording) => recording.mediaId === mediaId);
	const sha256 = await download(api, file);
	return sha256 === announced?.media.sha256Base64 ? 'whole' : sha256;
}

/** Of the trigger's item, or of what the action node makes of it. */
function mediaIdOf(json: Record<string, unknown>): unknown {
	return (json.recording as { mediaId?: string } | undefined)?.mediaId ?? json.mediaId;
}

async function download(api: Cluster['api'], file: BinaryReference): Promise<string> {
	try {
		return createHash('sha256')
			.update(await api.download(file))
			.digest('base64');
	} catch (error) {
		if (error instanceof N8nApiError) return `HTTP ${error.statusCode}`;
		throw error;
	}
}
