import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import installN8n from '../support/jestN8nReady';
import { MEDIA_ADDRESS } from './address';

const NETWORK = join(__dirname, 'network.sh');
const HELP =
	'The Janus suite needs a network namespace of its own. Run it as root, where sudo asks nothing, or where users may make namespaces ("unshare --user --map-root-user --net true"). On Debian and Ubuntu, test/janus/install-janus.sh installs the commands.';

const succeeds = (command: string[]) =>
	spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0;

/**
 * The command in a network of its own: Janus uses no loopback address, and nothing should listen on the
 * machine's other ones. The network vanishes with its last process, however that ends.
 */
function inOwnNetwork(command: string[]): string[] {
	const set = ['sh', NETWORK, MEDIA_ADDRESS];
	const [uid, gid] = [process.getuid?.(), process.getgid?.()];
	const asRoot = ['unshare', '--net'];
	if (uid === 0 && succeeds([...asRoot, 'true'])) return [...asRoot, ...set, ...command];
	const asUser = ['unshare', '--user', '--map-root-user', '--net'];
	if (succeeds([...asUser, 'true'])) return [...asUser, ...set, ...command];
	const withSudo = ['sudo', '-n', ...asRoot];
	if (succeeds([...withSudo, 'true'])) {
		// Root only makes the network: what runs in it does so as the user, with the user's environment.
		const user = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups'];
		const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
		return [
			...withSudo,
			...set,
			...user,
			'env',
			'--ignore-environment',
			...environment,
			...command,
		];
	}
	throw new Error(HELP);
}

async function main(): Promise<void> {
	const jest = createRequire(__filename).resolve('jest/bin/jest');
	const [program, ...args] = inOwnNetwork([
		process.execPath,
		jest,
		...['--selectProjects', 'janus', '--runInBand'],
		...process.argv.slice(2),
	]);
	// In there is no way to the registry.
	await installN8n();
	process.exitCode = await new Promise<number>((resolve) => {
		const child = spawn(program, args, { stdio: 'inherit' });
		child.once('error', (error) => {
			console.error(error.message);
			resolve(1);
		});
		child.once('exit', (code) => resolve(code ?? 1));
	});
}

main().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
});
