import type { INode, INodeParameters, IWorkflowBase } from 'n8n-workflow';
import { TRIGGER_TYPE } from '../../support/workflow';

export function node(name: string, type: string, parameters: INodeParameters = {}): INode {
	const typeVersion = type === TRIGGER_TYPE ? 1.1 : 1;
	return { id: `node-${name}`, name, type, typeVersion, position: [0, 0], parameters };
}

export function emptyWorkflow(id: string): IWorkflowBase {
	const now = new Date();
	return {
		id,
		name: id,
		active: false,
		isArchived: false,
		activeVersionId: null,
		createdAt: now,
		updatedAt: now,
		nodes: [],
		connections: {},
		settings: { executionOrder: 'v1' },
		staticData: {},
	};
}
