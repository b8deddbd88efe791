import { appendFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCached, exists } from './cache';
import { N8nClient, OWNER } from './n8nClient';
import { ensureN8n, N8N_VERSION, type InstallProgress, type N8nInstallation } from './n8nInstall';
import { needsOf } from './n8nVersions';
import { installPackage, packPackage } from './package';
import { freePorts, poll, startScript, type StartedProcess } from './processes';

export * from './n8nClient';

export interface StartOptions {
	/** n8n's user folder. Without it, a fresh one is made, and removed by `stop()`. */
	userFolder?: string;
	port?: number;
	version?: string;
	/** Environment variables on top of the harness's own. */
	env?: Record<string, string>;
	/** Package (from `packPackage`) to be installed before the start. */
	tarball?: string;
	/** What else is to be done to the user folder, which is complete by then, before the start. */
	beforeStart?: (userFolder: string) => Promise<void>;
	/** Folders that nodes such as Read/Write Files from Disk may use. They must exist. */
	allowedFolders?: string[];
	onProgress?: (progress: InstallProgress) => void;
}

export interface N8nLog {
	/** Everything that n8n printed, restarts included, is also in this file. */
	readonly file: string;
	text(): string;
	tail(lines: number): string;
}

export interface N8n {
	readonly url: string;
	readonly version: string;
	readonly userFolder: string;
	readonly log: N8nLog;
	readonly api: N8nClient;
	/** E-mail address and password for the editor. */
	readonly login: { email: string; password: string };
	pid(): number;
	/** Ends n8n in an orderly way, and removes what `startN8n` made. */
	stop(): Promise<void>;
	/** Ends n8n as a crash would; `restart()` brings it back. */
	kill(): Promise<void>;
	/** Runs a command of n8n's CLI on the same folder, whether n8n is running or not. */
	run(...command: string[]): Promise<void>;
	/** Starts n8n again on the same folder and port, and waits until it is ready. */
	restart(env?: Record<string, string>, whileStopped?: () => Promise<void>): Promise<void>;
}

/** Enough for the migrations of a first start on a slow machine. */
const START_TIMEOUT = 180_000;

/** Increase it when `prepareTemplate` changes. */
const TEMPLATE_REVISION = 1;

/**
 * Starts a real n8n on the loopback interface, with an owner account, and resolves when it answers.
 * The first start of a version installs it and prepares a user folder, which later starts copy.
 */
export async function startN8n(options: StartOptions = {}): Promise<N8n> {
	const { installation, template } = await prepareN8n(options);

	const isOurs = options.userFolder === undefined;
	const userFolder = options.userFolder ?? (await mkdtemp(join(tmpdir(), 'n8n-user-')));
	const removeOurs = async () => {
		if (isOurs) await rm(userFolder, { recursive: true, force: true, maxRetries: 3 });
	};
	try {
		if (!(await exists(join(userFolder, '.n8n', 'database.sqlite')))) {
			await mkdir(userFolder, { recursive: true });
			await cp(template, userFolder, { recursive: true });
		}
		if (options.tarball !== undefined) await installPackage(options.tarball, userFolder);
		await options.beforeStart?.(userFolder);

		const allowedFolders = await Promise.all(
			(options.allowedFolders ?? []).map(async (folder) => await realpath(folder)),
		);
		const restriction: Record<string, string> =
			allowedFolders.length > 0 ? { N8N_RESTRICT_FILE_ACCESS_TO: allowedFolders.join(';') } : {};
		const n8n = await launch(installation, userFolder, options.port, {
			...restriction,
			...options.env,
		});
		const { stop } = n8n;
		await n8n.api.login().catch(async (error: unknown) => {
			await stop();
			throw error;
		});
		return {
			...n8n,
			stop: async () => {
				await stop();
				await removeOurs();
			},
		};
	} catch (error) {
		await removeOurs();
		throw error;
	}
}

/** The same with the package in it, packed as it would be published. */
export async function startN8nWithPackage(
	options: Omit<StartOptions, 'tarball'> = {},
): Promise<N8n> {
	const { tarball, remove } = await packPackage();
	return await startN8n({ ...options, tarball }).finally(remove);
}

/** What the first start of a version needs: n8n itself, and a user folder with an owner account. */
export async function prepareN8n({
	version = N8N_VERSION,
	onProgress,
}: Pick<StartOptions, 'version' | 'onProgress'> = {}): Promise<{
	installation: N8nInstallation;
	template: string;
}> {
	const installation = await ensureN8n({ version, onProgress });
	const template = await ensureCached(
		`user-folder-${version}-${TEMPLATE_REVISION}`,
		async (folder) => await prepareTemplate(installation, folder),
	);
	return { installation, template };
}

async function prepareTemplate(installation: N8nInstallation, folder: string) {
	const n8n = await launch(installation, folder, undefined, {});
	try {
		await n8n.api.setUpOwner();
	} finally {
		await n8n.stop();
	}
	await rm(n8n.log.file);
	// The editor's files, which every start writes again.
	await rm(join(folder, '.cache'), { recursive: true, force: true });
}

