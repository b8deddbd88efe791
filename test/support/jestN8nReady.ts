import { prepareN8n } from './n8n';

const PRINT_INTERVAL = 15_000;

/** Jest's global set-up: installs n8n outside the time limits of the tests. */
export default async function ready(): Promise<void> {
	let printed = -PRINT_INTERVAL;
	await prepareN8n({
		onProgress({ phase, elapsed, packages }) {
			if (elapsed - printed < PRINT_INTERVAL) return;
			printed = elapsed;
			const seconds = Math.round(elapsed / 1_000);
			console.log(`n8n for the tests: ${phase}, ${seconds} s, ${packages} of about 1500 packages`);
		},
	});
}
