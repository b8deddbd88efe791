// Preloaded into n8n: a first SIGUSR2 begins a CPU profile of the main thread, a second one writes it.
const { writeFileSync } = require('node:fs');
const { Session } = require('node:inspector');
const { isMainThread } = require('node:worker_threads');

const SAMPLE_EVERY_MICROSECONDS = 250;

// n8n's task runner is a process of its own and inherits the options.
if (isMainThread && process.argv[2] === 'start') {
	const session = new Session();
	session.connect();
	session.post('Profiler.enable');
	session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROSECONDS });
	let running = false;
	process.on('SIGUSR2', () => {
		if (running) {
			session.post('Profiler.stop', (_error, { profile }) =>
				writeFileSync(process.env.BENCH_PROFILE, JSON.stringify(profile)),
			);
		} else {
			session.post('Profiler.start');
		}
		running = !running;
	});
}
