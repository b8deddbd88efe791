import type { IDataObject } from 'n8n-workflow';

import { toNodeApiError } from '../../graph/apiError';
import { graphRequest, type Repeat } from '../../graph/request';
import { callIdParameter, inputError, oddAnswer, phoneNumberIdParameter } from '../input';
import type { OperationInput } from '../types';
import { cleanSdp, type SdpType } from './sdp';

const MAX_CALLBACK_DATA_LENGTH = 512;

/**
 * Sends one action of a call (Meta, "Calling API: reference": `POST /<PHONE_NUMBER_ID>/calls`).
 *
 * @throws NodeApiError with a title and a hint for what Meta refuses
 */
export async function sendCallAction(
	{ context, account, itemIndex }: OperationInput,
	phoneNumberId: string,
	body: IDataObject & { action: string },
	repeat: Repeat,
): Promise<IDataObject> {
	const answer = await graphRequest(context, account, {
		method: 'POST',
		path: `${phoneNumberId}/calls`,
		body: { messaging_product: 'whatsapp', ...body },
		repeat,
	});
	if (!answer.ok) throw toNodeApiError(context.getNode(), answer.failure, itemIndex);
	return (answer.value ?? {}) as IDataObject;
}

/**
 * Sends an action on a call that exists.
 *
 * @throws NodeApiError where Meta refuses it or does not confirm it
 */
export async function sendToCall(
	input: OperationInput,
	action: 'pre_accept' | 'accept' | 'reject' | 'terminate',
	more: IDataObject = {},
): Promise<{ callId: string; success: true }> {
	const phoneNumberId = phoneNumberIdParameter(input);
	const callId = callIdParameter(input);
	const answer = await sendCallAction(
		input,
		phoneNumberId,
		{ call_id: callId, action, ...more },
		'whenRefused',
	);
	if (answer.success !== true) {
		throw oddAnswer(
			input,
			'did not confirm the action',
			'It may have been carried out all the same: the events of the trigger say what became of the call (Call Status, Call Terminated). Look at the call before you run this step again.',
		);
	}
	return { callId, success: true };
}

/** @throws NodeOperationError where the parameter holds no usable session description */
export function readSession(input: OperationInput, type: SdpType): IDataObject {
	const given: unknown = input.context.getNodeParameter('sdp', input.itemIndex, '');
	const cleaned = cleanSdp(given, type);
	if (cleaned.ok) return { sdp_type: type, sdp: cleaned.sdp };
	throw inputError(
		input,
		`The SDP ${type} cannot be used`,
		`${cleaned.problem}. Hand over the text that your media server made, unchanged: it starts with v=0 and has a line m=audio.`,
	);
}

/** @throws NodeOperationError for more than 512 characters */
export function readCallbackData(input: OperationInput): IDataObject {
	const { context, itemIndex } = input;
	const data = String(
		context.getNodeParameter('options.bizOpaqueCallbackData', itemIndex, '') ?? '',
	);
	if (data === '') return {};
	if (data.length > MAX_CALLBACK_DATA_LENGTH) {
		throw inputError(
			input,
			`The callback data is too long: ${data.length} characters`,
			`WhatsApp takes at most ${MAX_CALLBACK_DATA_LENGTH}. Put an ID there and keep the rest in your own system.`,
		);
	}
	return { biz_opaque_callback_data: data };
}
