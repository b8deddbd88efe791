import { createRequire } from 'node:module';
import { CollectingLogger } from './collectingLogger';

/** The service container of n8n-core: there may be others in the tree, with other services in them. */
const requireOfCore = createRequire(require.resolve('n8n-core'));
export const { Container } = requireOfCore('@n8n/di') as {
	Container: {
		get<T>(service: abstract new (...args: never[]) => T): T;
		set<T>(service: abstract new (...args: never[]) => T, instance: T): void;
	};
};
export const { Logger } = requireOfCore('@n8n/backend-common') as {
	Logger: typeof CollectingLogger;
};
