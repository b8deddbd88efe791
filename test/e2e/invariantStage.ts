import { AsyncLocalStorage } from 'node:async_hooks';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from '../../emulator';
import { NUMBER } from '../support/constants';
import { databaseFile, inDatabase } from '../support/database';
import { startN8n, type N8n, type StoredCredential, type WorkflowNode } from '../support/n8n';
import { poll } from '../support/processes';
import { TRIGGER_TYPE, using, webhookNode, type IdentifiedNode } from '../support/workflow';
import { startMeta, startStage, type Stage } from '../support/stage';

export interface Setup {
	name: string;
	version?: string;
	env?: Record<string, string>;
	/** Whether n8n publishes triggers one by one and tells the outcome of each. */
	hasStatuses: boolean;
}

/** An app at a Meta of its own. */
export interface App {
	emulator: Emulator;
	credential: StoredCredential;
}

export interface Published {
	id: string;
	nodes: IdentifiedNode[];
	/** Production URL of each trigger. */
	urls: string[];
}

type Parameters = Record<string, unknown>;

export const state = ({ emulator }: App) => emulator.subscriptionState();

/** One n8n, and apps at Metas of their own. */
export class InvariantStage {
	readonly apps: App[] = [];

	/** n8n 1 publishes what is saved in a published workflow. */
	readonly publishesSaved: boolean;

	private stage!: Stage;

	private lastWrite: Promise<unknown> = Promise.resolve();

	/** Set in everything that has its turn: what it writes must not wait for the end of that turn. */
	private readonly turn = new AsyncLocalStorage<true>();

	constructor(readonly setup: Setup) {
		this.publishesSaved = setup.version?.startsWith('1.') === true;
	}

	async start(): Promise<void> {
		const { version, env } = this.setup;
		this.stage = await startStage({
			version,
			env: {
				N8N_WORKFLOW_PUBLICATION_CONCURRENCY: '100',
				// Most of the time would go into one expression isolate for every webhook.
				N8N_EXPRESSION_ENGINE: 'legacy',
				...env,
			},
		});
	}

	async stop(): Promise<void> {
		await this.stage?.stop();
	}

	async stopApps(): Promise<void> {
		await Promise.all(this.apps.splice(0).map(async ({ emulator }) => await emulator.stop()));
	}

	get n8n(): N8n {
		return this.stage.n8n;
	}

	get api() {
		return this.stage.n8n.api;
	}

	/** n8n 1 on SQLite cannot write two things at once. */
	async inTurn<T>(write: () => Promise<T>): Promise<T> {
		if (this.turn.getStore()) return await write();
		const run = async () => await this.turn.run(true, write);
		const own = this.lastWrite.then(run, run);
		this.lastWrite = own;
		return await own;
	}

	/** The same for what other versions can do at once. */
	async atOnce<T>(write: () => Promise<T>): Promise<T> {
		return this.publishesSaved ? await this.inTurn(write) : await write();
	}

	async anApp(): Promise<App> {
		const emulator = await startMeta();
		const credential = await this.inTurn(async () => await this.stage.credentialFor(emulator));
		const app = { emulator, credential };
		this.apps.push(app);
		return app;
	}

	async someApps(count: number): Promise<App[]> {
		return await Promise.all(Array.from({ length: count }, async () => await this.anApp()));
	}

	async add({ credential }: App, ...triggers: Parameters[]): Promise<Published> {
		const nodes = triggers.map((parameters, index) =>
			webhookNode(`Trigger ${index}`, TRIGGER_TYPE, 1.1, parameters, {
				credentials: using(credential),
			}),
		);
		const workflow = { name: 'Invariant', nodes, connections: {} };
		const { id } = await this.inTurn(async () => await this.api.createWorkflow(workflow));
		return { id, nodes, urls: nodes.map((node) => this.api.webhookUrl(node)) };
	}

	async addPublished(app: App, ...triggers: Parameters[]): Promise<Published> {
		const workflow = await this.add(app, ...triggers);
		await this.atOnce(async () => await this.api.activate(workflow.id));
		return workflow;
	}

	/** What was changed counts from now on. */
	async publish({ id }: Published): Promise<void> {
		const { active } = await this.api.workflow(id);
		if (!active || !this.publishesSaved) await this.api.activate(id);
	}

	async unpublish(...workflows: Published[]): Promise<void> {
		for (const { id } of workflows) await this.api.deactivate(id);
	}

