import { readCallSettings } from '../../../nodes/WhatsAppBusinessCalling/graph/callSettings';
import { ACCOUNT, fakeExecution, refusal } from '../fakes';

async function read(body: unknown) {
	const { context, sent } = fakeExecution({}, () => ({ statusCode: 200, body }));
	return { result: await readCallSettings(context, ACCOUNT, '106'), sent };
}

const NONE = {
	status: null,
	call_icon_visibility: null,
	callback_permission_status: null,
	call_hours: null,
	sip: null,
	restrictions: null,
};

describe('readCallSettings', () => {
	// Meta, "Call settings".
	it('reads the documented settings', async () => {
		const calling = {
			status: 'ENABLED',
			call_icon_visibility: 'DEFAULT',
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
			sip: { status: 'DISABLED' },
			restrictions: {
				restrictions_list: [
					{ type: 'RESTRICTED_CALLS', reason: 'NEGATIVE', expiration: 1754072386 },
				],
			},
		};
		const { result, sent } = await read({ calling });
		expect(result).toEqual({
			ok: true,
			value: {
				...calling,
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
		'has none in %j',
		async (body) => {
			const { result } = await read(body);
			expect(result).toEqual({ ok: true, value: NONE });
		},
	);

	it.each(['', null, '<html>', { calling: 'x' }])('does not take %j for "none"', async (body) => {
		const { result } = await read(body);
		expect(result).toMatchObject({
			ok: false,
			failure: { message: "Meta's answer about the call settings cannot be read" },
		});
	});

	it('does without the lists that are odd', async () => {
		const { result } = await read({
			calling: {
				call_hours: { weekly_operating_hours: 'x', holiday_schedule: [{}] },
				restrictions: { restrictions_list: [5] },
			},
		});
		expect(result).toEqual({
			ok: true,
			value: {
				...NONE,
				call_hours: {
					status: null,
					timezone_id: null,
					weekly_operating_hours: [],
					holiday_schedule: [],
				},
				restrictions: { restrictions_list: [] },
			},
		});
	});

	it('fails as the request fails', async () => {
		const { context } = fakeExecution({}, () => refusal(400, 190));
		expect(await readCallSettings(context, ACCOUNT, '106')).toMatchObject({
			ok: false,
			failure: { code: 190 },
		});
	});
});
