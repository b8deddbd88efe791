import type { IDataObject } from 'n8n-workflow';

import { toNodeApiError } from '../../graph/apiError';
import { graphRequest, type Repeat } from '../../graph/request';
import type { Result } from '../../graph/types';
import { callIdParameter, inputError, isBlank, oddAnswer, phoneNumberIdParameter } from '../input';
import type { OperationInput } from '../types';
import { cleanSdp, type SdpType } from './sdp';

/**
 * Meta, "Calling API: reference". How Meta counts is not published; like the purpose of a recording, it is
 * counted in code points here, so that nothing is refused that Meta may take.
 */
const MAX_CALLBACK_DATA_LENGTH = 512;

/** Milliseconds for a step that only prepares the next one: a person who calls hears it ring meanwhile. */
export const PREPARATION_TIMEOUT_MS = 8_000;

interface Sending {
	repeat: Repeat;
	/** Milliseconds for one answer; that of all requests unless told. */
	timeoutMs?: number;
}

/** Sends one action of a call (Meta, "Calling API: reference": `POST /<PHONE_NUMBER_ID>/calls`). */
export async function sendCallAction(
	{ context, account }: OperationInput,
	phoneNumberId: string,
	body: IDataObject & { action: string },
	sending: Sending,
): Promise<Result<IDataObject>> {
	const answer = await graphRequest(context, account, {
		method: 'POST',
		path: `${phoneNumberId}/calls`,
		body: { messaging_product: 'whatsapp', ...body },
		...sending,
	});
	return answer.ok ? { ok: true, value: (answer.value ?? {}) as IDataObject } : answer;
}

type ActionOnCall = 'pre_accept' | 'accept' | 'reject' | 'terminate';

/**
 * Sends an action on a call that exists.
 *
 * @throws NodeApiError where Meta refuses it or does not confirm it
 */
export async function sendToCall(
	input: OperationInput,
	action: ActionOnCall,
	more: IDataObject = {},
): Promise<{ callId: string; success: true }> {
	const phoneNumberId = phoneNumberIdParameter(input);
	const callId = callIdParameter(input);
	const body = { call_id: callId, action, ...more };
	const answer = await sendCallAction(input, phoneNumberId, body, { repeat: 'whenRefused' });
	if (!answer.ok) {
		throw toNodeApiError(input.context.getNode(), answer.failure, input.itemIndex, 'existingCall');
	}
	if (answer.value.success !== true) {
		throw oddAnswer(
			input,
			'did not confirm the action',
			"The action may still have succeeded. Check the trigger's events for the call (Call Status, Call Terminated) before running this step again.",
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
		`${cleaned.problem}. ${cleaned.hint ?? 'Pass on the text that your browser tab, media server or voice agent made, unchanged: it starts with v=0 and has a line m=audio.'}`,
	);
}

/** @throws NodeOperationError for more than 512 characters */
export function readCallbackData(input: OperationInput): IDataObject {
	const { context, itemIndex } = input;
	const given: unknown =
		context.getNodeParameter('options.bizOpaqueCallbackData', itemIndex, '') ?? '';
	const data = typeof given === 'object' ? JSON.stringify(given) : String(given);
	if (isBlank(data)) return {};
	const length = [...data].length;
	if (length > MAX_CALLBACK_DATA_LENGTH) {
		throw inputError(
			input,
			`The callback data is too long: ${length} characters`,
			`WhatsApp accepts at most ${MAX_CALLBACK_DATA_LENGTH}. Put an ID there and keep the rest in your own system.`,
		);
	}
	return { biz_opaque_callback_data: data };
}
