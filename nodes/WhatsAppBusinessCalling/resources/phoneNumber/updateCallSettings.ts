import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';

import { readCallSettings } from '../../graph/callSettings';
import { failureTitle, toNodeApiError } from '../../graph/nodeApiError';
import { graphChange } from '../../graph/request';
import { inputError, unexpectedResponse } from '../shared/errors';
import { asText, phoneNumberIdParameter } from '../shared/parameters';
import { phoneNumberField } from '../shared/phoneNumberField';
import type { Operation, OperationInput } from '../types';
import {
	callHoursBody,
	DAYS,
	readCallHours,
	withStoredSchedule,
	type CallHours,
} from './callHours';
import { callSettingsFields } from './getCallSettings';

const displayOptions = { show: { resource: ['phoneNumber'], operation: ['updateCallSettings'] } };

const onOff: INodePropertyOptions[] = [
	{ name: 'Off', value: 'DISABLED' },
	{ name: 'On', value: 'ENABLED' },
];

/** @source Meta, "Call settings": `POST /<PHONE_NUMBER_ID>/settings` */
export const updateCallSettings: Operation = {
	properties: [
		phoneNumberField(displayOptions),
		{
			displayName: 'Settings',
			name: 'settings',
			type: 'collection',
			placeholder: 'Add setting',
			default: {},
			description:
				'Settings to change; all others stay as they are. WhatsApp apps can take up to 7 days to show a change.',
			displayOptions,
			options: [
				{
					displayName: 'Calling',
					name: 'calling',
					type: 'options',
					options: onOff,
					default: 'ENABLED',
					description: 'Whether this number can make and receive calls',
				},
				{
					displayName: 'Call Hours',
					name: 'callHours',
					type: 'fixedCollection',
					placeholder: 'Add Call Hours',
					default: {},
					description:
						'When people can call. This replaces the whole schedule: ranges and holidays that are not listed here are deleted. To turn call hours off and keep the schedule, list none.',
					options: [
						{
							displayName: 'Hours',
							name: 'hours',
							values: [
								{
									displayName: 'Status',
									name: 'status',
									type: 'options',
									options: onOff,
									default: 'ENABLED',
								},
								{
									displayName: 'Time Zone',
									name: 'timeZone',
									type: 'string',
									default: '',
									placeholder: 'e.g. Europe/Berlin',
									description: 'Name of the time zone for these hours',
								},
								{
									displayName: 'Weekly Hours',
									name: 'weeklyHours',
									type: 'fixedCollection',
									typeOptions: { multipleValues: true },
									placeholder: 'Add Range',
									default: {},
									description:
										'At most two ranges a day. A range must end by midnight (24:00); for hours past midnight, add one for each day.',
									options: [
										{
											displayName: 'Range',
											name: 'range',
											values: [
												{
													displayName: 'Day',
													name: 'day',
													type: 'options',
													options: DAYS.map((day) => ({
														name: day[0] + day.slice(1).toLowerCase(),
														value: day,
													})),
													default: 'MONDAY',
												},
												{
													displayName: 'Opens',
													name: 'opens',
													type: 'string',
													default: '09:00',
													placeholder: 'e.g. 09:00',
												},
												{
													displayName: 'Closes',
													name: 'closes',
													type: 'string',
													default: '17:00',
													placeholder: 'e.g. 17:00',
												},
											],
										},
									],
								},
								{
									displayName: 'Holidays',
									name: 'holidays',
									type: 'fixedCollection',
									typeOptions: { multipleValues: true },
									placeholder: 'Add Holiday',
									default: {},
									description:
										'Days with different hours: at most 20, none in the past. If you list none, the holidays stored at WhatsApp are deleted.',
									options: [
										{
											displayName: 'Holiday',
											name: 'holiday',
											values: [
												{
													displayName: 'Date',
													name: 'date',
													type: 'string',
													default: '',
													placeholder: 'e.g. 2026-12-24',
												},
												{
													displayName: 'Starts',
													name: 'starts',
													type: 'string',
													default: '00:00',
													placeholder: 'e.g. 00:00',
												},
												{
													displayName: 'Ends',
													name: 'ends',
													type: 'string',
													default: '23:59',
													placeholder: 'e.g. 23:59',
												},
											],
										},
									],
								},
							],
						},
					],
				},
				{
					displayName: 'Call Icon',
					name: 'callIconVisibility',
					type: 'options',
					default: 'DEFAULT',
					description: 'Whether people see the call button in the chat with your business',
					options: [
						{ name: 'Hidden', value: 'DISABLE_ALL' },
						{ name: 'Shown', value: 'DEFAULT' },
					],
				},
				{
					displayName: 'Call-Back Permission',
					name: 'callbackPermission',
					type: 'options',
					options: onOff,
					default: 'ENABLED',
					description: 'Whether people who call you automatically allow you to call them back',
				},
			],
		},
	],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const { changes, hours } = settingsParameter(input);
		if (hours) {
			changes.call_hours = callHoursBody(await withSchedule(input, phoneNumberId, hours));
		}
		const response = await graphChange(context, account, {
			method: 'POST',
			path: `${phoneNumberId}/settings`,
			body: { calling: changes },
			repeat: 'freely',
		});
		if (!response.ok) throw toNodeApiError(context.getNode(), response.failure, itemIndex);
		const updated = await readCallSettings(context, account, phoneNumberId);
		if (updated.ok) return { json: callSettingsFields(phoneNumberId, updated.value) };
		throw unexpectedResponse(
			input,
			'WhatsApp changed the settings, but they could not be read back',
			`Run Get Call Settings to see them. ${failureTitle(updated.failure)}.`,
		);
	},
};

