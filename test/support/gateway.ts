import { join } from 'node:path';
import { REPOSITORY } from './package';
import { poll, startScript } from './processes';

const FOLDER = join(REPOSITORY, 'examples/media-gateway');

export interface Gateway {
	/** `http://127.0.0.1:PORT` */
	url: string;
	log(): string;
	stop(): Promise<void>;
}

/** Starts examples/media-gateway on free ports of the loopback interface, in a process of its own. */
export async function startGateway({
	args = [],
	env = {},
}: { args?: string[]; env?: Record<string, string> } = {}): Promise<Gateway> {
	let output = '';
	const gateway = startScript(join(FOLDER, 'gateway.mjs'), ['--port', '0', ...args], {
		cwd: FOLDER,
		env: { ...process.env, ...env },
		onOutput: (text) => {
			output += text;
		},
	});
	const url = await poll(
		'media gateway',
		60_000,
		async () => /listens at (http:\S+)\. /.exec(output)?.[1],
		{ giveUp: () => (gateway.hasExited() ? new Error(output.trim()) : undefined) },
	).catch(async (error: unknown) => {
		await gateway.kill();
		throw error;
	});
	return { url, log: () => output, stop: async () => await gateway.stop() };
}
