// Preloaded into n8n: a first SIGUSR2 begins a CPU profile of the main thread and counts its collections of
// garbage, a second one writes both.
const { writeFileSync } = require('node:fs');
const { Session } = require('node:inspector');
const { constants, PerformanceObserver } = require('node:perf_hooks');
const { isMainThread } = require('node:worker_threads');

const SAMPLE_EVERY_MICROSECONDS = 250;

// n8n's task runner is a process of its own and inherits the options.
if (isMainThread && process.argv[2] === 'start') {
	const session = new Session();
	session.connect();
	session.post('Profiler.enable');
	session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROSECONDS });

	const collections = { whole: 0, young: 0 };
	const count = (entries) => {
		for (const { detail } of entries) {
			if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections.whole++;
			if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) collections.young++;
		}
	};
	const observer = new PerformanceObserver((list) => count(list.getEntries()));

	let running = false;
	process.on('SIGUSR2', () => {
		if (running) {
			count(observer.takeRecords());
			observer.disconnect();
			session.post('Profiler.stop', (_error, { profile }) =>
				writeFileSync(process.env.BENCH_PROFILE, JSON.stringify({ profile, collections })),
			);
		} else {
			Object.assign(collections, { whole: 0, young: 0 });
			observer.observe({ entryTypes: ['gc'] });
			session.post('Profiler.start');
		}
		running = !running;
	});
}