/** Meta's names and the panel's names of the settings with a single value. */
const SINGLE_VALUES = {
	calling: ['status', 'Calling'],
	callIconVisibility: ['call_icon_visibility', 'Call Icon'],
	callbackPermission: ['callback_permission_status', 'Call-Back Permission'],
} as const;

function settingsParameter(input: OperationInput): { changes: IDataObject; hours?: CallHours } {
	const settings = input.context.getNodeParameter('settings', input.itemIndex, {}) as IDataObject;
	const changes: IDataObject = {};
	for (const [name, [field, label]] of Object.entries(SINGLE_VALUES)) {
		if (name in settings) changes[field] = settingValue(input, label, settings[name]);
	}
	const given = (settings.callHours as IDataObject | undefined)?.hours as IDataObject | undefined;
	const hours = given && callHoursParameter(input, given);
	if (hours || Object.keys(changes).length > 0) return { changes, hours };
	throw inputError(
		input,
		'There is nothing to change',
		'Add at least one setting under Settings: calling, call icon, call hours or call-back permission.',
	);
}

/** @throws NodeOperationError for an added setting without a value: ignoring it would change less than requested */
function settingValue(input: OperationInput, label: string, value: unknown): string {
	const word = asText(value);
	if (word !== '') return word;
	throw inputError(
		input,
		`${label} has no value`,
		'Choose one, or remove the setting. If it is an expression, check what it evaluates to.',
	);
}

function callHoursParameter(input: OperationInput, given: IDataObject): CallHours {
	const read = readCallHours(
		{
			status: given.status ?? 'ENABLED',
			timeZone: given.timeZone,
			weeklyHours: (given.weeklyHours as IDataObject | undefined)?.range,
			holidays: (given.holidays as IDataObject | undefined)?.holiday,
		},
		Date.now(),
	);
	if (read.ok) return read.hours;
	throw inputError(input, 'The call hours are not valid', `${read.problems.join('. ')}.`);
}

/** Reads the stored schedule for call hours that are turned off without one. */
async function withSchedule(
	{ context, account, itemIndex }: OperationInput,
	phoneNumberId: string,
	hours: CallHours,
): Promise<CallHours> {
	if (hours.weeklyHours.length > 0) return hours;
	const stored = await readCallSettings(context, account, phoneNumberId);
	if (!stored.ok) throw toNodeApiError(context.getNode(), stored.failure, itemIndex);
	return withStoredSchedule(hours, stored.value.call_hours, Date.now());
}
