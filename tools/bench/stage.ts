import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatSharedAddress } from '../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { prepareN8n, startN8n, type N8n, type WorkflowNode } from '../../test/support/n8n';
import { installPackage, packPackage } from '../../test/support/package';
import { sleep } from '../../test/support/processes';
import { cpuMs, peakMb, residentMb, resetPeak } from '../../test/support/usage';
import { credentialData, CREDENTIAL_TYPE } from '../../test/support/workflow';
import { startChild, type Child } from '../../test/support/child';
import { oneEach } from './deliveries';
import type { EmulatorFacts, Recording } from './emulatorProcess';
import type { LoadResult } from './loadProcess';
import { workflows, type Variant } from './workflows';

/** Time for n8n to end what it began behind the answer. */
const SETTLE_MS = 200;

const IDLE_MS = 1_000;

/** What n8n 2.41 has in its heap when it has collected its garbage, to the next ten. */
const HEAP_MB = 190;

/** The processes around n8n: Meta and its media host, who sends, and Node's own limit. */
export interface World {
	meta: EmulatorFacts;
	finishedPort: number;
	record: (count: number, sizeBytes: number, phoneNumberId?: string) => Promise<Recording[]>;
	load: Child;
	limit: Child;
	/** The same as `limit`, with as much live data in its heap as n8n has. */
	fullLimit: Child;
	stop: () => Promise<void>;
}

export async function startWorld(): Promise<World> {
	const children = await Promise.all(
		['emulatorProcess', 'loadProcess', 'limitProcess', 'limitProcess'].map(
			async (name) => await startChild(join(__dirname, `${name}.ts`)),
		),
	);
	const [emulator, load, limit, fullLimit] = children;
	await fullLimit.ask('fill', { megabytes: HEAP_MB });
	return {
		meta: await emulator.ask<EmulatorFacts>('start'),
		finishedPort: await load.ask<number>('listen'),
		record: async (count, sizeBytes, phoneNumberId) =>
			await emulator.ask<Recording[]>('record', { count, sizeBytes, phoneNumberId }),
		load,
		limit,
		fullLimit,
		stop: async () => void (await Promise.all(children.map(async (child) => await child.stop()))),
	};
}

export interface Run extends LoadResult {
	deliveries: number;
	cpuMs: number;
}

export interface RunOptions {
	inFlight: number;
	/** False where n8n starts no execution for it. */
	executes?: boolean;
	status?: number;
	forged?: boolean;
	/** Triggers that share the address. */
	sharedBy?: Variant[];
	/** Those of them that want what is delivered. */
	alsoStarts?: Variant[];
	/** Milliseconds without work after each delivery. */
	pauseMs?: number;
}

/** A real n8n with everything in it that is compared. */
export class Stage {
	private constructor(
		readonly world: World,
		readonly n8n: N8n,
		private readonly targets: Map<Variant, { url: string; workflowId: string }>,
		private readonly userFolder: string,
	) {}

	static async start(
		world: World,
		env: Record<string, string>,
		variants?: Variant[],
	): Promise<Stage> {
		const userFolder = await mkdtemp(join(tmpdir(), 'n8n-bench-'));
		try {
			const { template } = await prepareN8n();
			await cp(template, userFolder, { recursive: true });
			for (const folder of [undefined, join(__dirname, 'floor')]) {
				const { tarball, remove } = await packPackage(folder);
				await installPackage(tarball, userFolder).finally(remove);
			}
			const n8n = await startN8n({
				userFolder,
				env: {
					EXTERNAL_HOOK_FILES: join(__dirname, 'finishedHook.cjs'),
					BENCH_FINISHED_PORT: String(world.finishedPort),
					...env,
				},
			});
			return new Stage(world, n8n, await publish(n8n, world.meta, variants), userFolder);
		} catch (error) {
			await removeFolder(userFolder);
			throw error;
		}
	}

	/** Delivers to a workflow and measures what it costs n8n. */
	async run(variant: Variant, bodies: string[], options: RunOptions): Promise<Run> {
		const target = this.target(variant);
		const { meta, load } = this.world;
		await sleep(SETTLE_MS);
		const before = await cpuMs(this.n8n.pid());
		const result = await load
			.ask<LoadResult>('run', {
				url: this.addressOf(variant, options.sharedBy ?? []),
				workflowId: target.workflowId,
				alsoStarts: (options.alsoStarts ?? []).map((other) => this.target(other).workflowId),
				bodies,
				appSecret: options.forged ? 'someone else' : meta.appSecret,
				inFlight: options.inFlight,
				executes: options.executes ?? true,
				status: options.status ?? 200,
				pauseMs: options.pauseMs ?? 0,
			})
			.catch((error: Error) => {
				throw new Error(`${variant}: ${error.message}\n${this.n8n.log.tail(20)}`);
			});
		if (result.deliveredAgain > 0) {
			console.log(`         ${variant}: delivered again ${result.deliveredAgain} times`);
		}
		await sleep(SETTLE_MS);
		return {
			...result,
			deliveries: bodies.length,
			cpuMs: (await cpuMs(this.n8n.pid())) - before,
		};
	}

