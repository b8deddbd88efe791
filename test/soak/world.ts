import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Message, Orders, Reply, Standing } from './meta';

interface Waiting {
	resolve: (answer: unknown) => void;
	reject: (error: Error) => void;
}

/** The process in `meta.ts`, from outside. */
export class OutsideWorld {
	private readonly waiting = new Map<number, Waiting>();

	private lastId = 0;

	private constructor(
		private readonly child: ChildProcess,
		readonly standing: Standing,
	) {
		child.on('message', (reply: Reply) => {
			const waiting = this.waiting.get(reply.id);
			this.waiting.delete(reply.id);
			if ('error' in reply) waiting?.reject(new Error(reply.error));
			else waiting?.resolve(reply.answer);
		});
		child.once('exit', () => {
			for (const { reject } of this.waiting.values()) reject(new Error('The process has ended'));
		});
	}

	static async start(): Promise<OutsideWorld> {
		const child = fork(join(__dirname, 'meta.ts'), [], {
			execArgv: ['--require', require.resolve('tsx/cjs')],
		});
		const [standing] = (await once(child, 'message')) as [Standing];
		return new OutsideWorld(child, standing);
	}

	get pid(): number {
		return this.child.pid ?? -1;
	}

	async ask<Name extends keyof Orders>(
		name: Name,
		order: Orders[Name]['order'],
	): Promise<Orders[Name]['answer']> {
		const id = ++this.lastId;
		return await new Promise((resolve, reject) => {
			this.waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
			this.child.send({ id, name, order } as Message);
		});
	}

	async stop(): Promise<void> {
		if (this.child.exitCode !== null || !this.child.connected) return;
		const gone = once(this.child, 'exit');
		this.child.disconnect();
		await gone;
	}
}
