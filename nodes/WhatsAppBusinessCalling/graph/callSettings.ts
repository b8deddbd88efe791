import type { IDataObject } from 'n8n-workflow';
import { z } from 'zod';

import { copyOf } from '../nesting';
import type { Account } from './account';
import { graphRequest, parseResponse } from './request';
import { idText, orNull, text, texts, unixTime, wholeNumber } from './scalars';
import type { GraphContext, Result } from './types';

/** A field whose form Meta does not document. */
const undocumented = z.unknown().transform((value) => withoutSecrets(value ?? null));

/** A list without the rows that do not fit the schema; empty for anything but a list. */
const validRows = <Row extends z.ZodTypeAny>(row: Row) =>
	z
		.array(orNull(row))
		.catch([])
		.transform((rows) => rows.filter((found): found is z.output<Row> => found !== null));

const weeklyRangeSchema = z.object({ day_of_week: z.string(), open_time: text, close_time: text });

const holidaySchema = z
	.object({
		date: z.string(),
		// Meta's samples have `start_time` and `end_time`, its table `open_time` and `close_time`.
		start_time: text,
		end_time: text,
		open_time: text,
		close_time: text,
	})
	.transform((day) => ({
		date: day.date,
		start_time: day.start_time ?? day.open_time,
		end_time: day.end_time ?? day.close_time,
	}));

const callHoursSchema = z.object({
	status: text,
	timezone_id: text,
	weekly_operating_hours: validRows(weeklyRangeSchema),
	holiday_schedule: validRows(holidaySchema),
});

const voicemailAudioSchema = z.object({
	default: z.object({
		announcement_media_id: orNull(idText),
		timeout_seconds: orNull(wholeNumber),
	}),
});

const sipServerSchema = z.object({
	hostname: text,
	port: orNull(wholeNumber),
	request_uri_user_params: undocumented,
});

const restrictionSchema = z.object({
	type: z.string(),
	reason: text,
	expiration: orNull(unixTime),
});

/**
 * Call settings of a number (Meta, "Call settings"; `srtp_key_exchange_protocol` and the details of SIP:
 * "SIP"). Times of day are texts of four digits; one sample has a colon between them.
 */
const callingSchema = z.object({
	status: text,
	call_icon_visibility: text,
	call_icons: orNull(z.object({ restrict_to_user_countries: texts })),
	callback_permission_status: text,
	call_hours: orNull(callHoursSchema),
	audio: orNull(z.object({ additional_codecs: texts })),
	voicemail: orNull(
		z.object({ status: text, triggers: texts, audio: orNull(voicemailAudioSchema) }),
	),
	srtp_key_exchange_protocol: text,
	sip: orNull(
		z.object({
			status: text,
			webhook_delivery: text,
			servers: orNull(z.array(sipServerSchema)),
		}),
	),
	ip_addresses: undocumented,
	video: undocumented,
	restrictions: orNull(z.object({ restrictions_list: z.array(restrictionSchema).catch([]) })),
});

/** Meta may leave out `calling` for a number whose call settings were never changed. */
const settingsSchema = z.object({
	calling: callingSchema.nullish().transform((calling) => calling ?? callingSchema.parse({})),
	payload_encryption: undocumented,
	storage_configuration: undocumented,
});

export interface CallSettings extends z.infer<typeof callingSchema> {
	payload_encryption?: unknown;
	storage_configuration?: unknown;
	/** The whole response, without what looks like a secret. */
	raw: IDataObject;
}

export async function readCallSettings(
	context: GraphContext,
	account: Account,
	phoneNumberId: string,
): Promise<Result<CallSettings>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: `${phoneNumberId}/settings`,
		repeat: 'freely',
	});
	if (!response.ok) return response;
	const message = "Meta's response about the call settings cannot be read";
	const settings = parseResponse(response, settingsSchema, message);
	if (!settings.ok) return settings;
	const { calling, ...others } = settings.value;
	const raw = withoutSecrets(response.value) as IDataObject;
	return { ok: true, value: { ...calling, ...others, raw } };
}

/** Names such as `sip_user_password`, which Meta sends when it is asked for the SIP credentials. */
const SECRET_NAME =
	/passw|pwd|pass(?:code|phrase)|secret|token|credential|auth|(?:private|access|api|encryption)_?key|pem$|signature/i;

/** Meta's responses have three or four. */
const MAX_LEVELS = 20;

/** A copy of a JSON value without the fields whose name suggests a secret. */
function withoutSecrets(value: unknown): unknown {
	return copyOf(value, {
		levels: MAX_LEVELS,
		deeper: null,
		keeps: (name) => !SECRET_NAME.test(name),
	});
}
