import type { IDataObject } from 'n8n-workflow';

import { failureTitle } from '../../graph/apiError';
import { phoneNumberField } from '../fields';
import { callIdParameter, phoneNumberIdParameter, switchParameter } from '../input';
import type { Operation, OperationInput } from '../types';
import { readAnnouncement } from './announcement';
import { callIdField, sdpField, showForCall } from './fields';
import {
	PREPARATION_TIMEOUT_MS,
	readCallbackData,
	readSession,
	sendCallAction,
	sendToCall,
} from './send';

export const accept: Operation = {
	properties: [
		phoneNumberField(showForCall('accept')),
		callIdField(showForCall('accept')),
		sdpField('answer', showForCall('accept')),
	],

	async execute(input) {
		const announcement = readAnnouncement(input);
		const session = readSession(input, 'answer');
		const acceptance = { session, ...announcement.body, ...readCallbackData(input) };
		const isPreAcceptWanted = switchParameter(
			input,
			'options.preAcceptFirst',
			'Pre-Accept First',
			true,
		);
		const preAccepted = isPreAcceptWanted && (await preAccept(input, session));
		const outcome = await sendToCall(input, 'accept', acceptance);
		return {
			json: {
				...outcome,
				preAccepted,
				recording: announcement.body.recording ?? null,
				transcription: announcement.body.transcription ?? null,
				announcement: announcement.text,
			},
		};
	},
};

/**
 * Pre-accepts the call with the answer that accept sends next (Meta, "User-initiated calls": the two must be
 * the same). A failure does not end the operation: accepting without it is allowed, and after a
 * pre-accept whose answer was lost, or one in a node before (nobody has published what Meta says to a
 * second one), the same answer is right as well. What makes accepting impossible too, such as a call that
 * has ended, is then told by accept.
 *
 * @returns whether WhatsApp confirmed it
 */
async function preAccept(input: OperationInput, session: IDataObject): Promise<boolean> {
	const answer = await sendCallAction(
		input,
		phoneNumberIdParameter(input),
		{ call_id: callIdParameter(input), action: 'pre_accept', session },
		// Once: the call rings for 30 seconds only, and accepting it needs them.
		{ repeat: 'never', timeoutMs: PREPARATION_TIMEOUT_MS },
	);
	if (answer.ok) return answer.value.success === true;
	const { code } = answer.failure;
	input.context.logger.warn(
		`Could not pre-accept a call, so it is accepted without: ${failureTitle(answer.failure)}${code === null ? '' : ` (code ${code})`}`,
	);
	return false;
}
