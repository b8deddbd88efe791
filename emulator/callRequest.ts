import { readBusinessSdp, type BusinessDescription } from './businessSdp';
import { invalidParameter, missingField, sdpRefused } from './errors';
import type { Variants } from './variants';

export type CallAction = 'connect' | 'pre_accept' | 'accept' | 'reject' | 'terminate';

export interface CaptureOrder {
	status: 'ENABLED' | 'DISABLED';
	purpose?: string;
	announcement_language?: string;
}

export interface CallRequest {
	action: CallAction;
	to?: string;
	recipient?: string;
	callId: string;
	sdp: string;
	/** What the SDP says; undefined where the action has none. */
	description?: BusinessDescription;
	bizOpaqueCallbackData?: string;
	recording?: CaptureOrder;
	transcription?: CaptureOrder;
}

/** Meta, "Call recording", supported announcement languages. */
export const ANNOUNCEMENT_LANGUAGES = [
	...['en', 'en_US', 'en_AU', 'en_CA', 'en_GB', 'en_IN', 'en_NZ'],
	...['nl', 'fr', 'de', 'hi', 'it', 'kn', 'pt', 'es', 'es_ES', 'te', 'vi'],
];

const ACTIONS: readonly string[] = ['connect', 'pre_accept', 'accept', 'reject', 'terminate'];
const MAX_PURPOSE_CHARACTERS = 250;
const MAX_OPAQUE_CHARACTERS = 512;

/**
 * Fields beside `messaging_product` and `action`. `to` on accept is needless, but in Meta's own
 * example ("Reference").
 */
const ALLOWED: Record<CallAction, string[]> = {
	connect: ['to', 'recipient', 'session', 'biz_opaque_callback_data', 'recording', 'transcription'],
	pre_accept: ['call_id', 'session'],
	accept: ['call_id', 'to', 'session', 'biz_opaque_callback_data', 'recording', 'transcription'],
	reject: ['call_id'],
	terminate: ['call_id'],
};

/** Checks the body of a request to `calls` as far as that is possible without knowing the call. */
export function parseCallRequest(body: unknown, variants: Variants): CallRequest {
	if (!isObject(body)) throw invalidParameter('The request body must be a JSON object');
	if (body.messaging_product === undefined) throw missingField('messaging_product');
	if (body.messaging_product !== 'whatsapp') {
		throw invalidParameter('messaging_product must be whatsapp');
	}
	if (body.action === undefined) throw missingField('action');
	if (!isAction(body.action)) {
		throw invalidParameter(`action must be one of ${ACTIONS.join(', ')}`);
	}
	const { action } = body;
	checkFieldNames(body, ['messaging_product', 'action', ...ALLOWED[action]], action);

	const request: CallRequest = { action, callId: '', sdp: '' };
	if (action === 'connect') {
		Object.assign(request, parseTarget(body));
	} else {
		request.callId = parseCallId(body.call_id);
		if (body.to !== undefined) checkPhone(body.to);
	}
	if (ALLOWED[action].includes('session')) {
		const type = action === 'connect' ? 'offer' : 'answer';
		Object.assign(request, parseSession(body.session, type, variants));
	}
	if (body.biz_opaque_callback_data !== undefined) {
		request.bizOpaqueCallbackData = parseOpaque(body.biz_opaque_callback_data);
	}
	if (body.recording !== undefined) {
		request.recording = parseCapture('recording', body.recording);
	}
	if (body.transcription !== undefined) {
		request.transcription = parseCapture('transcription', body.transcription);
	}
	return request;
}

function parseTarget({ to, recipient }: Record<string, unknown>) {
	if (to === undefined && recipient === undefined) throw missingField('to');
	if (to !== undefined) checkPhone(to);
	if (recipient !== undefined && !isUserId(recipient)) {
		throw invalidParameter('recipient is not a business-scoped user ID');
	}
	return { to: to as string | undefined, recipient };
}

