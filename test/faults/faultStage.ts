import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type {
	CreatedRecording,
	DeliverOptions,
	Fault,
	RecordingOrder,
	WebhookUpdate,
} from '../../emulator';
import { inDatabase } from '../support/database';
import { change, exampleFile } from '../support/examples';
import type { FileStore } from '../support/fileStore';
import { GRAPH_HOST_PRELOAD, Stage, startStage, TRIGGER, type Workflow } from '../support/stage';
import { isOver, type Item, type N8n } from '../support/n8n';
import { poll } from '../support/processes';
import { credentialData } from '../support/workflow';
import type { Tally, Twice } from './tally';

export type { CreatedRecording };

/** What Meta is answered: it is done; or deliver again, please. */
export const OK = 200;
export const LATER = 503;

/** Emulated Meta delivers again after so many milliseconds, as long as it gets no 200. */
const REDELIVERY_DELAYS_MS = [20, 20, 20];

/** The timestamp of an event, as Meta writes it. */
export const minutesAgo = (minutes: number) => String(Math.floor(Date.now() / 1000) - minutes * 60);

/** What Meta gets where it never gets a 200. */
export const eachTry = (answer: number) =>
	Array<number>(REDELIVERY_DELAYS_MS.length + 1).fill(answer);

/** What one item says about its recording. */
export type Came = { mediaId: string; verified: boolean } & (
	| { sha256: string; sizeBytes: number }
	| { reason: string }
);

/** The item of a recording whose file n8n holds as it was recorded. */
export function audio({ mediaId, media: { content } }: CreatedRecording): Came {
	return { mediaId, verified: true, sha256: content.sha256Hex, sizeBytes: content.sizeBytes };
}

/** The item of a recording that came without its file. */
export function noFile({ mediaId }: CreatedRecording, reason: string): Came {
	return { mediaId, verified: false, reason };
}

interface Disturbances {
	/** Added to the time that n8n sees. */
	clockMs?: number;
	/** So much room is left for each file of the binary store, null for enough. */
	freeBytes?: number | null;
	/** Answers to webhooks are ready, but do not go out. */
	holdAnswers?: boolean;
}

export interface ExecutionRow {
	id: number;
	workflowId: string;
	status: string;
}

/** Of the trigger. */
type Parameters = Record<string, unknown>;

/** A real n8n that can be disturbed, and its Meta. */
export class FaultStage extends Stage {
	/** All that must not be found anywhere, by name. */
	readonly secrets: Record<string, string>;

	private readonly shared = new Map<string, Promise<Workflow>>();

	private constructor(
		stage: Stage,
		readonly tally: Tally,
	) {
		super(stage);
		const { accessToken, appSecret } = stage.emulator.account;
		this.secrets = { 'access token': accessToken, 'app secret': appSecret };
	}

	static async start(tally: Tally, env: Record<string, string> = {}): Promise<FaultStage> {
		const preloads = [join(__dirname, 'disturbances.cjs'), GRAPH_HOST_PRELOAD];
		const stage = await startStage({
			emulator: { redeliveryDelaysMs: REDELIVERY_DELAYS_MS },
			env: {
				NODE_OPTIONS: preloads.map((file) => `--require ${file}`).join(' '),
				DISTURBANCES_FILE: 'disturbances-port',
				GRAPH_HOST_FILE: 'graph-host',
				...env,
			},
		});
		const faultStage = new FaultStage(stage, tally);
		tally.watch(faultStage);
		return faultStage;
	}

	/** Where n8n keeps files. */
	get storageFolder(): string {
		return join(this.n8n.userFolder, '.n8n', 'storage');
	}

	/** The case begins: everything from here on is its. */
	async scene(parameters: Parameters = {}): Promise<Scene> {
		const key = JSON.stringify(parameters);
		const workflow = this.shared.get(key) ?? this.addManual(parameters);
		this.shared.set(key, workflow);
		return new Scene(this, await workflow);
	}

	/** A case in a workflow that no other case has. */
	async sceneApart(parameters: Parameters = {}): Promise<Scene> {
		return new Scene(this, await this.addManual(parameters));
	}

