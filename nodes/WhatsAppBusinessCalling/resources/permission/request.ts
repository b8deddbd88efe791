import { z } from 'zod';

import { toNodeApiError } from '../../graph/nodeApiError';
import { graphRequest } from '../../graph/request';
import { phoneNumberField } from '../shared/phoneNumberField';
import { inputError, oddAnswer, phoneNumberIdParameter, textParameter } from '../shared/parameters';
import { personFields, readPerson } from '../shared/person';
import type { Operation } from '../types';

const displayOptions = { show: { resource: ['permission'], operation: ['request'] } };

/** Longest body of an interactive message, in characters (Meta, "Messages"). */
const MAX_BODY_LENGTH = 1024;

const text = z.string().nullable().catch(null);

const answerSchema = z.object({
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
				'Text above the buttons with which the person answers; at most 1,024 characters. Works only within 24 hours after the person wrote to you; Meta bills it as a message.',
			displayOptions,
		},
	],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const person = readPerson(input);
		const bodyText = textParameter(input, 'bodyText');
		if ([...bodyText].length > MAX_BODY_LENGTH) {
			throw inputError(
				input,
				`The message is too long: ${[...bodyText].length} characters`,
				`WhatsApp takes at most ${MAX_BODY_LENGTH}. Shorten it.`,
			);
		}
		const answer = await graphRequest(context, account, {
			method: 'POST',
			path: `${phoneNumberId}/messages`,
			body: {
				messaging_product: 'whatsapp',
				recipient_type: 'individual',
				...person,
				type: 'interactive',
				interactive: {
					type: 'call_permission_request',
					action: { name: 'call_permission_request' },
					...(bodyText === '' ? {} : { body: { text: bodyText } }),
				},
			},
			repeat: 'whenNotPlaced',
		});
		if (!answer.ok) throw toNodeApiError(context.getNode(), answer.failure, itemIndex);
		const parsed = answerSchema.safeParse(answer.value);
		if (!parsed.success) {
			throw oddAnswer(
				input,
				'it holds no message ID',
				'Do not send it again: the person may have got the message. Their answer comes to the trigger as Call Permission Reply.',
			);
		}
		const { contacts, messages } = parsed.data;
		return {
			json: {
				messageId: messages[0].id,
				phoneNumberId,
				to: contacts[0]?.wa_id ?? person.to ?? null,
				userId: contacts[0]?.user_id ?? person.recipient ?? null,
			},
		};
	},
};
