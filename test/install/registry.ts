import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCached } from '../support/cache';
import { freePorts, poll, runNpm, startScript } from '../support/processes';

const VERDACCIO_VERSION = '6.10.4';

/**
 * Of what Verdaccio's dependencies ask for, not every version is to be had everywhere. n8n's gate forbids
 * overrides in a package, so that Verdaccio can't be a dependency of this one.
 */
const OVERRIDES = { 'node-fetch': '2.6.7' };

const START_TIMEOUT = 60_000;

/** An npm registry on the loopback interface, which knows only what is published to it. */
export interface Registry {
	readonly url: string;
	publish(tarball: string): Promise<void>;
	stop(): Promise<void>;
}

/** Verdaccio, from the user's cache folder; installed there first if need be (about 65 MB). */
async function ensureVerdaccio(): Promise<string> {
	const folder = await ensureCached(`verdaccio-${VERDACCIO_VERSION}`, async (unfinished) => {
		const manifest = {
			private: true,
			dependencies: { verdaccio: VERDACCIO_VERSION },
			overrides: OVERRIDES,
		};
		await writeFile(join(unfinished, 'package.json'), JSON.stringify(manifest, null, 2));
		await runNpm(
			['install', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=dev', '--no-package-lock'],
			{ cwd: unfinished },
		);
	});
	return join(folder, 'node_modules', 'verdaccio', 'bin', 'verdaccio');
}

/** Without uplinks: a package that is not here is nowhere. */
const configuration = (folder: string) => ({
	storage: join(folder, 'packages'),
	auth: { htpasswd: { file: join(folder, 'users'), max_users: 1 } },
	uplinks: {},
	packages: { '**': { access: '$all', publish: '$authenticated' } },
	web: { enable: false },
	log: { type: 'stdout', format: 'pretty', level: 'warn' },
});

export async function startRegistry(): Promise<Registry> {
	const script = await ensureVerdaccio();
	const folder = await mkdtemp(join(tmpdir(), 'registry-'));
	const [port = 0] = await freePorts(1);
	const url = `http://127.0.0.1:${port}`;
	await mkdir(join(folder, 'packages'));
	const config = join(folder, 'config.json');
	await writeFile(config, JSON.stringify(configuration(folder)));

	let output = '';
	const verdaccio = startScript(script, ['--config', config, '--listen', `127.0.0.1:${port}`], {
		cwd: folder,
		env: { ...process.env, NODE_ENV: 'production' },
		onOutput: (text) => (output += text),
	});
	const stop = async () => {
		await verdaccio.stop();
		await rm(folder, { recursive: true, force: true });
	};
	try {
		await poll(
			'answer from the registry',
			START_TIMEOUT,
			async () => ((await fetch(`${url}/-/ping`)).ok ? true : undefined),
			{
				giveUp: () =>
					verdaccio.hasExited() ? new Error(`The registry ended:\n${output}`) : undefined,
			},
		);
		const token = await signUp(url);
		return {
			url,
			publish: async (tarball) => {
				await runNpm(
					['publish', tarball, `--registry=${url}`, `--//127.0.0.1:${port}/:_authToken=${token}`],
					{ cwd: folder },
				);
			},
			stop,
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

async function signUp(url: string): Promise<string> {
	const answer = await fetch(`${url}/-/user/org.couchdb.user:maintainer`, {
		method: 'PUT',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ name: 'maintainer', password: 'Maintainer-password-1' }),
	});
	const { token } = (await answer.json()) as { token?: string };
	if (!token) throw new Error(`The registry answered the sign-up with ${answer.status}`);
	return token;
}
