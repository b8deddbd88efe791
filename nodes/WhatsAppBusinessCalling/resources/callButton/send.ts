import { numberSchema } from '../../parameterSchemas';
import { inputError } from '../shared/errors';
import { asText, limitedText, textParameter } from '../shared/parameters';
import { personFields, readPerson } from '../shared/person';
import { phoneNumberField } from '../shared/phoneNumberField';
import { messageTextParameter, sendMessage } from '../shared/sendMessage';
import type { Operation, OperationInput } from '../types';
import { payloadField, payloadParameter } from './payload';

const displayOptions = { show: { resource: ['callButton'], operation: ['send'] } };

/** Characters on the button (Meta, "Call button messages and deep links"). */
const MAX_BUTTON_LENGTH = 20;

/** 30 days (same page). */
const MAX_LIFETIME_MINUTES = 43_200;

const lifetimeSchema = numberSchema(
	'Valid For (Minutes) must be a whole number from 1 to 43200',
	(minutes) => minutes.int().min(1).max(MAX_LIFETIME_MINUTES),
);

/** @source Meta, "Call button messages and deep links": the interactive message `voice_call` */
export const send: Operation = {
	properties: [
		phoneNumberField(displayOptions),
		...personFields(displayOptions, 'invite'),
		{
			displayName: 'Message',
			name: 'bodyText',
			type: 'string',
			typeOptions: { rows: 2 },
			default: '',
			required: true,
			placeholder: 'e.g. Questions about your order? Call us.',
			description:
				'Text shown above the button, up to 1,024 characters. Can only be sent within 24 hours after the person last wrote to you or called you. Meta bills it as a message.',
			displayOptions,
		},
		{
			displayName: 'Button Text',
			name: 'buttonText',
			type: 'string',
			default: '',
			placeholder: 'e.g. Call Us',
			description:
				'Text on the button, up to 20 characters. If it is empty, WhatsApp shows Call Now.',
			displayOptions,
		},
		{
			displayName: 'Options',
			name: 'options',
			type: 'collection',
			placeholder: 'Add option',
			default: {},
			displayOptions,
			options: [
				payloadField('ctaPayload'),
				{
					displayName: 'Valid For (Minutes)',
					name: 'ttlMinutes',
					type: 'number',
					typeOptions: { minValue: 1, maxValue: MAX_LIFETIME_MINUTES },
					default: 10_080,
					description:
						'How long the button can be used, in minutes, up to 43200 (30 days). Without this option it is 7 days.',
				},
			],
		},
	],

	async execute(input) {
		const person = readPerson(input);
		const bodyText = messageTextParameter(input, 'bodyText');
		if (bodyText === '') {
			throw inputError(
				input,
				'The message is missing',
				'Enter the text that is shown above the button, under Message.',
			);
		}
		const buttonText = textParameter(input, 'buttonText');
		const payload = payloadParameter(input, 'options.payload');
		const parameters = {
			...(buttonText !== '' && {
				display_text: limitedText(input, buttonText, 'button text', MAX_BUTTON_LENGTH),
			}),
			...lifetimeParameter(input),
			...(payload !== null && { payload }),
		};
		const sent = await sendMessage(input, person, {
			type: 'interactive',
			interactive: {
				type: 'voice_call',
				body: { text: bodyText },
				action: {
					name: 'voice_call',
					...(Object.keys(parameters).length > 0 && { parameters }),
				},
			},
		});
		return { json: { ...sent, payload } };
	},
};

function lifetimeParameter(input: OperationInput): { ttl_minutes?: number } {
	const given: unknown = input.context.getNodeParameter('options.ttlMinutes', input.itemIndex, '');
	if (asText(given) === '') return {};
	const minutes = lifetimeSchema.safeParse(given);
	if (minutes.success) return { ttl_minutes: minutes.data };
	throw inputError(
		input,
		minutes.error.issues[0].message,
		'43200 minutes are 30 days. Correct the option, or remove it: the button can then be used for 7 days.',
	);
}
