/**
 * Mutation tests: changes the shipped code in some thousand places, one at a time, and counts how many
 * changes the tests notice. What the unit tests let pass goes to the tests in n8n's engine, which take longer.
 *
 *   npm run test:mutation [-- --mutate 'nodes/WhatsAppBusinessCalling/media/*.ts']
 *   npm run test:mutation -- --unit              only the unit tests
 *   npm run test:mutation -- --engine            only the engine's, with what is left of the last run
 *   npm run test:mutation -- --again             both, with what is left: after new tests for the same code
 *   npm run test:mutation -- --sample 200        the engine's with 200 changes by chance: an estimate
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import jestConfig from '../../jest.config.js';
import { changeOf, isCounted, isNoticed, readChanges, writeChanges } from './changes.mjs';

const WANTED = 85;
/** Some times what the longest test takes: a change can make a test wait without end. */
const TEST_TIMEOUT_MS = { unit: 8_000, integration: 20_000 };
/** Longer than a test that waits without end: only what keeps the process busy without end is ended by it. */
const CHANGE_TIMEOUT_MS = 60_000;
const REPORT = '.tmp/mutation/undetected.txt';
const PROCESSORS = availableParallelism();
/** The engine runs what was built of the changed sources, and its tests mostly wait. */
const OPTIONS = {
	unit: { concurrency: PROCESSORS },
	integration: { buildCommand: 'npm run build', concurrency: 4 * PROCESSORS },
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
		...OPTIONS[tests],
		...more,
	});
	return (await stryker.runMutationTest()).map(changeOf);
}

/** Those that are tried are marked in the file, for the checker. @returns all, with what became of those */
async function tryAgain(tests, changes, chosen) {
	const isChosen = (change) => chosen.includes(change);
	writeChanges(changes.map((change) => ({ ...change, isChosen: isChosen(change) })));
	const places = [...new Set(chosen.map(({ place }) => place))];
	const tried = await run(tests, places, {
		plugins: ['@stryker-mutator/*', './test/mutation/onlyChosen.mjs'],
		checkers: ['onlyChosen'],
	});
	const byKey = new Map(tried.map((change) => [change.key, change]));
	return changes.map((change) => {
		const now = byKey.get(change.key);
		if (!isChosen(change) || !now) return change;
		return { ...change, status: now.status, wasTried: tests };
	});
}

// Ten thousand cases for each of some thousand changes would take a day.
process.env.PROPERTY_RUNS = '300';
process.env.RUNS = '30';
mkdirSync('.tmp/mutation', { recursive: true });

const isLeft = (change) => !isNoticed(change);
// The same choice each time, and one that has nothing to do with the places.
const byChance = ({ key }) => createHash('sha256').update(key).digest('hex');
const inAnyOrder = (one, other) => byChance(one).localeCompare(byChance(other));
const save = (changes) => {
	// What runs once in the engine, when a file is loaded, is not counted either.
	const counted = changes.filter(isCounted);
	writeChanges(counted);
	return counted;
};

let changes;
if (values.engine || values.again) changes = readChanges();
if (values.again) changes = save(await tryAgain('unit', changes, changes.filter(isLeft)));
if (!changes) {
	const made = await run('unit', [values.mutate]);
	changes = save(made.map((change) => ({ ...change, wasTried: 'unit' })));
}

const left = changes.filter(isLeft);
const chosen = left.sort(inAnyOrder).slice(0, Number(values.sample));
const hasSecond = !values.unit && chosen.length > 0;
if (hasSecond) changes = save(await tryAgain('integration', changes, chosen));

const noticed = changes.filter(isNoticed);
const byEngine = noticed.filter(({ wasTried }) => wasTried === 'integration').length;
const isSample = hasSecond && chosen.length < left.length;
const undetected = changes.filter(isLeft);
// Those that were not tried count as those that were.
const tried = changes.filter((change) => chosen.some(({ key }) => key === change.key));
const share = isSample ? tried.filter(isNoticed).length / tried.length : 0;
const more = isSample ? share * (left.length - chosen.length) : 0;
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
