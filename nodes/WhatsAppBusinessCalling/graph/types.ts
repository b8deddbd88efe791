import type {
	IExecuteFunctions,
	IHookFunctions,
	ILoadOptionsFunctions,
	IWebhookFunctions,
} from 'n8n-workflow';

/** The n8n contexts from which the Graph API is called. */
export type GraphContext =
	| IExecuteFunctions
	| IHookFunctions
	| ILoadOptionsFunctions
	| IWebhookFunctions;

/** The n8n contexts that can store a file. */
export type FileContext = IExecuteFunctions | IWebhookFunctions;

/** Why a request to Meta brought no usable answer. */
export interface GraphFailure {
	/**
	 * `network`: no answer came. `http`: an error of Meta's came. `unreadable`: something came that does not
	 * have Meta's form, as when a proxy answers in its place.
	 */
	kind: 'network' | 'http' | 'unreadable';
	/** HTTP status of the answer, null without one. */
	status: number | null;
	/** `error.code` of Meta's envelope. */
	code: number | null;
	subcode: number | null;
	/** `error.message` of Meta's envelope; otherwise words of our own. */
	message: string;
	/** `error.error_data.details`: the exact cause, where Meta gives one. */
	details: string | null;
	/** `error.fbtrace_id`: what Meta's support asks for. */
	traceId: string | null;
	/** Whether the same request may succeed later without anybody changing anything. */
	transient: boolean;
	/** Milliseconds that the answer's Retry-After header asks to wait. */
	retryAfterMs: number | null;
}

export type Result<T> = { ok: true; value: T } | { ok: false; failure: GraphFailure };
