import type { CreatedRecording, Emulator } from '../../emulator';
import { MINUTE_MS } from '../support/constants';
import { appToken, graph } from '../support/graph';
import { Receiver } from '../support/receiver';
import type { StoredCredential, WorkflowDefinition } from '../support/n8n';
import { poll } from '../support/processes';
import { startMeta } from '../support/stage';
import { credentialData, CREDENTIAL_TYPE } from '../support/workflow';
import { startCluster, type Cluster } from './cluster';
import { figuresOf } from './figures';
import { keptFiles } from './kept';
import { queueIsEmpty, RECORDINGS, sendLoad } from './load';
import { reportOf, type Run } from './report';
import { Siblings } from './siblings';
import { HashingStorage } from './hashingStorage';
import {
	DOWNLOAD,
	exampleTable,
	importExample,
	OWN_WEBHOOK,
	takeAudioFromTrigger,
	TRIGGER,
	useOwnWebhook,
	workflowThatRemovesDuplicates,
} from './workflows';

jest.setTimeout(15 * MINUTE_MS);

/** Short, where Meta's grow over days; as many as it takes to outlast the death of a worker. */
const REDELIVERY_DELAYS_MS = [500, 1_000, 2_000, 4_000, ...Array<number>(60).fill(5_000)];

let cluster: Cluster;
let emulator: Emulator;
let storage: HashingStorage;
let chat: Receiver;
let credentials: StoredCredential[];
const runs: Run[] = [];
const print = (text: string) => process.stdout.write(`\n${text}\n\n`);

beforeAll(async () => {
	cluster = await startCluster();
	storage = await new HashingStorage().start();
	chat = await new Receiver().start();
	emulator = await startMeta({ redeliveryDelaysMs: REDELIVERY_DELAYS_MS });
	credentials = [
		await cluster.api.createCredential(whatsAppCredential()),
		await cluster.api.createCredential(postgresCredential()),
	];
});

afterAll(async () => {
	if (runs.length > 0) print(reportOf(runs));
	await emulator?.stop();
	await cluster?.stop();
	await Promise.all([storage?.stop(), chat?.stop()]);
});

function whatsAppCredential() {
	return { name: 'WhatsApp', type: CREDENTIAL_TYPE, data: credentialData(emulator) };
}

function postgresCredential() {
	const { port, user, password } = cluster.services.postgres;
	return {
		name: 'Postgres',
		type: 'postgres',
		data: {
			...{ host: '127.0.0.1', port, user, password, database: cluster.operatorDatabaseName },
			ssl: 'disable',
			maxConnections: 10,
		},
	};
}

/** Points Meta to a Webhook node while `use` runs, as an operator does in the app dashboard. */
async function pointedTo<T>(path: string | undefined, use: () => Promise<T>): Promise<T> {
	if (path === undefined) return await use();
	emulator.presetSubscription(`${cluster.balancer.url}/webhook/${path}`);
	try {
		return await use();
	} finally {
		const { appId, businessAccountId } = emulator.account;
		const edge = `${appId}/subscriptions?object=whatsapp_business_account`;
		await graph(emulator, 'DELETE', edge, undefined, appToken(emulator));
		await graph(emulator, 'DELETE', `${businessAccountId}/subscribed_apps`);
	}
}

/** The example at work, with an empty table and an empty storage, while `use` runs. */
async function withExample<T>(
	use: (workflowId: string) => Promise<T>,
	edit?: (workflow: WorkflowDefinition) => void,
	webhookPath?: string,
): Promise<T> {
	await cluster.repair();
	const addresses = { storage: storage.url, chat: new URL(chat.url).origin };
	const id = await importExample(cluster, credentials, addresses, edit);
	await cluster.operatorDatabase.query('DROP TABLE IF EXISTS call_recordings');
	await cluster.operatorDatabase.query(await exampleTable());
	storage.forget();
	emulator.forget();
	await cluster.api.activate(id);
	try {
		return await pointedTo(webhookPath, async () => await use(id));
	} finally {
		await cluster.api.deactivate(id);
		await cluster.n8nDatabase.query('TRUNCATE binary_data');
	}
}

/** 500 recordings, duplicates and two deaths; see `sendLoad`. */
async function run(
	layout: string,
	nodeWithAudio: string,
	edit?: (workflow: WorkflowDefinition) => void,
	webhookPath?: string,
): Promise<Run> {
	const measured = async (workflowId: string) => {
		const load = await sendLoad({ cluster, emulator, storage }, workflowId);
		const figures = await figuresOf(cluster, storage, workflowId, load);
		const kept = await keptFiles(cluster, workflowId, nodeWithAudio, load);
		const result = { layout, figures, kept };
		runs.push(result);
		return result;
	};
	return await withExample(measured, edit, webhookPath);
}

