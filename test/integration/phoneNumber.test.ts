import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { NUMBER } from '../support/constants';
import type { ActionRun } from './engine/actionRun';
import { useStage } from './engineStage';

// Before the holidays that are set: Meta refuses those in the past.
const stage = useStage({ clockStart: Date.parse('2026-11-01T00:00:00Z') });

async function phoneNumber(
	operation: string,
	parameters: INodeParameters = {},
): Promise<ActionRun> {
	return await stage.runOnNumber('phoneNumber', operation, parameters);
}

const jsonOf = ({ items }: ActionRun) => items.map(({ json }) => json);

/** As the editor saves it. */
const range = (day: string, opens: string, closes: string) => ({ day, opens, closes });
const callHours = (
	weekly: Array<ReturnType<typeof range>>,
	more: INodeParameters = {},
): INodeParameters => ({
	callHours: {
		hours: {
			status: 'ENABLED',
			timeZone: 'Europe/Berlin',
			weeklyHours: { range: weekly },
			...more,
		},
	},
});

describe('getting many phone numbers', () => {
	function withNumbers(count: number): void {
		const { phoneNumbers } = stage.emulator.account;
		const [first] = phoneNumbers;
		phoneNumbers.length = 0;
		for (let i = 1; i <= count; i++) phoneNumbers.push({ ...first, id: String(1000 + i) });
	}

	it('Each number is an item with what is needed to choose', async () => {
		const items = jsonOf(await phoneNumber('getMany'));
		expect(items).toHaveLength(4);
		expect(items[0]).toEqual({
			phoneNumberId: NUMBER,
			displayPhoneNumber: '+44 20 7946 0958',
			verifiedName: 'Emulated Support',
			qualityRating: 'GREEN',
			status: 'CONNECTED',
			platform: 'CLOUD_API',
		});
	});

	it.each<[INodeParameters, number, number]>([
		[{}, 50, 1],
		[{ limit: 1 }, 1, 1],
		[{ limit: 150 }, 150, 2],
		[{ returnAll: true, limit: 1 }, 250, 3],
	])('The list of 250 with %j gives %d in %d requests', async (parameters, items, requests) => {
		withNumbers(250);
		const found = jsonOf(await phoneNumber('getMany', parameters));
		expect(found).toHaveLength(items);
		expect(new Set(found.map(({ phoneNumberId }) => phoneNumberId)).size).toBe(items);
		expect(stage.requests('phoneNumbers')).toHaveLength(requests);
	});

	it('An account without numbers gives no items', async () => {
		withNumbers(0);
		expect(jsonOf(await phoneNumber('getMany', { returnAll: true }))).toEqual([]);
	});

	it.each([0, -1, 1.5, 'abc', null])('The limit %j is rejected', async (limit) => {
		const { error } = await phoneNumber('getMany', { limit } as INodeParameters);
		expect(error.message).toBe('Limit must be a whole number, 1 or above');
		expect(stage.requests('phoneNumbers')).toEqual([]);
	});

	it('The page of a proxy is not taken for an account without numbers', async () => {
		stage.emulator.failNext('phoneNumbers', { status: 200, body: '<html>' }, { times: Infinity });
		const { error } = await phoneNumber('getMany');
		expect(error.message).toBe('Meta returned a response that cannot be read');
	});

	it("Another account's list is an error that says what is wrong", async () => {
		const run = await stage.engine.run(
			{ ...stage.credential, businessAccountId: '999' },
			{ resource: 'phoneNumber', operation: 'getMany' },
		);
		expect(run.error.message).toMatch(/^Meta does not know this ID/);
	});
});

