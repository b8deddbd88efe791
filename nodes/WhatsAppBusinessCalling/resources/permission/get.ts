import { z } from 'zod';

import { toNodeApiError } from '../../graph/nodeApiError';
import { graphRequest } from '../../graph/request';
import { orNull, text, unixTime, wholeNumber } from '../../graph/scalars';
import { unexpectedResponse } from '../shared/errors';
import { phoneNumberIdParameter } from '../shared/parameters';
import { personFields, readPerson } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation } from '../types';

const displayOptions = { show: { resource: ['permission'], operation: ['get'] } };

const limitSchema = z.object({
	time_period: text,
	max_allowed: orNull(wholeNumber),
	current_usage: orNull(wholeNumber),
	limit_expiration_time: orNull(unixTime),
});

const responseSchema = z.object({
	permission: z.object({
		status: z.string().transform((word) => word.trim().toLowerCase()),
		// Meta's sample has `expiration_time`, its table `expiration`.
		expiration_time: orNull(unixTime),
		expiration: orNull(unixTime),
	}),
	actions: z
		.array(
			z.object({
				action_name: z.string(),
				can_perform_action: orNull(z.boolean()),
				limits: z.array(limitSchema).catch([]),
			}),
		)
		.catch([]),
});

/** @source Meta, "User call permissions": `GET /<PHONE_NUMBER_ID>/call_permissions` */
export const get: Operation = {
	properties: [phoneNumberField(displayOptions), ...personFields(displayOptions, 'look up')],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const person = readPerson(input);
		const response = await graphRequest(context, account, {
			method: 'GET',
			path: `${phoneNumberId}/call_permissions`,
			query: person.to ? { user_wa_id: person.to } : { recipient: person.recipient ?? '' },
			repeat: 'freely',
		});
		if (!response.ok) throw toNodeApiError(context.getNode(), response.failure, itemIndex);
		const parsed = responseSchema.safeParse(response.value);
		if (!parsed.success)
			throw unexpectedResponse(
				input,
				'WhatsApp responded, but the response contains no permission',
				'Try again.',
			);
		const { permission, actions } = parsed.data;
		// Null if Meta does not say, which is not a "no".
		const may = (name: string) =>
			actions.find((action) => action.action_name === name)?.can_perform_action ?? null;
		return {
			json: {
				to: person.to ?? null,
				userId: person.recipient ?? null,
				status: permission.status,
				canCall: may('start_call'),
				canRequestPermission: may('send_call_permission_request'),
				expiresAt: permission.expiration_time ?? permission.expiration,
				limits: actions.flatMap((action) =>
					action.limits.map((limit) => ({
						action: action.action_name,
						period: limit.time_period,
						maxAllowed: limit.max_allowed,
						used: limit.current_usage,
						freeAgainAt: limit.limit_expiration_time,
					})),
				),
				phoneNumberId,
			},
		};
	},
};
