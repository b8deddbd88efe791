import type { PackageDirectoryLoader } from 'n8n-core';
import {
	NodeHelpers,
	type IDataObject,
	type INodeExecutionData,
	type INodeType,
	type INodeTypes,
	type IVersionedNodeType,
} from 'n8n-workflow';
import { PACKAGE } from '../../support/workflow';

export const START = 'integration.start';
export const WORK = 'integration.work';

/** Does the work of a workflow; what it throws makes the execution fail. */
export type Work = (items: INodeExecutionData[]) => Promise<void> | void;

/** Nodes of n8n, and two for tests: one that starts a workflow and one that does its work. */
export class NodeTypes implements INodeTypes {
	constructor(
		private readonly loader: PackageDirectoryLoader,
		private readonly works: Map<string, Work>,
	) {}

	getByName(name: string): INodeType | IVersionedNodeType {
		return this.getByNameAndVersion(name);
	}

	getByNameAndVersion(name: string, version?: number): INodeType {
		if (name === START || name === WORK) return this.own(name);
		const { type } = this.loader.getNode(name.replace(`${PACKAGE}.`, ''));
		return NodeHelpers.getVersionedNodeType(type, version);
	}

	getKnownTypes(): IDataObject {
		return { ...this.loader.known.nodes };
	}

	private own(name: string): INodeType {
		const { works } = this;
		return {
			description: {
				displayName: name,
				name,
				group: [name === START ? 'trigger' : 'transform'],
				version: 1,
				description: '',
				defaults: { name },
				inputs: name === START ? [] : ['main'],
				outputs: ['main'],
				properties: [],
			},
			async execute() {
				const items = this.getInputData();
				if (name === WORK) await works.get(this.getWorkflow().id ?? '')?.(items);
				return [items];
			},
		};
	}
}