describe('getting call settings', () => {
	const get = async () => jsonOf(await phoneNumber('getCallSettings'))[0];

	it('A number that was never set up has empty settings', async () => {
		expect(await get()).toEqual({
			phoneNumberId: NUMBER,
			calling: 'ENABLED',
			callIconVisibility: 'DEFAULT',
			callIconCountries: null,
			callbackPermission: 'DISABLED',
			callHours: null,
			audioCodecs: null,
			voicemail: null,
			keyExchange: null,
			sip: null,
			sipWebhookDelivery: null,
			sipServers: null,
			ipAddresses: null,
			video: null,
			restrictions: [],
			payloadEncryption: null,
			storageConfiguration: { status: 'DEFAULT' },
			raw: {
				storage_configuration: { status: 'DEFAULT' },
				calling: {
					status: 'ENABLED',
					call_icon_visibility: 'DEFAULT',
					callback_permission_status: 'DISABLED',
				},
			},
		});
	});

	it('The settings contain all that Meta sends, except secrets', async () => {
		const secret = 'HUNTER2';
		stage.emulator.failNext('settings', {
			status: 200,
			// As text: the ID is longer than a number of JavaScript.
			body: `{"calling": {
				"call_icons": {"restrict_to_user_countries": ["US", "GB"]},
				"audio": {"additional_codecs": ["PCMU"]},
				"voicemail": {"status": "ENABLED", "triggers": ["REJECT"],
					"audio": {"default": {"announcement_media_id": 90071992547409931, "timeout_seconds": 20}}},
				"srtp_key_exchange_protocol": "SDES",
				"sip": {"status": "ENABLED", "webhook_delivery": "DISABLED", "servers": [
					{"hostname": "sip.example.com", "port": 5061, "sip_user_password": "${secret}"}]},
				"ip_addresses": {"default": ["192.0.2.1"]},
				"video": {"status": "DISABLED"},
				"new_setting": 1},
				"payload_encryption": {"status": "DISABLED", "private_key": "${secret}"},
				"storage_configuration": {"status": "DEFAULT"}}`,
		});
		const json = await get();
		expect(json).toMatchObject({
			callIconCountries: ['US', 'GB'],
			audioCodecs: ['PCMU'],
			voicemail: {
				status: 'ENABLED',
				triggers: ['REJECT'],
				announcementMediaId: '90071992547409931',
				timeoutSeconds: 20,
			},
			keyExchange: 'SDES',
			sip: 'ENABLED',
			sipWebhookDelivery: 'DISABLED',
			sipServers: [{ hostname: 'sip.example.com', port: 5061, requestUriUserParams: null }],
			ipAddresses: { default: ['192.0.2.1'] },
			video: { status: 'DISABLED' },
			payloadEncryption: { status: 'DISABLED' },
			storageConfiguration: { status: 'DEFAULT' },
			raw: { calling: { new_setting: 1, sip: { servers: [{ port: 5061 }] } } },
		});
		expect(JSON.stringify(json)).not.toContain(secret);
	});

	it('The settings have call hours as people write them, SIP and restrictions', async () => {
		const [number] = stage.emulator.account.phoneNumbers;
		stage.emulator.presetSubscription('https://n8n.example/webhook');
		await phoneNumber('updateCallSettings', {
			settings: callHours([range('MONDAY', '9:00', '17:30')], {
				holidays: { holiday: [{ date: '2099-12-24', starts: '00:00', ends: '23:59' }] },
			}),
		});
		number.sipEnabled = true;
		number.restrictions = [
			{
				type: 'RESTRICTED_BUSINESS_INITIATED_CALLING',
				reason: 'Low pick-up rate',
				expiresAt: Date.UTC(2026, 11, 1),
			},
		];
		expect(await get()).toMatchObject({
			sip: 'ENABLED',
			callHours: {
				status: 'ENABLED',
				timeZone: 'Europe/Berlin',
				weeklyHours: [{ day: 'MONDAY', opens: '09:00', closes: '17:30' }],
				holidays: [{ date: '2099-12-24', starts: '00:00', ends: '23:59' }],
			},
			restrictions: [
				{
					type: 'RESTRICTED_BUSINESS_INITIATED_CALLING',
					reason: 'Low pick-up rate',
					endsAt: '2026-12-01T00:00:00.000Z',
				},
			],
		});
	});

	it('Holidays are read under their other documented names, and times with a colon', async () => {
		stage.emulator.failNext('settings', {
			status: 200,
			body: {
				calling: {
					status: 'ENABLED',
					call_hours: {
						status: 'ENABLED',
						timezone_id: 'UTC',
						weekly_operating_hours: [
							{ day_of_week: 'MONDAY', open_time: '04:00', close_time: '1020' },
						],
						holiday_schedule: [{ date: '2026-01-01', open_time: '0000', close_time: '2359' }],
					},
				},
			},
		});
		expect((await get()).callHours).toMatchObject({
			weeklyHours: [{ opens: '04:00', closes: '10:20' }],
			holidays: [{ date: '2026-01-01', starts: '00:00', ends: '23:59' }],
		});
	});

	it.each<[string, unknown]>([
		['nothing', {}],
		['odd parts', { calling: { status: 1, call_hours: [], restrictions: 'x', sip: null } }],
	])('A response with %s counts as nothing set', async (_, body) => {
		stage.emulator.failNext('settings', { status: 200, body });
		expect(await get()).toMatchObject({
			calling: null,
			callHours: null,
			sip: null,
			restrictions: [],
		});
	});

	it.each(['<html>of a proxy</html>', { calling: 'ENABLED' }])(
		'A response of %j is not taken for settings',
		async (body) => {
			stage.emulator.failNext('settings', { status: 200, body }, { times: Infinity });
			const { error } = await phoneNumber('getCallSettings');
			expect(error.message).toBe('Meta returned a response that cannot be read');
			expect(error.description).toContain('any proxy between n8n and Meta');
		},
	);

	it('A number of another account is an error that says what is wrong', async () => {
		const { error } = await phoneNumber('getCallSettings', {
			phoneNumberId: { __rl: true, mode: 'id', value: '999' },
		});
		expect(error.message).toMatch(/^Meta does not know this ID/);
		expect(error.context.whatsApp).toMatchObject({ code: 100, subcode: 33 });
	});
});

