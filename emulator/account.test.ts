import { NUMBER, PERSON } from '../test/support/constants';
import { appToken, graph } from '../test/support/graph';
import { Receiver } from '../test/support/receiver';
import { startEmulator, type Emulator } from './index';

const WABA = '102000000000001';

let emulator: Emulator;

beforeEach(async () => {
	emulator = await startEmulator({ redeliveryDelaysMs: [] });
});

afterEach(async () => {
	await emulator.stop();
});

const get = (path: string, headers: Record<string, string> = {}) =>
	graph(emulator, 'GET', path, undefined, headers);

describe('the account', () => {
	it('The account has a name and numbers', async () => {
		expect((await get(`${WABA}?fields=id,name`)).body).toEqual({
			id: WABA,
			name: 'Emulated Business',
		});
		const { body } = await get(`${WABA}/phone_numbers`);
		expect(body.data).toHaveLength(4);
		expect(body.data).toMatchObject([
			{ id: NUMBER, display_phone_number: '+44 20 7946 0958', verified_name: 'Emulated Support' },
			...[{}, {}, {}],
		]);
		expect(body.paging).not.toHaveProperty('next');
	});

	it('The account lists its numbers page by page', async () => {
		const ids: string[] = [];
		let path = `${WABA}/phone_numbers?limit=2&fields=id`;
		for (;;) {
			const { body } = await get(path);
			ids.push(...(body.data as Array<{ id: string }>).map(({ id }) => id));
			const { next, cursors } = body.paging as { next?: string; cursors: { after: string } };
			if (!next) break;
			expect(new URL(next).searchParams.get('after')).toBe(cursors.after);
			path = `${WABA}/phone_numbers?limit=2&fields=id&after=${cursors.after}`;
		}
		expect(ids).toEqual(emulator.account.phoneNumbers.map(({ id }) => id));
		expect((await get(`${WABA}/phone_numbers?after=nonsense`)).error.code).toBe(100);
	});

	it("The account's numbers come with the requested fields", async () => {
		expect((await get(`${NUMBER}?fields=quality_rating`)).body).toEqual({
			quality_rating: 'GREEN',
			id: NUMBER,
		});
		expect((await get(`${NUMBER}?fields=nonsense`)).error.message).toMatch(/nonexisting field/);
	});

	// What public clients ask for when nothing else is said.
	const NUMBER_FIELDS = [
		'id,verified_name,display_phone_number,conversational_automation,status,quality_rating',
		'quality_score,webhook_configuration,name_status,new_name_status,code_verification_status',
		'account_mode,is_official_business_account,is_pin_enabled,is_preverified_number,is_on_biz_app',
		'messaging_limit_tier,search_visibility,platform_type,throughput,health_status,certificate',
		'eligibility_for_api_business_global_search,new_certificate,last_onboarded_time',
		'whatsapp_business_manager_messaging_limit,country_dial_code,host_platform',
	].join(',');
	const ACCOUNT_FIELDS = [
		'id,name,currency,timezone_id,message_template_namespace,account_review_status,country',
		'business_verification_status,ownership_type,owner_business_info,on_behalf_of_business_info',
		'primary_funding_id,health_status,purchase_order_number,status',
		'whatsapp_business_manager_messaging_limit',
	].join(',');

	it.each([
		[NUMBER, NUMBER_FIELDS],
		[`${WABA}/phone_numbers`, NUMBER_FIELDS],
		[WABA, ACCOUNT_FIELDS],
	])('The emulator knows the fields that clients request: %s', async (path, fields) => {
		expect((await get(`${path}?fields=${fields}`)).status).toBe(200);
	});

	it('The account and its numbers show what decides whether calls work', async () => {
		const fields = 'whatsapp_business_manager_messaging_limit,health_status';
		const shown = async () => (await get(`${NUMBER}?fields=${fields}`)).body;
		expect(await shown()).toMatchObject({
			whatsapp_business_manager_messaging_limit: 'TIER_2K',
			health_status: {
				can_send_message: 'AVAILABLE',
				entities: [{ entity_type: 'PHONE_NUMBER', id: NUMBER }, {}, {}, {}],
			},
		});
		Object.assign(emulator.account.phoneNumbers[0] ?? {}, {
			messagingLimit: undefined,
			canSendMessage: 'BLOCKED',
		});
		expect(await shown()).toEqual({
			health_status: expect.objectContaining({ can_send_message: 'BLOCKED' }) as object,
			id: NUMBER,
		});
		const funding = async () => (await get(`${WABA}?fields=primary_funding_id`)).body;
		expect(await funding()).toEqual({
			primary_funding_id: expect.stringMatching(/^\d+$/) as string,
			id: WABA,
		});
		emulator.account.primaryFundingId = undefined;
		expect(await funding()).toEqual({ id: WABA });
	});

	it('The account can be requested without a version', async () => {
		const plain = await fetch(`${emulator.baseUrl}/${WABA}`, {
			headers: { authorization: `Bearer ${emulator.account.accessToken}` },
		});
		expect(plain.status).toBe(200);
	});

	it.each([
		['v26.0', /active access token/],
		['v20.0', /active access token/],
		['v2.12', /active access token/],
		['v27.0', /^Unknown path components: \/me$/],
		['v25.1', /^Unknown path components: \/me$/],
		['v1.0', /^Unknown path components: \/me$/],
	])(
		'The emulator answers without a token whether there is a version %s',
		async (version, words) => {
			const answer = await fetch(`${emulator.baseUrl}/${version}/me`);
			const { error } = (await answer.json()) as { error: { code: number; message: string } };
			expect([answer.status, error.code]).toEqual([400, 2500]);
			expect(error.message).toMatch(words);
		},
	);

	it('The emulator answers whose the token is', async () => {
		expect((await get('me')).body).toEqual({
			id: expect.stringMatching(/^\d+$/) as string,
			name: 'Emulated System User',
		});
		expect((await get('me', appToken(emulator))).error.code).toBe(2500);
		expect((await get('me', { authorization: 'Bearer wrong' })).error.code).toBe(190);
	});

	it('The token in the parameter wins over the one in the header', async () => {
		const { accessToken, appId, appSecret } = emulator.account;
		const app = encodeURIComponent(`${appId}|${appSecret}`);
		const subscriptions = await get(`${appId}/subscriptions?access_token=${app}`);
		expect(subscriptions.body).toEqual({ data: [] });
		const wrong = await get(`${WABA}?access_token=wrong`);
		expect([wrong.status, wrong.error.code]).toEqual([401, 190]);
		const right = await get(`${WABA}?access_token=${accessToken}`, { authorization: 'Bearer x' });
		expect(right.status).toBe(200);
	});

	it('The same error is given for what does not exist and for what is not yours', async () => {
		for (const path of ['999', `${WABA}/nonsense`, '999/phone_numbers', '999/calls']) {
			const method = path.endsWith('calls') ? 'POST' : 'GET';
			const { status, error } = await graph(emulator, method, path, undefined);
			expect([path, status, error.code, error.error_subcode]).toEqual([path, 400, 100, 33]);
		}
	});

	it('Each error has an envelope with its own trace ID', async () => {
		const [one, two] = [await get('999'), await get('999')];
		expect(one.body).toEqual({
			error: {
				message: expect.stringContaining("Object with ID '999' does not exist") as string,
				type: 'OAuthException',
				code: 100,
				error_subcode: 33,
				fbtrace_id: expect.any(String) as string,
			},
		});
		expect(one.error.fbtrace_id).not.toBe(two.error.fbtrace_id);
	});

	it('Wrong tokens and app tokens are rejected', async () => {
		for (const authorization of ['', 'Bearer wrong', emulator.account.accessToken]) {
			const { status, error } = await get(WABA, { authorization });
			expect([status, error.code]).toEqual([401, 190]);
		}
		expect((await get(WABA, appToken(emulator))).error.code).toBe(200);
		emulator.revokeToken();
		expect((await get(WABA)).error.code).toBe(190);
	});

	it('The token can be inspected', async () => {
		const { accessToken, appId } = emulator.account;
		const own = await get(`debug_token?input_token=${accessToken}`);
		expect(own.body.data).toMatchObject({
			app_id: appId,
			is_valid: true,
			scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
		});
		const other = await get('debug_token?input_token=x', appToken(emulator));
		expect(other.body.data).toMatchObject({ is_valid: false });
		expect((await get(appId)).body).toMatchObject({ name: 'Emulated App' });
	});
});

