/**
 * Mutation tests: changes the shipped code in some thousand places, one at a time, and counts how many
 * changes the tests notice. What the unit tests let pass goes to the tests in n8n's engine, which take longer.
 *
 *   npm run test:mutation [-- --unit] [-- --mutate 'nodes/WhatsAppBusinessCalling/media/*.ts']
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import jestConfig from '../../jest.config.js';

const WANTED = 85;
const DETECTED = new Set(['Killed', 'Timeout']);
/** Ignored: what runs once, when a file is loaded, cannot be switched on for a single test. */
const COUNTED = new Set(['Killed', 'Timeout', 'Survived', 'NoCoverage']);
/** Some times what the longest test takes: a change can make a test wait without end. */
const TEST_TIMEOUT_MS = { unit: 8_000, integration: 20_000 };
/** Longer than a test that waits without end: only what keeps the process busy without end is ended by it. */
const CHANGE_TIMEOUT_MS = 60_000;
const REPORT = '.tmp/mutation/undetected.txt';

const { values } = parseArgs({
	options: {
		mutate: {
			type: 'string',
			default:
				'nodes/WhatsAppBusinessCalling/{delivery,events,trigger,registration,media,graph,http}/**/*.ts',
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
				testTimeout: TEST_TIMEOUT_MS[tests],
			},
		},
		coverageAnalysis: 'perTest',
		ignoreStatic: true,
		disableTypeChecks: '{nodes,credentials}/**/*.ts',
		ignorePatterns: ['.tmp', 'benchmarks', 'docs/images', 'dist'],
		tempDirName: '.tmp/stryker',
		testRunnerNodeArgs: ['--max-old-space-size=6000'],
		reporters: ['progress-append-only', 'html'],
		htmlReporter: { fileName: `.tmp/mutation/${tests}.html` },
		dryRunTimeoutMinutes: 30,
		timeoutMS: CHANGE_TIMEOUT_MS,
		thresholds: { break: null },
		...more,
	});
	return await stryker.runMutationTest();
}

/** As Stryker takes it: it counts columns from 1 in what it reports, and from 0 in what it is told to change. */
const placeOf = ({ fileName, location: { start, end } }) =>
	`${relative('.', fileName)}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;
const keyOf = (mutant) => `${placeOf(mutant)} ${mutant.mutatorName} ${mutant.replacement}`;
const isDetected = (mutant) => DETECTED.has(mutant?.status);
const isCounted = (mutant) => COUNTED.has(mutant?.status);

// Ten thousand cases for each of some thousand changes would take a day.
process.env.PROPERTY_RUNS = '300';

const processors = availableParallelism();
const byUnit = (await run('unit', [values.mutate], { concurrency: processors })).filter(isCounted);
const left = byUnit.filter((mutant) => !isDetected(mutant));
const places = [...new Set(left.map(placeOf))];
const hasSecond = !values.unit && places.length > 0;
// The engine runs what was built of the changed sources, and its tests mostly wait.
const more = { buildCommand: 'npm run build', concurrency: 4 * processors };
const byEngine = hasSecond ? await run('integration', places, more) : [];

const ofEngine = new Map(byEngine.map((mutant) => [keyOf(mutant), mutant]));
const counted = byUnit.filter((mutant) => isCounted(ofEngine.get(keyOf(mutant)) ?? mutant));
const undetected = counted.filter(
	(mutant) => !isDetected(mutant) && !isDetected(ofEngine.get(keyOf(mutant))),
);
const noticed = counted.length - undetected.length;
const score = (100 * noticed) / counted.length;

mkdirSync('.tmp/mutation', { recursive: true });
writeFileSync(REPORT, undetected.map((mutant) => `${mutant.status} ${keyOf(mutant)}\n`).join(''));
console.log(
	`${counted.length} changes: ${byUnit.length - left.length} noticed by the unit tests, ${noticed - (byUnit.length - left.length)} by the engine's; ${undetected.length} not (${REPORT}). Score: ${score.toFixed(1)} %, wanted ${WANTED} %`,
);
if (hasSecond) process.exitCode = score >= WANTED ? 0 : 1;
