import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { LedgerMemory } from './ledgerMemoryRun';

it('A full ledger takes between 10 and 30 MB, however many deliveries there are', async () => {
	const script = join(__dirname, 'ledgerMemoryRun.ts');
	const { stdout } = await promisify(execFile)(process.execPath, [
		'--expose-gc',
		...['--import', 'tsx', script],
	]);
	const { full, later, claims, firstSeen } = JSON.parse(stdout) as LedgerMemory;
	console.log(`A full ledger takes ${full.toFixed(1)} MB, and later ${later.toFixed(1)} MB`);
	// Its 200,000 keys alone have 10 MB: less would mean that something else was measured.
	for (const megabytes of [full, later]) {
		expect(megabytes).toBeGreaterThan(10);
		expect(megabytes).toBeLessThan(30);
	}
	expect(claims).toEqual(['delivered', 'mine']);
	expect(firstSeen).toEqual([0, 100_000]);
});
