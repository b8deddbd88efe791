import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

const FILE = '.tmp/mutation/changes.json';
/** Results of the present phase, one in a line: it goes on with them if it was interrupted. */
const RESULTS = '.tmp/mutation/results.ndjson';
const DETECTED = new Set(['Killed', 'Timeout']);
/** Not among them: what runs once, when a file is loaded, cannot be switched on for a single test. */
const COUNTED = new Set(['Killed', 'Timeout', 'Survived', 'NoCoverage']);

/**
 * @typedef {{ place: string, key: string, status: string, triedBy?: string, isChosen?: boolean }} Change
 * `triedBy` names the tests that have tried it last; `isChosen` says that the present phase tries it
 */

/** @returns {Change[]} every change that was made so far, and what became of it */
export const readChanges = () => JSON.parse(readFileSync(FILE, 'utf8'));

/** @param {Change[]} changes */
export function writeChanges(changes) {
	writeFileSync(FILE, JSON.stringify(changes));
	rmSync(RESULTS, { force: true });
}

/** @param {Change} result */
export const addResult = (result) => appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);

/** @returns {Change[]} the results since the last `writeChanges` */
export function readResults() {
	if (!existsSync(RESULTS)) return [];
	const lines = readFileSync(RESULTS, 'utf8').split('\n').filter(Boolean);
	return lines.map((line) => JSON.parse(line));
}

/** @returns {Change} what a report of Stryker says, in which lines and columns start at 1 */
export function changeOf(mutant) {
	const { start, end } = mutant.location;
	const position = ({ line, column }) => `${line}:${column - 1}`;
	const place = `${relative('.', mutant.fileName)}:${position(start)}-${position(end)}`;
	const key = `${place} ${mutant.mutatorName} ${mutant.replacement}`;
	return { place, key, status: mutant.status };
}

/** @param {{ line: number, column: number }} position as a checker of Stryker gets it: both start at 0 */
const fromOne = ({ line, column }) => ({ line: line + 1, column: column + 1 });
export const checkedChangeOf = ({ location: { start, end }, ...mutant }) =>
	changeOf({ ...mutant, location: { start: fromOne(start), end: fromOne(end) } });

export const isCounted = ({ status }) => COUNTED.has(status);
export const isNoticed = ({ status }) => DETECTED.has(status);