/** What holds in each layout. */
function expectSound({ figures }: Run): void {
	expect(figures.unexplained).toEqual([]);
	expect(figures.recordings).toBe(RECORDINGS);
	// Otherwise nothing would have been tried.
	expect(figures.cutWithWorker).toBeGreaterThan(0);
	expect(figures.cutWithProcessor).toBeGreaterThan(0);
	expect(figures.executions.success).toBeGreaterThan(RECORDINGS);
	expect(figures.undelivered).toBe(0);
	expect(figures.wrong).toBe(0);
	expect(figures.duplicated).toBe(0);
}

const mediaIdsInTable = async () =>
	(
		await cluster.operatorDatabase.query<{ media_id: string }>(
			'SELECT media_id FROM call_recordings',
		)
	).map(({ media_id }) => media_id);

const idsOf = (recordings: CreatedRecording[]) => recordings.map(({ mediaId }) => mediaId);

describe('500 recordings, sent to both webhook processors, while a worker and a webhook processor are killed', () => {
	it('All recordings come out once in the recommended layout: media ID from the trigger, audio downloaded by the worker, acknowledged when finished', async () => {
		const result = await run('Recommended: worker downloads', DOWNLOAD);
		expectSound(result);
		expect(result.figures).toMatchObject({ results: RECORDINGS, lost: [], duplicated: 0 });
		expect(result.kept).toMatchObject({ inEditor: 'whole', filesAfterDeletion: 0 });
	});

	it('All recordings but those of the dead worker come out once with audio from the trigger in the database, acknowledged when stored', async () => {
		const result = await run(
			'Trigger downloads, database, when stored',
			TRIGGER,
			takeAudioFromTrigger('stored'),
		);
		expectSound(result);
		// Meta had its 200 before the worker began, and nobody repeats what was cut.
		expect(result.figures.lost.length).toBeGreaterThan(0);
	});

	it('All recordings come out once with audio from the trigger in the database, acknowledged when finished', async () => {
		const result = await run(
			'Trigger downloads, database, when finished',
			TRIGGER,
			takeAudioFromTrigger('finished'),
		);
		expectSound(result);
		expect(result.figures).toMatchObject({ results: RECORDINGS, lost: [] });
	});
});

describe("n8n's Webhook node and Delivery > Read", () => {
	it('All 500 recordings come out once, acknowledged when finished, while a worker and a webhook processor are killed', async () => {
		const result = await run(
			'Webhook node, worker reads and downloads, when finished',
			DOWNLOAD,
			useOwnWebhook('lastNode'),
			OWN_WEBHOOK,
		);
		expectSound(result);
		expect(result.figures).toMatchObject({ results: RECORDINGS, lost: [], duplicated: 0 });
		expect(result.kept).toMatchObject({ inEditor: 'whole', filesAfterDeletion: 0 });
	});

	it('The delivery is acknowledged before the worker has read anything, if the node responds immediately', async () => {
		const use = async () => {
			const recordings = [await emulator.createRecording(), await emulator.createRecording()];
			let letGo = () => {};
			const until = new Promise<void>((resolve) => (letGo = resolve));
			emulator.failNext('media', { until }, { times: Infinity });
			const sent = cluster.processors.map((_, n) => {
				const url = `${cluster.balancer.urlOf(n)}/webhook/${OWN_WEBHOOK}`;
				return emulator.deliver(recordings, { url, redeliver: false });
			});
			const answers = await Promise.all(sent.map(async ({ answer }) => (await answer).status));
			expect(answers).toEqual(cluster.processors.map(() => 200));
			expect(await mediaIdsInTable()).toEqual([]);
			letGo();
			emulator.clearFaults();
			await queueIsEmpty(cluster);
			expect((await mediaIdsInTable()).sort()).toEqual(idsOf(recordings).sort());
		};
		await withExample(use, useOwnWebhook('onReceived'), OWN_WEBHOOK);
	});
});

