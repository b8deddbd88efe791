import type { IDataObject, INode } from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

import { entryOf } from './errorCatalogue';
import type { GraphFailure } from './types';

/** The parts of a failure that a workflow can use, in an error item and in the details of the error. */
interface FailureFacts extends IDataObject {
	code: number | null;
	subcode: number | null;
	details: string | null;
	traceId: string | null;
	httpStatus: number | null;
}

function failureFacts(failure: GraphFailure): FailureFacts {
	return {
		code: failure.code,
		subcode: failure.subcode,
		details: failure.details,
		traceId: failure.traceId,
		httpStatus: failure.status,
	};
}

/** What a request was about, where the text for a code depends on it. */
export type Subject = 'existingCall' | 'voicemail';

/** Title and hint of the error catalogue, if it has the code. */
function catalogueTexts(failure: GraphFailure, subject?: Subject) {
	const entry = entryOf(failure);
	return subject ? { ...entry, ...entry?.[subject] } : entry;
}

export function failureTitle(failure: GraphFailure, subject?: Subject): string {
	const known = catalogueTexts(failure, subject)?.title;
	if (known) return known;
	if (failure.kind === 'network') return 'Meta could not be reached';
	if (failure.kind === 'unreadable' && Number(failure.status) < 300) {
		return 'Meta returned a response that cannot be read';
	}
	return failure.code === null
		? `Meta returned HTTP status ${failure.status}`
		: `WhatsApp rejected the request (code ${failure.code})`;
}

type NodeApiErrorOptions = NonNullable<ConstructorParameters<typeof NodeApiError>[2]>;

/** What to do about a failure that the catalogue does not have. */
function fallbackHint({ kind, status, message, details, transient }: GraphFailure): string {
	if (kind === 'network') {
		return "Check the Base URL in the credential and n8n's connection to the internet.";
	}
	if (kind === 'http') {
		return `Follow Meta's message: "${details ?? message}". See Meta's error code reference, and include the trace ID when contacting support.`;
	}
	return Number(status) >= 400 && transient
		? 'Meta, or a proxy in front of it, is temporarily unavailable. Try again in a few minutes.'
		: 'The response does not come from the Graph API. Check Base URL and API Version in the credential, and any proxy between n8n and Meta. Then try again.';
}

/** The message and details of a failure. Texts of Meta are marked as such. */
export function failureDetails({ kind, message, details }: GraphFailure): string {
	return `${kind === 'http' ? 'Meta said: ' : ''}${details ? `${message} (${details})` : message}`;
}

/** What to do about a failure. */
export function failureHint(failure: GraphFailure, subject?: Subject): string {
	return catalogueTexts(failure, subject)?.hint ?? fallbackHint(failure);
}

/**
 * The hint, with what went wrong where it refers to the details, and where Meta has said nothing: the editor shows
 * the messages only when someone opens them.
 */
export function failureDescription(failure: GraphFailure, subject?: Subject): string {
	const { kind, message, details } = failure;
	const hint = failureHint(failure, subject);
	if (kind !== 'http') return `${message}. ${hint}`;
	return /\bdetails\b/i.test(hint) ? `${hint} Details: ${details ?? message}` : hint;
}

/** Meta's own text, and the numbers that Meta's support asks for. */
export function failureMessages(failure: GraphFailure): string[] {
	if (failure.kind !== 'http') return [];
	const numbers = [
		failure.code === null ? '' : `code ${failure.code}`,
		failure.subcode === null ? '' : `subcode ${failure.subcode}`,
		failure.traceId === null ? '' : `trace ID ${failure.traceId}`,
	].filter(Boolean);
	return [failureDetails(failure), numbers.join(', ')].filter(Boolean);
}

/** The cause as n8n's errors declare it; older versions of n8n ignore it. */
function failureCause(failure: GraphFailure): NodeApiErrorOptions['failure'] {
	const cause =
		entryOf(failure)?.cause ?? (failure.transient ? 'temporarily-unavailable' : undefined);
	if (cause === undefined) return undefined;
	if (cause === 'configuration-invalid' || cause === 'credential-invalid') return { cause };
	return failure.retryAfterMs === null ? { cause } : { cause, retryAfterMs: failure.retryAfterMs };
}

/**
 * Builds the error that a node shows. It holds texts only: the request, and with it the token, is not
 * part of it.
 *
 * @param subject selects the text for codes that have several meanings
 */
export function toNodeApiError(
	node: INode,
	failure: GraphFailure,
	itemIndex?: number,
	subject?: Subject,
): NodeApiError {
	const message = failureTitle(failure, subject);
	const description = failureDescription(failure, subject);
	const code = failure.code ?? failure.status;
	const error = new NodeApiError(
		node,
		{ message, description },
		{
			message,
			description,
			// The editor shows it as the error code.
			httpCode: code === null ? undefined : String(code),
			...(itemIndex === undefined ? {} : { itemIndex }),
			failure: failureCause(failure),
		},
	);
	// The editor shows them in the details, each on a line of its own: in a description they would be one paragraph.
	error.messages = failureMessages(failure);
	error.context.whatsApp = failureFacts(failure);
	return error;
}
