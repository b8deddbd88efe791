import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import manifest from '../../package.json';
import { table } from '../../tools/docs/markdown';
import { fillMarkers } from '../../tools/docs/markers';
import { VERSIONS } from './versions';

/** What is tried in each version of n8n, with the heading of its column in docs/compatibility.md. */
const CAPABILITIES = {
	loads: 'Loads',
	credential: 'Credential test',
	registration: 'Registers and unregisters webhook',
	recordings: 'Verified recordings',
	promises: 'No loss, no duplicates',
	safety: 'Token and limits',
	calls: 'Calls, downloads',
};

export type Capability = keyof typeof CAPABILITIES;

const NAMES = Object.keys(CAPABILITIES) as Capability[];

/** The last complete run of each version. */
interface Matrix {
	[n8nVersion: string]: {
		/** Version of this package. */
		package: string;
		/** Version of Node.js that n8n ran on. */
		node: string;
		capabilities: Record<Capability, { passed: number; failed: number }>;
	};
}

const MATRIX = join(__dirname, 'matrix.json');
const PAGE = join(__dirname, '..', '..', 'docs', 'compatibility.md');

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
		const counts = NAMES.map((name) => this.counts.get(name) ?? { passed: 0, failed: 0 });
		const tests = counts.reduce((sum, { passed, failed }) => sum + passed + failed, 0);
		if (tests !== expectedTests) return;
		const matrix = readMatrix();
		matrix[this.version] = {
			package: manifest.version,
			node,
			capabilities: Object.fromEntries(
				NAMES.map((name, index) => [name, counts[index]]),
			) as Matrix[string]['capabilities'],
		};
		const sorted = Object.fromEntries(
			VERSIONS.flatMap((version) => (matrix[version] ? [[version, matrix[version]]] : [])),
		);
		writeFileSync(MATRIX, `${JSON.stringify(sorted, null, '\t')}\n`);
		writeFileSync(PAGE, pageWithMatrix());
	}
}

function readMatrix(): Matrix {
	return JSON.parse(readFileSync(MATRIX, 'utf8')) as Matrix;
}

/** docs/compatibility.md with the table of the last runs between its markers. */
export function pageWithMatrix(): string {
	return fillMarkers(readFileSync(PAGE, 'utf8'), { versions: versionsTable(readMatrix()) });
}

function versionsTable(matrix: Matrix): string {
	const rows = Object.entries(matrix).map(([version, { node, capabilities }]) => [
		version,
		node,
		...NAMES.map((name) => {
			const { passed, failed } = capabilities[name];
			return failed === 0 ? `yes (${passed})` : `**no** (${failed} of ${passed + failed} fail)`;
		}),
	]);
	return table(['n8n', 'Node.js', ...NAMES.map((name) => CAPABILITIES[name])], rows);
}
