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
	| { kind: 'callButton'; ttlMinutes: number; payload?: string }
	| { kind: 'template'; name: string; language: string; header: Parameter[]; body: Parameter[] };

/** Of a template. */
export interface Parameter {
	name?: string;
	text: string;
}

/** Characters (Meta, "Interactive messages"). */
const MAX_BODY_LENGTH = 1024;

/** Meta, "Call button messages and deep links". */
const MAX_BUTTON_LENGTH = 20;
const MAX_PAYLOAD_LENGTH = 512;
const MAX_TTL_MINUTES = 43_200;
const DEFAULT_TTL_MINUTES = 10_080;

/** Not on Meta's pages; clients quote the error, 132018. */
const NOT_IN_PARAMETERS = /[\n\r\t]| {5}/;

const MESSAGE_KEYS = [
	...['messaging_product', 'recipient_type', 'to', 'recipient', 'type', 'interactive'],
	...['context', 'biz_opaque_callback_data', 'template'],
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

function parseContent(message: Record<string, unknown>): MessageContent {
	const { type, interactive, template } = message;
	const other = type === 'template' ? 'interactive' : 'template';
	if (message[other] !== undefined) {
		throw new GraphError(100, { message: `(#100) Unexpected key "${other}" in the request body` });
	}
	if (type === 'template') return parseTemplate(template);
	if (type !== 'interactive' || !isObject(interactive)) {
		throw invalidParameter('The emulator takes only messages of type interactive or template');
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

/** Meta, "Templates": placeholders in the header and the body, with texts only. */
function parseTemplate(template: unknown): MessageContent {
	if (!isObject(template)) throw missingField('template');
	checkKeys(template, ['name', 'language', 'components'], 'template');
	const { name, language, components = [] } = template;
	if (typeof name !== 'string' || name === '') throw missingField('name', 'template');
	if (!isObject(language)) throw missingField('language', 'template');
	checkKeys(language, ['code', 'policy'], 'template.language');
	const { code, policy } = language;
	if (typeof code !== 'string' || code === '') throw missingField('code', 'template.language');
	if (policy !== undefined && policy !== 'deterministic') {
		throw invalidParameter('template.language.policy must be deterministic');
	}
	if (!Array.isArray(components)) throw invalidParameter('template.components must be a list');
	const content = { kind: 'template' as const, name, language: code };
	const parts: Record<'header' | 'body', Parameter[]> = { header: [], body: [] };
	const seen = new Set<unknown>();
	for (const component of components as unknown[]) {
		if (!isObject(component)) throw invalidParameter('A component must be an object');
		checkKeys(component, ['type', 'parameters'], 'template.components');
		const { type, parameters } = component;
		if ((type !== 'header' && type !== 'body') || seen.has(type)) {
			throw invalidParameter('The emulator takes one component of type header, and one body');
		}
		seen.add(type);
		if (!Array.isArray(parameters) || parameters.length === 0) {
			throw missingField('parameters', `template.components.${type}`);
		}
		parts[type] = (parameters as unknown[]).map(parseParameter);
	}
	return { ...content, ...parts };
}

function parseParameter(parameter: unknown): Parameter {
	const place = 'template.components.parameters';
	if (!isObject(parameter)) throw invalidParameter('A parameter must be an object');
	checkKeys(parameter, ['type', 'text', 'parameter_name'], place);
	const { type, text, parameter_name: name } = parameter;
	if (type !== 'text') throw invalidParameter(`${place}.type must be text`);
	if (typeof text !== 'string' || text === '') throw missingField('text', place);
	if (NOT_IN_PARAMETERS.test(text)) {
		throw new GraphError(132018, {
			details: 'Param text cannot have new-line/tab characters or more than 4 consecutive spaces',
		});
	}
	if (name !== undefined && (typeof name !== 'string' || name === '')) {
		throw invalidParameter(`${place}.parameter_name must be a text`);
	}
	return { text, ...(name !== undefined && { name: name }) };
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