function checkPhone(to: unknown): void {
	if (typeof to !== 'string' || !/^\d{5,15}$/.test(to)) {
		throw invalidParameter('to must be a phone number with country code, digits only');
	}
}

/** Meta, "Business-scoped user IDs": country code, dot, up to 128 characters. */
export function isUserId(value: unknown): value is string {
	return typeof value === 'string' && /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(value);
}

function parseCallId(callId: unknown): string {
	if (callId === undefined) throw missingField('call_id');
	if (typeof callId !== 'string' || !/^wacid\.\S+$/.test(callId)) {
		throw invalidParameter('call_id is not a call ID');
	}
	return callId;
}

function parseSession(
	session: unknown,
	type: 'offer' | 'answer',
	variants: Variants,
): Pick<CallRequest, 'sdp' | 'description'> {
	if (session === undefined) throw missingField('session');
	if (!isObject(session)) throw invalidParameter('session must be an object');
	if (session.sdp_type === undefined) throw missingField('sdp_type', 'session');
	if (session.sdp === undefined) throw missingField('sdp', 'session');
	checkFieldNames(session, ['sdp_type', 'sdp'], 'session');
	if (session.sdp_type !== type) throw invalidParameter(`session.sdp_type must be ${type} here`);
	const { sdp } = session;
	if (typeof sdp !== 'string') throw invalidParameter('session.sdp must be a string');
	try {
		return { sdp, description: readBusinessSdp(sdp, type, variants) };
	} catch (error) {
		throw sdpRefused((error as Error).message, variants.sdpErrorCode);
	}
}

function parseOpaque(data: unknown): string {
	if (typeof data !== 'string') {
		throw invalidParameter('biz_opaque_callback_data must be a string');
	}
	if (characters(data) > MAX_OPAQUE_CHARACTERS) {
		throw invalidParameter(
			`biz_opaque_callback_data must not have more than ${MAX_OPAQUE_CHARACTERS} characters`,
		);
	}
	return data;
}

/** Meta, "Call recording" and "Call transcription": one shape for both. */
function parseCapture(name: 'recording' | 'transcription', capture: unknown): CaptureOrder {
	if (!isObject(capture)) throw invalidParameter(`${name} must be an object`);
	const { status, purpose, announcement_language: language } = capture;
	if (status === undefined) throw missingField('status', name);
	if (status !== 'ENABLED' && status !== 'DISABLED') {
		throw invalidParameter(`${name}.status must be one of ENABLED, DISABLED`);
	}
	checkFieldNames(capture, ['status', 'purpose', 'announcement_language'], name);
	if (status === 'ENABLED') {
		if (purpose === undefined) throw missingField('purpose', name);
		if (language === undefined) throw missingField('announcement_language', name);
	}
	if (purpose !== undefined) {
		if (typeof purpose !== 'string') throw invalidParameter(`${name}.purpose must be a string`);
		if (status === 'ENABLED' && purpose.trim() === '') {
			throw invalidParameter(`${name}.purpose must not be empty`);
		}
		if (characters(purpose) > MAX_PURPOSE_CHARACTERS) {
			throw invalidParameter(
				`${name}.purpose must not have more than ${MAX_PURPOSE_CHARACTERS} characters`,
			);
		}
	}
	if (language !== undefined && !ANNOUNCEMENT_LANGUAGES.includes(language as string)) {
		throw invalidParameter(
			`${name}.announcement_language must be one of ${ANNOUNCEMENT_LANGUAGES.join(', ')}`,
		);
	}
	return {
		status,
		...(purpose !== undefined && { purpose }),
		...(language !== undefined && { announcement_language: language as string }),
	};
}

function checkFieldNames(object: Record<string, unknown>, allowed: string[], where: string): void {
	const extra = Object.keys(object).find((name) => !allowed.includes(name));
	if (extra !== undefined) {
		throw invalidParameter(`Unexpected field '${extra}' in ${where}`);
	}
}

const isAction = (value: unknown): value is CallAction =>
	typeof value === 'string' && ACTIONS.includes(value);

export const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

const characters = (text: string) => [...text].length;