	/** A case in the example workflow that puts recordings into a storage, under their media ID. */
	async sceneOfExample(store: FileStore, acknowledge: 'stored' | 'finished'): Promise<Scene> {
		return new Scene(this, await this.addExample(store, acknowledge));
	}

	/** Tells n8n's preload what to disturb; gives how many answers it is holding. */
	async disturb(orders: Disturbances): Promise<number> {
		const port = await readFile(join(this.n8n.userFolder, 'disturbances-port'), 'utf8');
		const response = await fetch(`http://127.0.0.1:${port}/`, {
			method: 'POST',
			body: JSON.stringify(orders),
		});
		const { held } = (await response.json()) as { held: number };
		return held;
	}

	/** From now on Meta takes another access token, and no longer the one of before. */
	replaceToken(accessToken: string): void {
		this.emulator.account.accessToken = accessToken;
		this.secrets['new access token'] = accessToken;
	}

	/** Saves the credential with such fields; without any, as Meta wants it now. */
	async saveCredential(fields: Record<string, string> = {}): Promise<void> {
		const { id, name, type } = this.credential;
		const data = { ...credentialData(this.emulator), ...fields };
		await this.n8n.api.updateCredential(id, { name, type, data });
	}

	/** The executions in n8n's database, in the order in which they began. */
	executionsAfter(id: number): ExecutionRow[] {
		const statement =
			'SELECT id, workflowId, status FROM execution_entity WHERE id > ? ORDER BY id';
		return this.inDatabase((database) => database.prepare(statement).all(id)) as never;
	}

	/** All that n8n keeps of its executions, as one text. */
	executionData(): string {
		const rows = this.inDatabase((database) =>
			database.prepare('SELECT data FROM execution_data').all(),
		);
		return rows.map(({ data }) => String(data)).join('\n');
	}

	inDatabase<T>(work: (database: DatabaseSync) => T): T {
		return inDatabase(this.n8n.userFolder, work);
	}

	private async addManual(parameters: Parameters): Promise<Workflow> {
		return await this.addWorkflow({
			parameters: { registration: 'manual', verifyToken: 'a', ...parameters },
		});
	}

	private async addExample(store: FileStore, acknowledge: string): Promise<Workflow> {
		const { api } = this.n8n;
		const { id, nodes } = await api.importWorkflow(exampleFile('recording-to-storage'), {
			credentials: [this.credential],
			edit: (workflow) => {
				change(workflow, { 'https://storage.example.com': store.url });
				for (const node of workflow.nodes) {
					if (!node.type.endsWith('Trigger')) continue;
					Object.assign(node.parameters, {
						...{ registration: 'manual', verifyToken: 'a' },
						options: { acknowledge },
					});
					node.webhookId = crypto.randomUUID();
					workflow.connections[TRIGGER] = workflow.connections[node.name];
					delete workflow.connections[node.name];
					node.name = TRIGGER;
				}
			},
		});
		await api.activate(id);
		const trigger = nodes.find(({ name }) => name === TRIGGER)!;
		const url = api.webhookUrl(trigger);
		return { id, url, testUrl: api.webhookUrl(trigger, { test: true }) };
	}
}

/** One case: what happens in a workflow from its beginning on. */
export class Scene {
	/** The answers that Meta got, of all tries of all deliveries; 0 for none. */
	readonly answers: number[] = [];

	private readonly lastExecution: number;

	constructor(
		private readonly stage: FaultStage,
		readonly workflow: Workflow,
	) {
		this.lastExecution = stage.executionsAfter(0).at(-1)?.id ?? 0;
	}

	/** A recording that has to come out once, or twice. */
	async record(order: RecordingOrder = {}, twice?: Twice): Promise<CreatedRecording> {
		const recording = await this.stage.emulator.createRecording(order);
		this.stage.tally.expect(recording, twice);
		return recording;
	}

	/** So many recordings, each of other bytes. */
	async recordMany(count: number): Promise<CreatedRecording[]> {
		const seeds = [...Array(count).keys()];
		return await Promise.all(
			seeds.map(async (seed) => await this.record({ sizeBytes: 5_000, seed })),
		);
	}

