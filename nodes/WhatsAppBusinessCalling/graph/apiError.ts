import type { IDataObject, INode } from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

import { errorEntry } from './errorCatalogue';
import type { GraphFailure } from './types';

/** What stays of a failure for the operator's next steps, in a continued item and in the error's details. */
export interface FailureFacts extends IDataObject {
	code: number | null;
	subcode: number | null;
	details: string | null;
	traceId: string | null;
	httpStatus: number | null;
}

export function failureFacts(failure: GraphFailure): FailureFacts {
	return {
		code: failure.code,
		subcode: failure.subcode,
		details: failure.details,
		traceId: failure.traceId,
		httpStatus: failure.status,
	};
}

export function failureTitle(failure: GraphFailure): string {
	const known = errorEntry(failure.code)?.title;
	if (known) return known;
	if (failure.kind === 'network') return 'Meta could not be reached';
	if (failure.status !== null && failure.status < 300)
		return 'Meta gave an answer that cannot be read';
	return failure.code === null
		? `Meta answered with HTTP status ${failure.status}`
		: `WhatsApp refused the request (code ${failure.code})`;
}

type NodeApiErrorOptions = NonNullable<ConstructorParameters<typeof NodeApiError>[2]>;

/** Hint, Meta's own words and the numbers that Meta's support asks for, in this order. */
export function failureDescription(failure: GraphFailure): string {
	const hint =
		errorEntry(failure.code)?.hint ??
		(failure.kind === 'network'
			? 'Check the Base URL in the credential and the connection of n8n to the internet.'
			: undefined);
	const said = failure.details ? `${failure.message} (${failure.details})` : failure.message;
	const numbers = [
		failure.code === null ? '' : `code ${failure.code}`,
		failure.subcode === null ? '' : `subcode ${failure.subcode}`,
		failure.traceId === null ? '' : `trace ID ${failure.traceId}`,
	].filter(Boolean);
	return [hint, `Meta said: ${said}`, numbers.join(', ')].filter(Boolean).join('\n');
}

/** The cause in n8n's terms; versions of n8n without them ignore it. */
function declaredFailure(failure: GraphFailure): NodeApiErrorOptions['failure'] {
	const cause =
		errorEntry(failure.code)?.cause ?? (failure.transient ? 'temporarily-unavailable' : undefined);
	if (cause === undefined) return undefined;
	if (cause === 'configuration-invalid' || cause === 'credential-invalid') return { cause };
	return failure.retryAfterMs === null ? { cause } : { cause, retryAfterMs: failure.retryAfterMs };
}

/**
 * Builds the error that a node shows. It is made of texts only: the request, and with it the token,
 * is not part of it.
 */
export function toNodeApiError(
	node: INode,
	failure: GraphFailure,
	itemIndex?: number,
): NodeApiError {
	const message = failureTitle(failure);
	const description = failureDescription(failure);
	const error = new NodeApiError(
		node,
		{ message, description },
		{
			message,
			description,
			httpCode: failure.status === null ? undefined : String(failure.status),
			...(itemIndex === undefined ? {} : { itemIndex }),
			failure: declaredFailure(failure),
		},
	);
	error.context.whatsApp = failureFacts(failure);
	return error;
}
