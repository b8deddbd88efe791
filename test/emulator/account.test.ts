import { appToken, graph, Receiver } from './helpers';
import { startEmulator, type Emulator } from './index';

const WABA = '102000000000001';
const NUMBER = '106000000000001';

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
	it('has a name and numbers', async () => {
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

	it('lists its numbers page by page', async () => {
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

	it('has numbers with fields', async () => {
		expect((await get(`${NUMBER}?fields=quality_rating`)).body).toEqual({
			quality_rating: 'GREEN',
			id: NUMBER,
		});
		expect((await get(`${NUMBER}?fields=nonsense`)).error.message).toMatch(/nonexisting field/);
	});

	it('can be reached without a version, but not with one to come', async () => {
		const plain = await fetch(`${emulator.baseUrl}/${WABA}`, {
			headers: { authorization: `Bearer ${emulator.account.accessToken}` },
		});
		expect(plain.status).toBe(200);
		const later = await fetch(`${emulator.baseUrl}/v99.0/${WABA}`, {
			headers: { authorization: `Bearer ${emulator.account.accessToken}` },
		});
		expect(later.status).toBe(400);
	});

	it('tells neither what does not exist nor what is not yours', async () => {
		for (const path of ['999', `${WABA}/nonsense`, 'me', '999/phone_numbers', '999/calls']) {
			const method = path.endsWith('calls') ? 'POST' : 'GET';
			const { status, error } = await graph(emulator, method, path, undefined);
			expect([path, status, error.code, error.error_subcode]).toEqual([path, 400, 100, 33]);
		}
	});

	it('has an envelope with a trace ID of its own for each error', async () => {
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

	it('refuses wrong tokens, and app tokens', async () => {
		for (const authorization of ['', 'Bearer wrong', emulator.account.accessToken]) {
			const { status, error } = await get(WABA, { authorization });
			expect([status, error.code]).toEqual([401, 190]);
		}
		expect((await get(WABA, appToken(emulator))).error.code).toBe(200);
		emulator.revokeToken();
		expect((await get(WABA)).error.code).toBe(190);
	});

	it('has a token that can be inspected', async () => {
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

	it('are asked for, given, and end', async () => {
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

	it('are not asked for in a wrong way', async () => {
		expect((await request({ to: '14085551234' })).error.code).toBe(138017);
		expect((await request({ type: 'text' })).error.code).toBe(100);
		const interactive = { type: 'call_permission_request' };
		expect((await request({ interactive })).error.message).toMatch(/missing : 'action'/);
		expect((await permissions('')).error.code).toBe(100);
		expect((await permissions('user_wa_id=%2B14085555678')).error.code).toBe(100);
	});
});

describe('calling settings', () => {
	const set = (calling: Record<string, unknown>) =>
		graph(emulator, 'POST', '106000000000003/settings', { calling });

	it('switch calling on, once an app wants the webhooks', async () => {
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
