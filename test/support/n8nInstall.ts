import { readdir, realpath, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { ensureCached, exists } from './cache';
import { needsOf } from './n8nVersions';
import { runNpm, startScript } from './processes';

export const N8N_VERSION = '2.41.1';

export interface InstallProgress {
	phase: 'waiting for another installation' | 'downloading' | 'building sqlite3' | 'verifying';
	/** Milliseconds since the beginning. */
	elapsed: number;
	/** Package folders on disk so far. */
	packages: number;
}

export interface N8nInstallation {
	version: string;
	/** n8n's start script. */
	script: string;
	/** The Node that runs it. */
	node: string;
	folder: string;
	/** False when the cache had it. */
	installed: boolean;
}

/**
 * Gives an n8n of exactly this version from the user's cache folder, installed there first if need be:
 * about 2.9 GB and 4 minutes. n8n's install scripts are not run, but for the one of its database driver.
 */
export async function ensureN8n({
	version = N8N_VERSION,
	onProgress = () => undefined,
}: {
	version?: string;
	onProgress?: (progress: InstallProgress) => void;
} = {}): Promise<N8nInstallation> {
	const start = Date.now();
	let installed = false;
	const report = (phase: InstallProgress['phase'], packages = 0) =>
		onProgress({ phase, packages, elapsed: Date.now() - start });

	const folder = await ensureCached(
		`n8n-${version}`,
		async (unfinished) => {
			installed = true;
			await install(unfinished, version, report);
		},
		() => report('waiting for another installation'),
	);
	const node = await ensureNode(needsOf(version).node);
	return { version, folder, script: startScriptOf(folder), node, installed };
}

/** Another version of Node.js for an older n8n (about 100 MB); without a version, the running one. */
async function ensureNode(version: string | undefined): Promise<string> {
	if (version === undefined) return process.execPath;
	const folder = await ensureCached(`node-${version}`, async (unfinished) => {
		const manifest = {
			private: true,
			dependencies: { node: version },
			allowScripts: { node: true },
		};
		await writeFile(join(unfinished, 'package.json'), JSON.stringify(manifest, null, 2));
		await runNpm(['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: unfinished });
	});
	return join(folder, 'node_modules', 'node', 'bin', 'node');
}

const startScriptOf = (folder: string) => join(folder, 'node_modules', 'n8n', 'bin', 'n8n');

async function install(
	folder: string,
	version: string,
	report: (phase: InstallProgress['phase'], packages?: number) => void,
) {
	const { overrides } = needsOf(version);
	const manifest = {
		private: true,
		dependencies: { n8n: version },
		allowScripts: { sqlite3: true },
		...(overrides && { overrides }),
	};
	await writeFile(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));

	await withTicks(
		async () => report('downloading', await countPackages(folder)),
		async () =>
			await runNpm(
				[
					'install',
					'--ignore-scripts',
					'--no-audit',
					'--no-fund',
					'--omit=dev',
					'--no-package-lock',
				],
				{ cwd: folder },
			),
	);
	const packages = await countPackages(folder);
	await withTicks(
		async () => report('building sqlite3', packages),
		async () => await rebuildSqlite(folder),
	);
	await withTicks(
		async () => report('verifying', packages),
		async () => await verify(folder, version),
	);
}

async function rebuildSqlite(folder: string) {
	try {
		await runNpm(['rebuild', 'sqlite3'], { cwd: folder });
	} catch (error) {
		// Without a network, node-gyp can't download the headers; those of any Node on this machine will do.
		const headers = await findNodeHeaders();
		if (headers === undefined) throw error;
		await runNpm(['rebuild', 'sqlite3'], { cwd: folder, env: { npm_config_nodedir: headers } });
	}
}

async function findNodeHeaders(): Promise<string | undefined> {
	for (const folder of (process.env.PATH ?? '').split(delimiter)) {
		const node = await realpath(join(folder, 'node')).catch(() => undefined);
		const prefix = node && dirname(dirname(node));
		if (prefix && (await exists(join(prefix, 'include', 'node', 'node_api.h')))) return prefix;
	}
	return undefined;
}

async function verify(folder: string, version: string) {
	const run = async (script: string, ...args: string[]) => {
		let output = '';
		const { code } = await startScript(script, args, {
			cwd: folder,
			env: { ...process.env, N8N_USER_FOLDER: folder },
			onOutput: (text) => (output += text),
		}).exited;
		if (code !== 0) throw new Error(`n8n ${version} does not start: ${output.trim()}`);
		return output;
	};
	await run(join(folder, 'node_modules', 'sqlite3', 'lib', 'sqlite3.js'));
	const answer = await run(startScriptOf(folder), '--version');
	if (!answer.includes(version)) throw new Error(`n8n says it is version ${answer.trim()}`);
}

async function countPackages(folder: string): Promise<number> {
	const names = await readdir(join(folder, 'node_modules')).catch(() => []);
	const scopes = names.filter((name) => name.startsWith('@'));
	const scoped = await Promise.all(
		scopes.map(
			async (scope) => (await readdir(join(folder, 'node_modules', scope)).catch(() => [])).length,
		),
	);
	return names.length - scopes.length + scoped.reduce((sum, count) => sum + count, 0);
}

async function withTicks<T>(tick: () => Promise<void>, work: () => Promise<T>): Promise<T> {
	await tick();
	const timer = setInterval(() => void tick(), 1_000);
	try {
		return await work();
	} finally {
		clearInterval(timer);
	}
}
