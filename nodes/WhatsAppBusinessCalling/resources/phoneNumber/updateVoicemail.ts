import type { IDataObject, INodeProperties } from 'n8n-workflow';

import { readCallSettings } from '../../graph/callSettings';
import { toNodeApiError } from '../../graph/nodeApiError';
import { graphChange } from '../../graph/request';
import { numberSchema } from '../../parameterSchemas';
import { inputError } from '../shared/errors';
import { asText, phoneNumberIdParameter, truncate } from '../shared/parameters';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';
import { readAnnouncementFile, uploadAnnouncement } from './announcement';

const show = { resource: ['phoneNumber'], operation: ['updateVoicemail'] };
const whenOn = { show: { ...show, status: ['ENABLED'] } };

/** Seconds of ringing (Meta, "Call settings"). */
const MAX_TIMEOUT = 30;

const timeoutSchema = numberSchema(
	'Ring For (Seconds) must be a whole number from 0 to 30',
	(seconds) => seconds.int().min(0).max(MAX_TIMEOUT),
);

const TRIGGERS = ['REJECT', 'TIMEOUT'];

const fields: INodeProperties[] = [
	{
		displayName: 'Voicemail',
		name: 'status',
		type: 'options',
		default: 'ENABLED',
		description:
			'Whether people can leave a voicemail. Calling must be on; turn call hours off, because nobody can call outside them.',
		displayOptions: { show },
		options: [
			{ name: 'Off', value: 'DISABLED' },
			{ name: 'On', value: 'ENABLED' },
		],
	},
	{
		displayName: 'When',
		name: 'triggers',
		type: 'multiOptions',
		default: ['REJECT', 'TIMEOUT'],
		required: true,
		description: 'Which incoming calls voicemail answers',
		displayOptions: whenOn,
		options: [
			{
				name: 'Not Answered',
				value: 'TIMEOUT',
				description: 'Nobody accepts or rejects the call within the time under Ring For (Seconds)',
			},
			{ name: 'Rejected', value: 'REJECT', description: 'You reject the call (Call > Reject)' },
		],
	},
	{
		displayName: 'Ring For (Seconds)',
		name: 'timeoutSeconds',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: MAX_TIMEOUT },
		default: 20,
		description:
			'How long a call rings before voicemail answers it, in seconds, at most 30. Only for calls that are not answered.',
		displayOptions: whenOn,
	},
	{
		displayName: 'Announcement',
		name: 'announcement',
		type: 'options',
		default: 'file',
		description: 'What people hear before they can speak',
		displayOptions: whenOn,
		options: [
			{
				name: 'Audio File',
				value: 'file',
				description: 'From a binary field: Ogg with Opus, shorter than 60 seconds',
			},
			{
				name: "WhatsApp's Default",
				value: 'default',
				description:
					"No announcement of your own. WhatsApp may reject this, because Meta's documentation requires one.",
			},
			{
				name: 'Unchanged',
				value: 'stored',
				description: 'The announcement that the number already has',
			},
		],
	},
	{
		displayName: 'Input Binary Field',
		name: 'binaryPropertyName',
		type: 'string',
		default: 'data',
		required: true,
		hint: 'The name of the input binary field that contains the announcement',
		displayOptions: { show: { ...whenOn.show, announcement: ['file'] } },
	},
];

/** @source Meta, "Call settings": voicemail, `POST /<PHONE_NUMBER_ID>/settings` */
export const updateVoicemail: Operation = {
	properties: [phoneNumberField({ show }), ...fields],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const voicemail = isOn(input)
			? await settingsOf(input, phoneNumberId)
			: { status: 'DISABLED', triggers: null, timeoutSeconds: null, announcementMediaId: null };
		const response = await graphChange(context, account, {
			method: 'POST',
			path: `${phoneNumberId}/settings`,
			body: { calling: { voicemail: bodyOf(voicemail) } },
			repeat: 'freely',
		});
		if (!response.ok) {
			throw toNodeApiError(context.getNode(), response.failure, itemIndex, 'voicemail');
		}
		return { json: { phoneNumberId, success: true, voicemail: { ...voicemail } } };
	},
};