describe('updating call settings', () => {
	const update = async (settings: INodeParameters) =>
		await phoneNumber('updateCallSettings', { settings });
	const changes = () => stage.requests('settings').filter(({ method }) => method === 'POST');
	const sent = () => changes().map(({ body }) => body);

	beforeEach(() => stage.emulator.presetSubscription('https://n8n.example/webhook'));

	it.each<[INodeParameters, IDataObject]>([
		[{ calling: 'DISABLED' }, { status: 'DISABLED' }],
		[{ callIconVisibility: 'DISABLE_ALL' }, { call_icon_visibility: 'DISABLE_ALL' }],
		[{ callbackPermission: 'ENABLED' }, { callback_permission_status: 'ENABLED' }],
		[
			{ calling: 'ENABLED', callbackPermission: 'DISABLED' },
			{ status: 'ENABLED', callback_permission_status: 'DISABLED' },
		],
	])(
		'The change %j sends that alone, and the item has the settings as Get gives them',
		async (settings, calling) => {
			const { items } = await update(settings);
			expect(sent()).toEqual([{ calling }]);
			expect(items).toEqual((await phoneNumber('getCallSettings')).items);
			expect(items[0].json).toMatchObject({ phoneNumberId: NUMBER, ...settings });
		},
	);

	it('The item says that the settings were changed if they cannot be read back', async () => {
		stage.emulator.failNext('settings', { status: 503 }, { method: 'GET', times: Infinity });
		const { error } = await update({ calling: 'DISABLED' });
		expect(error.message).toBe('WhatsApp changed the settings, but they could not be read back');
		expect(sent()).toEqual([{ calling: { status: 'DISABLED' } }]);
	});

	it.each(['<html>', {}, { success: false }])(
		'The update fails if Meta answers %j',
		async (body) => {
			stage.emulator.failNext('settings', { status: 200, body }, { times: Infinity });
			const { error } = await update({ calling: 'DISABLED' });
			expect(error.description).toContain('Meta did not confirm the change');
		},
	);

	it("Call hours are sent in Meta's form", async () => {
		await update(
			callHours([range('MONDAY', '13:00', '17:00'), range('MONDAY', '9:00', '12:00')], {
				holidays: { holiday: [{ date: '2099-12-24', starts: '00:00', ends: '23:59' }] },
			}),
		);
		expect(sent()).toEqual([
			{
				calling: {
					call_hours: {
						status: 'ENABLED',
						timezone_id: 'Europe/Berlin',
						weekly_operating_hours: [
							{ day_of_week: 'MONDAY', open_time: '1300', close_time: '1700' },
							{ day_of_week: 'MONDAY', open_time: '0900', close_time: '1200' },
						],
						holiday_schedule: [{ date: '2099-12-24', start_time: '0000', end_time: '2359' }],
					},
				},
			},
		]);
	});

	it('Turning call hours off sends the stored schedule, which Meta requires', async () => {
		await update(
			callHours([range('mon', '9 AM', '24:00')], {
				holidays: { holiday: [{ date: '2099-12-24', starts: '00:00', ends: '24:00' }] },
			}),
		);
		await update({ callHours: { hours: { status: 'DISABLED', timeZone: '' } } });
		const [on, off] = sent();
		expect(on).toMatchObject({
			calling: {
				call_hours: { weekly_operating_hours: [{ open_time: '0900', close_time: '2359' }] },
			},
		});
		const { call_hours: hours } = (on as { calling: IDataObject }).calling;
		expect(off).toEqual({
			calling: { call_hours: { ...(hours as IDataObject), status: 'DISABLED' } },
		});
	});

	it('Call hours that were never set can be turned off', async () => {
		await update({ callHours: { hours: { status: 'DISABLED', timeZone: 'UTC' } } });
		const days = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'];
		expect(sent().at(-1)).toEqual({
			calling: {
				call_hours: {
					status: 'DISABLED',
					timezone_id: 'UTC',
					weekly_operating_hours: days.map((day) => ({
						day_of_week: day,
						open_time: '0000',
						close_time: '2359',
					})),
					holiday_schedule: [],
				},
			},
		});
	});

	it('The update changes nothing if the stored schedule cannot be read', async () => {
		stage.emulator.failNext('settings', { status: 200, body: '<html>' }, { times: Infinity });
		const { error } = await update({ callHours: { hours: { status: 'DISABLED' } } });
		expect(error.message).toBe('Meta returned a response that cannot be read');
		expect(changes()).toEqual([]);
	});

	const holidays = (count: number) => ({
		holidays: {
			holiday: Array.from({ length: count }, (_, i) => ({
				date: `2099-12-${String(i + 1).padStart(2, '0')}`,
				starts: '00:00',
				ends: '23:59',
			})),
		},
	});
	const monday = range('MONDAY', '09:00', '17:00');

	it('20 holidays and two ranges a day are accepted', async () => {
		const run = await update(
			callHours(
				[range('MONDAY', '08:00', '12:00'), range('MONDAY', '12:00', '17:00')],
				holidays(20),
			),
		);
		expect(run.succeeded).toBe(true);
	});

	it.each<[string, INodeParameters, string]>([
		['nothing to change', {}, 'Add at least one setting'],
		['empty call hours', { callHours: {} }, 'Add at least one setting'],
		[
			'three ranges a day',
			callHours([monday, range('MONDAY', '18:00', '19:00'), range('MONDAY', '20:00', '21:00')]),
			'Monday has 3 ranges',
		],
		[
			'ranges that overlap',
			callHours([monday, range('MONDAY', '16:00', '18:00')]),
			'The ranges of Monday overlap',
		],
		[
			'a holiday of the past',
			callHours([monday], {
				holidays: { holiday: [{ date: '2026-01-01', starts: '00:00', ends: '23:59' }] },
			}),
			'The holiday 2026-01-01 is in the past',
		],
		['a setting without a value', { calling: '={{ null }}' }, 'Calling has no value'],
		['21 holidays', callHours([monday], holidays(21)), 'at most 20 holidays'],
		['a time that is none', callHours([range('MONDAY', '9', '17:00')]), 'write Opens as 09:00'],
		[
			'an end before its start',
			callHours([range('MONDAY', '17:00', '09:00')]),
			'For hours past midnight, add two ranges: Monday 17:00 to 24:00, and Tuesday 00:00 to 09:00',
		],
		['an unknown time zone', callHours([monday], { timeZone: 'Berlin' }), 'Europe/Berlin'],
		['no time zone', callHours([monday], { timeZone: '' }), 'Europe/Berlin'],
		['no ranges', callHours([]), 'at least one weekly range'],
		[
			'a date that is none',
			callHours([monday], {
				holidays: { holiday: [{ date: '2026-02-30', starts: '00:00', ends: '23:59' }] },
			}),
			'write Date as 2026-12-24',
		],
	])('The update rejects %s before anything is sent', async (_, settings, words) => {
		const { error } = await update(settings);
		expect(`${error.message}. ${error.description}`).toContain(words);
		expect(stage.emulator.requests).toEqual([]);
	});

	it('All problems of call hours are reported at once', async () => {
		const { error } = await update(
			callHours([range('MONDAY', '17:00', '09:00')], { ...holidays(21) }),
		);
		expect(error.message).toBe('The call hours are not valid');
		expect(error.description).toContain('at most 20 holidays');
	});

	it.each<[number, string]>([
		[138015, 'Calling cannot be turned on for this phone number'],
		[138018, 'Calling cannot be used yet: no webhook for calls'],
		[200, 'The access token lacks a permission'],
	])('A rejection by Meta with %d says why', async (errorCode, title) => {
		stage.emulator.failNext('settings', { errorCode }, { times: Infinity });
		const { error } = await update({ calling: 'ENABLED' });
		expect(error.message).toBe(title);
	});

	it("A value from an expression that Meta does not know gives Meta's words", async () => {
		const { error } = await update({ callbackPermission: '={{ "MAYBE" }}' });
		expect(error.message).toBe('WhatsApp did not accept the request');
		expect(error.description).toContain('callback_permission_status must be one of');
	});

	it('The update is repeated after a temporary error', async () => {
		stage.emulator.failNext('settings', { status: 503 });
		expect((await update({ calling: 'ENABLED' })).succeeded).toBe(true);
		expect(sent()).toHaveLength(2);
	});
});
