import type { IDataObject } from 'n8n-workflow';

import { toNodeApiError } from '../../graph/nodeApiError';
import { graphRequest, type Repeat } from '../../graph/request';
import type { Result } from '../../graph/types';
import { inputError, unexpectedResponse } from '../shared/errors';
import {
	callIdParameter,
	phoneNumberIdParameter,
	returnedTextParameter,
} from '../shared/parameters';
import type { OperationInput } from '../types';
import { cleanSdp, type SdpType } from './sdp';

/** Timeout of a step that only prepares the next one, while the caller waits. */
export const PREPARATION_TIMEOUT_MS = 8_000;

interface SendOptions {
	repeat: Repeat;
	/** As in `GraphRequest`. */
	timeoutMs?: number;
}

/** Sends one action of a call (Meta, "Calling API: reference": `POST /<PHONE_NUMBER_ID>/calls`). */
export async function sendCallAction(
	{ context, account }: OperationInput,
	phoneNumberId: string,
	body: IDataObject & { action: string },
	options: SendOptions,
): Promise<Result<IDataObject>> {
	const response = await graphRequest(context, account, {
		method: 'POST',
		path: `${phoneNumberId}/calls`,
		body: { messaging_product: 'whatsapp', ...body },
		...options,
	});
	return response.ok ? { ok: true, value: (response.value ?? {}) as IDataObject } : response;
}

type ActionOnCall = 'pre_accept' | 'accept' | 'reject' | 'terminate';

/**
 * Sends an action on an existing call.
 *
 * @throws NodeApiError if Meta refuses it or does not confirm it
 */
export async function sendToCall(
	input: OperationInput,
	action: ActionOnCall,
	more: IDataObject = {},
): Promise<{ callId: string; success: true }> {
	const phoneNumberId = phoneNumberIdParameter(input);
	const callId = callIdParameter(input);
	const body = { call_id: callId, action, ...more };
	const response = await sendCallAction(input, phoneNumberId, body, { repeat: 'whenRefused' });
	if (!response.ok) {
		throw toNodeApiError(
			input.context.getNode(),
			response.failure,
			input.itemIndex,
			'existingCall',
		);
	}
	if (response.value.success !== true) {
		throw unexpectedResponse(
			input,
			'WhatsApp responded, but did not confirm the action',
			"The action may still have succeeded. Check the trigger's events for the call (Call Status, Call Terminated) before running this step again.",
		);
	}
	return { callId, success: true };
}

/** @throws NodeOperationError if the parameter SDP is not a usable session description */
export function sessionParameter(input: OperationInput, type: SdpType): IDataObject {
	const given: unknown = input.context.getNodeParameter('sdp', input.itemIndex, '');
	const cleaned = cleanSdp(given, type);
	if (cleaned.ok) return { sdp_type: type, sdp: cleaned.sdp };
	throw inputError(
		input,
		`The SDP ${type} cannot be used`,
		`${cleaned.problem}. ${cleaned.hint ?? 'Pass on the text that your browser tab, media server or voice agent made, unchanged: it starts with v=0 and has a line m=audio.'}`,
	);
}

/** @throws NodeOperationError for more than 512 characters */
export function callbackDataParameter(input: OperationInput): IDataObject {
	const data = returnedTextParameter(input, 'options.bizOpaqueCallbackData', 'callback data');
	return data === null ? {} : { biz_opaque_callback_data: data };
}
