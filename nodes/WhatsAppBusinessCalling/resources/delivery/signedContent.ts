import type { NodeOperationError } from 'n8n-workflow';

import { isSignature, isSignedBy } from '../../delivery/signature';
import { parseBody } from '../../events/parseDelivery';
import { fieldsOf } from '../../values';
import { inputError } from '../shared/errors';
import { asText, booleanParameter } from '../shared/parameters';
import type { OperationInput } from '../types';
import { readBody, type Body } from './body';

/** Why a delivery was not accepted. Workflows compare these values with `error.reason`. */
type Reason = 'signatureMissing' | 'signatureInvalid' | 'signatureUnverifiable' | 'notADelivery';

export interface SignedContent {
	/** The JSON of the delivery. */
	content: unknown;
	/** False if the operator turned verification off: then anyone may have written it. */
	isVerified: boolean;
}

/**
 * The JSON of a delivery, after its signature was verified with the credential's app secret.
 *
 * @throws NodeOperationError for what Meta did not sign, or what is no delivery
 */
export async function signedContent(input: OperationInput): Promise<SignedContent> {
	const body = await readBody(input);
	const isVerified = mustVerify(input);
	if (isVerified) verify(input, body);
	const content = body.form === 'parsed' ? body.content : parseBody(body.bytes);
	if (Array.isArray(fieldsOf(content).entry)) return { content, isVerified };
	throw rejected(
		input,
		'notADelivery',
		'The body is not a delivery from Meta',
		`${content === undefined ? 'It is not JSON.' : 'It has no list of entries.'} Pass on the whole body of the request from Meta, as it arrived, without what a queue or another system has put around it.`,
	);
}

/** The default of the field *Signature*. */
export const SIGNATURE_EXPRESSION = "={{ $json.headers['x-hub-signature-256'] }}";

/**
 * The signature as the operator passes it on. n8n need not evaluate the default expression: in an execution without
 * expressions it makes no isolate, if N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE is set.
 */
function signatureParameter({ context, itemIndex }: OperationInput): string {
	const raw: unknown = context.getNodeParameter('signature', itemIndex, '', {
		rawExpressions: true,
	});
	if (raw !== SIGNATURE_EXPRESSION) {
		return asText(context.getNodeParameter('signature', itemIndex, ''));
	}
	const { headers } = context.getInputData()[itemIndex].json;
	return asText(fieldsOf(headers)['x-hub-signature-256']);
}

/** Only an explicit false turns verification off: an expression may evaluate to nothing. */
function mustVerify(input: OperationInput): boolean {
	const value: unknown = input.context.getNodeParameter('verifySignature', input.itemIndex, true);
	const isEmpty = asText(value) === '';
	return isEmpty || booleanParameter(input, 'verifySignature', 'Verify Signature', true);
}

/** @throws NodeOperationError unless Meta signed exactly these bytes */
function verify(input: OperationInput, body: Body): void {
	if (body.form === 'parsed') {
		throw rejected(
			input,
			'signatureUnverifiable',
			'The body was already parsed, so its signature cannot be verified',
			'Meta signs the bytes of the body, and parsed JSON no longer has them. In the Webhook node, turn on the option Raw Body, and choose Binary Field here under Body From. With another source, pass on the body as text or Base64. Only if another system has verified the signature, turn off Verify Signature.',
		);
	}
	const signature = signatureParameter(input);
	if (!isSignature(signature)) {
		throw rejected(
			input,
			'signatureMissing',
			signature === ''
				? 'The signature of the delivery is missing'
				: 'The signature of the delivery is not one from Meta',
			'Set Signature to the value of the header X-Hub-Signature-256: "sha256=" and 64 hexadecimal digits. A request without it does not come from Meta.',
		);
	}
	if (isSignedBy(input.account.appSecret, body.bytes, signature)) return;
	throw rejected(
		input,
		'signatureInvalid',
		'The signature does not match the body',
		'If this happens with every delivery, check that the App Secret in the credential is that of the app that receives the webhooks, and that nothing changes the body on its way: it must be passed on byte by byte. Otherwise, the request does not come from Meta.',
	);
}

/** An error that a workflow can recognize by its reason. */
function rejected(
	input: OperationInput,
	reason: Reason,
	message: string,
	description: string,
): NodeOperationError {
	const error = inputError(input, message, description);
	error.context.reason = reason;
	return error;
}
