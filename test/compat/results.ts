import { writeFileSync } from 'node:fs';

import manifest from '../../package.json';
import {
	CAPABILITY_NAMES,
	MATRIX,
	readMatrix,
	type Capability,
	type Matrix,
} from '../../tools/docs/compatibility';
import { writeGeneratedPages } from '../../tools/docs/pages';
import { VERSIONS } from './versions';

/** Counts what the tests of one version of n8n show. */
export class Results {
	private readonly counts = new Map<Capability, { passed: number; failed: number }>();

	constructor(private readonly version: string) {}

	async of(capability: Capability, test: () => Promise<void>): Promise<void> {
		const count = this.counts.get(capability) ?? { passed: 0, failed: 0 };
		this.counts.set(capability, count);
		try {
			await test();
			count.passed++;
		} catch (error) {
			count.failed++;
			throw error;
		}
	}

	/** Writes them into the matrix and docs/compatibility.md, unless only some tests ran (`jest -t`). */
	save(node: string, expectedTests: number): void {
		const counts = CAPABILITY_NAMES.map(
			(name) => this.counts.get(name) ?? { passed: 0, failed: 0 },
		);
		const tests = counts.reduce((sum, { passed, failed }) => sum + passed + failed, 0);
		if (tests !== expectedTests) return;
		const matrix = readMatrix();
		matrix[this.version] = {
			package: manifest.version,
			node,
			capabilities: Object.fromEntries(
				CAPABILITY_NAMES.map((name, index) => [name, counts[index]]),
			) as Matrix[string]['capabilities'],
		};
		const sorted = Object.fromEntries(
			VERSIONS.flatMap((version) => (matrix[version] ? [[version, matrix[version]]] : [])),
		);
		writeFileSync(MATRIX, `${JSON.stringify(sorted, null, '\t')}\n`);
		writeGeneratedPages();
	}
}
