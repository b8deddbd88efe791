import { describeInvariants } from './invariants';

jest.setTimeout(300_000);

describeInvariants({ name: 'n8n 2.41.1', hasStatuses: true });

describeInvariants({
	name: 'n8n 2.41.1 without its publication service',
	env: { N8N_USE_WORKFLOW_PUBLICATION_SERVICE: 'false' },
	hasStatuses: false,
});
