import type { IDataObject } from 'n8n-workflow';

import { inputError } from '../shared/errors';
import { asText, truncate } from '../shared/parameters';
import { personFields, readPerson } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import { messageTextParameter, sendMessage } from '../shared/sendMessage';
import type { Operation, OperationInput } from '../types';
import { templateContent, templateFields } from './template';

const show = { resource: ['permission'], operation: ['request'] };
const displayOptions = { show };

/** @source Meta, "User call permissions": the message `call_permission_request`, and templates with it */
export const request: Operation = {
	properties: [
		phoneNumberField(displayOptions),
		...personFields(displayOptions, 'ask'),
		{
			displayName: 'Send As',
			name: 'sendAs',
			type: 'options',
			default: 'message',
			description: 'How to ask. Meta bills both as a message.',
			displayOptions,
			options: [
				{
					name: 'Message',
					value: 'message',
					description:
						'With any text, but only within 24 hours after the person last wrote to you or called you',
				},
				{
					name: 'Template',
					value: 'template',
					description: 'At any time, with a message template that WhatsApp has approved',
				},
			],
		},
		{
			displayName: 'Message',
			name: 'bodyText',
			type: 'string',
			typeOptions: { rows: 2 },
			default: '',
			placeholder: 'e.g. May we call you about your order?',
			description: 'Text shown above the reply buttons, up to 1,024 characters',
			displayOptions: { show: { ...show, sendAs: ['message'] } },
		},
		...templateFields({ show: { ...show, sendAs: ['template'] } }),
	],

	async execute(input) {
		const person = readPerson(input);
		return { json: await sendMessage(input, person, contentOf(input)) };
	},
};

function contentOf(input: OperationInput): IDataObject {
	const sendAs = asText(input.context.getNodeParameter('sendAs', input.itemIndex, 'message'));
	switch (sendAs.toLowerCase()) {
		case 'message':
			return messageContent(messageTextParameter(input, 'bodyText'));
		case 'template':
			return templateContent(input);
		default:
			throw inputError(
				input,
				`"${truncate(sendAs)}" is not a value of Send As`,
				'Choose one, or let the expression evaluate to message or template.',
			);
	}
}

function messageContent(bodyText: string): IDataObject {
	return {
		type: 'interactive',
		interactive: {
			type: 'call_permission_request',
			action: { name: 'call_permission_request' },
			...(bodyText === '' ? {} : { body: { text: bodyText } }),
		},
	};
}
