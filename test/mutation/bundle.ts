import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';

const TESTS = join(__dirname, '..');
/** How much memory something takes says nothing about what it does. */
const LEFT_OUT = /emory\.test\.ts$/;

/**
 * Test files as one: Stryker runs them anew for each of some thousand changes, and to load n8n's modules takes
 * longer than the tests.
 */
export function bundle(pattern: string): void {
	// That a case fails is enough: the shortest one takes long to find.
	fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true });
	for (const file of globSync(pattern, { cwd: TESTS }).sort()) {
		if (!LEFT_OUT.test(file)) describe(basename(file), () => void require(join(TESTS, file)));
	}
}
