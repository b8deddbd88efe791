import { toNodeApiError } from '../../graph/apiError';
import { readCallSettings } from '../../graph/callSettings';
import { phoneNumberField } from '../fields';
import { phoneNumberIdParameter } from '../input';
import type { Operation } from '../types';

const displayOptions = { show: { resource: ['phoneNumber'], operation: ['getCallSettings'] } };

/** @source Meta, "Call settings": `GET /<PHONE_NUMBER_ID>/settings` */
export const getCallSettings: Operation = {
	properties: [phoneNumberField(displayOptions)],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const answer = await readCallSettings(context, account, phoneNumberId);
		if (!answer.ok) throw toNodeApiError(context.getNode(), answer.failure, itemIndex);
		const settings = answer.value;
		const hours = settings.call_hours;
		return {
			json: {
				phoneNumberId,
				calling: settings.status,
				callIconVisibility: settings.call_icon_visibility,
				callbackPermission: settings.callback_permission_status,
				callHours: hours
					? {
							status: hours.status,
							timeZone: hours.timezone_id,
							weeklyHours: hours.weekly_operating_hours.map((range) => ({
								day: range.day_of_week,
								opens: withColon(range.open_time),
								closes: withColon(range.close_time),
							})),
							holidays: hours.holiday_schedule.map((day) => ({
								date: day.date,
								starts: withColon(day.start_time),
								ends: withColon(day.end_time),
							})),
						}
					: null,
				sip: settings.sip?.status ?? null,
				restrictions: (settings.restrictions?.restrictions_list ?? []).map((restriction) => ({
					type: restriction.type,
					reason: restriction.reason,
					endsAt: restriction.expiration,
				})),
			},
		};
	},
};

/** `0900` as people write it: `09:00`. */
function withColon(time: string | null): string | null {
	return time === null ? null : time.replace(/^(\d{2})(\d{2})$/, '$1:$2');
}
