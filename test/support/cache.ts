import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { sleep } from './processes';

/** What is expensive to make and can be made again: n8n itself, and a user folder after its migrations. */
export function cacheFolder(): string {
	const base = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
	return join(base, 'n8n-nodes-whatsapp-business-calling');
}

export async function exists(path: string): Promise<boolean> {
	return await stat(path).then(
		() => true,
		() => false,
	);
}

const HEARTBEAT = 2_000;
const STALE_AFTER = 30_000;

/**
 * Gives the path of a folder in the cache, and makes it first if it is not there: in a temporary folder
 * that is renamed into place when it is complete, so an interrupted run leaves nothing that looks
 * complete. Only one process makes it; another one waits for it and calls `onWait` meanwhile.
 */
export async function ensureCached(
	name: string,
	make: (folder: string) => Promise<void>,
	onWait: () => void = () => undefined,
): Promise<string> {
	const final = join(cacheFolder(), name);
	if (await exists(final)) return final;
	await mkdir(cacheFolder(), { recursive: true });

	const lock = `${final}.lock`;
	while (!(await acquire(lock))) {
		onWait();
		await sleep(500);
		if (await exists(final)) return final;
	}
	const heartbeat = setInterval(() => {
		utimes(lock, new Date(), new Date()).catch(() => undefined);
	}, HEARTBEAT);
	const unfinished = `${final}.unfinished`;
	try {
		if (await exists(final)) return final;
		await rm(unfinished, { recursive: true, force: true });
		await mkdir(unfinished);
		await make(unfinished);
		await rename(unfinished, final);
		return final;
	} catch (error) {
		await rm(unfinished, { recursive: true, force: true });
		throw error;
	} finally {
		clearInterval(heartbeat);
		await rm(lock, { force: true });
	}
}

async function acquire(lock: string): Promise<boolean> {
	try {
		const file = await open(lock, 'wx');
		await file.writeFile(`${hostname()} ${process.pid}`);
		await file.close();
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
	}
	if (await isStale(lock)) {
		// Renamed before it is removed: of two processes that find it stale, one gets the rename.
		const taken = `${lock}.${process.pid}`;
		await rename(lock, taken).catch(() => undefined);
		await rm(taken, { force: true });
	}
	return false;
}

async function isStale(lock: string): Promise<boolean> {
	const [owner, info] = await Promise.all([
		readFile(lock, 'utf8').catch(() => ''),
		stat(lock).catch(() => undefined),
	]);
	if (info === undefined) return false;
	if (Date.now() - info.mtimeMs > STALE_AFTER) return true;
	const [host, pid] = owner.split(' ');
	if (host !== hostname() || !pid) return false;
	try {
		process.kill(Number(pid), 0);
		return false;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'ESRCH';
	}
}

/** Takes something out of the cache; as a whole, so that nobody finds half of it. */
export async function removeCached(name: string): Promise<void> {
	const removed = join(cacheFolder(), `${name}.removed`);
	await rename(join(cacheFolder(), name), removed).catch(() => undefined);
	await rm(removed, { recursive: true, force: true });
}
