import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { basename, join } from 'node:path';

const PRELOAD = join(__dirname, 'dieWithParent.cjs');
const LAUNCHER = join(__dirname, 'runProgram.mjs');

export interface StartedProcess {
	readonly pid: number;
	/** Resolves, never rejects, when the process has ended. */
	readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
	hasExited(): boolean;
	/** Asks the process to end, and ends its whole group after `graceMs` milliseconds. */
	stop(graceMs?: number): Promise<void>;
	/** Ends the whole process group at once, as a crash would. */
	kill(): Promise<void>;
}

const running = new Set<ChildProcess>();

const killGroup = (child: ChildProcess) => {
	try {
		if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
	} catch {
		// The group has ended already.
	}
};

/** Ends everything that was started here, is still running and does not see to it itself, at once. */
export function stopAll(): void {
	running.forEach(killGroup);
}

process.on('exit', stopAll);

/**
 * Runs a script with the running Node, or with the one at the path `node`, in a process group of its own
 * that never outlives this process.
 */
export function startScript(
	script: string,
	args: string[],
	{
		node = process.execPath,
		...options
	}: {
		cwd: string;
		env: NodeJS.ProcessEnv;
		onOutput: (text: string) => void;
		node?: string;
	},
): StartedProcess {
	return start(node, ['--require', PRELOAD, script, ...args], options);
}

export interface ProgramUser {
	uid: number;
	gid: number;
}

/**
 * Runs any program in a process group of its own. It does not outlive this process by more than seconds,
 * and takes `folderToRemove` with it then.
 *
 * @param user only root may start a program as another user
 * @param stopSignal what ends it in an orderly way, where that is not SIGTERM
 */
export function startProgram(
	program: string,
	args: string[],
	{
		user,
		stopSignal,
		folderToRemove,
		...options
	}: Parameters<typeof start>[2] & {
		user?: ProgramUser;
		stopSignal?: NodeJS.Signals;
		folderToRemove?: string;
	},
): StartedProcess {
	const env = {
		...options.env,
		...(stopSignal && { STOP_SIGNAL: stopSignal }),
		...(folderToRemove !== undefined && { FOLDER_TO_REMOVE: folderToRemove }),
		...(user && { RUN_AS_UID: String(user.uid), RUN_AS_GID: String(user.gid) }),
	};
	const launch = [LAUNCHER, program, ...args];
	return start(process.execPath, launch, { ...options, env }, { endsByItself: true });
}

function start(
	command: string,
	args: string[],
	{ cwd, env, onOutput }: { cwd: string; env: NodeJS.ProcessEnv; onOutput: (text: string) => void },
	{ endsByItself = false } = {},
): StartedProcess {
	const child = spawn(command, args, {
		cwd,
		env: { ...env, DIE_WITH_PARENT: 'yes' },
		detached: true,
		stdio: ['pipe', 'pipe', 'pipe'],
	});
	if (!endsByItself) running.add(child);
	child.stdout.setEncoding('utf8').on('data', onOutput);
	child.stderr.setEncoding('utf8').on('data', onOutput);
	child.stdin.on('error', () => undefined);

	let ended = false;
	const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
		const end = (code: number | null, signal: NodeJS.Signals | null) => {
			ended = true;
			// What the process had started itself may still be there.
			killGroup(child);
			running.delete(child);
			resolve({ code, signal });
		};
		child.once('close', end);
		child.once('error', (error) => {
			onOutput(`${command}: ${error.message}\n`);
			end(null, null);
		});
	});

	return {
		pid: child.pid ?? -1,
		exited,
		hasExited: () => ended,
		async stop(graceMs = 10_000) {
			if (ended) return;
			child.kill('SIGTERM');
			const timer = setTimeout(() => killGroup(child), graceMs);
			await exited;
			clearTimeout(timer);
		},
		async kill() {
			killGroup(child);
			await exited;
		},
	};
}

const NOT_INHERITED =
	/^npm_(package|lifecycle|command|node_execpath)|^npm_config_(local_prefix|ignore_scripts|omit)/i;

/** The environment for an npm that works in another folder than the npm script that started us. */
function npmEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
	const kept = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
	return { ...Object.fromEntries(kept), npm_config_update_notifier: 'false', ...extra };
}

/** Runs npm with the running Node, and rejects with the last lines of its output when it fails. */
export async function runNpm(
	args: string[],
	{
		cwd,
		env = {},
		onOutput = () => undefined,
		onStart = () => undefined,
	}: {
		cwd: string;
		env?: NodeJS.ProcessEnv;
		onOutput?: (text: string) => void;
		onStart?: (npm: StartedProcess) => void;
	},
): Promise<string> {
	let output = '';
	const collect = (text: string) => {
		output += text;
		onOutput(text);
	};
	const options = { cwd, env: npmEnvironment(env), onOutput: collect };
	const cli = process.env.npm_execpath;
	const npm =
		cli !== undefined && basename(cli) === 'npm-cli.js'
			? startScript(cli, args, options)
			: start('npm', args, options);
	onStart(npm);
	const { code } = await npm.exited;
	if (code !== 0) {
		const lastLines = output.trimEnd().split('\n').slice(-15).join('\n');
		throw new Error(`npm ${args.join(' ')} ended with code ${code}:\n${lastLines}`);
	}
	return output;
}

/**
 * Below the ports that systems give to outgoing connections (from 32768 on): one of these could be in the
 * way when a process is started again on its port.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** Ports on the loopback interface that nobody listens on at the moment. */
export async function freePorts(count: number): Promise<number[]> {
	const servers: Server[] = [];
	for (let attempt = 0; servers.length < count; attempt++) {
		const server = await listen(randomInt(FIRST_PORT, LAST_PORT)).catch((error: Error) => {
			if (attempt > 100) throw error;
		});
		if (server) servers.push(server);
	}
	const ports = servers.map((server) => (server.address() as AddressInfo).port);
	await Promise.all(
		servers.map(async (server) => await new Promise((resolve) => server.close(resolve))),
	);
	return ports;
}

async function listen(port: number): Promise<Server> {
	const server = createServer();
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', resolve);
	});
	return server;
}

/** Milliseconds. */
export async function sleep(duration: number): Promise<void> {
	await new Promise((resolve) => setTimeout(resolve, duration));
}

/**
 * Calls `attempt` until it returns something other than undefined. The error at the end of the time
 * limit (milliseconds) says what was waited for, and with what `attempt` failed last.
 */
export async function poll<T>(
	what: string,
	timeout: number,
	attempt: () => Promise<T | undefined>,
	{
		interval = 150,
		giveUp = () => undefined,
	}: { interval?: number; giveUp?: () => Error | undefined } = {},
): Promise<T> {
	const end = Date.now() + timeout;
	let lastError: unknown;
	for (;;) {
		try {
			const result = await attempt();
			if (result !== undefined) return result;
			lastError = undefined;
		} catch (error) {
			lastError = error;
		}
		const fatal = giveUp();
		if (fatal) throw fatal;
		if (Date.now() > end) {
			const why = lastError instanceof Error ? `: ${lastError.message}` : '';
			throw new Error(`No ${what} within ${timeout / 1000} s${why}`);
		}
		await sleep(interval);
	}
}
