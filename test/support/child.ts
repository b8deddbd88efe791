import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A process of its own that takes orders, each answered once. */
export interface Child {
	pid: number;
	ask: <T>(order: string, input?: unknown) => Promise<T>;
	stop: () => Promise<void>;
}

interface Order {
	id: number;
	order: string;
	input: unknown;
}

type Reply = { id: number; result?: unknown; error?: string };

/** Starts a script that calls `takeOrders`. Work that is measured must not share a process with what measures. */
export async function startChild(
	script: string,
	{ nodeOptions = [], env = {} }: { nodeOptions?: string[]; env?: Record<string, string> } = {},
): Promise<Child> {
	const child = fork(script, [], {
		execArgv: [...nodeOptions, '--require', require.resolve('tsx/cjs')],
		env: { ...process.env, ...env },
	});
	const waiting = new Map<
		number,
		{ resolve: (result: unknown) => void; reject: (e: Error) => void }
	>();
	child.on('message', ({ id, result, error }: Reply) => {
		const order = waiting.get(id);
		waiting.delete(id);
		if (error === undefined) order?.resolve(result);
		else order?.reject(new Error(error));
	});
	child.on('exit', () => {
		for (const { reject } of waiting.values()) reject(new Error(`${script} has ended`));
	});
	let orders = 0;
	const ask = async (order: string, input?: unknown) =>
		await new Promise((resolve, reject) => {
			const id = orders++;
			waiting.set(id, { resolve, reject });
			child.send({ id, order, input } satisfies Order);
		});
	await ask('ready');
	return {
		pid: child.pid ?? -1,
		ask: ask as Child['ask'],
		stop: async () => {
			if (child.exitCode !== null || child.signalCode !== null) return;
			const gone = once(child, 'exit');
			child.disconnect();
			await gone;
		},
	};
}

/** The child's side: carries out orders by name, and ends when its parent has gone, after `atEnd`. */
export function takeOrders(
	orders: Record<string, (input: never) => unknown>,
	atEnd: () => Promise<void> = async () => {},
): void {
	const carryOut = async ({ id, order, input }: Order) => {
		const reply: Reply = { id };
		try {
			reply.result = order === 'ready' ? true : await orders[order](input as never);
		} catch (error) {
			reply.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
		}
		process.send?.(reply);
	};
	process.on('message', (order: Order) => void carryOut(order));
	process.on('disconnect', () => void atEnd().finally(() => process.exit()));
}
