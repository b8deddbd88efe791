import type { IDataObject } from 'n8n-workflow';
import { z } from 'zod';

import { toNodeApiError } from '../../graph/nodeApiError';
import { unexpectedResponse } from '../shared/errors';
import { phoneNumberIdParameter } from '../shared/parameters';
import { personFields, readPerson } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';
import { readAnnouncement } from './announcement';
import { showAnnouncement } from './announcementHint';
import { audioNotice, sdpField, showForCall } from './fields';
import { callbackDataParameter, sendCallAction, sessionParameter } from './send';

/** Meta documents the ID inside `calls`; some clients read it from `call_id` or `id`. */
const callIdSchema = z.union([
	z
		.object({ calls: z.array(z.object({ id: z.string().min(1) })).min(1) })
		.transform(({ calls }) => calls[0].id),
	z.object({ call_id: z.string().min(1) }).transform((response) => response.call_id),
	z.object({ id: z.string().min(1) }).transform((response) => response.id),
]);

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
		const response = await sendCallAction(input, phoneNumberId, body, { repeat: 'whenNotPlaced' });
		if (!response.ok) {
			throw toNodeApiError(input.context.getNode(), response.failure, input.itemIndex);
		}
		showAnnouncement(input, announcement);
		return {
			json: {
				callId: readCallId(input, response.value),
				to: person.to ?? null,
				userId: person.recipient ?? null,
				...announcement.output,
				phoneNumberId,
			},
		};
	},
};

function readCallId(input: OperationInput, response: IDataObject): string {
	const callId = callIdSchema.safeParse(response);
	if (callId.success) return callId.data;
	throw unexpectedResponse(
		input,
		'WhatsApp accepted the request, but its response contains no call ID',
		"Do not start the call again: the person's phone may be ringing. The trigger's events for the call contain its ID.",
	);
}
