import { describeInvariants } from '../e2e/invariants';
import { N8N_VERSION } from '../support/n8nInstall';
import { chosenVersions } from './versions';

jest.setTimeout(600_000);

// Before 2.41, n8n publishes a workflow with all of its triggers or not at all.
for (const version of chosenVersions()) {
	describeInvariants([{ name: `n8n ${version}`, version, hasStatuses: version === N8N_VERSION }]);
}
