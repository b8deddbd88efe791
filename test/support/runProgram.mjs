import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';

/**
 * Runs a program that is not a script of Node: `runProgram.mjs PROGRAM ARGUMENTS...`. The preload that
 * ends other processes with the harness can't be put into it, so this stays beside it. When the harness
 * is gone, however that came, the program is ended in an orderly way and its files are removed.
 */
const [program = '', ...args] = process.argv.slice(2);
const {
	RUN_AS_UID,
	RUN_AS_GID,
	STOP_SIGNAL = 'SIGTERM',
	FOLDER_TO_REMOVE,
	DIE_WITH_PARENT: _ofScripts,
	...env
} = process.env;
const GRACE_MS = 5_000;

const child = spawn(program, args, {
	env,
	stdio: ['ignore', 'inherit', 'inherit'],
	...(RUN_AS_UID !== undefined && { uid: Number(RUN_AS_UID), gid: Number(RUN_AS_GID) }),
});
const stop = () => child.kill(STOP_SIGNAL);
let isOrphan = false;

process.stdin.resume();
process.stdin.on('error', () => undefined);
process.stdin.on('close', () => {
	isOrphan = true;
	stop();
	setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
});
process.on('SIGTERM', stop);
// Nobody reads any more what is printed.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

child.once('error', (error) => {
	console.error(`${program}: ${error.message}`);
	void end(127);
});
child.once('exit', (code) => void end(code ?? 1));

async function end(code) {
	if (isOrphan && FOLDER_TO_REMOVE !== undefined) {
		await rm(FOLDER_TO_REMOVE, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
	}
	process.exit(code);
}
