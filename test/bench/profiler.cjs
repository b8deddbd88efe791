const { Session } = require('node:inspector');
const { isMainThread } = require('node:worker_threads');
if (isMainThread && process.argv[2] === 'start') {
	const fs = require('node:fs');
	const session = new Session();
	session.connect();
	let on = false,
		i = 0;
	process.on('SIGUSR2', () => {
		if (!on) {
			on = true;
			session.post('Profiler.enable');
			session.post('Profiler.setSamplingInterval', { interval: 200 });
			session.post('Profiler.start');
		} else {
			on = false;
			session.post('Profiler.stop', (e, { profile }) =>
				fs.writeFileSync(`${process.env.PROF_OUT}/p${i++}.cpuprofile`, JSON.stringify(profile)),
			);
		}
	});
}
