import { z } from 'zod';

import { toNodeApiError } from '../../graph/apiError';
import { graphRequest } from '../../graph/request';
import { unixTime, wholeNumber } from '../../graph/wholeNumber';
import { phoneNumberField } from '../fields';
import { oddAnswer, phoneNumberIdParameter } from '../input';
import { personFields, readPerson } from '../person';
import type { Operation } from '../types';

const displayOptions = { show: { resource: ['permission'], operation: ['get'] } };

const count = wholeNumber.nullable().catch(null);

const time = unixTime.nullable().catch(null);

const limitSchema = z.object({
	time_period: z.string().nullable().catch(null),
	max_allowed: count,
	current_usage: count,
	limit_expiration_time: time,
});

const answerSchema = z.object({
	permission: z.object({
		status: z.string().transform((word) => word.trim().toLowerCase()),
		// The table of the documentation has the one name, its sample the other.
		expiration_time: time,
		expiration: time,
	}),
	actions: z
		.array(
			z.object({
				action_name: z.string(),
				can_perform_action: z.boolean().nullable().catch(null),
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
		const answer = await graphRequest(context, account, {
			method: 'GET',
			path: `${phoneNumberId}/call_permissions`,
			query: person.to ? { user_wa_id: person.to } : { recipient: person.recipient ?? '' },
			repeat: 'freely',
		});
		if (!answer.ok) throw toNodeApiError(context.getNode(), answer.failure, itemIndex);
		const parsed = answerSchema.safeParse(answer.value);
		if (!parsed.success)
			throw oddAnswer(input, 'the response contains no permission', 'Try again.');
		const { permission, actions } = parsed.data;
		// Null where Meta does not say: that is no "no".
		const may = (name: string) =>
			actions.find((action) => action.action_name === name)?.can_perform_action ?? null;
		return {
			json: {
				phoneNumberId,
				to: person.to ?? null,
				recipient: person.recipient ?? null,
				status: permission.status,
				expiresAt: permission.expiration_time ?? permission.expiration,
				canCall: may('start_call'),
				canRequestPermission: may('send_call_permission_request'),
				limits: actions.flatMap((action) =>
					action.limits.map((limit) => ({
						action: action.action_name,
						period: limit.time_period,
						maxAllowed: limit.max_allowed,
						used: limit.current_usage,
						freeAgainAt: limit.limit_expiration_time,
					})),
				),
			},
		};
	},
};
