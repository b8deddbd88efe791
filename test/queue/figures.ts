import type { DeliveryAttempt, DeliveryRecord } from '../../emulator';
import type { Cluster } from './cluster';
import type { Load } from './load';
import { HashingStorage } from './hashingStorage';

/** What became of the recordings of one run. */
export interface Figures {
	recordings: number;
	megabytes: number;
	/** Copies included. */
	deliveries: number;
	/** Deliveries that never got a 200. */
	undelivered: number;
	/** How often each answer was given; 0 stands for none within Meta's 20 seconds. */
	answers: Record<string, number>;
	/** How many executions ended in each status. */
	executions: Record<string, number>;
	cutWithWorker: number;
	cutWithProcessor: number;
	/** Rows in the operator's table. */
	results: number;
	/** Media IDs of the recordings without a row. */
	lost: string[];
	/** Of those that were lost, and not in the hands of the worker that was killed. */
	unexplained: Fate[];
	duplicated: number;
	/** Files that were put into the storage; above the number of recordings: repetitions. */
	uploads: number;
	/** Results or files whose SHA-256 is not the one that Meta announced. */
	wrong: number;
	seconds: number;
}

/** What Meta was answered for a recording, and what n8n made of it. */
interface Fate {
	mediaId: string;
	attempts: DeliveryAttempt[][];
	executions: unknown[];
}

interface Row {
	media_id: string;
	sha256: string;
	verified: boolean;
	size_bytes: string;
}

export async function figuresOf(
	cluster: Cluster,
	storage: HashingStorage,
	workflowId: string,
	load: Load,
): Promise<Figures> {
	const { recordings, deliveries } = load;
	const rows = await cluster.operatorDatabase.query<Row>('SELECT * FROM call_recordings');
	const byId = new Map(rows.map((row) => [row.media_id, row]));
	const lost = recordings.map(({ mediaId }) => mediaId).filter((mediaId) => !byId.has(mediaId));
	const unexplained = lost.filter((mediaId) => !load.cutWithWorker.has(mediaId));
	const uploads = [...storage.objects.values()];
	const isWrong = ({ mediaId, media }: Load['recordings'][number]) => {
		const row = byId.get(mediaId);
		if (row === undefined) return false;
		const file = storage.objects.get(HashingStorage.pathOf(mediaId));
		const kept = [row.sha256, file?.sha256].every((sha256) => sha256 === media.sha256Base64);
		const isWhole = Number(row.size_bytes) === media.sizeBytes && file?.contents === 1;
		return !(row.verified && kept && isWhole);
	};
	return {
		recordings: recordings.length,
		megabytes: Math.round(sum(recordings.map(({ media }) => media.sizeBytes)) / 1_000_000),
		deliveries: deliveries.length,
		undelivered: deliveries.filter(({ outcome }) => outcome !== 'delivered').length,
		answers: countOf(answersTo(deliveries)),
		executions: await executionsOf(cluster, workflowId),
		cutWithWorker: load.cutWithWorker.size,
		cutWithProcessor: load.cutWithProcessor,
		results: rows.length,
		lost,
		unexplained: await Promise.all(
			unexplained.map(async (mediaId) => await fateOf(cluster, workflowId, deliveries, mediaId)),
		),
		duplicated: rows.length - byId.size,
		uploads: sum(uploads.map(({ puts }) => puts)),
		wrong: recordings.filter(isWrong).length,
		seconds: Math.round(load.seconds),
	};
}

async function fateOf(
	{ n8nDatabase }: Cluster,
	workflowId: string,
	deliveries: DeliveryRecord[],
	mediaId: string,
): Promise<Fate> {
	return {
		mediaId,
		attempts: deliveries
			.filter(({ body }) => body.includes(mediaId))
			.map(({ attempts }) => attempts),
		executions: await n8nDatabase.query(
			`SELECT id, status, "createdAt", "startedAt", "stoppedAt"
			FROM execution_entity JOIN execution_data ON id = "executionId"
			WHERE execution_entity."workflowId" = $1 AND data LIKE $2`,
			[workflowId, `%${mediaId}%`],
		),
	};
}

const answersTo = (deliveries: DeliveryRecord[]) =>
	deliveries.flatMap(({ attempts }) => attempts.map(({ status }) => String(status)));

async function executionsOf(cluster: Cluster, workflowId: string): Promise<Record<string, number>> {
	const rows = await cluster.n8nDatabase.query<{ status: string; count: string }>(
		'SELECT status, count(*) FROM execution_entity WHERE "workflowId" = $1 GROUP BY status',
		[workflowId],
	);
	return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
}

function countOf(values: string[]): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
	return counts;
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
