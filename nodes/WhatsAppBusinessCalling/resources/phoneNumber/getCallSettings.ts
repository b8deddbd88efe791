import type { IDataObject } from 'n8n-workflow';

import { readCallSettings, type CallSettings } from '../../graph/callSettings';
import { toNodeApiError } from '../../graph/nodeApiError';
import { phoneNumberIdParameter } from '../shared/parameters';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation } from '../types';
import { withColon } from './callHours';

const displayOptions = { show: { resource: ['phoneNumber'], operation: ['getCallSettings'] } };

/** @source Meta, "Call settings": `GET /<PHONE_NUMBER_ID>/settings` */
export const getCallSettings: Operation = {
	properties: [phoneNumberField(displayOptions)],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const response = await readCallSettings(context, account, phoneNumberId);
		if (!response.ok) throw toNodeApiError(context.getNode(), response.failure, itemIndex);
		return { json: callSettingsFields(phoneNumberId, response.value) };
	},
};

/** The item of the call settings; null for what Meta does not say. */
export function callSettingsFields(phoneNumberId: string, settings: CallSettings): IDataObject {
	const { call_hours: hours, voicemail, sip } = settings;
	return {
		calling: settings.status,
		callIconVisibility: settings.call_icon_visibility,
		callIconCountries: settings.call_icons?.restrict_to_user_countries ?? null,
		callbackPermission: settings.callback_permission_status,
		callHours: hours && {
			status: hours.status,
			timeZone: hours.timezone_id,
			weeklyHours: hours.weekly_operating_hours.map((range) => ({
				day: range.day_of_week,
				opens: timeOf(range.open_time),
				closes: timeOf(range.close_time),
			})),
			holidays: hours.holiday_schedule.map((day) => ({
				date: day.date,
				starts: timeOf(day.start_time),
				ends: timeOf(day.end_time),
			})),
		},
		audioCodecs: settings.audio?.additional_codecs ?? null,
		voicemail: voicemail && {
			status: voicemail.status,
			triggers: voicemail.triggers,
			announcementMediaId: voicemail.audio?.default.announcement_media_id ?? null,
			timeoutSeconds: voicemail.audio?.default.timeout_seconds ?? null,
		},
		keyExchange: settings.srtp_key_exchange_protocol,
		sip: sip?.status ?? null,
		sipWebhookDelivery: sip?.webhook_delivery ?? null,
		sipServers:
			sip?.servers?.map((server) => ({
				hostname: server.hostname,
				port: server.port,
				requestUriUserParams: server.request_uri_user_params,
			})) ?? null,
		ipAddresses: settings.ip_addresses,
		video: settings.video,
		restrictions: (settings.restrictions?.restrictions_list ?? []).map((restriction) => ({
			type: restriction.type,
			reason: restriction.reason,
			endsAt: restriction.expiration,
		})),
		payloadEncryption: settings.payload_encryption,
		storageConfiguration: settings.storage_configuration,
		phoneNumberId,
		raw: settings.raw,
	} as IDataObject;
}

const timeOf = (time: string | null) => (time === null ? null : withColon(time));
