/** How a workflow is activated, and how it is learned what came of it. */
export type Activation =
	/** By saving it as active; the answer comes when its triggers are registered, or says why not. */
	| 'saving'
	/** By a request of its own, which is answered likewise. */
	| 'request'
	/** By a request that is answered at once; the outcome is asked for. */
	| 'publication';

interface VersionNeeds {
	/** Instead of versions that this one's packages ask for and that a registry may not have. */
	overrides?: Record<string, string>;
	activation: Activation;
	/** Modules that look for servers elsewhere; n8n refuses names that it does not know. */
	disabledModules?: string;
	/** Version of Node.js that people run it with, where that is not the one of these tests. */
	node?: string;
}

/** xlsx was taken from an address outside the npm registry. */
const XLSX = { xlsx: '0.18.5' };

/** What versions of n8n need to be installed and driven, each row up to the next one. */
const NEEDS: Array<[from: string, needs: VersionNeeds]> = [
	['1.100.0', { overrides: XLSX, activation: 'saving', node: '20.19.6' }],
	['1.123.0', { overrides: XLSX, activation: 'saving', node: '22.22.3' }],
	['2.0.0', { overrides: XLSX, activation: 'request', node: '22.22.3' }],
	['2.20.0', { overrides: XLSX, activation: 'request', node: '22.22.3' }],
	[
		'2.30.0',
		{ overrides: XLSX, activation: 'request', node: '22.22.3', disabledModules: 'mcp-registry' },
	],
	['2.41.0', { activation: 'publication', disabledModules: 'mcp-registry' }],
];

export function needsOf(version: string): VersionNeeds {
	const row = NEEDS.findLast(([from]) => compareVersions(from, version) <= 0);
	if (!row) throw new Error(`n8n ${version} is older than the tests know`);
	return row[1];
}

function compareVersions(a: string, b: string): number {
	const [left, right] = [a, b].map((version) => version.split('.').map(Number));
	const differing = left.findIndex((part, index) => part !== right[index]);
	return differing === -1 ? 0 : left[differing] - right[differing];
}