describe('call permissions', () => {
	const permissions = (query: string) => get(`${NUMBER}/call_permissions?${query}`);
	const request = (more: Record<string, unknown> = {}) =>
		graph(emulator, 'POST', `${NUMBER}/messages`, {
			messaging_product: 'whatsapp',
			recipient_type: 'individual',
			to: '14085555678',
			type: 'interactive',
			interactive: {
				type: 'call_permission_request',
				action: { name: 'call_permission_request' },
				body: { text: 'May we call you?' },
			},
			...more,
		});

	it('A permission can be requested, given and ended', async () => {
		const receiver = await new Receiver().start();
		emulator.presetSubscription(receiver.url, ['calls', 'messages']);
		expect((await permissions('user_wa_id=14085555678')).body).toMatchObject({
			permission: { status: 'no_permission' },
			actions: [
				{ action_name: 'send_call_permission_request', can_perform_action: true },
				{ action_name: 'start_call', can_perform_action: false },
			],
		});
		const sent = await request();
		expect(sent.body).toMatchObject({
			contacts: [{ input: '14085555678', wa_id: '14085555678' }],
			messages: [{ id: expect.stringMatching(/^wamid\./) as string }],
		});
		expect((await request()).error.code).toBe(138009);
		await emulator.userAnswersPermissionRequest({ from: '14085555678', accept: true }).settled;
		expect(receiver.events[0]).toMatchObject({
			type: 'interactive',
			context: { id: (sent.body.messages as Array<{ id: string }>)[0]?.id },
			interactive: {
				type: 'call_permission_reply',
				call_permission_reply: { response: 'accept', is_permanent: false },
			},
		});
		const given = await permissions('recipient=US.20762481193605518247');
		expect(given.body.permission).toMatchObject({ status: 'temporary' });
		emulator.clock.advance(7 * 24 * 3_600_000 + 1000);
		expect((await permissions('user_wa_id=14085555678')).body.permission).toEqual({
			status: 'no_permission',
		});
		await receiver.stop();
	});

	it('A malformed permission request is rejected', async () => {
		expect((await request({ to: PERSON })).error.code).toBe(138017);
		expect((await request({ type: 'text' })).error.code).toBe(100);
		const interactive = { type: 'call_permission_request' };
		expect((await request({ interactive })).error.message).toMatch(/missing : 'action'/);
		const parameters = { name: 'call_permission_request', parameters: {} };
		const unknown = await request({ interactive: { ...interactive, action: parameters } });
		expect(unknown.error.message).toMatch(/"parameters" in interactive.action/);
		expect((await request({ text: {} })).error.message).toMatch(/"text"/);
		expect((await permissions('')).error.code).toBe(100);
		expect((await permissions('user_wa_id=%2B14085555678')).error.code).toBe(100);
	});
});

