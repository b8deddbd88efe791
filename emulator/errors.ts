import { newFbtraceId } from './ids';
import type { Variants } from './variants';

export interface GraphErrorBody {
	error: {
		message: string;
		type: 'OAuthException' | 'GraphMethodException';
		code: number;
		error_subcode?: number;
		is_transient?: boolean;
		error_user_title?: string;
		error_user_msg?: string;
		error_data?: { messaging_product: 'whatsapp'; details: string };
		fbtrace_id: string;
	};
}

interface GraphErrorParts {
	type?: 'GraphMethodException';
	message?: string;
	status?: number;
	subcode?: number;
	/** Becomes `error_data.details`. */
	details?: string;
	transient?: boolean;
	userTitle?: string;
	userMessage?: string;
}

/**
 * HTTP status and message per error code. Meta, "Troubleshooting" and "Reference" of the Calling
 * API, and "Error codes" of the Cloud API.
 */
const knownErrors: Record<number, { status: number; message: string; transient?: true }> = {
	1: { status: 500, message: 'An unknown error occurred', transient: true },
	2: { status: 503, message: 'Service temporarily unavailable', transient: true },
	4: { status: 400, message: '(#4) Application request limit reached', transient: true },
	10: { status: 403, message: '(#10) Application does not have permission for this action' },
	15: { status: 400, message: '(#15) This method must be called with an app access token.' },
	100: { status: 400, message: '(#100) Invalid parameter' },
	190: { status: 401, message: 'Invalid OAuth access token.' },
	200: { status: 403, message: '(#200) Permissions error' },
	613: { status: 429, message: '(#613) Calls to this API have exceeded the rate limit.' },
	2200: { status: 400, message: '(#2200) Callback verification failed' },
	2500: { status: 400, message: 'Unknown path components' },
	80007: { status: 429, message: '(#80007) Rate limit of the business account reached' },
	130429: { status: 429, message: '(#130429) Rate limit hit' },
	130497: {
		status: 400,
		message: '(#130497) Business account is restricted from messaging users in this country.',
	},
	131000: { status: 500, message: '(#131000) Something went wrong', transient: true },
	131009: { status: 400, message: '(#131009) Parameter value is not valid' },
	131016: { status: 500, message: '(#131016) Service unavailable', transient: true },
	131026: { status: 400, message: '(#131026) Message undeliverable' },
	131030: { status: 400, message: '(#131030) Recipient phone number not in allowed list' },
	131044: { status: 400, message: '(#131044) Business eligibility - payment issue' },
	131047: { status: 400, message: '(#131047) Re-engagement message' },
	131055: { status: 400, message: '(#131055) Method not allowed' },
	131056: { status: 400, message: '(#131056) Pair rate limit hit' },
	132000: { status: 400, message: '(#132000) Number of parameters does not match the template' },
	132001: { status: 404, message: '(#132001) Template name does not exist in the translation' },
	132012: { status: 400, message: '(#132012) Parameter format does not match the template' },
	132015: { status: 400, message: '(#132015) Template is paused' },
	132016: { status: 400, message: '(#132016) Template is disabled' },
	132018: {
		status: 400,
		message: '(#132018) There is an issue with the parameters of the template',
	},
	138000: { status: 401, message: '(#138000) Calling not enabled' },
	138001: { status: 400, message: '(#138001) Receiver uncallable' },
	138002: { status: 429, message: '(#138002) Concurrent calls limit' },
	138003: { status: 400, message: '(#138003) Duplicate call' },
	138004: { status: 500, message: '(#138004) Connection error' },
	138005: { status: 429, message: '(#138005) Call rate limit exceeded' },
	138006: { status: 401, message: '(#138006) No approved call permission from the recipient' },
	138007: { status: 500, message: '(#138007) Connection timeout' },
	// In no table of Meta's, but in two independent reports of real calls.
	138008: { status: 400, message: '(#138008) SDP Validation error' },
	138009: { status: 400, message: '(#138009) Call permission request limit reached' },
	138012: { status: 400, message: '(#138012) Business initiated calls limit reached' },
	138013: { status: 400, message: '(#138013) Business initiated calls are not available' },
	138014: { status: 400, message: '(#138014) Calling is temporarily off for low quality' },
	138015: { status: 400, message: '(#138015) Calling cannot be enabled' },
	138017: { status: 400, message: '(#138017) Permanent permission already given' },
	138018: { status: 400, message: '(#138018) Prerequisites for calling are missing' },
	138019: { status: 400, message: '(#138019) Call setup failed' },
	138020: { status: 400, message: '(#138020) Media relay failed' },
	138021: { status: 400, message: '(#138021) Media receive timeout' },
	138022: { status: 400, message: '(#138022) Media transmit timeout' },
	138023: { status: 400, message: '(#138023) Call ended without media signals' },
};

