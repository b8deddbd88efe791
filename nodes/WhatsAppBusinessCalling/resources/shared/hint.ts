import type { IExecuteFunctions } from 'n8n-workflow';

/**
 * Shows a message above the node's output. Must not fail: what it is about has happened already. n8n 1.100 has no
 * place for messages of tools.
 */
export function showHint(
	context: Partial<Pick<IExecuteFunctions, 'addExecutionHints'>>,
	type: 'info' | 'warning',
	message: string,
): void {
	context.addExecutionHints?.({ type, location: 'outputPane', message });
}