interface Voicemail {
	status: string;
	triggers: string[] | null;
	timeoutSeconds: number | null;
	/** A text: it may be longer than the numbers of JavaScript. */
	announcementMediaId: string | null;
}

/** Meta's table says that the ID is a number; it also takes a text, which keeps all digits. */
function bodyOf({ status, triggers, timeoutSeconds, announcementMediaId }: Voicemail): IDataObject {
	if (triggers === null) return { status };
	return {
		status,
		triggers,
		audio: {
			default: {
				...(announcementMediaId !== null && { announcement_media_id: announcementMediaId }),
				...(timeoutSeconds !== null && { timeout_seconds: timeoutSeconds }),
			},
		},
	};
}

/** @throws NodeOperationError for what Meta would refuse, before anything is uploaded */
async function settingsOf(input: OperationInput, phoneNumberId: string): Promise<Voicemail> {
	const triggers = triggersParameter(input);
	const timeoutSeconds = triggers.includes('TIMEOUT') ? timeoutParameter(input) : null;
	const announcementMediaId = await announcementOf(input, phoneNumberId);
	return { status: 'ENABLED', triggers, timeoutSeconds, announcementMediaId };
}

async function announcementOf(
	input: OperationInput,
	phoneNumberId: string,
): Promise<string | null> {
	switch (choiceParameter(input, 'announcement', 'Announcement', ['file', 'default', 'stored'])) {
		case 'file':
			return await uploadAnnouncement(input, phoneNumberId, await readAnnouncementFile(input));
		case 'stored':
			return await storedAnnouncement(input, phoneNumberId);
		default:
			return null;
	}
}

async function storedAnnouncement(input: OperationInput, phoneNumberId: string): Promise<string> {
	const { context, account, itemIndex } = input;
	const settings = await readCallSettings(context, account, phoneNumberId);
	if (!settings.ok) throw toNodeApiError(context.getNode(), settings.failure, itemIndex);
	const mediaId = settings.value.voicemail?.audio?.default.announcement_media_id;
	if (mediaId) return mediaId;
	throw inputError(
		input,
		'The number has no announcement yet',
		'Choose Audio File under Announcement, and provide one.',
	);
}

function isOn(input: OperationInput): boolean {
	return choiceParameter(input, 'status', 'Voicemail', ['ENABLED', 'DISABLED']) === 'ENABLED';
}

function triggersParameter(input: OperationInput): string[] {
	const given: unknown = input.context.getNodeParameter('triggers', input.itemIndex, []);
	// An expression may give one of them as text.
	const chosen = [given].flat().map((trigger) => asText(trigger).toUpperCase());
	const unknown = chosen.find((trigger) => !TRIGGERS.includes(trigger));
	if (chosen.length > 0 && unknown === undefined) {
		return TRIGGERS.filter((trigger) => chosen.includes(trigger));
	}
	throw inputError(
		input,
		unknown ? `"${truncate(unknown)}" is not a value of When` : 'When is empty',
		'Choose Rejected, Not Answered or both. To have no voicemail, turn it off. In an expression, use a list of REJECT and TIMEOUT.',
	);
}

function timeoutParameter(input: OperationInput): number {
	const { context, itemIndex } = input;
	const seconds = timeoutSchema.safeParse(context.getNodeParameter('timeoutSeconds', itemIndex));
	if (seconds.success) return seconds.data;
	throw inputError(
		input,
		seconds.error.issues[0].message,
		`Enter how long the call rings before voicemail answers. WhatsApp allows at most ${MAX_TIMEOUT} seconds.`,
	);
}

function choiceParameter<Choice extends string>(
	{ context, itemIndex }: OperationInput,
	name: string,
	label: string,
	choices: Choice[],
): Choice {
	const given = asText(context.getNodeParameter(name, itemIndex, ''));
	const choice = choices.find((one) => one.toLowerCase() === given.toLowerCase());
	if (choice !== undefined) return choice;
	throw inputError(
		{ context, itemIndex },
		`"${truncate(given)}" is not a value of ${label}`,
		`Choose one, or let the expression evaluate to one of these: ${choices.join(', ')}.`,
	);
}
