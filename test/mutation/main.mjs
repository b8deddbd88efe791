/**
 * Mutation tests: changes the shipped code in some thousand places, one at a time, and counts how many
 * changes the tests notice. What the unit tests let pass goes to the tests in n8n's engine, which take longer.
 *
 *   npm run test:mutation [-- --mutate 'nodes/WhatsAppBusinessCalling/media/*.ts']
 *   npm run test:mutation -- --unit              only the unit tests
 *   npm run test:mutation -- --engine            only the engine's, after --unit
 *   npm run test:mutation -- --sample 200        the engine's for 200 places by chance: an estimate
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
const BY_UNIT = '.tmp/mutation/byUnit.json';

const { values } = parseArgs({
	options: {
		mutate: {
			type: 'string',
			default:
				'nodes/WhatsAppBusinessCalling/{delivery,events,trigger,registration,media,graph,http}/**/*.ts',
		},
		unit: { type: 'boolean', default: false },
		engine: { type: 'boolean', default: false },
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
mkdirSync('.tmp/mutation', { recursive: true });
if (!values.engine) {
	const found = await run('unit', [values.mutate], { concurrency: processors });
	const counted = found.filter(isCounted).map((mutant) => ({
		...{ place: placeOf(mutant), key: keyOf(mutant), status: mutant.status },
	}));
	writeFileSync(BY_UNIT, JSON.stringify(counted));
}
const byUnit = JSON.parse(readFileSync(BY_UNIT, 'utf8'));
const left = byUnit.filter((mutant) => !isDetected(mutant));
const noticedByUnit = byUnit.length - left.length;

// The same choice each time, and one that has nothing to do with the places.
const byChance = (place) => createHash('sha256').update(place).digest('hex');
const allPlaces = [...new Set(left.map(({ place }) => place))];
const places = allPlaces
	.sort((one, other) => byChance(one).localeCompare(byChance(other)))
	.slice(0, Number(values.sample));
const hasSecond = !values.unit && places.length > 0;
// The engine runs what was built of the changed sources, and its tests mostly wait.
const more = { buildCommand: 'npm run build', concurrency: 4 * processors };
const byEngine = hasSecond ? await run('integration', places, more) : [];

const ofEngine = new Map(byEngine.map((mutant) => [keyOf(mutant), mutant]));
// What runs once in the engine, when a file is loaded, is not counted either.
const tried = left.filter(({ place, key }) => {
	return (
		!hasSecond || (places.includes(place) && isCounted(ofEngine.get(key) ?? { status: 'Survived' }))
	);
});
const undetected = tried.filter(({ key }) => !isDetected(ofEngine.get(key)));
const noticedByEngine = tried.length - undetected.length;
const isSample = places.length < allPlaces.length;
// Those that were not tried count as those that were.
const share = tried.length > 0 ? noticedByEngine / tried.length : 0;
const all = isSample ? byUnit.length : noticedByUnit + tried.length;
const score = (100 * (noticedByUnit + share * (all - noticedByUnit))) / all;

writeFileSync(REPORT, undetected.map(({ status, key }) => `${status} ${key}\n`).join(''));
console.log(
	[
		`${all} changes: ${noticedByUnit} noticed by the unit tests.`,
		...(hasSecond
			? [`Of ${tried.length} others, ${noticedByEngine} noticed by the engine's.`]
			: []),
		`Not noticed: ${undetected.length} (${REPORT}).`,
		`Score: ${isSample ? 'about ' : ''}${score.toFixed(1)} %, wanted ${WANTED} %`,
	].join(' '),
);
if (hasSecond) process.exitCode = score >= WANTED ? 0 : 1;
