import type { IBinaryData, IExecuteFunctions, NodeOperationError } from 'n8n-workflow';

import { isFields } from '../../values';
import { inputError } from '../shared/errors';
import { asText, truncate } from '../shared/parameters';
import type { OperationInput } from '../types';

/** Meta's deliveries have at most 3 MB (Meta, "Webhooks"). Parsing blocks n8n, also for a body that nobody signed. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The body of a delivery as the operator passes it on. */
export type Body =
	| { form: 'bytes'; bytes: Buffer }
	/** What another node has parsed already: it cannot be verified any more. */
	| { form: 'parsed'; content: object };

type Reader = (input: OperationInput) => Promise<Body> | Body;

/** By the value of *Body From*. */
const READERS = new Map<unknown, Reader>(
	Object.entries({ binary: fromBinaryField, text: fromText, base64: fromBase64 }),
);

/**
 * Reads the body from where the operator says it is.
 *
 * @throws NodeOperationError if there is none, or none that can be a delivery
 */
export async function readBody(input: OperationInput): Promise<Body> {
	const from = asText(input.context.getNodeParameter('bodyFrom', input.itemIndex, 'binary'));
	const read = READERS.get(from);
	if (read) return await read(input);
	throw inputError(
		input,
		`Body From must be "binary", "text" or "base64", not "${truncate(from)}"`,
		'Choose where the body is in the input item.',
	);
}

async function fromBinaryField(input: OperationInput): Promise<Body> {
	const { context, itemIndex } = input;
	const field = asText(context.getNodeParameter('inputBinaryField', itemIndex, 'data'));
	let binary: IBinaryData;
	try {
		binary = context.helpers.assertBinaryData(itemIndex, field);
	} catch {
		throw inputError(
			input,
			`The input item has no binary field "${truncate(field)}"`,
			'Meta signs the bytes of the body, so this node needs them as they arrived. In the Webhook node, turn on the option Raw Body: it puts them into the field data. If the body comes as text or Base64, choose that under Body From.',
		);
	}
	// Before the bytes are read into memory.
	requireSize(input, await sizeOf(context, binary));
	return { form: 'bytes', bytes: await context.helpers.getBinaryDataBuffer(itemIndex, field) };
}

async function sizeOf(
	{ helpers }: IExecuteFunctions,
	{ id, data, bytes }: IBinaryData,
): Promise<number> {
	if (!id) return Buffer.byteLength(data, 'base64');
	// Older versions of n8n do not give the size with the file.
	return bytes ?? (await helpers.getBinaryMetadata(id)).fileSize;
}

function fromText(input: OperationInput): Body {
	const value: unknown = input.context.getNodeParameter('body', input.itemIndex, '');
	if (typeof value === 'string') return asBytes(input, value, 'utf8');
	const bytes = bufferOf(value);
	if (bytes) {
		requireSize(input, bytes.length);
		return { form: 'bytes', bytes };
	}
	if (typeof value === 'object' && value !== null) return { form: 'parsed', content: value };
	throw missing(input);
}

/** What is neither Base64, nor its form for URLs, nor between its lines. */
const NOT_BASE64 = /[^\w+/=\s-]/;

function fromBase64(input: OperationInput): Body {
	const value: unknown = input.context.getNodeParameter('body', input.itemIndex, '');
	if (value === null || value === undefined) throw missing(input);
	if (typeof value === 'string' && !NOT_BASE64.test(value)) return asBytes(input, value, 'base64');
	throw inputError(
		input,
		'The body is not Base64',
		'It must be text in Base64. If the body is the JSON text itself, choose Text under Body From.',
	);
}

function asBytes(input: OperationInput, text: string, encoding: 'utf8' | 'base64'): Body {
	requireSize(input, Buffer.byteLength(text, encoding));
	if (text.trim() === '') throw missing(input);
	return { form: 'bytes', bytes: Buffer.from(text, encoding) };
}

/** The bytes of a Buffer, or of what becomes of a Buffer in JSON. Null for anything else. */
function bufferOf(value: unknown): Buffer | null {
	if (value instanceof Uint8Array) return Buffer.from(value);
	if (!isFields(value) || value.type !== 'Buffer' || !Array.isArray(value.data)) return null;
	return Buffer.from(value.data as number[]);
}

function missing(input: OperationInput): NodeOperationError {
	return inputError(
		input,
		'The body of the delivery is missing',
		'Set Body to an expression that returns the body exactly as Meta sent it.',
	);
}

/** @throws NodeOperationError for a body that is too large for a delivery */
function requireSize(input: OperationInput, sizeBytes: number): void {
	if (sizeBytes <= MAX_BYTES) return;
	throw inputError(
		input,
		'The body is larger than 4 MB, so it is not a delivery from Meta',
		"Meta's deliveries have at most 3 MB. Check what the sender passes on.",
	);
}