	/** Holds the next download of a recording back; gives what lets it go on. */
	holdDownload({ mediaId }: CreatedRecording, fault: Fault = {}): () => void {
		let goOn = () => {};
		const until = new Promise<void>((resolve) => (goOn = resolve));
		this.stage.emulator.failNext('media', { ...fault, until }, { mediaId });
		return goOn;
	}

	/** Waits until Meta was asked for the file of a recording. */
	async downloading(recording: CreatedRecording): Promise<void> {
		const asked = async () => (this.asked(recording).file > 0 ? true : undefined);
		await poll('request for the file', 30_000, asked, { interval: 10 });
	}

	/** Delivers until Meta gets a 200 or has tried often enough; gives what it was answered. */
	async deliver(
		recordings: Array<CreatedRecording | WebhookUpdate>,
		options: DeliverOptions = {},
	): Promise<number[]> {
		const { url } = this.workflow;
		const delivery = this.stage.emulator.deliver(recordings, { url, ...options });
		const { attempts } = await delivery.settled;
		const answers = attempts.map(({ status }) => status);
		this.answers.push(...answers);
		return answers;
	}

	/** The executions since the case began, whether or not they are finished. */
	executions(): ExecutionRow[] {
		return this.stage
			.executionsAfter(this.lastExecution)
			.filter(({ workflowId }) => workflowId === this.workflow.id);
	}

	/** The executions since the case began, all finished, each as what its items say. */
	async results(): Promise<Array<{ status: string; items: Came[] }>> {
		const rows = await poll('end of the executions', 60_000, async () => {
			const all = this.executions();
			return all.every(isOver) ? all : undefined;
		});
		const { n8n } = this.stage;
		return await Promise.all(
			rows.map(async ({ id, status }) => {
				const items = await itemsOf(n8n, id);
				return {
					status,
					items: await Promise.all(items.map(async (item) => await came(n8n, item))),
				};
			}),
		);
	}

	/**
	 * Expects what Meta was answered, try for try, and the executions with what came out of each. All
	 * have succeeded where nothing else is said.
	 */
	async mustHave(expected: {
		answers: number[];
		executions: Came[][];
		statuses?: string[];
	}): Promise<void> {
		const results = await this.results();
		expect({
			answers: this.answers,
			executions: results.map(({ items }) => items),
			statuses: results.map(({ status }) => status),
		}).toEqual({ statuses: expected.executions.map(() => 'success'), ...expected });
	}

	/** How often Meta was asked for a file, and for a URL of it. */
	asked({ mediaId, media }: CreatedRecording): { file: number; url: number } {
		const { requests } = this.stage.emulator;
		const isFile = (query: Record<string, string>) => query.mid === media.attachmentId;
		return {
			file: requests.filter(({ kind, query }) => kind === 'media' && isFile(query)).length,
			url: requests.filter(({ kind, path }) => kind === 'mediaInfo' && path.endsWith(`/${mediaId}`))
				.length,
		};
	}
}

interface FileFields {
	mediaId: string;
	verified: boolean;
	sha256: string | null;
	error?: { reason: string };
}

export const fileFieldsOf = ({ json }: Item) =>
	(json.recording ?? json.transcription) as FileFields;

/** What the trigger handed on. n8n fills in an item of its own where it lost what a node did. */
export async function itemsOf(n8n: N8n, executionId: number): Promise<Item[]> {
	const items = (await n8n.api.execution(String(executionId))).items(TRIGGER);
	return items.filter(({ json }) => !json.isArtificialRecoveredEventItem);
}

/** Reads the stored file back: its hash is that of the bytes that the next node gets. */
async function came(n8n: N8n, item: Item): Promise<Came> {
	const file = fileFieldsOf(item);
	const { mediaId, verified } = file;
	if (!item.binary) return { mediaId, verified, reason: file.error?.reason ?? 'none' };
	const bytes = await n8n.api.download(item.binary.data);
	const sha256 = createHash('sha256').update(bytes).digest();
	if (file.sha256 !== sha256.toString('base64')) {
		throw new Error(`The item of ${mediaId} names another hash than that of its file`);
	}
	return { mediaId, verified, sha256: sha256.toString('hex'), sizeBytes: bytes.length };
}
