/**
 * Preloaded into the programs that the harness starts. Their standard input is a pipe that the harness
 * holds: when it closes, the harness is gone (even by SIGKILL, where no handler runs), and the whole
 * process group goes with it. JavaScript, because older versions of Node.js run nothing else.
 */
if (process.env.DIE_WITH_PARENT === 'yes') {
	// Worker threads and forked processes run this file too, and have another standard input.
	delete process.env.DIE_WITH_PARENT;
	process.stdin.on('close', () => process.kill(-process.pid, 'SIGKILL'));
	process.stdin.on('error', () => undefined);
	process.stdin.resume();
	process.stdin.unref?.();
}