/** n8n alone or the main process of queue mode; and the other processes of queue mode. */
export type N8nCommand = 'start' | 'webhook' | 'worker';

/** Starts one process of n8n on a user folder, and resolves when it is ready. */
export async function launch(
	installation: N8nInstallation,
	userFolder: string,
	fixedPort: number | undefined,
	ownEnv: Record<string, string>,
	command: N8nCommand = 'start',
): Promise<N8n> {
	const [freePort = 0, brokerPort = 0] = await freePorts(2);
	const port = fixedPort ?? freePort;
	const url = `http://127.0.0.1:${port}`;
	const log = createLog(join(userFolder, 'n8n.log'));
	const { activation: usual, disabledModules = '' } = needsOf(installation.version);
	const isFormerService = ownEnv.N8N_USE_WORKFLOW_PUBLICATION_SERVICE === 'false';
	const activation = isFormerService ? 'request' : usual;
	const api = new N8nClient(url, log, activation);
	const isReady = async () => (command === 'start' ? await api.isReady() : await api.isHealthy());
	let env = environment(userFolder, url, port, brokerPort, {
		...(disabledModules && { N8N_DISABLED_MODULES: disabledModules }),
		...ownEnv,
	});
	let n8n: StartedProcess;

	const start = async () => {
		await mkdir(join(userFolder, 'tmp'), { recursive: true });
		const started = startScript(installation.script, [command], {
			cwd: userFolder,
			env,
			onOutput: log.write,
			node: installation.node,
		});
		n8n = started;
		try {
			await poll('answer from n8n', START_TIMEOUT, isReady, {
				giveUp: () =>
					started.hasExited() ? new Error('n8n ended while it was starting') : undefined,
			});
		} catch (error) {
			await started.kill();
			throw new Error(`${(error as Error).message}. Its last words:\n${log.tail(400)}`);
		}
	};
	await start();

	return {
		url,
		version: installation.version,
		userFolder,
		log,
		api,
		login: { email: OWNER.email, password: OWNER.password },
		pid: () => n8n.pid,
		stop: async () => await n8n.stop(),
		kill: async () => await n8n.kill(),
		async run(...command) {
			const { exited } = startScript(installation.script, command, {
				cwd: userFolder,
				env,
				onOutput: log.write,
				node: installation.node,
			});
			const { code } = await exited;
			if (code === 0) return;
			throw new Error(`n8n ${command.join(' ')} ended with ${code}:\n${log.tail(20)}`);
		},
		async restart(extraEnv = {}, whileStopped = async () => {}) {
			await n8n.stop();
			await whileStopped();
			env = { ...env, ...extraEnv };
			await start();
		},
	};
}

/** What of the surroundings would change how n8n behaves. */
const NOT_INHERITED =
	/^(N8N|DB|EXECUTIONS|QUEUE|GENERIC|WEBHOOK|CREDENTIALS|NODES|JEST|npm)_|^NODE_ENV$/;

function environment(
	userFolder: string,
	url: string,
	port: number,
	brokerPort: number,
	ownEnv: Record<string, string>,
): NodeJS.ProcessEnv {
	const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
	return {
		...Object.fromEntries(inherited),
		NODE_ENV: 'production',
		N8N_USER_FOLDER: userFolder,
		TMPDIR: join(userFolder, 'tmp'),
		N8N_PORT: String(port),
		N8N_LISTEN_ADDRESS: '127.0.0.1',
		// A worker has no address but this one.
		QUEUE_HEALTH_CHECK_ACTIVE: 'true',
		QUEUE_HEALTH_CHECK_PORT: String(port),
		N8N_WORKER_SERVER_ADDRESS: '127.0.0.1',
		N8N_EDITOR_BASE_URL: url,
		N8N_WEBHOOK_URL: `${url}/`,
		// The name of the same setting in older versions.
		WEBHOOK_URL: `${url}/`,
		N8N_RUNNERS_BROKER_PORT: String(brokerPort),
		N8N_RUNNERS_BROKER_LISTEN_ADDRESS: '127.0.0.1',
		N8N_SECURE_COOKIE: 'false',
		N8N_DIAGNOSTICS_ENABLED: 'false',
		N8N_DYNAMIC_BANNERS_ENABLED: 'false',
		N8N_HIRING_BANNER_ENABLED: 'false',
		N8N_PERSONALIZATION_ENABLED: 'false',
		N8N_TEMPLATES_ENABLED: 'false',
		N8N_VERIFIED_PACKAGES_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
		N8N_LICENSE_AUTO_RENEW_ENABLED: 'false',
		N8N_PYTHON_ENABLED: 'false',
		...ownEnv,
	};
}

function createLog(file: string): N8nLog & { write: (text: string) => void } {
	let content = '';
	return {
		file,
		text: () => content,
		tail: (lines) => content.trimEnd().split('\n').slice(-lines).join('\n'),
		write(text) {
			content += text;
			appendFileSync(file, text);
		},
	};
}
