import type { IDataObject } from 'n8n-workflow';
import { z } from 'zod';

import type { Account } from './account';
import { unreadableAnswer } from './failure';
import { graphRequest } from './request';
import type { GraphContext, Result } from './types';
import { idText, unixTime, wholeNumber } from './wholeNumber';

const text = z.string().min(1).nullable().catch(null);

const texts = z.array(z.string()).nullable().catch(null);

const time = unixTime.nullable().catch(null);

/** What an operator may want to know, but nobody has published a form of. */
const unknown = z.unknown().transform((value) => withoutSecrets(value ?? null));

/** The rows that can be read: an odd one does not cost the others. */
function readable<T>(rows: Array<T | null>): T[] {
	return rows.filter((row) => row !== null);
}

/**
 * Settings of calling of a number (Meta, "Call settings"; `srtp_key_exchange_protocol` and the details of SIP:
 * "SIP"). Times of day are texts of four digits; one sample has a colon between.
 */
const callingSchema = z.object({
	status: text,
	call_icon_visibility: text,
	call_icons: z.object({ restrict_to_user_countries: texts }).nullable().catch(null),
	callback_permission_status: text,
	call_hours: z
		.object({
			status: text,
			timezone_id: text,
			weekly_operating_hours: z
				.array(
					z
						.object({ day_of_week: z.string(), open_time: text, close_time: text })
						.nullable()
						.catch(null),
				)
				.catch([])
				.transform(readable),
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
						}))
						.nullable()
						.catch(null),
				)
				.catch([])
				.transform(readable),
		})
		.nullable()
		.catch(null),
	audio: z.object({ additional_codecs: texts }).nullable().catch(null),
	voicemail: z
		.object({
			status: text,
			triggers: texts,
			audio: z
				.object({
					default: z.object({
						announcement_media_id: idText.nullable().catch(null),
						timeout_seconds: wholeNumber.nullable().catch(null),
					}),
				})
				.nullable()
				.catch(null),
		})
		.nullable()
		.catch(null),
	srtp_key_exchange_protocol: text,
	sip: z
		.object({
			status: text,
			webhook_delivery: text,
			servers: z
				.array(
					z.object({
						hostname: text,
						port: wholeNumber.nullable().catch(null),
						request_uri_user_params: unknown,
					}),
				)
				.nullable()
				.catch(null),
		})
		.nullable()
		.catch(null),
	ip_addresses: unknown,
	video: unknown,
	restrictions: z
		.object({
			restrictions_list: z
				.array(z.object({ type: z.string(), reason: text, expiration: time }))
				.catch([]),
		})
		.nullable()
		.catch(null),
});

/** A number whose settings of calling nobody has ever changed may come without them. */
const settingsSchema = z.object({
	calling: callingSchema.nullish().transform((calling) => calling ?? callingSchema.parse({})),
	payload_encryption: unknown,
	storage_configuration: unknown,
});

export interface CallSettings extends z.infer<typeof callingSchema> {
	payload_encryption?: unknown;
	storage_configuration?: unknown;
	/** The whole answer, but for what looks like a secret. */
	raw: IDataObject;
}

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
		const failure = unreadableAnswer("Meta's response about the call settings cannot be read");
		return { ok: false, failure };
	}
	const { calling, ...beside } = parsed.data;
	const raw = withoutSecrets(answer.value) as IDataObject;
	return { ok: true, value: { ...calling, ...beside, raw } };
}

/** Names such as `sip_user_password`, which Meta sends when it is asked for the credentials of SIP. */
const SECRET_NAME =
	/passw|pwd|pass(?:code|phrase)|secret|token|credential|auth|(?:private|access|api|encryption)_?key|pem$|signature/i;

/** An answer of Meta's has three or four levels; what is nested without an end must not end n8n. */
const MAX_DEPTH = 20;

/** A copy of a JSON value without the fields whose name says that they hold a secret. */
function withoutSecrets(value: unknown, depth = 0): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (depth >= MAX_DEPTH) return null;
	if (Array.isArray(value)) return value.map((element) => withoutSecrets(element, depth + 1));
	return Object.fromEntries(
		Object.entries(value)
			.filter(([name]) => !SECRET_NAME.test(name))
			.map(([name, field]) => [name, withoutSecrets(field, depth + 1)]),
	);
}
