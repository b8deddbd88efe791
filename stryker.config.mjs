import jestConfig from './jest.config.js';

const { transform, testEnvironment, modulePathIgnorePatterns } = jestConfig.projects[0];

export default {
	mutate: ['nodes/WhatsAppBusinessCalling/{trigger,media,graph}/**/*.ts'],
	testRunner: 'jest',
	jest: {
		enableFindRelatedTests: false,
		// Of one piece, because Stryker does not look into projects. Tests that measure memory say nothing here.
		config: {
			transform,
			testEnvironment,
			modulePathIgnorePatterns,
			testMatch: ['<rootDir>/test/{unit,integration}/**/*.test.ts'],
			testPathIgnorePatterns: ['emory.test.ts$'],
			testTimeout: jestConfig.testTimeout,
		},
	},
	// The engine's tests run what was built of the mutated sources.
	buildCommand: 'npm run build',
	coverageAnalysis: 'perTest',
	ignoreStatic: true,
	disableTypeChecks: '{nodes,credentials}/**/*.ts',
	ignorePatterns: ['.tmp', 'benchmarks', 'docs/images', 'dist'],
	tempDirName: '.tmp/stryker',
	reporters: ['clear-text', 'progress', 'html', 'json'],
	htmlReporter: { fileName: '.tmp/mutation/report.html' },
	jsonReporter: { fileName: '.tmp/mutation/report.json' },
	dryRunTimeoutMinutes: 30,
	concurrency: 2,
	timeoutMS: 20_000,
	thresholds: { high: 90, low: 85, break: 85 },
};
