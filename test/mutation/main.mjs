/**
 * Mutation tests: changes the shipped code in some thousand places, one at a time, and counts how many
 * changes the tests notice. What the unit tests let pass goes to the tests in n8n's engine, which take longer.
 *
 *   npm run test:mutation [-- --mutate 'nodes/WhatsAppBusinessCalling/media/*.ts']
 *   npm run test:mutation -- --unit              only the unit tests
 *   npm run test:mutation -- --engine            only the engine's, with what is left; goes on where it was stopped
 *   npm run test:mutation -- --again             both, with what is left: after new tests for the same code
 *   npm run test:mutation -- --sample 200        the engine's with 200 changes by chance: an estimate
 *
 * With --tests '{registration*,takeOver}', only these files of the engine's tests, which is faster: what they do
 * not notice, others may.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import jestConfig from '../../jest.config.js';
import { isCounted, isNoticed, readChanges, readResults, writeChanges } from './changes.mjs';

const WANTED = 85;
/** Some times what the longest test takes: a change can make a test wait without end. */
const TEST_TIMEOUT_MS = { unit: 8_000, integration: 20_000 };
/** Longer than a test that waits without end: only what keeps the process busy without end is ended by it. */
const CHANGE_TIMEOUT_MS = 60_000;
const REPORT = '.tmp/mutation/undetected.txt';
const PROCESSORS = availableParallelism();
/** The engine runs what was built of the changed sources, and its tests mostly wait. Jest keeps what it has loaded. */
const OPTIONS = {
	unit: { concurrency: PROCESSORS },
	integration: {
		...{ buildCommand: 'npm run build', concurrency: 4 * PROCESSORS },
		maxTestRunnerReuse: 25,
	},
};

const { values } = parseArgs({
	options: {
		mutate: {
			type: 'string',
			default:
				'nodes/WhatsAppBusinessCalling/{delivery,events,trigger,registration,media,graph,http}/**/*.ts',
		},
		unit: { type: 'boolean', default: false },
		engine: { type: 'boolean', default: false },
		again: { type: 'boolean', default: false },
		sample: { type: 'string', default: 'Infinity' },
		tests: { type: 'string', default: '*' },
	},
});

/** Makes the changes; `saved` writes down what became of each. */
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
		plugins: ['@stryker-mutator/*', './test/mutation/plugins.mjs'],
		reporters: ['progress-append-only', 'html', 'saved'],
		htmlReporter: { fileName: `.tmp/mutation/${tests}.html` },
		dryRunTimeoutMinutes: 30,
		timeoutMS: CHANGE_TIMEOUT_MS,
		thresholds: { break: null },
		...OPTIONS[tests],
		...more,
	});
	await stryker.runMutationTest();
}

/** Those that are tried are marked in the file, for the checker. */
async function tryAgain(tests, changes, chosen) {
	writeChanges(changes.map((change) => ({ ...change, isChosen: chosen.includes(change) })));
	const places = [...new Set(chosen.map(({ place }) => place))];
	await run(tests, places, { checkers: ['onlyChosen'] });
	return withResults(tests);
}

/** @returns the changes with the results of a phase, which may have been interrupted */
function withResults(tests) {
	const results = new Map(readResults().map((change) => [change.key, change]));
	const changes = readChanges().map(({ isChosen, ...change }) => {
		const result = isChosen ? results.get(change.key) : undefined;
		return result ? { ...change, status: result.status, triedBy: tests } : change;
	});
	// What runs once in the engine, when a file is loaded, is not counted either.
	const counted = changes.filter(isCounted);
	writeChanges(counted);
	return counted;
}

// Ten thousand cases for each of some thousand changes would take a day.
process.env.PROPERTY_RUNS = '300';
process.env.RUNS = '30';
process.env.ENGINE_TESTS = values.tests;
mkdirSync('.tmp/mutation', { recursive: true });

const isLeft = (change) => !isNoticed(change);
// The same choice each time, and one that has nothing to do with the places.
const byChance = ({ key }) => createHash('sha256').update(key).digest('hex');
const inAnyOrder = (one, other) => byChance(one).localeCompare(byChance(other));

let changes;
if (values.again) {
	changes = readChanges();
	changes = await tryAgain('unit', changes, changes.filter(isLeft));
} else if (values.engine) {
	changes = withResults('integration');
} else {
	writeChanges([]);
	await run('unit', [values.mutate]);
	changes = readResults()
		.filter(isCounted)
		.map((change) => ({ ...change, triedBy: 'unit' }));
	writeChanges(changes);
}

const untried = changes.filter((change) => isLeft(change) && change.triedBy !== 'integration');
const chosen = untried.sort(inAnyOrder).slice(0, Number(values.sample));
const hasSecond = !values.unit && chosen.length > 0;
if (hasSecond) changes = await tryAgain('integration', changes, chosen);

const noticed = changes.filter(isNoticed);
const byEngine = noticed.filter(({ triedBy }) => triedBy === 'integration').length;
const undetected = changes.filter(isLeft);
const isSample = hasSecond && chosen.length < untried.length;
// Those that were not tried count as those that were.
const keys = new Set(chosen.map(({ key }) => key));
const noticedNow = noticed.filter(({ key }) => keys.has(key)).length;
const more = isSample ? (noticedNow / chosen.length) * (untried.length - chosen.length) : 0;
const score = (100 * (noticed.length + more)) / changes.length;

writeFileSync(REPORT, undetected.map(({ status, key }) => `${status} ${key}\n`).join(''));
console.log(
	[
		`${changes.length} changes: ${noticed.length - byEngine} noticed by the unit tests,`,
		`${byEngine} by the engine's. Not noticed: ${undetected.length} (${REPORT}).`,
		`Score: ${isSample ? 'about ' : ''}${score.toFixed(1)} %, wanted ${WANTED} %`,
	].join(' '),
);
if (hasSecond) process.exitCode = score >= WANTED ? 0 : 1;
