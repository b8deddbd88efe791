import { NodeApiError } from 'n8n-workflow';

import { errorEntry } from '../../graph/errorCatalogue';
import { toNodeApiError } from '../../graph/nodeApiError';
import type { GraphFailure } from '../../graph/types';
import type { OperationInput } from '../types';

/** What one run of the node has sent, by item and request, with the result or the error. */
const outcomesOfRuns = new WeakMap<object, Map<string, unknown>>();

/**
 * Sends what reaches a person, once. n8n's Retry On Fail runs the node again, for all its items and with the same data
 * object: what has reached the person, or may have, must not be sent again.
 *
 * @param request tells it from other requests of the item
 * @param send returns the error if the request may have been carried out, and throws it if it was not
 */
export async function onceInRun<Result>(
	{ context, itemIndex }: OperationInput,
	request: unknown,
	send: () => Promise<Result | NodeApiError>,
): Promise<Result> {
	const run = context.getExecuteData();
	const outcomes = outcomesOfRuns.get(run) ?? new Map<string, unknown>();
	outcomesOfRuns.set(run, outcomes);
	const key = JSON.stringify([itemIndex, request]);
	const outcome = (outcomes.get(key) ?? (await send())) as Result | NodeApiError;
	outcomes.set(key, outcome);
	if (outcome instanceof NodeApiError) throw outcome;
	return outcome;
}

/**
 * The error of a failed request of `onceInRun`.
 *
 * @param warning for a request that may have been carried out although Meta did not say so
 * @throws it, if the request was certainly not carried out
 */
export function errorOf(
	{ context, itemIndex }: OperationInput,
	failure: GraphFailure,
	warning: string,
): NodeApiError {
	const error = toNodeApiError(context.getNode(), failure, itemIndex);
	const { code, transient, unsent } = failure;
	const entry = errorEntry(code);
	if (!transient || unsent || entry?.refusedBeforeCalling) throw error;
	if (!error.description?.includes('phone may have rung')) {
		error.description = `${error.description} ${warning}`;
	}
	return error;
}
