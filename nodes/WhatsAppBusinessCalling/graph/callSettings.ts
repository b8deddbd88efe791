import { z } from 'zod';

import type { Account } from './account';
import { unreadableAnswer } from './failure';
import { graphRequest } from './request';
import type { GraphContext, Result } from './types';
import { unixTime } from './wholeNumber';

const text = z.string().min(1).nullable().catch(null);

const time = unixTime.nullable().catch(null);

/**
 * Settings of calling of a number (Meta, "Call settings").
 * Times of day are texts of four digits; one sample has a colon between.
 */
const callingSchema = z.object({
	status: text,
	call_icon_visibility: text,
	callback_permission_status: text,
	call_hours: z
		.object({
			status: text,
			timezone_id: text,
			weekly_operating_hours: z
				.array(z.object({ day_of_week: z.string(), open_time: text, close_time: text }))
				.catch([]),
			holiday_schedule: z
				.array(
					z
						.object({
							date: z.string(),
							// The table of the documentation has the one names, its samples the other.
							start_time: text,
							end_time: text,
							open_time: text,
							close_time: text,
						})
						.transform((day) => ({
							date: day.date,
							start_time: day.start_time ?? day.open_time,
							end_time: day.end_time ?? day.close_time,
						})),
				)
				.catch([]),
		})
		.nullable()
		.catch(null),
	sip: z.object({ status: text }).nullable().catch(null),
	restrictions: z
		.object({
			restrictions_list: z
				.array(z.object({ type: z.string(), reason: text, expiration: time }))
				.catch([]),
		})
		.nullable()
		.catch(null),
});

export type CallSettings = z.infer<typeof callingSchema>;

/** A number whose settings of calling nobody has ever changed may come without them. */
const settingsSchema = z.object({ calling: callingSchema.nullish() });

const NONE: CallSettings = callingSchema.parse({});

export async function readCallSettings(
	context: GraphContext,
	account: Account,
	phoneNumberId: string,
): Promise<Result<CallSettings>> {
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: `${phoneNumberId}/settings`,
		repeat: 'freely',
	});
	if (!answer.ok) return answer;
	const parsed = settingsSchema.safeParse(answer.value);
	if (!parsed.success) {
		const failure = unreadableAnswer("Meta's answer about the call settings cannot be read");
		return { ok: false, failure };
	}
	return { ok: true, value: parsed.data.calling ?? NONE };
}
