import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts, poll, startProgram, type ProgramUser } from '../support/processes';

const START_TIMEOUT = 60_000;
const PASSWORD = 'of-this-test-run-only';
const DATABASE_USER = 'n8n';

export interface Services {
	redis: { port: number; password: string };
	postgres: { port: number; user: string; password: string };
	/** Lists, for error messages, what Redis and PostgreSQL said last. */
	lastWords: () => string;
	stop: () => Promise<void>;
}

/**
 * Starts a Redis and a PostgreSQL of its own, empty, on free ports of the loopback interface, with their
 * files in a folder below `parent`. They end with this process, however it ends. Should it die before it
 * has removed `parent`, they take it with them.
 */
export async function startServices(parent: string): Promise<Services> {
	const programs = await findPrograms();
	const user = await unprivilegedUser();
	const folder = join(parent, 'services');
	await mkdir(folder);
	let output = '';
	const started: Array<{ stop: () => Promise<void> }> = [];
	const stop = async () => {
		await Promise.all(started.map(async (service) => await service.stop()));
	};
	try {
		if (user) await chown(folder, user.uid, user.gid);
		const [redisPort = 0, postgresPort = 0] = await freePorts(2);
		const options = {
			cwd: folder,
			env: plainEnvironment(),
			onOutput: (text: string) => (output = (output + text).slice(-20_000)),
			user,
			folderToRemove: parent,
		};

		const redis = startProgram(programs.redisServer, redisArguments(folder, redisPort), options);
		started.push(redis);
		await initializeDatabase(programs.initdb, folder, user);
		const postgres = startProgram(
			programs.postgres,
			postgresArguments(folder, postgresPort),
			// SIGINT ends sessions that are open; SIGTERM would wait for them.
			{ ...options, stopSignal: 'SIGINT' },
		);
		started.push(postgres);

		const exited = () => redis.hasExited() || postgres.hasExited();
		await poll(
			'answer from Redis and PostgreSQL',
			START_TIMEOUT,
			async () => {
				await Promise.all([accepts(redisPort), accepts(postgresPort)]);
				return true;
			},
			{ giveUp: () => (exited() ? new Error('Redis or PostgreSQL ended at once') : undefined) },
		);
		return {
			redis: { port: redisPort, password: PASSWORD },
			postgres: { port: postgresPort, user: DATABASE_USER, password: PASSWORD },
			lastWords: () => output,
			stop,
		};
	} catch (error) {
		await stop();
		throw new Error(`${(error as Error).message}\n${output}`);
	}
}

interface Programs {
	redisServer: string;
	initdb: string;
	postgres: string;
}

/** Debian keeps the server programs of PostgreSQL outside the PATH, by version. */
async function findPrograms(): Promise<Programs> {
	const versions = await readdir('/usr/lib/postgresql').catch(() => []);
	const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
	const folders = [
		...(process.env.PATH ?? '').split(delimiter),
		'/usr/bin',
		'/usr/sbin',
		...newestFirst.map((version) => `/usr/lib/postgresql/${version}/bin`),
	];
	const [redisServer, initdb, postgres] = await Promise.all(
		['redis-server', 'initdb', 'postgres'].map(async (name) => await findIn(folders, name)),
	);
	if (redisServer === undefined || initdb === undefined || postgres === undefined) {
		const missing = [
			...(redisServer === undefined ? ['Redis (redis-server)'] : []),
			...(initdb === undefined || postgres === undefined ? ['PostgreSQL (initdb, postgres)'] : []),
		];
		throw new Error(
			`${missing.join(' and ')} cannot be found on this machine. On Debian and Ubuntu, run test/queue/install-services.sh as root, or: apt-get install --no-install-recommends redis-server postgresql`,
		);
	}
	return { redisServer, initdb, postgres };
}

async function findIn(folders: string[], name: string): Promise<string | undefined> {
	for (const folder of folders) {
		const path = join(folder, name);
		const isThere = await access(path, constants.X_OK).then(
			() => true,
			() => false,
		);
		if (folder !== '' && isThere) return path;
	}
	return undefined;
}