describe('the example for queue mode', () => {
	const deliver = (recordings: CreatedRecording[]) => emulator.deliver(recordings);
	const three = async () => [
		await emulator.createRecording(),
		await emulator.createRecording(),
		await emulator.createRecording(),
	];

	beforeEach(() => {
		chat.webhooks.length = 0;
		emulator.clearFaults();
	});

	it('The example tells the team about a recording that is gone, and keeps the others of its delivery', async () => {
		await withExample(async () => {
			const recordings = await three();
			const [gone, ...others] = recordings as [CreatedRecording, ...CreatedRecording[]];
			emulator.deleteMedia(gone.mediaId);
			const { attempts } = await deliver(recordings).settled;
			expect(attempts.map(({ status }) => status)).toEqual([200]);
			await queueIsEmpty(cluster);
			expect((await mediaIdsInTable()).sort()).toEqual(idsOf(others).sort());
			expect(chat.webhooks).toHaveLength(1);
			const { text } = JSON.parse(chat.webhooks[0].raw.toString()) as { text: string };
			expect(text).toContain(`No audio for call ${gone.callId}: `);
			expect(text).not.toContain('undefined');
		});
	});

	it('The example makes Meta deliver an unavailable recording again, and has kept the others by then', async () => {
		await withExample(async () => {
			const recordings = await three();
			const [late, ...others] = recordings as [CreatedRecording, ...CreatedRecording[]];
			emulator.failNext('media', { status: 403 }, { mediaId: late.mediaId, times: Infinity });
			const delivery = deliver(recordings);
			expect((await delivery.answer).status).toBe(500);
			expect((await mediaIdsInTable()).sort()).toEqual(idsOf(others).sort());
			emulator.clearFaults();
			expect((await delivery.settled).outcome).toBe('delivered');
			expect((await mediaIdsInTable()).sort()).toEqual(idsOf(recordings).sort());
			expect(chat.webhooks).toHaveLength(0);
		});
	});

	it('The example is also acknowledged if n8n keeps no successful executions', async () => {
		await withExample(
			async (workflowId) => {
				const recordings = await three();
				const { attempts } = await deliver(recordings).settled;
				expect(attempts.map(({ status }) => status)).toEqual([200]);
				expect((await mediaIdsInTable()).sort()).toEqual(idsOf(recordings).sort());
				await poll('deletion of the execution', MINUTE_MS, async () =>
					(await cluster.api.executions(workflowId)).length === 0 ? true : undefined,
				);
			},
			(workflow) => {
				workflow.settings = { ...workflow.settings, saveDataSuccessExecution: 'none' };
			},
		);
	});
});

describe("n8n's Remove Duplicates", () => {
	it('Remove Duplicates is no unique key: it lets some of the recordings that come twice at once through twice', async () => {
		const count = 50;
		const database = cluster.operatorDatabase;
		await database.query('CREATE TABLE passed (media_id text)');
		const definition = workflowThatRemovesDuplicates(credentials);
		const { id } = await cluster.api.createWorkflow(definition);
		await cluster.api.activate(id);
		const path = `/webhook/${definition.nodes[0].webhookId}/webhook`;
		for (let n = 0; n < count; n++) {
			const recording = await emulator.createRecording({ sizeBytes: 1_000 });
			cluster.processors.forEach((_, index) =>
				emulator.deliver([recording], {
					url: `${cluster.balancer.urlOf(index)}${path}`,
				}),
			);
		}
		await emulator.whenIdle();
		await queueIsEmpty(cluster);
		await cluster.api.deactivate(id);
		const [row] = await database.query<{ passed: string; kept: string }>(
			'SELECT count(*) AS passed, count(DISTINCT media_id) AS kept FROM passed',
		);
		expect(Number(row?.kept)).toBe(count);
		print(
			`Remove Duplicates let ${Number(row?.passed) - count} of ${count} recordings through twice.`,
		);
	});
});

describe('five workflows that share the webhook URL of an app', () => {
	let siblings: Siblings;

	beforeAll(async () => {
		await cluster.repair();
		siblings = await Siblings.publish(cluster, emulator, credentials[0]);
	});

	afterAll(async () => {
		await siblings?.unpublish();
		expect(emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});

	it('Each workflow gets what it chose once, acknowledged at once, from both webhook processors', async () => {
		const sent = await siblings.deliver();
		expect(new Set(sent.map(({ delivery }) => delivery.outcome))).toEqual(new Set(['delivered']));
		for (const { got, chosen } of await siblings.outcome(sent)) {
			expect(Object.keys(got).sort()).toEqual(chosen.map(({ key }) => key).sort());
			const atOnce = chosen.filter(({ delivery }) => delivery.attempts.length === 1);
			expect(atOnce.filter(({ key }) => got[key] !== 1)).toEqual([]);
			expect(atOnce.length).toBeGreaterThan(0);
		}
	});

	it('Each workflow gets all that it chose although a webhook processor is killed with deliveries in progress', async () => {
		const sent = await siblings.deliverWithKill();
		expect(new Set(sent.map(({ delivery }) => delivery.outcome))).toEqual(new Set(['delivered']));
		for (const { got, chosen } of await siblings.outcome(sent)) {
			expect(chosen.filter(({ key }) => got[key] === undefined)).toEqual([]);
		}
	});
});

describe('a folder that all processes share', () => {
	beforeAll(async () => {
		await cluster.restart({
			N8N_DEFAULT_BINARY_DATA_MODE: 'filesystem',
			N8N_BINARY_DATA_STORAGE_PATH: cluster.sharedFolder,
		});
	});

	it('All 500 recordings come out once with audio from the trigger, acknowledged when finished', async () => {
		const result = await run(
			'Trigger downloads, shared folder, when finished',
			TRIGGER,
			takeAudioFromTrigger('finished'),
		);
		expectSound(result);
		expect(result.figures).toMatchObject({ results: RECORDINGS, lost: [] });
	});
});
