const { TestEnvironment } = require('jest-environment-node');

/** Set by Stryker while a change is in force. */
const CHANGE = '__STRYKER_ACTIVE_MUTANT__';

/** Ends at the first test that notices the change: jest itself can only leave out whole files. */
module.exports = class extends TestEnvironment {
	isNoticed = false;

	async handleTestEvent(event) {
		if (event.name === 'test_fn_failure' || event.name === 'hook_failure') {
			this.isNoticed = process.env[CHANGE] !== undefined;
		}
		if (event.name === 'test_start' && this.isNoticed) event.test.mode = 'skip';
	}
};