	private target(variant: Variant): { url: string; workflowId: string } {
		const target = this.targets.get(variant);
		if (!target) throw new Error(`There is no workflow ${variant}`);
		return target;
	}

	/** The URL of a trigger, with those that share it. */
	private addressOf(variant: Variant, sharedBy: Variant[]): string {
		const siblings = sharedBy.map((name) => ({
			webhookId: this.target(name).url.split('/').at(-2) ?? '',
			isTest: false,
			events: [name.startsWith('sharingOthers') ? 'terminate' : 'call_recording_available'],
		}));
		const { url } = this.target(variant);
		const shared = { url, siblings, leavesAccount: false, isKnownToLeave: null, other: null };
		return formatSharedAddress(shared, this.world.meta.appSecret);
	}

	/** Delivers new recordings of a size, one each, and throws their files away afterwards. */
	async runRecordings(
		variant: Variant,
		count: number,
		sizeBytes: number,
		options: RunOptions,
	): Promise<Run> {
		const recordings = await this.world.record(count, sizeBytes);
		const run = await this.run(variant, oneEach(this.world.meta, recordings), options);
		await this.removeFiles();
		return run;
	}

	/** MB that n8n has when nothing is left to do. */
	async idleMemory(): Promise<number> {
		await sleep(IDLE_MS);
		return await residentMb(this.n8n.pid());
	}

	/** MB that n8n has at most during some work. */
	async peakDuring(work: () => Promise<unknown>): Promise<number> {
		await sleep(IDLE_MS);
		const pid = this.n8n.pid();
		await resetPeak(pid);
		await work();
		return await peakMb(pid);
	}

	/** Whether all ways do what they are measured for: the file is there, and its hash was right. */
	async check(): Promise<void> {
		for (const variant of ['ours', 'ownWebhook'] as const) {
			const [ours] = await this.lastOutput(variant);
			const { verified } = (ours?.json.recording ?? {}) as { verified?: boolean };
			if (!verified || !ours?.binary?.data) throw new Error(`${variant} did not verify its file`);
		}
		const built = await this.lastOutput('handBuilt');
		if (built.length !== 1) throw new Error('The hand-built workflow did not verify its file');
	}

	/** The items that the last execution of a workflow handed on: by its last node's first output. */
	private async lastOutput(variant: Variant) {
		const target = this.targets.get(variant);
		const executions = await this.n8n.api.executions(target?.workflowId ?? '');
		const execution = await this.n8n.api.execution(executions.at(-1)?.id ?? '');
		const [lastNode = ''] = Object.keys(execution.nodes).slice(-1);
		return execution.nodes[lastNode]?.[0].data?.main?.[0] ?? [];
	}

	async stop(): Promise<void> {
		await this.n8n.stop();
		await removeFolder(this.userFolder);
	}

	private async removeFiles(): Promise<void> {
		await removeFolder(join(this.userFolder, '.n8n', 'storage', 'workflows'));
	}
}

async function removeFolder(folder: string): Promise<void> {
	await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function publish(n8n: N8n, meta: EmulatorFacts, variants?: Variant[]) {
	const { api } = n8n;
	const credentials = {
		ours: await api.createCredential({
			name: 'WhatsApp',
			type: CREDENTIAL_TYPE,
			data: credentialData({ account: meta, baseUrl: meta.baseUrl }),
		}),
		bearer: await api.createCredential({
			name: 'Token',
			type: 'httpBearerAuth',
			data: { token: meta.accessToken },
		}),
		hmac: await api.createCredential({
			name: 'App secret',
			type: 'crypto',
			data: { hmacSecret: meta.appSecret },
		}),
	};
	const targets = new Map<Variant, { url: string; workflowId: string }>();
	const all = workflows(credentials, meta);
	for (const [name, definition] of Object.entries(all)) {
		const variant = name as Variant;
		const isWanted = variants ? variants.includes(variant) : !variant.startsWith('sharing');
		if (!isWanted) continue;
		const { id } = await api.createWorkflow({ name, ...definition });
		await api.activate(id);
		targets.set(variant, { url: addressOf(n8n, definition.nodes[0]), workflowId: id });
	}
	return targets;
}

function addressOf({ url, api }: N8n, node: WorkflowNode): string {
	return node.type === 'n8n-nodes-base.webhook'
		? `${url}/webhook/${node.webhookId}`
		: api.webhookUrl(node);
}
