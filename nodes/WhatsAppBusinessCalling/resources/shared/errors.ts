import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import type { OfflineInput, OperationInput } from '../types';

/**
 * An error about a parameter, before anything is sent.
 *
 * @param description what to do
 */
export function inputError(
	{ context, itemIndex }: OfflineInput,
	message: string,
	description: string,
): NodeOperationError {
	return new NodeOperationError(context.getNode(), message, { description, itemIndex });
}

/**
 * An error about a response of Meta's with a success status that is not as documented.
 *
 * @param description what to do
 */
export function unexpectedResponse(
	{ context, itemIndex }: OperationInput,
	message: string,
	description: string,
): NodeApiError {
	return new NodeApiError(context.getNode(), { message }, { message, description, itemIndex });
}
