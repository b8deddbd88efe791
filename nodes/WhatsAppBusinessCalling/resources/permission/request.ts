import { z } from 'zod';

import { toNodeApiError } from '../../graph/apiError';
import { graphRequest } from '../../graph/request';
import { phoneNumberField } from '../fields';
import { inputError, oddAnswer, phoneNumberIdParameter, textParameter } from '../input';
import { personFields, readPerson } from '../person';
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
				"Text shown above the reply buttons, up to 1,024 characters. Can only be sent within 24 hours of the person's last message. Meta bills it as a message.",
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
				`WhatsApp accepts at most ${MAX_BODY_LENGTH}. Shorten it.`,
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
				'the response contains no message ID',
				'Do not send it again: the person may have received it. Their reply arrives at the trigger as the event Call Permission Reply.',
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
