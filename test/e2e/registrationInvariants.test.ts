import { describeInvariants } from './invariants';

jest.setTimeout(600_000);

// At the same time: most of it is waiting.
describeInvariants([
	{ name: 'n8n 2.41.1', hasStatuses: true },
	{
		name: 'n8n 2.41.1 without its publication service',
		env: { N8N_USE_WORKFLOW_PUBLICATION_SERVICE: 'false' },
		hasStatuses: false,
	},
]);
