/**
 * Mutation tests: changes the shipped code in some thousand places, one at a time, and counts how many
 * changes the tests notice. What the unit tests let pass goes to the tests in n8n's engine, which take longer.
 *
 *   npm run test:mutation [-- --unit] [-- --mutate 'nodes/WhatsAppBusinessCalling/media/*.ts']
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import jestConfig from '../../jest.config.js';

const WANTED = 85;
const DETECTED = new Set(['Killed', 'Timeout']);
const COUNTED = new Set(['Killed', 'Timeout', 'Survived', 'NoCoverage']);
/** More than a common machine has processors: the tests in n8n's engine mostly wait. */
const CONCURRENCY = 4;
/** Some times what the longest test takes: a change can make a test wait for ever. */
const TEST_TIMEOUT_MS = 20_000;
const REPORT = '.tmp/mutation/undetected.txt';

const { values } = parseArgs({
	options: {
		mutate: {
			type: 'string',
			default: 'nodes/WhatsAppBusinessCalling/{trigger,media,graph}/**/*.ts',
		},
		unit: { type: 'boolean', default: false },
	},
});

/** @returns every change, and what became of it */
async function run(tests, mutate, more) {
	const { transform, modulePathIgnorePatterns } = jestConfig.projects[0];
	const stryker = new Stryker({
		mutate,
		testRunner: 'jest',
		jest: {
			enableFindRelatedTests: false,
			config: {
				// Otherwise the tests run once for each of them.
				projects: [],
				transform,
				testEnvironment: './test/mutation/environment.cjs',
				modulePathIgnorePatterns,
				testMatch: [`<rootDir>/test/mutation/${tests}.test.ts`],
				testTimeout: TEST_TIMEOUT_MS,
			},
		},
		coverageAnalysis: 'perTest',
		// What runs once, when a file is loaded, cannot be switched on for a single test.
		ignoreStatic: true,
		disableTypeChecks: '{nodes,credentials}/**/*.ts',
		ignorePatterns: ['.tmp', 'benchmarks', 'docs/images', 'dist'],
		tempDirName: '.tmp/stryker',
		testRunnerNodeArgs: ['--max-old-space-size=6000'],
		reporters: ['progress-append-only', 'html'],
		htmlReporter: { fileName: `.tmp/mutation/${tests}.html` },
		dryRunTimeoutMinutes: 30,
		concurrency: CONCURRENCY,
		timeoutMS: 20_000,
		thresholds: { break: null },
		...more,
	});
	return (await stryker.runMutationTest()).filter(({ status }) => COUNTED.has(status));
}

/** As Stryker takes it: it counts columns from 1 in what it reports, and from 0 in what it is told to change. */
const placeOf = ({ fileName, location: { start, end } }) =>
	`${relative('.', fileName)}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;
const keyOf = (mutant) => `${placeOf(mutant)} ${mutant.mutatorName} ${mutant.replacement}`;
const isDetected = ({ status }) => DETECTED.has(status);

// Ten thousand cases for each of some thousand changes would take a day.
process.env.PROPERTY_RUNS = '300';

const byUnit = await run('unit', [values.mutate], {});
const left = byUnit.filter((mutant) => !isDetected(mutant));
const places = [...new Set(left.map(placeOf))];
const byEngine =
	values.unit || places.length === 0
		? []
		: // The engine runs what was built of the changed sources.
			await run('integration', places, { buildCommand: 'npm run build' });

const noticed = new Set(byEngine.filter(isDetected).map(keyOf));
const undetected = left.filter((mutant) => !noticed.has(keyOf(mutant)));
const score = (100 * (byUnit.length - undetected.length)) / byUnit.length;

mkdirSync('.tmp/mutation', { recursive: true });
writeFileSync(REPORT, undetected.map((mutant) => `${mutant.status} ${keyOf(mutant)}\n`).join(''));
console.log(
	`${byUnit.length} changes: ${byUnit.length - left.length} noticed by the unit tests, ${left.length - undetected.length} by the engine's; ${undetected.length} not (${REPORT}). Score: ${score.toFixed(1)} %, wanted ${WANTED} %`,
);
if (!values.unit) process.exitCode = score >= WANTED ? 0 : 1;
