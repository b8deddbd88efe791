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

/** Why a request to Meta gave no usable response. */
export interface GraphFailure {
	/**
	 * `network`: no response. `http`: an error of Meta's. `unreadable`: a response that is not in Meta's
	 * format, for example from a proxy.
	 */
	kind: 'network' | 'http' | 'unreadable';
	/** HTTP status; null without a response. */
	status: number | null;
	/** `error.code` of Meta's envelope. */
	code: number | null;
	/**
	 * Which part of the credential Meta did not accept, where the code alone does not say so: `app`, the App ID and
	 * App Secret with which a request was signed; `appSecret`, the App Secret for this access token.
	 */
	refused: 'app' | 'appSecret' | null;
	subcode: number | null;
	/** `error.message` of Meta's envelope; otherwise our own text. */
	message: string;
	/** `error.error_data.details`: the exact cause, if Meta gives one. */
	details: string | null;
	/** `error.fbtrace_id`: what Meta's support asks for. */
	traceId: string | null;
	/** Whether the same request may succeed later although nothing is changed. */
	transient: boolean;
	/** True if the request did not leave: no connection to the host was made. */
	unsent?: true;
	/** Wait time from the Retry-After header. */
	retryAfterMs: number | null;
}

export type Result<T> = { ok: true; value: T } | { ok: false; failure: GraphFailure };
