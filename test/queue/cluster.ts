import { chmod, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, prepareN8n, type N8n, type N8nClient, type N8nCommand } from '../support/n8n';
import { installPackage, packPackage } from '../support/package';
import { freePorts } from '../support/processes';
import { Balancer } from './balancer';
import {
	openDatabase,
	openQueue,
	startServices,
	type Database,
	type JobQueue,
	type Services,
} from './services';

const PROCESSORS = 2;
const WORKERS = 2;

/** n8n's default for `n8n worker --concurrency`. */
export const WORKER_CONCURRENCY = 10;

/** n8n's own database, and that of the operator's workflows. */
const N8N_DATABASE = 'n8n';
const OPERATOR_DATABASE = 'operator';

/** n8n in queue mode: a main process, webhook processors behind a load balancer, and workers. */
export interface Cluster {
	main: N8n;
	api: N8nClient;
	processors: N8n[];
	workers: N8n[];
	balancer: Balancer;
	services: Services;
	queue: JobQueue;
	n8nDatabase: Database;
	operatorDatabase: Database;
	operatorDatabaseName: string;
	/** What every process may read and write, as a folder that is mounted on all machines. */
	sharedFolder: string;
	/** Starts again what is not there: after a test that failed in the middle. */
	repair: () => Promise<void>;
	/** Ends all processes of n8n in an orderly way and starts them again, with more settings. */
	restart: (env: Record<string, string>) => Promise<void>;
	stop: () => Promise<void>;
}

/** @param more settings of all processes */
export async function startCluster(more: Record<string, string> = {}): Promise<Cluster> {
	const { installation } = await prepareN8n();
	const folder = await mkdtemp(join(tmpdir(), 'n8n-queue-'));
	// PostgreSQL, which may run as another user, has a folder below it.
	await chmod(folder, 0o711);
	const running: N8n[] = [];
	const connections: Array<{ close: () => Promise<void> }> = [];
	let services: Services | undefined;
	let balancer: Balancer | undefined;
	const stop = async () => {
		await Promise.all(running.map(async (process) => await process.stop()));
		await balancer?.stop();
		for (const connection of connections) await connection.close();
		await services?.stop();
		await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	};
	try {
		const own = await startServices(folder);
		services = own;
		const open = async (name: string) => {
			const database = await openDatabase(own, name, installation.script);
			connections.push(database);
			return database;
		};
		const queue = openQueue(own, installation.script);
		connections.push(queue);
		const server = await open('postgres');
		for (const name of [N8N_DATABASE, OPERATOR_DATABASE]) {
			await server.query(`CREATE DATABASE ${name}`);
		}

		const processorPorts = await freePorts(PROCESSORS);
		balancer = await new Balancer(processorPorts).start();
		const env = { ...environment(own, balancer.url), ...more };
		const packageFolder = await installedPackage(folder);
		const start = async (name: string, command: N8nCommand, port?: number) => {
			const userFolder = join(folder, name);
			await cp(packageFolder, userFolder, { recursive: true });
			const started = await launch(installation, userFolder, port, env, command);
			running.push(started);
			return started;
		};

		// It makes the tables that the others need.
		const main = await start('main', 'start');
		await main.api.setUpOwner();
		await main.api.login();
		const [processors, workers] = await Promise.all([
			Promise.all(
				processorPorts.map(async (port, n) => await start(`webhook-${n + 1}`, 'webhook', port)),
			),
			Promise.all(
				Array.from({ length: WORKERS }, async (_, n) => await start(`worker-${n + 1}`, 'worker')),
			),
		]);
		const sharedFolder = join(folder, 'shared');
		await mkdir(sharedFolder);
		return {
			main,
			api: main.api,
			processors,
			workers,
			balancer,
			services: own,
			queue,
			n8nDatabase: await open(N8N_DATABASE),
			operatorDatabase: await open(OPERATOR_DATABASE),
			operatorDatabaseName: OPERATOR_DATABASE,
			sharedFolder,
			repair: async () => {
				for (const process of [main, ...processors, ...workers]) {
					const isHealthy = await process.api.isHealthy().catch(() => undefined);
					if (!isHealthy) await process.restart();
				}
			},
			restart: async (more) => {
				const [first, ...others] = [main, ...processors, ...workers];
				await Promise.all(others.map(async (process) => await process.stop()));
				await first.restart(more);
				await Promise.all(others.map(async (process) => await process.restart(more)));
			},
			stop,
		};
	} catch (error) {
		await stop();
		throw new Error(`${(error as Error).message}\n${services?.lastWords() ?? ''}`);
	}
}

/** A user folder with the packed package, as every machine gets it. */
async function installedPackage(folder: string): Promise<string> {
	const target = join(folder, 'package');
	const { tarball, remove } = await packPackage();
	await installPackage(tarball, target).finally(remove);
	return target;
}

/** The settings that all processes share. */
function environment({ redis, postgres }: Services, webhookUrl: string): Record<string, string> {
	return {
		EXECUTIONS_MODE: 'queue',
		N8N_ENCRYPTION_KEY: 'the same one on every machine',
		DB_TYPE: 'postgresdb',
		DB_POSTGRESDB_HOST: '127.0.0.1',
		DB_POSTGRESDB_PORT: String(postgres.port),
		DB_POSTGRESDB_USER: postgres.user,
		DB_POSTGRESDB_PASSWORD: postgres.password,
		DB_POSTGRESDB_DATABASE: N8N_DATABASE,
		QUEUE_BULL_REDIS_HOST: '127.0.0.1',
		QUEUE_BULL_REDIS_PORT: String(redis.port),
		QUEUE_BULL_REDIS_PASSWORD: redis.password,
		WEBHOOK_URL: `${webhookUrl}/`,
		N8N_WEBHOOK_URL: `${webhookUrl}/`,
		N8N_DISABLE_PRODUCTION_MAIN_PROCESS: 'true',
		// A dead worker is noticed after seconds; with n8n's defaults, after one to two minutes.
		QUEUE_WORKER_LOCK_DURATION: '10000',
		QUEUE_WORKER_LOCK_RENEW_TIME: '3000',
		QUEUE_WORKER_STALLED_INTERVAL: '5000',
		// Without them, what has ended before the webhook processor listens for its end is never answered.
		N8N_EXECUTIONS_QUEUE_KEEP_LAST_COMPLETED: '1000',
		N8N_EXECUTIONS_QUEUE_KEEP_LAST_FAILED: '1000',
		// Minutes. Each look at the queue can take an execution for dead that is on its way into it.
		N8N_EXECUTIONS_QUEUE_RECOVERY_INTERVAL: '10080',
		// So that the figures are those of queue mode, and not of one isolate for every webhook.
		N8N_EXPRESSION_ENGINE: 'legacy',
	};
}
