import type { CreatedRecording, DeliveryHandle, DeliveryRecord, Emulator } from '../../emulator';
import { poll } from '../support/processes';
import { WORKER_CONCURRENCY, type Cluster } from './cluster';
import { HashingStorage } from './hashingStorage';

/** How many recordings a run has. */
export const RECORDINGS = 500;

const KB = 1_000;
const MB = 1_000 * KB;
const SMALLEST = 10 * KB;
const LARGEST = 2 * MB;
const LONG_CALLS = [4 * MB, 6 * MB, 8 * MB, 12 * MB, 16 * MB];

/** Deliveries under way at the same time, each of them twice. */
const AT_ONCE = 12;

/** Recordings whose deliveries come once, at the moment when a process is killed. */
const AT_WORKERS_DEATH = 40;
export const AT_PROCESSORS_DEATH = 16;
const RECORDINGS_PER_LARGE_DELIVERY = 3;
const LARGE_DELIVERIES = 30;

/** Fixed, so that each has a long way to go at the speed below. */
export const SIZE_AT_PROCESSORS_DEATH = 200 * KB;
const SLOW_BYTES_PER_SECOND = 50_000;

const SECOND = 1_000;

/** What a run of 500 recordings was, whatever became of them. */
export interface Load {
	recordings: CreatedRecording[];
	deliveries: DeliveryRecord[];
	/** Media IDs of the recordings that the worker was about to store when it was killed. */
	cutWithWorker: Set<string>;
	/** Deliveries that were under way on the webhook processor when it was killed. */
	cutWithProcessor: number;
	seconds: number;
}

interface LoadStage {
	cluster: Cluster;
	emulator: Emulator;
	storage: HashingStorage;
}

/**
 * Sends 500 recordings of mixed size, as Meta would: one by one and several in a delivery. Most
 * deliveries come twice, to both webhook processors at the same time. On the way a worker and a webhook
 * processor are killed, and started again as a supervisor would. Resolves when nothing is under way any
 * more: every delivery has got its 200, or all of its repetitions have failed.
 */
export async function sendLoad(stage: LoadStage, workflowId: string): Promise<Load> {
	const { cluster, emulator } = stage;
	const started = Date.now();
	const recordings = await makeRecordings(emulator);
	const left = [...recordings];
	const take = (count: number) => left.splice(0, count);
	const largeDeliveries = Array.from({ length: LARGE_DELIVERIES }, () =>
		take(RECORDINGS_PER_LARGE_DELIVERY),
	);
	const atProcessorsDeath = take(AT_PROCESSORS_DEATH);
	const atWorkersDeath = take(AT_WORKERS_DEATH);
	const third = Math.ceil(left.length / 3);
	const sender = new Sender(stage);

	await sender.sendTwice([...largeDeliveries, ...take(third).map((single) => [single])]);
	await queueIsEmpty(cluster);
	await expectNoFailure(cluster, workflowId);

	const cutWithWorker = await killWorker(stage, () => sender.sendOnce(atWorkersDeath));
	const workerIsBack = failsLater(cluster.workers[0].restart());
	await sender.sendTwice(take(third).map((single) => [single]));

	const cutWithProcessor = await killProcessor(stage, () => sender.sendOnce(atProcessorsDeath, 1));
	const processorIsBack = failsLater(cluster.processors[1].restart());
	await sender.sendTwice(take(left.length).map((single) => [single]));

	await Promise.all([workerIsBack, processorIsBack]);
	const deliveries = await sender.allSettled();
	await queueIsEmpty(cluster);
	return {
		recordings,
		deliveries,
		cutWithWorker,
		cutWithProcessor,
		seconds: (Date.now() - started) / SECOND,
	};
}

class Sender {
	private readonly settled: Array<Promise<DeliveryRecord>> = [];

	private readonly callback: string;

	constructor(private readonly stage: LoadStage) {
		this.callback = stage.emulator.subscriptionState().app?.callbackUrl ?? '';
	}

	/** To all webhook processors at the same time, a few deliveries at once. */
	async sendTwice(deliveries: CreatedRecording[][]): Promise<void> {
		const waiting = deliveries.values();
		const work = async () => {
			for (const delivery of waiting) {
				const copies = this.stage.cluster.processors.map((_, n) => this.send(delivery, n));
				await Promise.all(copies.map(async (copy) => await copy.answer));
			}
		};
		await Promise.all(Array.from({ length: AT_ONCE }, work));
	}

	/** Each in a delivery of its own, all at once, without waiting for the answers. */
	sendOnce(recordings: CreatedRecording[], processor?: number): void {
		for (const recording of recordings) this.send([recording], processor);
	}

