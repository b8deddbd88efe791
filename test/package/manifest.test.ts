import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import manifest from '../../package.json';
import { REPOSITORY } from '../support/package';
import { builtFiles } from './files';

const run = promisify(execFile);

const read = async (path: string) => await readFile(join(REPOSITORY, path), 'utf8');

describe('package.json', () => {
	it('The package has no dependencies, because n8n installs none of a verified node', () => {
		for (const kind of [
			'dependencies',
			'optionalDependencies',
			'bundledDependencies',
			'bundleDependencies',
		]) {
			expect(manifest).not.toHaveProperty(kind);
		}
		expect(manifest.peerDependencies).toEqual({ 'n8n-workflow': '*' });
		// n8n brings its own: npm would install a second one, which needs a compiler on some systems.
		expect(manifest.peerDependenciesMeta).toEqual({ 'n8n-workflow': { optional: true } });
	});

	it.each(Object.entries(manifest.devDependencies))(
		'The package pins %s exactly (%s)',
		(_, version) => {
			expect(version).toMatch(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/);
		},
	);

	it('The package publishes dist only, and runs nothing on installation', () => {
		expect(manifest.files).toEqual(['dist']);
		const onInstall = /^(pre|post)?(install|pack|publish|prepare)(Only)?$|^prepublish/;
		expect(Object.keys(manifest.scripts).filter((name) => onInstall.test(name))).toEqual([]);
	});

	it('The package has a name that n8n finds', () => {
		expect(manifest.name).toBe('n8n-nodes-whatsapp-business-calling');
		expect(manifest.keywords).toContain('n8n-community-node-package');
		expect(manifest.license).toBe('MIT');
		expect(manifest.version).toMatch(/^\d+\.\d+\.\d+$/);
	});

	it('The package has an n8n block whose files were built', () => {
		builtFiles();
		expect(manifest.n8n).toMatchObject({ n8nNodesApiVersion: 1, strict: true });
		expect(manifest.n8n.nodes).toHaveLength(2);
		expect(manifest.n8n.credentials).toHaveLength(1);
		for (const path of [...manifest.n8n.nodes, ...manifest.n8n.credentials]) {
			expect(existsSync(join(REPOSITORY, path)) ? '' : path).toBe('');
		}
	});
});

describe('the repository', () => {
	it('The lock file has no addresses of registries', async () => {
		const lock = JSON.parse(await read('package-lock.json')) as {
			version: string;
			packages: Record<string, { resolved?: string; link?: boolean }>;
		};
		const resolved = Object.entries(lock.packages).filter(
			([, entry]) => entry.resolved !== undefined,
		);
		expect(resolved).toEqual([]);
		expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
		expect(lock.version).toBe(manifest.version);
	});

	it("The linter uses n8n's rules unchanged", async () => {
		const lines = (await read('eslint.config.mjs'))
			.split('\n')
			.filter((line) => line.trim() !== '');
		expect(lines).toEqual([
			"import { config } from '@n8n/node-cli/eslint';",
			'export default config;',
		]);
	});

	it('The repository has the same URL everywhere', async () => {
		const [, repository = ''] = /github\.com\/(.+)\.git$/.exec(manifest.repository.url) ?? [];
		expect(repository).toMatch(/^[\w-]+\/n8n-nodes-whatsapp-business-calling$/);
		const { stdout } = await run(
			'git',
			[
				'grep',
				'-ohE',
				'github(usercontent)?\\.com/[A-Za-z0-9_-]+/n8n-nodes-whatsapp[A-Za-z0-9_-]+',
			],
			{ cwd: REPOSITORY },
		);
		const addresses = stdout.trim().replaceAll('githubusercontent', 'github').split('\n');
		expect(new Set(addresses)).toEqual(new Set([`github.com/${repository}`]));
		expect(addresses.length).toBeGreaterThan(10);
	});

	it('The repository has its license', async () => {
		expect(await read('LICENSE.md')).toContain('MIT');
	});
});
