import { personFields, readPerson } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import { messageTextParameter, sendMessage } from '../shared/sendMessage';
import type { Operation } from '../types';

const displayOptions = { show: { resource: ['permission'], operation: ['request'] } };

/** @source Meta, "User call permissions": the interactive message `call_permission_request` */
export const request: Operation = {
	properties: [
		phoneNumberField(displayOptions),
		...personFields(displayOptions, 'ask'),
		{
			displayName: 'Message',
			name: 'bodyText',
			type: 'string',
			typeOptions: { rows: 2 },
			default: '',
			placeholder: 'e.g. May we call you about your order?',
			description:
				"Text shown above the reply buttons, up to 1,024 characters. Can only be sent within 24 hours of the person's last message. Meta bills it as a message.",
			displayOptions,
		},
	],

	async execute(input) {
		const person = readPerson(input);
		const bodyText = messageTextParameter(input, 'bodyText');
		const sent = await sendMessage(input, person, {
			type: 'interactive',
			interactive: {
				type: 'call_permission_request',
				action: { name: 'call_permission_request' },
				...(bodyText === '' ? {} : { body: { text: bodyText } }),
			},
		});
		return { json: sent };
	},
};
