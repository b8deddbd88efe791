import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

import manifest from '../../package.json';
import { filesBelow } from '../support/files';
import { packPackage, REPOSITORY } from '../support/package';
import { runNpm } from '../support/processes';
import { builtFiles } from './files';

const run = promisify(execFile);

/** What n8n's verification says of a folder. */
async function scan(folder: string, kind: 'source' | 'package') {
	const scanner = join(__dirname, 'scan.mjs');
	const { stdout } = await run(process.execPath, [scanner, folder, kind], {
		// With jest's value n8n's rules take every file for one of their own tests.
		env: { ...process.env, NODE_ENV: 'production' },
		maxBuffer: 16 * 1024 * 1024,
	});
	return JSON.parse(stdout) as { passed: boolean; files: number; findings: string[] };
}

let folder: string;
let tarball: string;
let removeTarball: () => Promise<void>;

beforeAll(async () => {
	builtFiles();
	folder = await mkdtemp(join(tmpdir(), 'whatsapp-calling-package-'));
	({ tarball, remove: removeTarball } = await packPackage());
	await run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
});

afterAll(async () => {
	await rm(folder, { recursive: true, force: true });
	await removeTarball?.();
});

describe("n8n's verification", () => {
	it('The verification finds nothing in the sources, warnings included', async () => {
		const { passed, files, findings } = await scan(REPOSITORY, 'source');
		expect(findings).toEqual([]);
		expect(passed).toBe(true);
		expect(files).toBeGreaterThan(40);
	});

	it('The verification finds nothing in the tarball, warnings included', async () => {
		const { passed, files, findings } = await scan(folder, 'package');
		expect(findings).toEqual([]);
		expect(passed).toBe(true);
		expect(files).toBeGreaterThan(40);
	});
});

describe('the tarball', () => {
	it('npm installs the package by hand alone, without a second n8n-workflow and its native modules', async () => {
		const nodes = await mkdtemp(join(tmpdir(), 'whatsapp-calling-by-hand-'));
		try {
			await runNpm(['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: nodes });
			const installed = await readdir(join(nodes, 'node_modules'));
			expect(installed.filter((name) => !name.startsWith('.'))).toEqual([manifest.name]);
		} finally {
			await rm(nodes, { recursive: true, force: true });
		}
	});

	it('The tarball contains what runs and nothing else', async () => {
		const built = builtFiles().map((path) => relative(REPOSITORY, path));
		const packed = (await filesBelow(folder)).map((path) => relative(folder, path));
		expect(packed.sort()).toEqual([...built, 'LICENSE.md', 'README.md', 'package.json'].sort());
	});

	it('The tarball contains of dist only JavaScript, codex files, output schemas and icons', () => {
		const odd = builtFiles()
			.map((path) => relative(REPOSITORY, path))
			.filter(
				(path) =>
					!/^dist\/(nodes|credentials)\/.*\.js$/.test(path) &&
					!/^dist\/nodes\/.*\.node\.json$/.test(path) &&
					!/^dist\/nodes\/.*\/__schema__\/.*\.json$/.test(path) &&
					!/^dist\/icons\/.*\.svg$/.test(path),
			);
		expect(odd).toEqual([]);
	});

	it('Each file of the tarball has its source', async () => {
		const orphans = builtFiles()
			.map((path) => relative(join(REPOSITORY, 'dist'), path))
			.filter((path) => !existsSync(join(REPOSITORY, path.replace(/\.js$/, '.ts'))));
		expect(orphans).toEqual([]);
	});

	it('The tarball has less than 155 kB', async () => {
		expect((await stat(tarball)).size).toBeLessThan(155_000);
	});

	it('The tarball has every file that the n8n block of package.json names', () => {
		for (const path of [...manifest.n8n.nodes, ...manifest.n8n.credentials]) {
			expect(existsSync(join(folder, path)) ? '' : path).toBe('');
		}
	});

	it('The tarball requires at run time only what n8n brings', async () => {
		const allowed = new Set(['n8n-workflow', 'zod', 'crypto']);
		const scripts = (await filesBelow(folder)).filter((path) => path.endsWith('.js'));
		for (const path of scripts) {
			const text = await readFile(path, 'utf8');
			const asked = [...text.matchAll(/\brequire\(["']([^"']+)["']\)/g)].map(([, name]) => name);
			const others = asked.filter((name) => !name.startsWith('.') && !allowed.has(name));
			expect({ path: relative(folder, path), others }).toEqual({
				path: relative(folder, path),
				others: [],
			});
		}
	});
});
