import type { IDataObject, NodeApiError } from 'n8n-workflow';

import { fieldsOf, identifier, listOf } from '../../values';
import { unexpectedResponse } from '../shared/errors';
import { errorOf, onceInRun } from '../shared/onceInRun';
import { phoneNumberIdParameter } from '../shared/parameters';
import { personFields, readPerson } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';
import { readAnnouncement } from './announcement';
import { showAnnouncement } from './announcementHint';
import { audioNotice, sdpField, showForCall } from './fields';
import { callbackDataParameter, sendCallAction, sessionParameter } from './send';

export const start: Operation = {
	properties: [
		audioNotice(showForCall('start')),
		phoneNumberField(showForCall('start')),
		...personFields(showForCall('start'), 'call'),
		sdpField('offer', showForCall('start')),
		// Recording, transcription and options are shared with Accept: see `index.ts`.
	],

	async execute(input) {
		const phoneNumberId = phoneNumberIdParameter(input);
		const person = readPerson(input);
		const announcement = readAnnouncement(input);
		const body = {
			...person,
			action: 'connect',
			session: sessionParameter(input, 'offer'),
			...announcement.body,
			...callbackDataParameter(input),
		};
		const callId = await onceInRun(
			input,
			[phoneNumberId, body],
			async () => await place(input, phoneNumberId, body),
		);
		showAnnouncement(input, announcement);
		return {
			json: {
				callId,
				to: person.to ?? null,
				userId: person.recipient ?? null,
				...announcement.output,
				phoneNumberId,
			},
		};
	},
};

/** @throws NodeApiError if no call was placed */
async function place(
	input: OperationInput,
	phoneNumberId: string,
	body: IDataObject & { action: string },
): Promise<string | NodeApiError> {
	const response = await sendCallAction(input, phoneNumberId, body, { repeat: 'whenNotPlaced' });
	if (response.ok) return callIdIn(response.value) ?? withoutCallId(input);
	return errorOf(
		input,
		response.failure,
		"The person's phone may be ringing all the same: check the trigger's events for the call before you start it again.",
	);
}

/** Meta documents the ID inside `calls`; some clients read it from `call_id` or `id`. */
function callIdIn(response: unknown): string | null {
	const { calls, call_id: callId, id } = fieldsOf(response);
	return identifier(fieldsOf(listOf(calls)?.[0]).id) ?? identifier(callId) ?? identifier(id);
}

function withoutCallId(input: OperationInput): NodeApiError {
	return unexpectedResponse(
		input,
		'WhatsApp accepted the request, but its response contains no call ID',
		"Do not start the call again: the person's phone may be ringing. The trigger's events for the call contain its ID.",
	);
}