	/** Saves a change as the editor does; it counts when it is published. */
	async edit(
		{ id }: Published,
		change: (nodes: WorkflowNode[]) => void,
		{ api }: Pick<N8n, 'api'> = this.n8n,
	): Promise<void> {
		const { nodes, connections, versionId, name } = await api.workflow(id);
		change(nodes);
		await api.request('PATCH', `/rest/workflows/${id}`, { name, nodes, connections, versionId });
	}

	/** The status that Meta gets for a recording. */
	async receives({ emulator }: App, phoneNumberId = NUMBER): Promise<number> {
		const recording = await emulator.createRecording({ phoneNumberId });
		return (await emulator.deliver([recording]).answer).status;
	}

	/** How often each workflow has run to its end by now. n8n may list one that is running twice, or not. */
	private async runs(workflows: Published[]): Promise<number[]> {
		return await Promise.all(
			workflows.map(async ({ id }) => {
				const all = await this.api.executions(id);
				const done = all.filter(({ status }) => status === 'success' || status === 'error');
				return new Set(done.map((execution) => execution.id)).size;
			}),
		);
	}

	/** Each workflow has run so often. */
	async hasRun(counts: number[], ...workflows: Published[]): Promise<void> {
		const runs = await poll('executions', 20_000, async () => {
			const found = await this.runs(workflows);
			return found.every((count, index) => count >= counts[index]) ? found : undefined;
		});
		expect(runs).toEqual(counts);
	}

	/** URLs of the triggers that n8n shows as published. */
	async shownAsPublished(...workflows: Published[]): Promise<string[]> {
		const found = await Promise.all(
			workflows.map(async ({ id, nodes, urls }) => {
				if (!this.setup.hasStatuses) return (await this.api.workflow(id)).active ? urls : [];
				const { triggers } = await this.api.publicationStatus(id);
				return urls.filter((_, index) =>
					triggers.some(
						({ nodeId, status }) => nodeId === nodes[index].id && status === 'activated',
					),
				);
			}),
		);
		return found.flat();
	}

	/** Changes n8n's database, which must not be running. */
	changeDatabase(sql: string): void {
		inDatabase(this.n8n.userFolder, (database) => database.exec(sql));
	}

	/** What a backup keeps of a running n8n: the database in one file. */
	backUp(file: string): void {
		inDatabase(this.n8n.userFolder, (database) => database.exec(`VACUUM INTO '${file}'`));
	}

	/** Puts a backup instead of the database of n8n, which must not be running. */
	async restore(file: string): Promise<void> {
		const database = databaseFile(this.n8n.userFolder);
		await Promise.all(
			['-wal', '-shm'].map(async (end) => await rm(database + end, { force: true })),
		);
		await cp(file, database);
	}

	/**
	 * Another n8n that was started from a backup of this one: on another machine with all of its settings,
	 * or (`isAnother`) with an instance ID of its own.
	 */
	async startCopy(isAnother: boolean): Promise<N8n> {
		const { userFolder } = this.n8n;
		const folder = await mkdtemp(join(tmpdir(), 'n8n-copy-'));
		const remove = async () => await rm(folder, { recursive: true, force: true, maxRetries: 3 });
		try {
			await cp(userFolder, folder, {
				recursive: true,
				filter: (path) => !/\.sqlite|\.cache|\/tmp\b/.test(path.slice(userFolder.length)),
			});
			this.backUp(databaseFile(folder));
			const { version, env } = this.setup;
			const own = isAnother ? await changeInstance(folder) : {};
			const copy = await startN8n({ userFolder: folder, version, env: { ...env, ...own } });
			return {
				...copy,
				stop: async () => {
					await copy.stop();
					await remove();
				},
			};
		} catch (error) {
			await remove();
			throw error;
		}
	}
}

/** Newer versions keep the instance ID in the database, and start there only with the key of its secrets. */
async function changeInstance(folder: string): Promise<Record<string, string>> {
	const tables = inDatabase(folder, (database) =>
		database.prepare('SELECT name FROM sqlite_master').all(),
	);
	if (tables.some(({ name }) => name === 'deployment_key')) {
		return { N8N_INSTANCE_ID: 'another-instance' };
	}
	const file = join(folder, '.n8n', 'config');
	const config = JSON.parse(await readFile(file, 'utf8')) as { encryptionKey: string };
	const encryptionKey = [...config.encryptionKey].reverse().join('');
	await writeFile(file, JSON.stringify({ ...config, encryptionKey }));
	return {};
}
