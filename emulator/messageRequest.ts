import { isObject, isUserId } from './callRequest';
import { GraphError, invalidParameter, missingField } from './errors';

/** A message that the business sends, after its form was checked. */
export interface MessageRequest {
	to?: string;
	recipient?: string;
	content: MessageContent;
}

export type MessageContent =
	| { kind: 'permissionRequest' }
	/** `ttlMinutes`: how long the button can be used. */
	| { kind: 'callButton'; ttlMinutes: number; payload?: string };

/** Characters (Meta, "Interactive messages"). */
const MAX_BODY_LENGTH = 1024;

/** Meta, "Call button messages and deep links". */
const MAX_BUTTON_LENGTH = 20;
const MAX_PAYLOAD_LENGTH = 512;
const MAX_TTL_MINUTES = 43_200;
const DEFAULT_TTL_MINUTES = 10_080;

const MESSAGE_KEYS = [
	...['messaging_product', 'recipient_type', 'to', 'recipient', 'type', 'interactive'],
	...['context', 'biz_opaque_callback_data'],
];

/** Checks the body of a request to `messages` as far as that is possible without knowing the recipient. */
export function parseMessage(body: unknown): MessageRequest {
	if (!isObject(body)) throw invalidParameter('The request body must be a JSON object');
	if (body.messaging_product !== 'whatsapp') throw missingField('messaging_product');
	if (body.recipient_type !== undefined && body.recipient_type !== 'individual') {
		throw invalidParameter('recipient_type must be individual');
	}
	const { to, recipient } = body;
	if (to === undefined && recipient === undefined) throw missingField('to');
	if (to !== undefined && !/^\d{5,15}$/.test(String(to))) {
		throw invalidParameter('to must be a phone number, digits only');
	}
	if (recipient !== undefined && !isUserId(recipient)) {
		throw invalidParameter('recipient is not a business-scoped user ID');
	}
	if (body.type === undefined) throw missingField('type');
	checkKeys(body, MESSAGE_KEYS, 'the request body');
	return {
		...(to !== undefined && { to: String(to) }),
		...(recipient !== undefined && { recipient }),
		content: parseContent(body),
	};
}

function parseContent({ type, interactive }: Record<string, unknown>): MessageContent {
	if (type !== 'interactive' || !isObject(interactive)) {
		throw invalidParameter('The emulator takes only messages of type interactive');
	}
	const { action } = interactive;
	if (interactive.type !== 'call_permission_request' && interactive.type !== 'voice_call') {
		throw invalidParameter(
			'The emulator takes only interactive call_permission_request and voice_call',
		);
	}
	if (!isObject(action)) throw missingField('action', 'interactive');
	checkKeys(interactive, ['type', 'action', 'body'], 'interactive');
	if (action.name !== interactive.type) {
		throw invalidParameter(`interactive.action.name must be ${interactive.type}`);
	}
	if (interactive.type === 'voice_call') {
		// Meta's sample has one, and other interactive messages need it.
		if (interactive.body === undefined) throw missingField('body', 'interactive');
		checkBody(interactive.body);
		return parseCallButton(action);
	}
	checkKeys(action, ['name'], 'interactive.action');
	if (interactive.body !== undefined) checkBody(interactive.body);
	return { kind: 'permissionRequest' };
}

function checkBody(body: unknown): void {
	const text = isObject(body) ? body.text : undefined;
	if (typeof text !== 'string' || text === '') throw missingField('text', 'interactive.body');
	checkLength(text, MAX_BODY_LENGTH, 'interactive.body.text');
}

function parseCallButton(action: Record<string, unknown>): MessageContent {
	const place = 'interactive.action.parameters';
	checkKeys(action, ['name', 'parameters'], 'interactive.action');
	const { parameters = {} } = action;
	if (!isObject(parameters)) throw invalidParameter(`${place} must be an object`);
	checkKeys(parameters, ['display_text', 'ttl_minutes', 'payload'], place);
	const { display_text: label, ttl_minutes: ttl = DEFAULT_TTL_MINUTES, payload } = parameters;
	if (label !== undefined) {
		if (typeof label !== 'string' || label === '') {
			throw invalidParameter(`${place}.display_text must be a text`);
		}
		checkLength(label, MAX_BUTTON_LENGTH, `${place}.display_text`);
	}
	if (typeof ttl !== 'number' || !Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL_MINUTES) {
		throw invalidParameter(`${place}.ttl_minutes must be between 1 and ${MAX_TTL_MINUTES}`);
	}
	if (payload !== undefined) {
		if (typeof payload !== 'string') throw invalidParameter(`${place}.payload must be a text`);
		checkLength(payload, MAX_PAYLOAD_LENGTH, `${place}.payload`);
	}
	return { kind: 'callButton', ttlMinutes: ttl, ...(payload !== undefined && { payload }) };
}

/** The Graph API refuses what it does not know. */
function checkKeys(object: Record<string, unknown>, known: string[], place: string): void {
	const unknown = Object.keys(object).find((name) => !known.includes(name));
	if (unknown !== undefined) {
		throw new GraphError(100, { message: `(#100) Unexpected key "${unknown}" in ${place}` });
	}
}

function checkLength(text: string, max: number, place: string): void {
	if ([...text].length > max) throw invalidParameter(`${place} has more than ${max} characters`);
}
