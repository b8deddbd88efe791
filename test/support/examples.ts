import { join } from 'node:path';
import type { WorkflowDefinition, WorkflowNode } from './n8n';
import { REPOSITORY } from './package';

const NOTE = 'n8n-nodes-base.stickyNote';

/** The file of an example, by its name: `recording-to-s3`, `janus/janus`. */
export const exampleFile = (name: string) => join(REPOSITORY, 'examples', `${name}.json`);

export const notesOf = ({ nodes }: WorkflowDefinition) => nodes.filter(({ type }) => type === NOTE);

export const nodesOf = ({ nodes }: WorkflowDefinition) => nodes.filter(({ type }) => type !== NOTE);

/** Replaces a text in the parameters of a node; gives whether it was there. */
export function replaceInNode(node: WorkflowNode, text: string, replacement: string): boolean {
	const inJson = (plain: string) => JSON.stringify(plain).slice(1, -1);
	const before = JSON.stringify(node.parameters);
	const after = before.replaceAll(inJson(text), inJson(replacement));
	node.parameters = JSON.parse(after) as Record<string, unknown>;
	return before !== after;
}

/**
 * Makes the changes of an operator in an example.
 *
 * @param changes texts in parameters of its nodes, each with its replacement
 * @throws where the example has no such text
 */
export function change(workflow: WorkflowDefinition, changes: Record<string, string>): void {
	for (const [text, replacement] of Object.entries(changes)) {
		const found = nodesOf(workflow).filter((node) => replaceInNode(node, text, replacement));
		if (found.length === 0) throw new Error(`The example "${workflow.name}" has no ${text}`);
	}
}