/** PostgreSQL refuses to run as root. Undefined: as who we are. */
async function unprivilegedUser(): Promise<ProgramUser | undefined> {
	if (process.getuid?.() !== 0) return undefined;
	const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
	for (const name of ['postgres', 'nobody']) {
		const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
		if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
	}
	throw new Error(
		'PostgreSQL must not run as root, and there is neither a user postgres nor nobody',
	);
}

/** Without what would lead PostgreSQL's programs to another server, or to a locale that is not there. */
function plainEnvironment(): NodeJS.ProcessEnv {
	const { PATH } = process.env;
	return { PATH, LC_ALL: 'C' };
}

function redisArguments(folder: string, port: number): string[] {
	return [
		...['--bind', '127.0.0.1', '--port', String(port), '--requirepass', PASSWORD],
		...['--dir', folder, '--save', '', '--appendonly', 'no', '--daemonize', 'no'],
	];
}

async function initializeDatabase(
	initdb: string,
	folder: string,
	user: ProgramUser | undefined,
): Promise<void> {
	const passwordFile = join(folder, 'password');
	await writeFile(passwordFile, `${PASSWORD}\n`);
	await chmod(passwordFile, 0o600);
	if (user) await chown(passwordFile, user.uid, user.gid);
	await promisify(execFile)(
		initdb,
		[
			...['--pgdata', join(folder, 'data'), '--username', DATABASE_USER],
			...['--pwfile', passwordFile, '--auth', 'scram-sha-256'],
			...['--encoding', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'],
		],
		{ cwd: folder, env: plainEnvironment(), ...user },
	);
}

function postgresArguments(folder: string, port: number): string[] {
	const settings = {
		listen_addresses: '127.0.0.1',
		port,
		unix_socket_directories: '',
		max_connections: 100,
		// Nothing of the shared memory may outlive a PostgreSQL that is killed.
		dynamic_shared_memory_type: 'mmap',
		// The data is thrown away: it need not outlive a crash of the machine.
		fsync: 'off',
		full_page_writes: 'off',
		wal_level: 'minimal',
		max_wal_senders: 0,
	};
	return [
		...['-D', join(folder, 'data')],
		...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
	];
}

async function accepts(port: number): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const socket = connect(port, '127.0.0.1', () => {
			socket.destroy();
			resolve();
		});
		socket.once('error', reject);
	});
}

/** The parts that are used here of two packages that n8n itself brings: `pg` and `ioredis`. */
interface PgClient {
	connect(): Promise<void>;
	query(sql: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
	end(): Promise<void>;
	on(event: 'error', listener: (error: Error) => void): void;
}

interface RedisClient {
	llen(key: string): Promise<number>;
	quit(): Promise<unknown>;
	on(event: 'error', listener: (error: Error) => void): void;
}

export interface Database {
	query<Row>(sql: string, values?: unknown[]): Promise<Row[]>;
	close(): Promise<void>;
}

export async function openDatabase(
	{ postgres }: Services,
	database: string,
	n8nScript: string,
): Promise<Database> {
	const { Client } = createRequire(n8nScript)('pg') as {
		Client: new (options: Record<string, unknown>) => PgClient;
	};
	const client = await poll('connection to PostgreSQL', START_TIMEOUT, async () => {
		const fresh = new Client({ host: '127.0.0.1', database, ...postgres });
		// The server's end is told to the one that asks next.
		fresh.on('error', () => undefined);
		await fresh.connect();
		return fresh;
	});
	return {
		query: async <Row>(sql: string, values: unknown[] = []) =>
			(await client.query(sql, values)).rows as Row[],
		close: async () => await client.end(),
	};
}

/** n8n's queue of executions. */
export interface JobQueue {
	/** How many executions wait for a worker or are with one, a dead one included until n8n notices. */
	length(): Promise<number>;
	close(): Promise<void>;
}

export function openQueue({ redis }: Services, n8nScript: string): JobQueue {
	const { Redis } = createRequire(n8nScript)('ioredis') as {
		Redis: new (options: Record<string, unknown>) => RedisClient;
	};
	const client = new Redis({ host: '127.0.0.1', ...redis });
	client.on('error', () => undefined);
	return {
		async length() {
			const lengths = await Promise.all(
				['wait', 'active'].map(async (list) => await client.llen(`bull:jobs:${list}`)),
			);
			return lengths.reduce((sum, length) => sum + length, 0);
		},
		close: async () => {
			await client.quit();
		},
	};
}
