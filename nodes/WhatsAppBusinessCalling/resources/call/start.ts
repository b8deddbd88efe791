import { NodeApiError } from 'n8n-workflow';
import { z } from 'zod';

import { toNodeApiError } from '../../graph/apiError';
import { phoneNumberField } from '../fields';
import { phoneNumberIdParameter } from '../input';
import { personFields, readPerson } from '../person';
import type { Operation } from '../types';
import { readAnnouncement } from './announcement';
import { sdpField, showForCall } from './fields';
import { readCallbackData, readSession, sendCallAction } from './send';

// Documented in `calls`; seen at the top as well.
const answerSchema = z.union([
	z
		.object({ calls: z.array(z.object({ id: z.string().min(1) })).min(1) })
		.transform(({ calls }) => calls[0].id),
	z.object({ call_id: z.string().min(1) }).transform((answer) => answer.call_id),
]);

export const start: Operation = {
	properties: [
		phoneNumberField(showForCall('start')),
		...personFields(showForCall('start'), 'call'),
		sdpField('offer', showForCall('start')),
	],

	async execute(input) {
		const phoneNumberId = phoneNumberIdParameter(input);
		const person = readPerson(input);
		const announcement = readAnnouncement(input);
		const answer = await sendCallAction(
			input,
			phoneNumberId,
			{
				...person,
				action: 'connect',
				session: readSession(input, 'offer'),
				...announcement.body,
				...readCallbackData(input),
			},
			{ repeat: 'whenNotPlaced' },
		);
		if (!answer.ok) throw toNodeApiError(input.context.getNode(), answer.failure, input.itemIndex);
		const callId = answerSchema.safeParse(answer.value);
		if (!callId.success) {
			const message = 'WhatsApp accepted the request, but its response contains no call ID';
			throw new NodeApiError(
				input.context.getNode(),
				{ message },
				{
					message,
					description:
						"Do not start the call again: the person's phone may be ringing. The trigger's events for the call contain its ID.",
					itemIndex: input.itemIndex,
				},
			);
		}
		return {
			json: {
				callId: callId.data,
				phoneNumberId,
				to: person.to ?? null,
				recipient: person.recipient ?? null,
				recording: announcement.body.recording ?? null,
				transcription: announcement.body.transcription ?? null,
				announcement: announcement.text,
			},
		};
	},
};
