import { Stage, startWorld } from './stage';
import type { Variant } from './workflows';

// usage: prof.ts engine inFlight sizeKB variants n rounds [profdir]
async function main() {
	const [engine, inFlight, size, variants, n, rounds, prof] = process.argv.slice(2);
	const world = await startWorld();
	const env: Record<string, string> =
		engine === 'legacy'
			? { N8N_EXPRESSION_ENGINE: 'legacy' }
			: engine === 'lazy'
				? { N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE: 'true' }
				: {};
	if (prof) {
		env.NODE_OPTIONS = `--require ${__dirname}/profiler.cjs`;
		env.PROF_OUT = prof;
	}
	const vs = variants.split(',') as Variant[];
	const stage = await Stage.start(world, env, vs);
	try {
		for (const v of vs)
			await stage.runRecordings(v, Math.min(30, Number(n)), Number(size) * 1000, {
				inFlight: Number(inFlight),
			});
		const sums: Record<string, number[]> = {},
			per: Record<string, number[]> = {};
		for (let r = 0; r < Number(rounds); r++)
			for (const v of vs) {
				if (prof) process.kill(stage.n8n.pid(), 'SIGUSR2');
				const run = await stage.runRecordings(v, Number(n), Number(size) * 1000, {
					inFlight: Number(inFlight),
				});
				if (prof) {
					process.kill(stage.n8n.pid(), 'SIGUSR2');
					await new Promise((r) => setTimeout(r, 1500));
				}
				(sums[v] ??= []).push(run.cpuMs / Number(n));
				(per[v] ??= []).push(Number(n) / run.seconds);
			}
		const med = (a: number[]) => [...a].sort((x, y) => x - y)[Math.floor(a.length / 2)];
		for (const v of vs)
			console.log(
				v.padEnd(16),
				'cpu',
				med(sums[v]).toFixed(1),
				`[${sums[v].map((x) => x.toFixed(1)).join(' ')}]`,
				'per s',
				med(per[v]).toFixed(1),
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
