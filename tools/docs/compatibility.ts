import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { table } from './markdown';

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

export const CAPABILITY_NAMES = Object.keys(CAPABILITIES) as Capability[];

/** The last complete run of each version. */
export interface Matrix {
	[n8nVersion: string]: {
		/** Version of this package. */
		package: string;
		/** Version of Node.js that n8n ran on. */
		node: string;
		capabilities: Record<Capability, { passed: number; failed: number }>;
	};
}

/** Where `npm run test:compat` keeps its results. */
export const MATRIX = join(__dirname, '../../test/compat/matrix.json');

export function readMatrix(): Matrix {
	return JSON.parse(readFileSync(MATRIX, 'utf8')) as Matrix;
}

export function versionsTable(matrix: Matrix): string {
	const rows = Object.entries(matrix).map(([version, { node, capabilities }]) => [
		version,
		node,
		...CAPABILITY_NAMES.map((name) => {
			const { passed, failed } = capabilities[name];
			return failed === 0 ? `yes (${passed})` : `**no** (${failed} of ${passed + failed} fail)`;
		}),
	]);
	return table(['n8n', 'Node.js', ...Object.values(CAPABILITIES)], rows);
}
