import type { IDataObject, NodeApiError } from 'n8n-workflow';
import { z } from 'zod';

import { graphRequest } from '../../graph/request';
import { text } from '../../graph/scalars';
import type { OperationInput } from '../types';
import { unexpectedResponse } from './errors';
import { errorOf, onceInRun } from './onceInRun';
import { limitedText, phoneNumberIdParameter, textParameter } from './parameters';
import type { Person } from './person';

/** Longest body of an interactive message, in characters (Meta, "Messages"). */
const MAX_BODY_LENGTH = 1024;

const responseSchema = z.object({
	contacts: z.array(z.object({ wa_id: text, user_id: text })).catch([]),
	messages: z.array(z.object({ id: z.string() })).min(1),
});

/** @throws NodeOperationError for a text that is too long */
export function messageTextParameter(input: OperationInput, name: string): string {
	return limitedText(input, textParameter(input, name), 'message', MAX_BODY_LENGTH);
}

/**
 * Sends a message to a person.
 *
 * @param content `type`, and the field of that name
 * @returns the item's fields: the message's ID, the business number, and the person as Meta names them
 * @throws NodeApiError if Meta refuses it or does not confirm it
 * @source Meta, "Messages": `POST /<PHONE_NUMBER_ID>/messages`
 */
export async function sendMessage(
	input: OperationInput,
	person: Person,
	content: IDataObject,
): Promise<IDataObject> {
	const phoneNumberId = phoneNumberIdParameter(input);
	const body = {
		messaging_product: 'whatsapp',
		recipient_type: 'individual',
		...person,
		...content,
	};
	const { contacts, messages } = await onceInRun(
		input,
		[phoneNumberId, body],
		async () => await send(input, phoneNumberId, body),
	);
	return {
		to: contacts[0]?.wa_id ?? person.to ?? null,
		userId: contacts[0]?.user_id ?? person.recipient ?? null,
		messageId: messages[0].id,
		phoneNumberId,
	};
}

/** @throws NodeApiError if nothing was sent */
async function send(
	input: OperationInput,
	phoneNumberId: string,
	body: IDataObject,
): Promise<z.output<typeof responseSchema> | NodeApiError> {
	const response = await graphRequest(input.context, input.account, {
		method: 'POST',
		path: `${phoneNumberId}/messages`,
		body,
		repeat: 'whenNotPlaced',
	});
	if (!response.ok) {
		return errorOf(
			input,
			response.failure,
			'The person may have received the message all the same: look at the chat before you send it again.',
		);
	}
	const parsed = responseSchema.safeParse(response.value);
	if (parsed.success) return parsed.data;
	return unexpectedResponse(
		input,
		'WhatsApp responded, but the response contains no message ID',
		'Do not send it again: the person may have received it. What they do with it arrives at the trigger as an event.',
	);
}
