import { readCallSettings } from '../../../nodes/WhatsAppBusinessCalling/graph/callSettings';
import { ACCOUNT, fakeExecution, refusal } from '../fakes';

async function read(body: unknown) {
	const { context, sent } = fakeExecution({}, () => ({ statusCode: 200, body }));
	return { result: await readCallSettings(context, ACCOUNT, '106'), sent };
}

const NONE = {
	status: null,
	call_icon_visibility: null,
	call_icons: null,
	callback_permission_status: null,
	call_hours: null,
	audio: null,
	voicemail: null,
	srtp_key_exchange_protocol: null,
	sip: null,
	ip_addresses: null,
	video: null,
	restrictions: null,
	payload_encryption: null,
	storage_configuration: null,
};

describe('readCallSettings', () => {
	// Meta, "Call settings" and "SIP".
	it('The documented settings are read', async () => {
		const calling = {
			status: 'ENABLED',
			call_icon_visibility: 'DEFAULT',
			call_icons: { restrict_to_user_countries: ['US'] },
			audio: { additional_codecs: ['PCMA', 'PCMU'] },
			voicemail: {
				status: 'ENABLED',
				triggers: ['REJECT', 'TIMEOUT'],
				audio: { default: { announcement_media_id: '938884519013664', timeout_seconds: 20 } },
			},
			srtp_key_exchange_protocol: 'DTLS',
			ip_addresses: { default: ['192.0.2.1'] },
			video: { status: 'DISABLED' },
			callback_permission_status: 'ENABLED',
			call_hours: {
				status: 'ENABLED',
				timezone_id: 'America/Manaus',
				weekly_operating_hours: [{ day_of_week: 'MONDAY', open_time: '0400', close_time: '1020' }],
				holiday_schedule: [
					{ date: '2026-01-01', start_time: '0000', end_time: '2359' },
					{ date: '2026-12-31', open_time: '0000', close_time: '1200' },
				],
			},
			sip: {
				status: 'DISABLED',
				webhook_delivery: 'ENABLED',
				servers: [
					{ hostname: 'sip.example.com', port: 5061, request_uri_user_params: { tgrp: 'wacall' } },
				],
			},
			restrictions: {
				restrictions_list: [
					{ type: 'RESTRICTED_CALLS', reason: 'NEGATIVE', expiration: 1754072386 },
				],
			},
		};
		const beside = {
			payload_encryption: { status: 'DISABLED' },
			storage_configuration: { status: 'IN_COUNTRY_STORAGE_ENABLED' },
		};
		const { result, sent } = await read({ calling, ...beside });
		expect(result).toEqual({
			ok: true,
			value: {
				...calling,
				...beside,
				raw: { calling, ...beside },
				call_hours: {
					...calling.call_hours,
					holiday_schedule: [
						{ date: '2026-01-01', start_time: '0000', end_time: '2359' },
						{ date: '2026-12-31', start_time: '0000', end_time: '1200' },
					],
				},
				restrictions: {
					restrictions_list: [
						{
							type: 'RESTRICTED_CALLS',
							reason: 'NEGATIVE',
							expiration: '2025-08-01T18:19:46.000Z',
						},
					],
				},
			},
		});
		expect(sent).toEqual([
			expect.objectContaining({
				method: 'GET',
				url: 'https://graph.facebook.com/v26.0/106/settings',
			}),
		]);
	});

	it.each([{}, { calling: null }, { calling: {} }, { calling: { status: 5, sip: 'x' } }])(
		'A response of %j has no settings',
		async (body) => {
			const { result } = await read(body);
			expect(result).toMatchObject({ ok: true, value: NONE });
		},
	);

	it.each(['', null, '<html>', { calling: 'x' }])(
		'A response of %j does not count as "none"',
		async (body) => {
			const { result } = await read(body);
			expect(result).toMatchObject({
				ok: false,
				failure: { message: "Meta's response about the call settings cannot be read" },
			});
		},
	);

	it('Odd lists are left out', async () => {
		const { result } = await read({
			calling: {
				call_icons: { restrict_to_user_countries: 'US' },
				call_hours: { weekly_operating_hours: 'x', holiday_schedule: [{}] },
				audio: { additional_codecs: [5] },
				voicemail: { triggers: 'REJECT', audio: { default: 5 } },
				sip: { servers: [5] },
				restrictions: { restrictions_list: [5] },
			},
		});
		expect(result).toMatchObject({
			ok: true,
			value: {
				...NONE,
				call_hours: {
					status: null,
					timezone_id: null,
					weekly_operating_hours: [],
					holiday_schedule: [],
				},
				call_icons: { restrict_to_user_countries: null },
				audio: { additional_codecs: null },
				voicemail: { status: null, triggers: null, audio: null },
				sip: { status: null, webhook_delivery: null, servers: null },
				restrictions: { restrictions_list: [] },
			},
		});
	});

	it.each([
		['938884519013664', 938884519013664],
		['938884519013664', '938884519013664'],
		['90071992547409931', '90071992547409931'],
		[null, 90071992547409931],
		[null, ''],
	])('The ID %j is read of the announcement that comes as %j', async (id, given) => {
		const { result } = await read({
			calling: {
				voicemail: { audio: { default: { announcement_media_id: given, timeout_seconds: '20' } } },
			},
		});
		const announcement = { announcement_media_id: id, timeout_seconds: 20 };
		expect(result).toMatchObject({ value: { voicemail: { audio: { default: announcement } } } });
	});

	it('No secret passes, wherever it is', async () => {
		const secret = 'HUNTER2';
		const server = { hostname: 'sip.example.com', sip_user_password: secret, port: '5061' };
		const { result } = await read({
			calling: {
				sip: { servers: [{ ...server, request_uri_user_params: { a: 'b', Auth_Token: secret } }] },
				video: { private_key: secret, status: 'ENABLED' },
				ip_addresses: [{ SECRET: secret }],
			},
			payload_encryption: { client_encryption_key_credential: secret, status: 'ENABLED' },
		});
		expect(JSON.stringify(result)).not.toContain(secret);
		expect(result).toMatchObject({
			value: {
				sip: {
					servers: [
						{ hostname: 'sip.example.com', port: 5061, request_uri_user_params: { a: 'b' } },
					],
				},
				video: { status: 'ENABLED' },
				payload_encryption: { status: 'ENABLED' },
				raw: { calling: { sip: { servers: [{ hostname: 'sip.example.com', port: '5061' }] } } },
			},
		});
	});

	it('Endless nesting is cut off', async () => {
		const depth = 100_000;
		const { result } = await read(
			JSON.parse(`{"video":${'['.repeat(depth)}${']'.repeat(depth)}}`) as unknown,
		);
		expect(JSON.stringify(result).length).toBeLessThan(2_000);
	});

	it('A failed request gives its failure', async () => {
		const { context } = fakeExecution({}, () => refusal(400, 190));
		expect(await readCallSettings(context, ACCOUNT, '106')).toMatchObject({
			ok: false,
			failure: { code: 190 },
		});
	});
});
