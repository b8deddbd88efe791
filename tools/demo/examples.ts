import { join } from 'node:path';
import type { WorkflowDefinition } from '../../test/support/n8n';
import { REPOSITORY } from '../../test/support/package';

/** What an operator changes in every example after the import. */
export const EXAMPLE_FOLDER = '/home/node/.n8n-files';
export const EXAMPLE_NUMBER = '106540352242922';

export const example = (file: string) => join(REPOSITORY, 'examples', file);

export function replaceInParameters(
	workflow: WorkflowDefinition,
	placeholder: string,
	value: string,
): void {
	const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
	let found = false;
	for (const node of workflow.nodes) {
		const before = JSON.stringify(node.parameters);
		const after = before.replaceAll(inJson(placeholder), inJson(value));
		found ||= before !== after;
		node.parameters = JSON.parse(after) as Record<string, unknown>;
	}
	if (!found) throw new Error(`The example "${workflow.name}" no longer contains ${placeholder}`);
}
