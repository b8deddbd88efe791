import { NodeApiError } from 'n8n-workflow';
import { z } from 'zod';

import {
	cleanPhoneNumber,
	inputError,
	isUserId,
	phoneNumberIdParameter,
	shortened,
	textParameter,
} from '../input';
import type { Operation, OperationInput } from '../types';
import { readAnnouncement } from './announcement';
import { phoneNumberField, sdpField, showForCall } from './fields';
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
		{
			displayName: 'To',
			name: 'to',
			type: 'string',
			default: '',
			placeholder: 'e.g. +1 408 555 1234',
			description:
				"The person's phone number with country code. Leave empty to call by User ID only. The person must have allowed your business to call.",
			displayOptions: showForCall('start'),
		},
		{
			displayName: 'User ID',
			name: 'recipient',
			type: 'string',
			default: '',
			placeholder: 'e.g. US.13491208655302741918',
			description:
				"The person's business-scoped user ID (BSUID), for people without a known number. With both given, WhatsApp uses the number.",
			displayOptions: showForCall('start'),
		},
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
			'whenNotPlaced',
		);
		const callId = answerSchema.safeParse(answer);
		if (!callId.success) {
			const message = 'WhatsApp took the call, but its answer holds no call ID';
			throw new NodeApiError(
				input.context.getNode(),
				{ message },
				{
					message,
					description:
						'Do not start it again: the person may be ringing. The trigger events of the call bring its ID.',
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

function readPerson(input: OperationInput): { to?: string; recipient?: string } {
	const number = textParameter(input, 'to');
	const userId = textParameter(input, 'recipient');
	if (number === '' && userId === '') {
		throw inputError(
			input,
			'Nobody to call: To and User ID are both empty',
			'Fill in the phone number with country code under To, or the User ID that came in an event of the person.',
		);
	}
	const to = cleanPhoneNumber(number);
	if (number !== '' && to === null) {
		throw inputError(
			input,
			`"${shortened(number)}" is not a phone number`,
			'Give it with country code and digits only, e.g. +1 408 555 1234. Spaces, dashes and a leading + are fine.',
		);
	}
	if (userId !== '' && !isUserId(userId)) {
		throw inputError(
			input,
			`"${shortened(userId)}" is not a user ID`,
			'User IDs have a country code, a dot, and letters and digits, e.g. US.13491208655302741918.',
		);
	}
	return { ...(to === null ? {} : { to }), ...(userId === '' ? {} : { recipient: userId }) };
}