/** An answer in Meta's error envelope. Thrown by handlers, written by the server. */
export class GraphError extends Error {
	readonly status: number;

	constructor(
		readonly code: number,
		private readonly parts: GraphErrorParts = {},
	) {
		super(parts.message ?? knownErrors[code]?.message ?? `(#${code}) Error`);
		this.status = parts.status ?? knownErrors[code]?.status ?? 400;
	}

	/** Every answer has a trace ID of its own. */
	body(): GraphErrorBody {
		const { subcode, details, userTitle, userMessage } = this.parts;
		const transient = this.parts.transient ?? knownErrors[this.code]?.transient;
		return {
			error: {
				message: this.message,
				type: this.parts.type ?? 'OAuthException',
				code: this.code,
				...(details !== undefined && {
					error_data: { messaging_product: 'whatsapp' as const, details },
				}),
				...(subcode !== undefined && { error_subcode: subcode }),
				...(transient !== undefined && { is_transient: transient }),
				...(userTitle !== undefined && { error_user_title: userTitle }),
				...(userMessage !== undefined && { error_user_msg: userMessage }),
				fbtrace_id: newFbtraceId(),
			},
		};
	}
}

/** What a webhook calls the error: its message without the code. */
export const titleOf = (code: number) =>
	(knownErrors[code]?.message ?? 'Error').replace(/^\(#\d+\) /, '');

export const invalidParameter = (details: string) => new GraphError(100, { details });

/** An SDP that Meta does not take; code 100 is what Meta's reference shows for any bad parameter. */
export const sdpRefused = (problem: string, code: Variants['sdpErrorCode']) =>
	new GraphError(Number(code), { details: `SDP validation error: ${problem}` });

/** A required field is missing: the cause is in `message`, there is no `error_data`. */
export const missingField = (field: string, where = 'the request body') =>
	new GraphError(100, {
		message: `(#100) JSON schema constraint 'required' is not satisfied in ${where}; missing : '${field}'`,
	});

export const invalidProof = () =>
	new GraphError(100, {
		type: 'GraphMethodException',
		message: 'Invalid appsecret_proof provided in the API argument',
	});

export const proofMissing = () =>
	new GraphError(100, {
		type: 'GraphMethodException',
		message: 'API calls from the server require an appsecret_proof argument',
	});

/** What comes after an object and an edge, or after what is no object. */
export const unknownPath = (components: string) =>
	new GraphError(2500, { message: `Unknown path components: ${components}` });

/** The object does not exist, or the token may not see it: Meta does not tell which. */
export const unknownObject = (method: string, id: string) =>
	new GraphError(100, {
		subcode: 33,
		message: `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`,
	});

/** Envelope for a failure that is injected with nothing but an HTTP status. */
export function errorForStatus(status: number): GraphError {
	if (status === 401) return new GraphError(190);
	if (status === 403) return new GraphError(200);
	if (status === 429) return new GraphError(130429);
	if (status === 503) return new GraphError(2);
	if (status >= 500) return new GraphError(1, { status });
	return new GraphError(100, { status });
}
