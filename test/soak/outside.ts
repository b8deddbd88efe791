import { join } from 'node:path';
import { startChild, type Child } from '../support/child';
import type { Orders, Standing } from './outsideProcess';

/** The process in `outsideProcess.ts`, from outside. */
export class OutsideProcess {
	private constructor(
		private readonly child: Child,
		readonly standing: Standing,
	) {}

	static async start(): Promise<OutsideProcess> {
		const child = await startChild(join(__dirname, 'outsideProcess.ts'));
		return new OutsideProcess(child, await child.ask<Standing>('standing'));
	}

	get pid(): number {
		return this.child.pid;
	}

	async ask<Name extends keyof Orders>(
		name: Name,
		order: Orders[Name]['order'],
	): Promise<Orders[Name]['answer']> {
		return await this.child.ask<Orders[Name]['answer']>(name, order);
	}

	async stop(): Promise<void> {
		await this.child.stop();
	}
}
