// How long a real n8n takes to acknowledge an event that brings no file, from the delivery to the 200.
// Run it with `npm run build && npm run bench:acknowledge`; the figures depend on the machine.
import { startStage } from '../e2e/stage';

const DELIVERIES = 40;
const PAUSE_MS = 300;

const ENGINES: Record<string, Record<string, string>> = {
	'default expression engine': {},
	'N8N_EXPRESSION_ENGINE=legacy': { N8N_EXPRESSION_ENGINE: 'legacy' },
};

async function measure(env: Record<string, string>): Promise<number[]> {
	const stage = await startStage({ env });
	try {
		const { url } = await stage.addWorkflow({
			parameters: { registration: 'manual', verifyToken: 'bench', events: ['connect'] },
		});
		stage.emulator.presetSubscription(url, ['calls']);
		const times: number[] = [];
		for (let i = 0; i < DELIVERIES; i++) {
			stage.emulator.userCalls({ from: `14085552${String(i).padStart(3, '0')}` });
			await stage.emulator.whenIdle();
			const [attempt] = stage.emulator.deliveries.at(-1)?.attempts ?? [];
			if (attempt?.status !== 200) throw new Error(`n8n answered ${attempt?.status}`);
			times.push(attempt.durationMs);
			await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
		}
		return times.sort((a, b) => a - b);
	} finally {
		await stage.stop();
	}
}

async function main(): Promise<void> {
	for (const [name, env] of Object.entries(ENGINES)) {
		const times = await measure(env);
		const at = (share: number) => Math.round(times[Math.floor((times.length - 1) * share)]);
		console.log(`${name}: median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, of ${DELIVERIES}`);
	}
}

main().catch((error: unknown) => {
	console.error(error);
	process.exitCode = 1;
});
