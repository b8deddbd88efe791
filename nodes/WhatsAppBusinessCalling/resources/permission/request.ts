import type { IDataObject } from 'n8n-workflow';
import { z } from 'zod';

import { toNodeApiError } from '../../graph/nodeApiError';
import { graphRequest } from '../../graph/request';
import { text } from '../../graph/scalars';
import { inputError, unexpectedResponse } from '../shared/errors';
import { phoneNumberIdParameter, textParameter } from '../shared/parameters';
import { personFields, readPerson, type Person } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';

const displayOptions = { show: { resource: ['permission'], operation: ['request'] } };

/** Longest body of an interactive message, in characters (Meta, "Messages"). */
const MAX_BODY_LENGTH = 1024;

const responseSchema = z.object({
	contacts: z.array(z.object({ wa_id: text, user_id: text })).catch([]),
	messages: z.array(z.object({ id: z.string() })).min(1),
});

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
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const person = readPerson(input);
		const bodyText = bodyTextParameter(input);
		const response = await graphRequest(context, account, {
			method: 'POST',
			path: `${phoneNumberId}/messages`,
			body: messageBody(person, bodyText),
			repeat: 'whenNotPlaced',
		});
		if (!response.ok) throw toNodeApiError(context.getNode(), response.failure, itemIndex);
		const parsed = responseSchema.safeParse(response.value);
		if (!parsed.success) {
			throw unexpectedResponse(
				input,
				'WhatsApp responded, but the response contains no message ID',
				'Do not send it again: the person may have received it. Their reply arrives at the trigger as the event Call Permission Reply.',
			);
		}
		const { contacts, messages } = parsed.data;
		return {
			json: {
				to: contacts[0]?.wa_id ?? person.to ?? null,
				userId: contacts[0]?.user_id ?? person.recipient ?? null,
				messageId: messages[0].id,
				phoneNumberId,
			},
		};
	},
};

function bodyTextParameter(input: OperationInput): string {
	const bodyText = textParameter(input, 'bodyText');
	const { length } = [...bodyText];
	if (length <= MAX_BODY_LENGTH) return bodyText;
	throw inputError(
		input,
		`The message is too long: ${length} characters`,
		`WhatsApp accepts at most ${MAX_BODY_LENGTH}. Shorten it.`,
	);
}

function messageBody(person: Person, bodyText: string): IDataObject {
	return {
		messaging_product: 'whatsapp',
		recipient_type: 'individual',
		...person,
		type: 'interactive',
		interactive: {
			type: 'call_permission_request',
			action: { name: 'call_permission_request' },
			...(bodyText === '' ? {} : { body: { text: bodyText } }),
		},
	};
}
