import { inputError } from '../shared/errors';
import { textParameter } from '../shared/parameters';
import { readPhoneNumber } from '../shared/person';
import type { OfflineOperation } from '../types';
import { payloadField, payloadParameter } from './payload';

const displayOptions = { show: { resource: ['callButton'], operation: ['getLink'] } };

/** No phone number in use has as many digits. */
const PHONE_NUMBER_ID = /^\d{15,20}$/;

/** @source Meta, "Call button messages and deep links": calling deep links */
export const getLink: OfflineOperation = {
	isOffline: true,

	properties: [
		{
			displayName: 'Business Phone Number',
			name: 'phoneNumber',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. +44 20 7946 0958',
			hint: 'The number itself, with country code, or {{ $json.displayPhoneNumber }} from the trigger; not the phone number ID',
			description:
				'Your WhatsApp Business phone number that the link calls. Calling must be turned on for it.',
			displayOptions,
		},
		{ ...payloadField('deeplinkPayload'), displayOptions },
	],

	async execute(input) {
		const written = textParameter(input, 'phoneNumber');
		if (written === '') {
			throw inputError(
				input,
				'The phone number is missing',
				'Enter the number that the link calls under Business Phone Number, with country code.',
			);
		}
		if (PHONE_NUMBER_ID.test(written)) {
			throw inputError(
				input,
				`"${written}" is a phone number ID, not a phone number`,
				'Enter the number itself, as people see it, with country code. The trigger has it as {{ $json.displayPhoneNumber }}.',
			);
		}
		const phoneNumber = readPhoneNumber(input, written);
		const payload = payloadParameter(input, 'payload');
		return { json: { link: callLink(phoneNumber, payload), phoneNumber, payload } };
	},
};

/**
 * A link that opens WhatsApp on a phone and calls the business.
 *
 * @param phoneNumber digits only
 * @example callLink('442079460958', 'order 7') // 'https://wa.me/call/442079460958?biz_payload=order%207'
 */
function callLink(phoneNumber: string, payload: string | null): string {
	const link = `https://wa.me/call/${phoneNumber}`;
	if (payload === null) return link;
	// Not encodeURIComponent, which throws for half of a pair; a plus for a blank is for forms only.
	const query = new URLSearchParams({ biz_payload: payload });
	return `${link}?${query.toString().replaceAll('+', '%20')}`;
}
