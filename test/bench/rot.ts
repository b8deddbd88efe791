import { Stage, startWorld } from './stage';
async function main() {
	const [engine, inFlight, size, n, rounds, N, names] = process.argv.slice(2);
	const world = await startWorld();
	const env: Record<string, string> =
		engine === 'legacy' ? { N8N_EXPRESSION_ENGINE: 'legacy' } : {};
	env.NODE_OPTIONS = '--require /tmp/hbprof/rot.cjs';
	env.ROT_N = N;
	const stage = await Stage.start(world, env, ['ours']);
	const labels = names.split(',');
	try {
		await stage.runRecordings('ours', Math.min(30, Number(n)), Number(size) * 1000, {
			inFlight: Number(inFlight),
		});
		const sums: number[][] = labels.map(() => []),
			per: number[][] = labels.map(() => []);
		for (let r = 0; r < Number(rounds); r++)
			for (let v = 0; v < labels.length; v++) {
				const run = await stage.runRecordings('ours', Number(n), Number(size) * 1000, {
					inFlight: Number(inFlight),
				});
				process.kill(stage.n8n.pid(), 'SIGUSR2');
				sums[v].push(run.cpuMs / Number(n));
				per[v].push(Number(n) / run.seconds);
			}
		const med = (a: number[]) => [...a].sort((x, y) => x - y)[Math.floor(a.length / 2)];
		labels.forEach((l, v) =>
			console.log(
				size,
				l.padEnd(12),
				'cpu',
				med(sums[v]).toFixed(1),
				'min',
				Math.min(...sums[v]).toFixed(1),
				`[${sums[v].map((x) => x.toFixed(0)).join(' ')}]`,
				'per s',
				med(per[v]).toFixed(2),
				'max',
				Math.max(...per[v]).toFixed(2),
			),
		);
	} finally {
		await stage.stop();
		await world.stop();
	}
}
main().catch((e) => {
	console.error(e);
	process.exitCode = 1;
});
