import { createHmac } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { sleep } from '../../test/support/processes';
import { takeOrders } from '../../test/support/child';

export interface Load {
	url: string;
	workflowId: string;
	bodies: string[];
	/** Signs the bodies; a forged delivery is signed with another secret. */
	appSecret: string;
	/** Deliveries under way at once: each until it is answered, and its execution has ended. */
	inFlight: number;
	/** Whether every delivery starts an execution. */
	executes: boolean;
	/** Other workflows that it starts besides. */
	alsoStarts: string[];
	/** The answer that every delivery must get. */
	status: number;
	/** Milliseconds without work after each delivery. */
	pauseMs: number;
}

export interface LoadResult {
	/** From the first delivery to the last answer or end of an execution. */
	seconds: number;
	/** Milliseconds from a delivery to its answer, one each. */
	answeredMs: number[];
	/** Milliseconds from a delivery to the end of its execution; exact with one delivery in flight. */
	finishedMs: number[];
	/** Answers that asked to deliver again, as n8n gives them on a machine that is too slow. */
	deliveredAgain: number;
}

interface Signed {
	body: string;
	signature: string;
}

const REDELIVERY_MS = 1_000;

const TIME_LIMIT_MS = 10 * 60_000;

/** Ends of executions that n8n told of, by workflow: who waits for one, and those nobody waits for yet. */
class Ends {
	private readonly arrived: string[] = [];

	private readonly waiting: Array<(status: string) => void> = [];

	arrive(status: string): void {
		const next = this.waiting.shift();
		if (next) next(status);
		else this.arrived.push(status);
	}

	async next(): Promise<string> {
		const status = this.arrived.shift();
		if (status !== undefined) return status;
		return await new Promise((resolve) => this.waiting.push(resolve));
	}

	/** Of deliveries before this run, whose end nobody waited for. */
	forget(): void {
		this.arrived.length = 0;
	}
}

const ends = new Map<string, Ends>();

const endsOf = (workflowId: string): Ends => {
	const known = ends.get(workflowId) ?? new Ends();
	ends.set(workflowId, known);
	return known;
};

async function listen(): Promise<number> {
	const server = createServer((socket) => {
		let rest = '';
		socket.setEncoding('utf8').setNoDelay(true);
		socket.on('error', () => undefined);
		socket.on('data', (text: string) => {
			const lines = (rest + text).split('\n');
			rest = lines.pop() ?? '';
			for (const line of lines) {
				const [workflowId = '', status = ''] = line.split(' ');
				endsOf(workflowId).arrive(status);
			}
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return (server.address() as AddressInfo).port;
}

async function run(load: Load): Promise<LoadResult> {
	const { origin, pathname, search } = new URL(load.url);
	const pool = new Pool(origin, { connections: load.inFlight, pipelining: 1 });
	const signed = load.bodies.map((body) => ({
		body,
		signature: `sha256=${createHmac('sha256', load.appSecret).update(body).digest('hex')}`,
	}));
	let deliveredAgain = 0;
	const answeredMs: number[] = [];
	const finishedMs: number[] = [];
	const finished = [load.workflowId, ...load.alsoStarts].map(endsOf);
	for (const ends of finished) ends.forget();

	const send = async ({ body, signature }: Signed): Promise<{ status: number; text: string }> => {
		const response = await pool.request({
			method: 'POST',
			path: `${pathname}${search}`,
			headers: {
				'content-type': 'application/json',
				'user-agent': 'facebookexternalua',
				'x-hub-signature-256': signature,
			},
			body,
		});
		return { status: response.statusCode, text: await response.body.text() };
	};
	const deliver = async (delivery: Signed) => {
		const started = performance.now();
		let answer = await send(delivery);
		// As Meta does: what is not taken is delivered again.
		while (answer.status === 503) {
			deliveredAgain++;
			await sleep(REDELIVERY_MS);
			answer = await send(delivery);
		}
		answeredMs.push(performance.now() - started);
		if (answer.status !== load.status) {
			throw new Error(
				`n8n answered ${answer.status}, not ${load.status}: ${answer.text.slice(0, 300)}`,
			);
		}
		if (!load.executes) return;
		const statuses = await Promise.all(finished.map(async (ends) => await ends.next()));
		finishedMs.push(performance.now() - started);
		const failed = statuses.find((status) => status !== 'success');
		if (failed !== undefined) throw new Error(`an execution ended with ${failed}`);
	};
	const queue = signed.values();
	const work = async () => {
		for (const delivery of queue) {
			await deliver(delivery);
			if (load.pauseMs > 0) await sleep(load.pauseMs);
		}
	};
	const tooLate = new Promise<never>((_, reject) =>
		setTimeout(() => reject(new Error('the deliveries took too long')), TIME_LIMIT_MS).unref(),
	);
	const began = performance.now();
	try {
		await Promise.race([Promise.all(Array.from({ length: load.inFlight }, work)), tooLate]);
		return {
			seconds: (performance.now() - began) / 1000,
			answeredMs,
			finishedMs,
			deliveredAgain,
		};
	} finally {
		await pool.destroy();
	}
}

takeOrders({ listen, run });
