import { NUMBER } from '../test/support/constants';
import { graph } from '../test/support/graph';
import { startEmulator, type Emulator } from './index';

const WABA = '102000000000001';
const HOOK = 'https://n8n.example/webhook';

let emulator: Emulator;

beforeEach(async () => {
	emulator = await startEmulator({
		redeliveryDelaysMs: [],
		clockStart: Date.parse('2026-12-01T12:00:00Z'),
	});
	emulator.presetSubscription(HOOK);
	await emulator.presetAnnouncement('938884519013664');
});

afterEach(async () => await emulator.stop());

const change = (body: unknown) => graph(emulator, 'POST', `${NUMBER}/settings`, body);
const settings = (calling: unknown) => change({ calling });
const shown = async (query = '') =>
	(await graph(emulator, 'GET', `${NUMBER}/settings${query}`)).body;

const voicemail = (more: object = {}) => ({
	status: 'ENABLED',
	triggers: ['REJECT', 'TIMEOUT'],
	audio: { default: { announcement_media_id: 938884519013664, timeout_seconds: 20 } },
	...more,
});
const announcedBy = (announcement_media_id: string) => ({ default: { announcement_media_id } });
const server = (more: object = {}) => ({
	hostname: 'sip.example.com',
	port: 5061,
	request_uri_user_params: { tgrp: 'sales' },
	...more,
});

const hours = (more: object = {}) => ({
	status: 'ENABLED',
	timezone_id: 'Europe/Berlin',
	weekly_operating_hours: [{ day_of_week: 'MONDAY', open_time: '0900', close_time: '1700' }],
	holiday_schedule: [{ date: '2026-12-24', start_time: '0000', end_time: '2359' }],
	...more,
});
const range = (open_time: string, close_time: string, day_of_week = 'MONDAY') => ({
	day_of_week,
	open_time,
	close_time,
});
const holidays = (count: number) =>
	Array.from({ length: count }, () => ({
		date: '2026-12-24',
		start_time: '0000',
		end_time: '2359',
	}));

