import { watch } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmulator, type Emulator } from '../../emulator';
import { startN8n, type N8n } from '../../test/support/n8n';
import { packPackage, REPOSITORY } from '../../test/support/package';
import { runNpm, startScript, stopAll } from '../../test/support/processes';
import { credentialData, CREDENTIAL_TYPE, PACKAGE } from '../../test/support/workflow';

const USAGE = `A real n8n that loads every change of the nodes at once, against an emulated Meta.

npm run dev [-- --port 5678] [-- --emulator-port 8380] [-- --media]

--media  callers are WebRTC peers on this machine: sound flows, and is what gets recorded

Workflows and credentials are kept in .tmp/dev from one run to the next; delete it to begin anew.`;

const CREDENTIAL = { name: 'WhatsApp (emulator)', type: CREDENTIAL_TYPE };

const WORK_FOLDER = join(REPOSITORY, '.tmp', 'dev');

/** Milliseconds in which the files of one compilation arrive. */
const ONE_COMPILATION = 300;

const cleanups: Array<() => Promise<void> | void> = [];

async function cleanUp(): Promise<void> {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			port: { type: 'string', default: '5678' },
			'emulator-port': { type: 'string', default: '8380' },
			media: { type: 'boolean', default: false },
			help: { type: 'boolean', short: 'h', default: false },
		},
	});
	if (values.help) {
		console.log(USAGE);
		return;
	}
	const interrupted = new Promise<void>((resolve) => {
		for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
			process.on(signal, () => {
				stopAll();
				resolve();
			});
		}
	});
	const work = async () => {
		const emulator = await startEmulator({
			port: Number(values['emulator-port']),
			...(values.media && { webRtc: {} }),
			log: (line) => console.log(`meta   ${line}`),
		});
		cleanups.push(async () => await emulator.stop());
		const n8n = await startEditor(Number(values.port));
		cleanups.push(async () => await n8n.stop());
		await addCredential(n8n, emulator);
		compileOnChange(join(n8n.userFolder, '.n8n', 'nodes', 'node_modules', PACKAGE, 'dist'));
		describe(n8n, emulator);
		await interrupted;
	};
	try {
		await Promise.race([work(), interrupted]);
	} finally {
		await cleanUp();
	}
}

async function startEditor(port: number): Promise<N8n> {
	console.log('Building, and starting n8n (the first time it is installed, about 5 minutes) ...');
	await runNpm(['run', 'build'], { cwd: REPOSITORY });
	const { tarball, remove } = await packPackage();
	return await startN8n({
		tarball,
		port,
		userFolder: WORK_FOLDER,
		env: { N8N_DEV_RELOAD: 'true' },
	}).finally(remove);
}

/** The credential of an earlier run stays, for the workflows that use it; the emulator may have another port. */
async function addCredential({ api }: N8n, emulator: Emulator): Promise<void> {
	const credential = { ...CREDENTIAL, data: credentialData(emulator) };
	const existing = await api.listCredentials();
	const ours = existing.find(({ name }) => name === CREDENTIAL.name);
	if (ours) await api.updateCredential(ours.id, credential);
	else await api.createCredential(credential);
}

/** n8n watches the installed package, not this folder: what the compiler writes is copied there. */
function compileOnChange(installed: string): void {
	const compiler = startScript(
		require.resolve('typescript/bin/tsc'),
		['--project', 'tsconfig.json', '--watch', '--preserveWatchOutput'],
		{ cwd: REPOSITORY, env: process.env, onOutput: (text) => console.log(`tsc    ${text.trim()}`) },
	);
	const assets = startScript(
		join(REPOSITORY, 'node_modules', 'gulp', 'bin', 'gulp.js'),
		['watch', '--silent'],
		{
			cwd: REPOSITORY,
			env: process.env,
			onOutput: (text) => console.log(`gulp   ${text.trim()}`),
		},
	);
	cleanups.push(async () => {
		await compiler.kill();
		await assets.kill();
	});

	const dist = join(REPOSITORY, 'dist');
	let pending: NodeJS.Timeout | undefined;
	const watcher = watch(dist, { recursive: true }, () => {
		clearTimeout(pending);
		pending = setTimeout(() => {
			cp(dist, installed, { recursive: true }).then(
				() => console.log('dev    n8n has the change; reload the editor to see new fields'),
				(error: Error) => console.error(`dev    ${error.message}`),
			);
		}, ONE_COMPILATION);
	});
	cleanups.push(() => {
		watcher.close();
		clearTimeout(pending);
	});
}

function describe(n8n: N8n, emulator: Emulator): void {
	const orders = `${emulator.baseUrl}/_emulator`;
	console.log(`
editor        ${n8n.url}
sign in with  ${n8n.login.email} / ${n8n.login.password}
credential    ${CREDENTIAL.name} is there
log           ${n8n.log.file}
emulator      ${emulator.baseUrl} (open it: buttons, and what arrived where)
  a user calls         curl -X POST ${orders}/calls
  the user hangs up    curl -X POST ${orders}/calls/latest/hang-up
  a recording only     curl -X POST ${orders}/recordings

Change a file below nodes/ or credentials/: n8n loads it within seconds. Ctrl-C ends everything.
`);
}

main().then(
	() => process.exit(0),
	(error: unknown) => {
		console.error(error instanceof Error ? error.message : error);
		process.exit(1);
	},
);
