import type { IDataObject, INodePropertyOptions } from 'n8n-workflow';

import { toNodeApiError } from '../../graph/apiError';
import { graphChange } from '../../graph/request';
import { phoneNumberField } from '../fields';
import { inputError, phoneNumberIdParameter } from '../input';
import type { Operation, OperationInput } from '../types';
import { callHoursBody, callHoursSchema, DAYS } from './callHours';

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
			description: 'What to change; the rest stays. Apps may take up to 7 days to show a change.',
			displayOptions,
			options: [
				{
					displayName: 'Call Hours',
					name: 'callHours',
					type: 'fixedCollection',
					placeholder: 'Add Call Hours',
					default: {},
					description: 'When people can call. The whole schedule is replaced, holidays included.',
					options: [
						{
							displayName: 'Hours',
							name: 'hours',
							values: [
								{
									displayName: 'Holidays',
									name: 'holidays',
									type: 'fixedCollection',
									typeOptions: { multipleValues: true },
									placeholder: 'Add Holiday',
									default: {},
									description: 'Days with other hours, at most 20',
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
													displayName: 'Ends',
													name: 'ends',
													type: 'string',
													default: '23:59',
													placeholder: 'e.g. 23:59',
												},
												{
													displayName: 'Starts',
													name: 'starts',
													type: 'string',
													default: '00:00',
													placeholder: 'e.g. 00:00',
												},
											],
										},
									],
								},
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
									description: 'Name of the time zone in which the hours are given',
								},
								{
									displayName: 'Weekly Hours',
									name: 'weeklyHours',
									type: 'fixedCollection',
									typeOptions: { multipleValues: true },
									placeholder: 'Add Range',
									default: {},
									description: 'At most two ranges a day',
									options: [
										{
											displayName: 'Range',
											name: 'range',
											values: [
												{
													displayName: 'Closes',
													name: 'closes',
													type: 'string',
													default: '17:00',
													placeholder: 'e.g. 17:00',
												},
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
					description: 'Whether a person who calls you thereby allows you to call back',
				},
				{
					displayName: 'Calling',
					name: 'calling',
					type: 'options',
					options: onOff,
					default: 'ENABLED',
					description: 'Whether this number can make and take calls',
				},
			],
		},
	],

	async execute(input) {
		const { context, account, itemIndex } = input;
		const phoneNumberId = phoneNumberIdParameter(input);
		const calling = readSettings(input);
		const answer = await graphChange(context, account, {
			method: 'POST',
			path: `${phoneNumberId}/settings`,
			body: { calling },
			repeat: 'freely',
		});
		if (!answer.ok) throw toNodeApiError(context.getNode(), answer.failure, itemIndex);
		return { json: { phoneNumberId, success: true } };
	},
};

function readSettings(input: OperationInput): IDataObject {
	const settings = input.context.getNodeParameter('settings', input.itemIndex, {}) as IDataObject;
	const changes: IDataObject = {};
	if (settings.calling) changes.status = settings.calling;
	if (settings.callIconVisibility) changes.call_icon_visibility = settings.callIconVisibility;
	if (settings.callbackPermission) {
		changes.callback_permission_status = settings.callbackPermission;
	}
	const hours = (settings.callHours as IDataObject | undefined)?.hours as IDataObject | undefined;
	if (hours) changes.call_hours = readCallHours(input, hours);
	if (Object.keys(changes).length > 0) return changes;
	throw inputError(
		input,
		'There is nothing to change',
		'Add at least one setting under Settings: calling, call icon, call hours or call-back permission.',
	);
}

function readCallHours(input: OperationInput, hours: IDataObject): IDataObject {
	const parsed = callHoursSchema.safeParse({
		status: hours.status ?? 'ENABLED',
		timeZone: hours.timeZone ?? '',
		weeklyHours: (hours.weeklyHours as IDataObject | undefined)?.range ?? [],
		holidays: (hours.holidays as IDataObject | undefined)?.holiday ?? [],
	});
	if (parsed.success) return callHoursBody(parsed.data);
	const problems = [...new Set(parsed.error.issues.map((issue) => issue.message))];
	throw inputError(input, 'The call hours need a correction', `${problems.join('. ')}.`);
}