describe('call settings', () => {
	it('Call settings are kept and returned', async () => {
		expect((await settings({ call_hours: hours() })).body).toEqual({ success: true });
		const { body } = await graph(emulator, 'GET', `${NUMBER}/settings`);
		expect(body.calling).toMatchObject({ status: 'ENABLED', call_hours: hours() });
	});

	it.each<[string, object]>([
		['two ranges', { weekly_operating_hours: [range('0900', '1200'), range('1200', '1700')] }],
		['20 holidays', { holiday_schedule: holidays(20) }],
		['no holidays', { holiday_schedule: undefined }],
		['ranges that are off', { status: 'DISABLED' }],
		['a holiday that is today', { holiday_schedule: [{ ...holidays(1)[0], date: '2026-12-01' }] }],
	])('Call settings accept %s', async (_, more) => {
		expect((await settings({ call_hours: hours(more) })).status).toBe(200);
	});

	it.each<[string, object]>([
		['no ranges where they are off', { status: 'DISABLED', weekly_operating_hours: [] }],
		['a holiday in the past', { holiday_schedule: [{ ...holidays(1)[0], date: '2026-11-30' }] }],
	])('Call settings accept %s only where the checks are loose', async (_, more) => {
		expect((await settings({ call_hours: hours(more) })).error.code).toBe(100);
		emulator.variants.callHoursChecks = 'loose';
		expect((await settings({ call_hours: hours(more) })).status).toBe(200);
	});

	it.each<[string, Record<string, unknown>]>([
		['countries', { call_icons: { restrict_to_user_countries: ['DE', 'AT'] } }],
		['codecs', { audio: { additional_codecs: ['PCMA', 'PCMU'] } }],
		['a key exchange', { srtp_key_exchange_protocol: 'SDES' }],
		['voicemail', { voicemail: voicemail() }],
		[
			'voicemail with an ID that is text',
			{
				voicemail: voicemail({
					triggers: ['REJECT'],
					audio: { default: { announcement_media_id: '938884519013664' } },
				}),
			},
		],
		['no voicemail', { voicemail: { status: 'DISABLED' } }],
	])('Call settings with %s are returned', async (_, calling) => {
		expect((await settings(calling)).body).toEqual({ success: true });
		expect((await shown()).calling).toMatchObject(calling);
	});

	it('Call settings keep the SIP server beside its status, and show its password only on request', async () => {
		await settings({ sip: { servers: [server()], webhook_delivery: 'ENABLED' } });
		await settings({ sip: { status: 'ENABLED' } });
		const sip = async (query = '') =>
			((await shown(query)).calling as { sip: { servers: object[] } }).sip;
		const app_id = emulator.account.appId;
		expect(await sip()).toEqual({
			status: 'ENABLED',
			webhook_delivery: 'ENABLED',
			servers: [{ ...server(), app_id }],
		});
		expect((await sip('?include_sip_credentials=true')).servers).toEqual([
			{ ...server(), app_id, sip_user_password: expect.any(String) as string },
		]);
	});

	it('Other settings are accepted without those for calls', async () => {
		const storage_configuration = {
			status: 'IN_COUNTRY_STORAGE_ENABLED',
			data_localization_region: 'DE',
		};
		const user_identity_change = { enable_identity_key_check: true };
		expect((await shown()).storage_configuration).toEqual({ status: 'DEFAULT' });
		expect((await change({ storage_configuration })).body).toEqual({ success: true });
		expect((await change({ user_identity_change })).body).toEqual({ success: true });
		expect(await shown()).toMatchObject({
			storage_configuration,
			user_identity_change,
			calling: { status: 'ENABLED' },
		});
	});

	it('Call settings show what cannot be set', async () => {
		const more = { ip_addresses: { default: [] }, video: { status: 'DISABLED' } };
		const payload_encryption = { status: 'DISABLED' };
		const [number] = emulator.account.phoneNumbers;
		if (number) number.shownSettings = { calling: more, payload_encryption };
		expect(await shown()).toMatchObject({ calling: more, payload_encryption });
		expect((await settings({ video: more.video })).error.code).toBe(100);
	});

	it('Call settings do not turn calling on below a messaging limit of 2,000', async () => {
		const [number] = emulator.account.phoneNumbers;
		if (number) number.messagingLimit = 'TIER_250';
		expect((await settings({ status: 'ENABLED' })).error.code).toBe(138015);
		expect((await settings({ status: 'DISABLED' })).status).toBe(200);
	});

	it.each<[string, unknown, RegExp]>([
		['that are none', { recording: {} }, /\(#100\) recording is not/],
		['that are no object', [], /./],
		['that are nothing', {}, /missing : 'calling'/],
		['of identity that are nothing', { user_identity_change: {} }, /missing/],
		['of storage that are unknown', { storage_configuration: { status: 'on' } }, /./],
		['good and bad', { calling: { status: 'ENABLED' }, foo: 1 }, /foo is not a setting/],
	])('Settings %s are rejected', async (_, body, words) => {
		const { status, error } = await change(body);
		expect([status, error.code]).toEqual([400, 100]);
		expect(error.message).toMatch(words);
	});

	it.each<[string, unknown]>([
		['nothing', {}],
		['a country that is none', { call_icons: { restrict_to_user_countries: ['Germany'] } }],
		['icons without countries', { call_icons: {} }],
		['a codec that is none', { audio: { additional_codecs: ['G722'] } }],
		['a key exchange that is none', { srtp_key_exchange_protocol: 'TLS' }],
		['two SIP servers', { sip: { servers: [server(), server()] } }],
		['a SIP server without a name', { sip: { servers: [server({ hostname: ' ' })] } }],
		['a port that is none', { sip: { servers: [server({ port: 70_000 })] } }],
		['a SIP setting that is none', { sip: { password: 'x' } }],
		['voicemail without triggers', { voicemail: voicemail({ triggers: undefined }) }],
		['voicemail with an empty list', { voicemail: voicemail({ triggers: [] }) }],
		[
			'voicemail with a trigger twice',
			{ voicemail: voicemail({ triggers: ['REJECT', 'REJECT'] }) },
		],
		['voicemail with another trigger', { voicemail: voicemail({ triggers: ['BUSY'] }) }],
		['voicemail without an announcement', { voicemail: voicemail({ audio: undefined }) }],
		[
			'voicemail that waits too long',
			{
				voicemail: voicemail({
					audio: { default: { announcement_media_id: '1', timeout_seconds: 31 } },
				}),
			},
		],
		[
			'voicemail that does not say how long it waits',
			{
				voicemail: voicemail({
					audio: { default: { announcement_media_id: '938884519013664' } },
				}),
			},
		],
		[
			'voicemail with an unknown announcement',
			{ voicemail: voicemail({ triggers: ['REJECT'], audio: announcedBy('1') }) },
		],
		[
			'voicemail without the ID of its announcement',
			{ voicemail: voicemail({ triggers: ['REJECT'], audio: { default: {} } }) },
		],
		['restrictions', { restrictions: {} }],
		['a setting that is none', { recording: 'ENABLED' }],
		['call hours that are a text', { call_hours: 'always' }],
		['a status that is none', { call_hours: hours({ status: 'ON' }) }],
		['no time zone', { call_hours: hours({ timezone_id: undefined }) }],
		['a time zone that is none', { call_hours: hours({ timezone_id: 'Berlin' }) }],
		['no ranges', { call_hours: hours({ weekly_operating_hours: [] }) }],
		[
			'three ranges a day',
			{
				call_hours: hours({
					weekly_operating_hours: [
						range('0900', '1000'),
						range('1100', '1200'),
						range('1300', '1400'),
					],
				}),
			},
		],
		[
			'ranges that overlap',
			{
				call_hours: hours({
					weekly_operating_hours: [range('1100', '1700'), range('0900', '1101')],
				}),
			},
		],
		[
			'a time with a colon',
			{ call_hours: hours({ weekly_operating_hours: [range('09:00', '1700')] }) },
		],
		[
			'a range backwards',
			{ call_hours: hours({ weekly_operating_hours: [range('1700', '0900')] }) },
		],
		[
			'a day that is none',
			{ call_hours: hours({ weekly_operating_hours: [range('0900', '1700', 'Monday')] }) },
		],
		['21 holidays', { call_hours: hours({ holiday_schedule: holidays(21) }) }],
		[
			'a date that is none',
			{ call_hours: hours({ holiday_schedule: [{ ...holidays(1)[0], date: '2026-02-30' }] }) },
		],
	])('Call settings reject %s', async (_, calling) => {
		const { status, error } = await settings(calling);
		expect([status, error.code]).toEqual([400, 100]);
	});

	it('Call settings show restrictions', async () => {
		emulator.account.phoneNumbers[0].restrictions = [
			{
				type: 'RESTRICTED_USER_INITIATED_CALLING',
				reason: 'feedback',
				expiresAt: 1_800_000_000_000,
			},
		];
		const { body } = await graph(emulator, 'GET', `${NUMBER}/settings`);
		expect(body.calling).toMatchObject({
			restrictions: {
				restrictions_list: [
					{
						type: 'RESTRICTED_USER_INITIATED_CALLING',
						reason: 'feedback',
						expiration: 1_800_000_000,
					},
				],
			},
		});
	});
});

describe('the access token', () => {
	it.each([
		['whatsapp_business_messaging', `${NUMBER}/call_permissions?user_wa_id=14085551234`],
		['whatsapp_business_management', `${NUMBER}/settings`],
		['whatsapp_business_management', `${WABA}/subscribed_apps`],
	])('The token needs %s for %s', async (scope, path) => {
		expect((await graph(emulator, 'GET', path)).status).toBe(200);
		emulator.account.tokenScopes = emulator.account.tokenScopes.filter((name) => name !== scope);
		const { error } = await graph(emulator, 'GET', path);
		expect([error.code, error.message]).toEqual([200, expect.stringContaining(scope)]);
	});

	it('The token expires by the clock of the emulator', async () => {
		emulator.account.tokenExpiresAt = emulator.clock.now() + 60_000;
		expect((await graph(emulator, 'GET', WABA)).status).toBe(200);
		emulator.clock.advance(60_000);
		expect((await graph(emulator, 'GET', WABA)).error.code).toBe(190);
		const { account } = emulator;
		const { body } = await graph(
			emulator,
			'GET',
			`debug_token?input_token=${account.accessToken}`,
			undefined,
			{ authorization: `Bearer ${account.appId}|${account.appSecret}` },
		);
		expect(body.data).toMatchObject({
			is_valid: false,
			expires_at: Math.floor(emulator.clock.now() / 1000),
			error: { code: 190 },
		});
	});
});

describe('webhooks set in the dashboard', () => {
	it("The dashboard's webhooks have overrides, which the list of numbers shows too", async () => {
		emulator.presetOverride('https://crm.example/account');
		emulator.presetOverride('https://crm.example/number', NUMBER);
		const { body } = await graph(
			emulator,
			'GET',
			`${WABA}/phone_numbers?limit=1&fields=id,webhook_configuration`,
		);
		expect(body.data).toEqual([
			{
				id: NUMBER,
				webhook_configuration: {
					phone_number: 'https://crm.example/number',
					whatsapp_business_account: 'https://crm.example/account',
					application: HOOK,
				},
			},
		]);
		emulator.presetOverride(null, NUMBER);
		emulator.presetOverride(null);
		expect(emulator.subscriptionState()).toMatchObject({
			accountOverride: null,
			numberOverrides: {},
		});
	});

	it('Inactive webhooks send nothing', async () => {
		emulator.deactivateSubscription();
		const delivery = emulator.deliver([await emulator.createRecording()]);
		expect((await delivery.settled).outcome).toBe('notSubscribed');
	});
});

describe('a call permission request', () => {
	const ask = (more: object) =>
		graph(emulator, 'POST', `${NUMBER}/messages`, {
			messaging_product: 'whatsapp',
			recipient_type: 'individual',
			to: '14085555678',
			type: 'interactive',
			interactive: { type: 'call_permission_request', action: { name: 'call_permission_request' } },
			...more,
		});

	it.each<[string, object]>([
		['to a group', { recipient_type: 'group' }],
		['to a number with a plus', { to: '+14085555678' }],
		['to a user ID that is none', { to: undefined, recipient: '1' }],
		[
			'with more than 1,024 characters',
			{
				interactive: {
					type: 'call_permission_request',
					action: { name: 'call_permission_request' },
					body: { text: 'x'.repeat(1025) },
				},
			},
		],
	])('A permission request %s is rejected', async (_, more) => {
		expect((await ask({})).status).toBe(200);
		expect((await ask(more)).error.code).toBe(100);
	});
});
