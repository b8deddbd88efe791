import type { CallSettings } from '../../graph/callSettings';
import type { PhoneNumber } from '../../graph/phoneNumbers';
import {
	asUser,
	isWithoutField,
	NUMBER_NAME,
	ofThisNumber,
	type Answers,
	type Check,
} from './answers';
import { bad, good, notChecked, type Finding } from './findings';

/** Below a messaging limit of 2,000, calling cannot be turned on (Meta, "Cloud API Calling"). */
const TOO_LOW = ['TIER_50', 'TIER_250', 'TIER_1K'];

const IN_MANAGER = 'WhatsApp Manager > Phone numbers > your number > Call settings';

export function numberChecks(answers: Answers, phoneNumberId: string): Check[] {
	const { numbers, number, settings, limit } = answers;
	const isCallingOn = settings.ok && settings.value.status === 'ENABLED';
	return [
		{
			id: 'phoneNumber',
			name: NUMBER_NAME,
			judge: asUser(answers, numbers, () =>
				number
					? good([number.verifiedName, number.displayPhoneNumber].filter(Boolean).join(' · '))
					: bad(
							`The number ${phoneNumberId} is not on this account`,
							'Choose the number from the list, or correct WhatsApp Business Account ID in the credential.',
						),
			),
		},
		{
			id: 'messagingLimit',
			name: 'Messaging limit',
			judge: isWithoutField(limit)
				? () => messagingLimit(null, isCallingOn)
				: ofThisNumber(answers, limit, (tier) => messagingLimit(tier, isCallingOn)),
		},
		{
			id: 'calling',
			name: 'Calling turned on',
			judge: ofThisNumber(answers, settings, ({ status }) =>
				status === 'ENABLED'
					? good('on')
					: bad(
							status === null ? 'never turned on' : 'off',
							`Turn calling on: operation Phone Number > Update Call Settings, or ${IN_MANAGER}.`,
						),
			),
		},
		{
			id: 'sip',
			name: 'SIP not in use',
			judge: ofThisNumber(answers, settings, ({ sip }) =>
				sip?.status === 'ENABLED'
					? bad(
							'The number uses SIP',
							"Turn SIP off where it was turned on (calling.sip.status in Meta's call settings API), or use another number: with SIP, calls do not come through this API.",
						)
					: good('not used'),
			),
		},
		{
			id: 'keyExchange',
			name: 'Key exchange for audio',
			judge: ofThisNumber(answers, settings, ({ srtp_key_exchange_protocol: protocol }) =>
				protocol === 'SDES'
					? bad(
							'SDES',
							"Change it to DTLS where it was set (calling.srtp_key_exchange_protocol in Meta's call settings API): browsers, media servers and voice agents connect with DTLS only.",
						)
					: good(protocol ?? 'DTLS (default)'),
			),
		},
		{
			id: 'quality',
			name: 'Quality and restrictions',
			judge: ofThisNumber(answers, settings, (found) => quality(found, number)),
		},
		{
			id: 'voicemail',
			name: 'Voicemail',
			judge: ofThisNumber(answers, settings, (found) => voicemail(found, answers)),
		},
	];
}

/** Voicemails come as messages, and only from people who can call. */
function voicemail(
	{ voicemail: found, call_hours: hours }: CallSettings,
	{ app }: Answers,
): Finding {
	if (found?.status !== 'ENABLED') return good('off');
	if (app.ok && app.value && !app.value.fields.includes('messages')) {
		return bad(
			'on, but the app is not subscribed to messages',
			'Choose the event Voicemail Received in the trigger, and publish the workflow again.',
		);
	}
	if (hours?.status !== 'ENABLED') return good('on');
	return good(
		'on, during call hours',
		'Turn call hours off with Phone Number > Update Call Settings: outside call hours nobody can call, so nobody can leave a voicemail.',
	);
}

function messagingLimit(tier: string | null, isCallingOn: boolean): Finding {
	if (tier === null) {
		return notChecked('Meta does not show it', 'Look it up in WhatsApp Manager > Phone numbers.');
	}
	// Test numbers need no limit, and nobody asks for it again once calling is on.
	if (!TOO_LOW.includes(tier) || isCallingOn) return good(tier);
	return bad(
		tier,
		'Raise the messaging limit to at least 2,000: verify the business in Meta Business Suite, or send more messages of good quality. Until then, calling cannot be turned on.',
	);
}

function quality({ restrictions }: CallSettings, number: PhoneNumber | undefined): Finding {
	const list = restrictions?.restrictions_list ?? [];
	if (list.length > 0) {
		const found = list.map(
			({ type, expiration }) => `${type}${expiration ? ` until ${expiration}` : ''}`,
		);
		return bad(
			found.join(', '),
			'Wait until the restriction ends, and call only people who expect it: WhatsApp has restricted calling because of bad feedback or calls that were not answered.',
		);
	}
	return good(number?.qualityRating ? `quality ${number.qualityRating}` : 'no restrictions');
}
