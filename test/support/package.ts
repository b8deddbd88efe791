import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { runNpm } from './processes';

export const REPOSITORY = resolve(__dirname, '..', '..');

interface Manifest {
	name: string;
	version: string;
	dependencies?: Record<string, string>;
	devDependencies?: Record<string, string>;
	peerDependencies?: Record<string, string>;
	optionalDependencies?: Record<string, string>;
}

const readJson = async <T>(path: string) => JSON.parse(await readFile(path, 'utf8')) as T;

const writeJson = async (path: string, content: unknown) =>
	await writeFile(path, JSON.stringify(content, null, 2));

/**
 * Packs the package in `folder` as it would be published. What is in its dist folder must be up to date.
 * The tarball lies in a new temporary folder, which `remove` takes away.
 */
export async function packPackage(
	folder = REPOSITORY,
): Promise<{ tarball: string; remove: () => Promise<void> }> {
	const target = await mkdtemp(join(tmpdir(), 'n8n-package-'));
	const remove = async () => await rm(target, { recursive: true, force: true });
	try {
		await runNpm(['pack', '--ignore-scripts', '--pack-destination', target], { cwd: folder });
	} catch (error) {
		await remove();
		throw error;
	}
	const { name, version } = await readJson<Manifest>(join(folder, 'package.json'));
	const file = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
	return { tarball: join(target, file), remove };
}

/** Where a package comes from: a file that `npm pack` made, or a version in a registry. */
type PackageSource = string | { name: string; version: string; registry: string };

export interface InstalledPackage {
	name: string;
	version: string;
	folder: string;
}

/**
 * Installs a package into n8n's user folder with the steps of n8n's own installer
 * (`CommunityPackagesService.downloadPackage`), which itself takes them only from the public registry.
 */
export async function installPackage(
	source: PackageSource,
	userFolder: string,
): Promise<InstalledPackage> {
	const downloads = join(userFolder, '.n8n', 'nodes');
	const unpacked = join(downloads, 'unpacked');
	await rm(unpacked, { recursive: true, force: true });
	await mkdir(unpacked, { recursive: true });
	const tarball = typeof source === 'string' ? source : await packFromRegistry(source, downloads);
	await promisify(execFile)('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1']);
	if (typeof source !== 'string') await rm(tarball);

	const manifest = await readJson<Manifest>(join(unpacked, 'package.json'));
	const { name, version } = manifest;
	const folder = join(downloads, 'node_modules', name);
	await rm(folder, { recursive: true, force: true });
	await mkdir(join(folder, '..'), { recursive: true });
	await rename(unpacked, folder);

	delete manifest.devDependencies;
	delete manifest.peerDependencies;
	delete manifest.optionalDependencies;
	await writeJson(join(folder, 'package.json'), manifest);
	await runNpm(
		[
			'install',
			'--audit=false',
			'--fund=false',
			'--bin-links=false',
			'--install-strategy=shallow',
			'--ignore-scripts=true',
			'--package-lock=false',
			...(typeof source === 'string' ? [] : [`--registry=${source.registry}`]),
		],
		{ cwd: folder },
	);

	const list = join(downloads, 'package.json');
	const installed = await readJson<Manifest>(list).catch(() => ({
		name: 'installed-nodes',
		private: true,
		dependencies: {},
	}));
	installed.dependencies = { ...installed.dependencies, [name]: version };
	await writeJson(list, installed);
	return { name, version, folder };
}

async function packFromRegistry(
	{ name, version, registry }: Exclude<PackageSource, string>,
	folder: string,
): Promise<string> {
	const file = await runNpm(['pack', `${name}@${version}`, '--quiet', `--registry=${registry}`], {
		cwd: folder,
	});
	return join(folder, file.trim().split('\n').at(-1) ?? '');
}
