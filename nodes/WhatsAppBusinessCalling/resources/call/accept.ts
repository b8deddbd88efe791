import type { IDataObject } from 'n8n-workflow';

import { failureTitle } from '../../graph/nodeApiError';
import { booleanParameter, callIdParameter, phoneNumberIdParameter } from '../shared/parameters';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';
import { readAnnouncement } from './announcement';
import { showAnnouncement } from './announcementHint';
import { callIdField, sdpField, showForCall } from './fields';
import {
	callbackDataParameter,
	PREPARATION_TIMEOUT_MS,
	sendCallAction,
	sendToCall,
	sessionParameter,
} from './send';

export const accept: Operation = {
	properties: [
		phoneNumberField(showForCall('accept')),
		callIdField(showForCall('accept')),
		sdpField('answer', showForCall('accept')),
		// Recording, transcription and options are shared with Start: see `index.ts`.
	],

	async execute(input) {
		const announcement = readAnnouncement(input);
		const session = sessionParameter(input, 'answer');
		const acceptance = { session, ...announcement.body, ...callbackDataParameter(input) };
		const isPreAcceptWanted = booleanParameter(
			input,
			'options.preAcceptFirst',
			'Pre-Accept First',
			true,
		);
		const preAccepted = isPreAcceptWanted && (await preAccept(input, session));
		const outcome = await sendToCall(input, 'accept', acceptance);
		showAnnouncement(input, announcement);
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
 * Pre-accepts the call with the SDP answer that Accept then sends (Meta, "User-initiated calls": the two
 * must be the same). A failure does not end the operation: a call can be accepted without it, and also after a
 * pre-accept whose response was lost or one by an earlier node. If the call itself is the reason, for
 * example because it has ended, Accept gives the error.
 *
 * @returns whether WhatsApp confirmed it
 */
async function preAccept(input: OperationInput, session: IDataObject): Promise<boolean> {
	const response = await sendCallAction(
		input,
		phoneNumberIdParameter(input),
		{ call_id: callIdParameter(input), action: 'pre_accept', session },
		// Not repeated: the call rings for 30 seconds only, and accepting it needs them.
		{ repeat: 'never', timeoutMs: PREPARATION_TIMEOUT_MS },
	);
	if (response.ok) return response.value.success === true;
	const { code } = response.failure;
	input.context.logger.warn(
		`Could not pre-accept a call, so it is accepted without: ${failureTitle(response.failure)}${code === null ? '' : ` (code ${code})`}`,
	);
	return false;
}