	async allSettled(): Promise<DeliveryRecord[]> {
		return await Promise.all(this.settled);
	}

	private send(recordings: CreatedRecording[], processor?: number): DeliveryHandle {
		const { balancer } = this.stage.cluster;
		const url = processor === undefined ? undefined : balancer.urlOf(processor, this.callback);
		const handle = this.stage.emulator.deliver(recordings, { url });
		this.settled.push(handle.settled);
		return handle;
	}
}

/**
 * Kills a worker while both have all of their slots full: with downloaded recordings that the storage has
 * taken and not confirmed yet.
 */
async function killWorker({ cluster, storage }: LoadStage, send: () => void): Promise<Set<string>> {
	const slots = cluster.workers.length * WORKER_CONCURRENCY;
	const cutBefore = storage.cut.length;
	const cut = () => storage.cut.slice(cutBefore);
	storage.hold();
	try {
		send();
		await poll('workers in the middle of their work', 180 * SECOND, async () =>
			storage.held === slots ? true : undefined,
		);
		await cluster.workers[0].kill();
		await poll('end of its connections', 60 * SECOND, async () =>
			cut().length >= WORKER_CONCURRENCY ? true : undefined,
		);
	} finally {
		storage.release();
	}
	return new Set(cut().map((path) => HashingStorage.mediaIdIn(path)));
}

/** Kills a webhook processor that has taken deliveries and not answered them: their files come slowly. */
export async function killProcessor(
	{ cluster, emulator }: Pick<LoadStage, 'cluster' | 'emulator'>,
	send: () => void,
): Promise<number> {
	const { balancer, processors } = cluster;
	const processor = balancer.upstreams[1];
	emulator.failNext(
		'media',
		{ bytesPerSecond: SLOW_BYTES_PER_SECOND },
		{ times: AT_PROCESSORS_DEATH },
	);
	send();
	await poll('webhook processor in the middle of its work', 180 * SECOND, async () =>
		processor.inFlight >= AT_PROCESSORS_DEATH / 2 ? true : undefined,
	);
	const brokenBefore = balancer.brokenOff;
	await processors[1].kill();
	await poll('end of its connections', 60 * SECOND, async () =>
		processor.inFlight === 0 ? true : undefined,
	);
	return balancer.brokenOff - brokenBefore;
}

/** A failure is told to those who wait for it; until then it is nobody's. */
function failsLater<T>(work: Promise<T>): Promise<T> {
	work.catch(() => undefined);
	return work;
}

async function makeRecordings(emulator: Emulator): Promise<CreatedRecording[]> {
	const recordings: CreatedRecording[] = [];
	for (let n = 0; n < RECORDINGS; n++) {
		recordings.push(await emulator.createRecording({ sizeBytes: sizeOf(n), seed: n }));
	}
	return recordings;
}

/** Spread evenly over the orders of magnitude, as calls are, and the same in each run. */
function sizeOf(n: number): number {
	const firstOfProcessors = LARGE_DELIVERIES * RECORDINGS_PER_LARGE_DELIVERY;
	if (n >= firstOfProcessors && n < firstOfProcessors + AT_PROCESSORS_DEATH) {
		return SIZE_AT_PROCESSORS_DEATH;
	}
	const long = RECORDINGS - 1 - n;
	if (long % 20 === 0 && LONG_CALLS[long / 20]) return LONG_CALLS[long / 20];
	// A number of steps without a common divisor with 500 visits each of the 500 sizes once.
	const part = ((n * 181) % RECORDINGS) / RECORDINGS;
	return Math.round(SMALLEST * (LARGEST / SMALLEST) ** part);
}

/** Waits until no execution waits for a worker or is with one. */
export async function queueIsEmpty({ queue }: Cluster): Promise<void> {
	await poll(
		'end of the executions',
		180 * SECOND,
		async () => ((await queue.length()) === 0 ? true : undefined),
		{ interval: 500 },
	);
}

/** As long as nothing was killed, nothing has a reason to fail. */
async function expectNoFailure(cluster: Cluster, workflowId: string): Promise<void> {
	const failed = await cluster.n8nDatabase.query<{ id: string }>(
		`SELECT id FROM execution_entity WHERE "workflowId" = $1 AND status <> 'success'`,
		[workflowId],
	);
	if (failed[0] === undefined) return;
	const { error } = await cluster.api.execution(String(failed[0].id));
	throw new Error(
		`${failed.length} executions failed before anything was killed: ${error?.message}; ${error?.description}`,
	);
}
