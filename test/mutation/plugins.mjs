import { CheckStatus } from '@stryker-mutator/api/check';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { addResult, changeOf, checkedChangeOf, readChanges } from './changes.mjs';

/**
 * Stryker takes places, and makes all changes in a place; this lets it try only those that `isChosen`.
 * `CompileError` is its only word for a change that is not to be tried.
 */
class OnlyChosen {
	#chosen = new Set();

	async init() {
		const chosen = readChanges().filter(({ isChosen }) => isChosen);
		this.#chosen = new Set(chosen.map(({ key }) => key));
	}

	async check(mutants) {
		return Object.fromEntries(mutants.map((mutant) => [mutant.id, this.#check(mutant)]));
	}

	#check(mutant) {
		return this.#chosen.has(checkedChangeOf(mutant).key)
			? { status: CheckStatus.Passed }
			: { status: CheckStatus.CompileError, reason: 'not chosen' };
	}

	async group(mutants) {
		return [mutants.map(({ id }) => id)];
	}
}

/** Writes down each result as it comes: hours may be lost otherwise. */
class Saved {
	onMutantTested(mutant) {
		addResult(changeOf(mutant));
	}
}

export const strykerPlugins = [
	declareClassPlugin(PluginKind.Checker, 'onlyChosen', OnlyChosen),
	declareClassPlugin(PluginKind.Reporter, 'saved', Saved),
];
