const base = {
	testEnvironment: 'node',
	transform: {
		'^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
	},
	modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.tmp'],
};

const project = (name, extra = {}) => ({
	...base,
	displayName: name,
	testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
	...extra,
});

/** @type {import('jest').Config} */
module.exports = {
	projects: [
		project('unit'),
		project('emulator', { testMatch: ['<rootDir>/emulator/**/*.test.ts'] }),
		project('integration'),
		project('package'),
		project('compat'),
		// Started by test/janus/main.ts, which installs n8n before it leaves the network.
		project('janus'),
		...['e2e', 'faults', 'attacks', 'queue', 'soak', 'install', 'phone'].map((name) =>
			project(name, { globalSetup: '<rootDir>/test/support/jestN8nReady.ts' }),
		),
	],
	testTimeout: 60_000,
	// For "npm run test:coverage": unit tests load the sources, the engine loads what was built of them.
	coverageProvider: 'v8',
	coverageDirectory: '.tmp/coverage',
	coverageReporters: ['text', 'html'],
	collectCoverageFrom: [
		'{nodes,credentials}/**/*.ts',
		'dist/**/*.js',
		'!**/types.ts',
		'!**/types.js',
	],
	coverageThreshold: { global: { branches: 95, lines: 95 } },
};