describe('the answer to a call permission request', () => {
	let receiver: Receiver;

	beforeEach(async () => {
		receiver = await new Receiver().start();
		emulator.presetSubscription(receiver.url, ['messages']);
	});

	afterEach(async () => await receiver.stop());

	it('The answer can be spelled another way, and leave things out', async () => {
		await emulator.userAnswersPermissionRequest({
			accept: true,
			message: { timestamp: undefined },
			reply: { response: 'accepted', expiration_timestamp: 1_800_000_000 },
			omit: ['type', 'is_permanent', 'response_source'],
		}).settled;
		expect(receiver.events).toEqual([
			{
				from: PERSON,
				from_user_id: 'US.13491208655302741918',
				from_parent_user_id: 'US.ENT.11815799212886844830',
				id: expect.stringMatching(/^wamid\./) as string,
				interactive: {
					type: 'call_permission_reply',
					call_permission_reply: { response: 'accepted', expiration_timestamp: 1_800_000_000 },
				},
			},
		]);
	});

	it('The answer can be that the request could not be delivered', async () => {
		const sent = await graph(emulator, 'POST', `${NUMBER}/messages`, {
			messaging_product: 'whatsapp',
			to: '14085555678',
			type: 'interactive',
			interactive: { type: 'call_permission_request', action: { name: 'call_permission_request' } },
		});
		const [message] = sent.body.messages as Array<{ id: string }>;
		await emulator.permissionRequestFails({ from: '14085555678' }).settled;
		await emulator.permissionRequestFails({ error: { code: 131047, details: 'Too late' } }).settled;
		expect(receiver.events).toMatchObject([
			{
				id: message?.id,
				status: 'failed',
				recipient_id: '14085555678',
				recipient_user_id: 'US.20762481193605518247',
				errors: [
					{ code: 131026, title: 'Message undeliverable', href: expect.any(String) as string },
				],
			},
			{ errors: [{ code: 131047, error_data: { details: 'Too late' } }] },
		]);
	});
});

describe('calling settings', () => {
	const set = (calling: Record<string, unknown>) =>
		graph(emulator, 'POST', '106000000000003/settings', { calling });

	it('Calling can be turned on once an app subscribes to its webhooks', async () => {
		expect((await set({ status: 'ENABLED' })).error.code).toBe(138018);
		emulator.presetSubscription('http://127.0.0.1:9/');
		expect((await set({ status: 'ON' })).error.code).toBe(100);
		expect((await set({ status: 'ENABLED', call_icon_visibility: 'DISABLE_ALL' })).body).toEqual({
			success: true,
		});
		expect((await get('106000000000003/settings')).body).toMatchObject({
			calling: { status: 'ENABLED', call_icon_visibility: 'DISABLE_ALL' },
		});
	});
});
