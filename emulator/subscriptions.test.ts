import { NUMBER, SECOND_NUMBER } from '../test/support/constants';
import { appToken, graph } from '../test/support/graph';
import { Receiver } from '../test/support/receiver';
import { startEmulator, type Emulator, type Variants } from './index';

const WABA = '102000000000001';
const APP = '670000000000001';

let emulator: Emulator;
let receiver: Receiver;

beforeEach(async () => {
	receiver = await new Receiver().start();
	emulator = await startEmulator({ redeliveryDelaysMs: [] });
});

afterEach(async () => {
	await emulator.stop();
	await receiver.stop();
});

const subscription = (more: Record<string, unknown> = {}) => ({
	object: 'whatsapp_business_account',
	callback_url: receiver.url,
	verify_token: receiver.verifyToken,
	fields: 'calls',
	include_values: true,
	...more,
});
const edge = (method: string, body?: unknown, headers = appToken(emulator), query = '') =>
	graph(emulator, method, `${APP}/subscriptions${query}`, body, headers);
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe("the app's subscriptions", () => {
	it('A subscription is made after the challenge, within the request', async () => {
		expect((await edge('GET')).body).toEqual({ data: [] });
		expect((await edge('POST', subscription())).body).toEqual({ success: true });
		const query = receiver.challenges[0]?.url.searchParams;
		expect(query?.get('hub.mode')).toBe('subscribe');
		expect(query?.get('hub.verify_token')).toBe(receiver.verifyToken);
		expect(query?.get('hub.challenge')).toMatch(/^\d+$/);
		expect((await edge('GET')).body).toEqual({
			data: [
				{
					object: 'whatsapp_business_account',
					callback_url: receiver.url,
					active: true,
					fields: [{ name: 'calls', version: 'v26.0' }],
				},
			],
		});
	});

	it('A subscription can list its fields by name', async () => {
		await emulator.stop();
		emulator = await startEmulator({ subscriptionFieldsAs: 'names' });
		emulator.presetSubscription(receiver.url, ['calls', 'messages']);
		expect((await edge('GET')).body.data).toMatchObject([{ fields: ['calls', 'messages'] }]);
	});

	it('A subscription accepts a form, a JSON list of fields, and query parameters', async () => {
		const text = new URLSearchParams({
			...subscription(),
			include_values: 'true',
			fields: '["calls","messages"]',
		}).toString();
		const byForm = await edge('POST', text, { ...appToken(emulator), ...form });
		expect(byForm.status).toBe(200);
		expect(emulator.subscriptionState().app?.fields).toEqual(['calls', 'messages']);
		await edge('DELETE');
		const byQuery = await edge('POST', undefined, appToken(emulator), `?${text}`);
		expect(byQuery.status).toBe(200);
		expect((await edge('POST', subscription({ fields: ['calls'] }))).status).toBe(200);
	});

	it('A second subscription adds to the first: fields stay, the callback moves', async () => {
		const other = await new Receiver().start();
		emulator.presetSubscription(other.url, ['messages']);
		await edge('POST', subscription());
		expect(emulator.subscriptionState().app).toEqual({
			callbackUrl: receiver.url,
			fields: ['messages', 'calls'],
			active: true,
		});
		await other.stop();
	});

	it('Subscriptions can be removed by field, by object, or all', async () => {
		emulator.presetSubscription(receiver.url, ['calls', 'messages']);
		const object = 'whatsapp_business_account';
		expect((await edge('DELETE', { object, fields: 'calls' })).body).toEqual({ success: true });
		expect(emulator.subscriptionState().app?.fields).toEqual(['messages']);
		await edge('DELETE', undefined, appToken(emulator), `?object=${object}`);
		expect(emulator.subscriptionState().app).toBeUndefined();
		emulator.presetSubscription(receiver.url);
		await edge('DELETE');
		expect((await edge('GET')).body).toEqual({ data: [] });
	});

	it('Subscriptions require an app token', async () => {
		const user = await edge('GET', undefined, {
			authorization: `Bearer ${emulator.account.accessToken}`,
		});
		expect([user.status, user.error.code]).toEqual([400, 15]);
		const wrong = await edge('GET', undefined, { authorization: `Bearer ${APP}|wrong` });
		expect([wrong.status, wrong.error.code]).toEqual([401, 190]);
		const issued = await fetch(
			`${emulator.baseUrl}/v26.0/oauth/access_token?client_id=${APP}&client_secret=${emulator.account.appSecret}&grant_type=client_credentials`,
		);
		const { access_token: token, token_type: type } = (await issued.json()) as Record<
			string,
			string
		>;
		expect(type).toBe('bearer');
		expect((await edge('GET', undefined, { authorization: `Bearer ${token ?? ''}` })).status).toBe(
			200,
		);
	});

	it('A subscription is rejected when the challenge fails', async () => {
		const failed = async (cause: RegExp) => {
			const answer = await edge('POST', subscription());
			expect([answer.status, answer.error.code]).toEqual([400, 2200]);
			expect(answer.error.message).toMatch(cause);
			expect(emulator.subscriptionState().app).toBeUndefined();
		};
		receiver.challengeReply = { status: 404 };
		await failed(/HTTP Status Code = 404/);
		receiver.challengeReply = { status: 302, headers: { location: receiver.url } };
		await failed(/302/);
		receiver.challengeReply = { body: '"quoted"' };
		await failed(/not the challenge/);
		receiver.challengeReply = undefined;
		receiver.verifyToken = 'another';
		const answer = await edge('POST', subscription({ verify_token: 'wrong' }));
		expect(answer.error.code).toBe(2200);
		const nobody = await edge('POST', subscription({ callback_url: 'http://127.0.0.1:9/' }));
		expect(nobody.error.code).toBe(2200);
	});

	it('A subscription requires every parameter, known fields, and https', async () => {
		const missing = async (name: string) => {
			const answer = await edge('POST', subscription({ [name]: '' }));
			expect([answer.error.code, answer.error.message]).toEqual([
				100,
				`(#100) The parameter ${name} is required.`,
			]);
		};
		for (const name of ['object', 'callback_url', 'verify_token', 'fields']) await missing(name);
		for (const wrong of [
			{ fields: 'calls,call' },
			{ object: 'page' },
			{ callback_url: 'http://example.com/hook' },
			{ callback_url: 'hook' },
		]) {
			expect((await edge('POST', subscription(wrong))).error.code).toBe(100);
		}
		expect(receiver.challenges).toEqual([]);
	});
});

describe("the account's subscribed apps", () => {
	const apps = (method: string, body?: unknown) =>
		graph(emulator, method, `${WABA}/subscribed_apps`, body);
	const override = () => ({
		override_callback_uri: receiver.url,
		verify_token: receiver.verifyToken,
	});

	it('An app can be added and removed', async () => {
		expect((await apps('GET')).body).toEqual({ data: [] });
		expect((await apps('POST')).body).toEqual({ success: true });
		expect((await apps('GET')).body).toEqual({
			data: [
				{
					whatsapp_business_api_data: {
						id: APP,
						link: expect.stringContaining(APP) as string,
						name: 'Emulated App',
					},
				},
			],
			paging: { cursors: { before: expect.any(String), after: expect.any(String) } },
		});
		expect((await apps('DELETE')).body).toEqual({ success: true });
		expect((await apps('GET')).body).toEqual({ data: [] });
	});

	it('Apps are listed page by page, those of others first', async () => {
		emulator.presetOtherApps(60);
		await apps('POST');
		const pages: string[][] = [];
		for (let query = ''; ; ) {
			const { body } = await graph(emulator, 'GET', `${WABA}/subscribed_apps${query}`);
			const rows = body.data as Array<{ whatsapp_business_api_data: { id: string } }>;
			pages.push(rows.map((row) => row.whatsapp_business_api_data.id));
			const { next, cursors } = body.paging as { next?: string; cursors: { after: string } };
			if (!next) break;
			query = `?after=${cursors.after}`;
		}
		expect(pages.map(({ length }) => length)).toEqual([25, 25, 11]);
		expect(new Set(pages.flat()).size).toBe(61);
		expect(pages.flat().at(-1)).toBe(APP);
	});

	it('An app can override the callback, once subscribed and after a challenge', async () => {
		const early = await apps('POST', override());
		expect(early.error.code).toBe(100);
		expect(early.error.error_data?.details).toMatch(/must be subscribed/);
		await apps('POST');
		receiver.challengeReply = { status: 403 };
		expect((await apps('POST', override())).error.code).toBe(2200);
		receiver.challengeReply = undefined;
		expect((await apps('POST', override())).body).toEqual({ success: true });
		expect((await apps('GET')).body.data).toMatchObject([{ override_callback_uri: receiver.url }]);
		await apps('POST');
		expect(emulator.subscriptionState().accountOverride).toBeNull();
	});

	it('An override is limited to 200 characters', async () => {
		await apps('POST');
		const long = { ...override(), override_callback_uri: `${receiver.url}/${'x'.repeat(200)}` };
		expect((await apps('POST', long)).error.error_data?.details).toMatch(/200 characters/);
		expect((await apps('POST', { ...override(), verify_token: '' })).error.code).toBe(100);
	});
});

describe('routing', () => {
	it("The number's webhook wins over the account's, and the account's over the app's", async () => {
		const [app, account, number] = await Promise.all([1, 2, 3].map(() => new Receiver().start()));
		if (!app || !account || !number) throw new Error('No receivers');
		const counts = () => [app, account, number].map(({ webhooks }) => webhooks.length);
		const token = 'a verify token';
		const deliver = async (phoneNumberId: string) => {
			const made = await emulator.createRecording({ phoneNumberId });
			return await emulator.deliver([made]).settled;
		};
		const configure = (uri: string) =>
			graph(emulator, 'POST', NUMBER, {
				webhook_configuration: { override_callback_uri: uri, verify_token: token },
			});

		await edge('POST', subscription({ callback_url: app.url }));
		expect((await deliver(NUMBER)).outcome).toBe('notSubscribed');
		await graph(emulator, 'POST', `${WABA}/subscribed_apps`);
		await deliver(NUMBER);
		expect(counts()).toEqual([1, 0, 0]);
		await graph(emulator, 'POST', `${WABA}/subscribed_apps`, {
			override_callback_uri: account.url,
			verify_token: token,
		});
		await deliver(NUMBER);
		expect(counts()).toEqual([1, 1, 0]);
		expect((await configure(number.url)).body).toEqual({ success: true });
		await deliver(NUMBER);
		await deliver(SECOND_NUMBER);
		expect(counts()).toEqual([1, 2, 1]);
		const read = await graph(emulator, 'GET', `${NUMBER}?fields=webhook_configuration`);
		expect(read.body).toEqual({
			webhook_configuration: {
				phone_number: number.url,
				whatsapp_business_account: account.url,
				application: app.url,
			},
			id: NUMBER,
		});
		const made = await emulator.createRecording({ phoneNumberId: NUMBER });
		const other = await emulator.createRecording({ phoneNumberId: SECOND_NUMBER });
		expect(() => emulator.deliver([made, other])).toThrow(/different callbacks/);

		expect((await configure('')).body).toEqual({ success: true });
		await deliver(NUMBER);
		expect(counts()).toEqual([1, 3, 1]);
		number.challengeReply = { status: 500 };
		expect((await configure(number.url)).error.code).toBe(2200);
		await Promise.all([app, account, number].map((one) => one.stop()));
	});
});

describe('a query in the callback URL', () => {
	const withQuery = () => `${receiver.url}?also=x`;
	const configured = (uri: string) => ({
		override_callback_uri: uri,
		verify_token: receiver.verifyToken,
	});
	const state = () => emulator.subscriptionState();

	/** How a URL is set, and what Meta shows then. */
	const LEVELS = {
		app: {
			set: async (url: string) => await edge('POST', subscription({ callback_url: url })),
			shown: () => state().app?.callbackUrl,
		},
		account: {
			set: async (url: string) =>
				await graph(emulator, 'POST', `${WABA}/subscribed_apps`, configured(url)),
			shown: () => state().accountOverride,
		},
		number: {
			set: async (url: string) =>
				await graph(emulator, 'POST', NUMBER, { webhook_configuration: configured(url) }),
			shown: () => state().numberOverrides[NUMBER],
		},
	};

	describe.each(Object.entries(LEVELS))('the callback URL of %s', (_, { set, shown }) => {
		it.each<[Variants['callbackQuery'], string, string | null, string | null]>([
			['kept', '?also=x', 'x', 'x'],
			['droppedWhenStored', '', 'x', null],
			['droppedWhenCalled', '?also=x', null, null],
		])('The query can be %s', async (callbackQuery, kept, inChallenge, inDelivery) => {
			emulator.presetSubscription('https://crm.example/hook');
			emulator.variants.callbackQuery = callbackQuery;
			expect((await set(withQuery())).status).toBe(200);
			expect(shown()).toBe(`${receiver.url}${kept}`);
			const recording = await emulator.createRecording({ phoneNumberId: NUMBER });
			expect((await emulator.deliver([recording]).answer).status).toBe(200);
			const queries = [receiver.challenges, receiver.webhooks].map(([first]) =>
				first?.url.searchParams.get('also'),
			);
			expect(queries).toEqual([inChallenge, inDelivery]);
		});

		it('The URL can be kept in another form of the same URL', async () => {
			emulator.presetSubscription('https://crm.example/hook');
			emulator.variants.callbackUrlAs = 'equivalent';
			expect((await set(`${receiver.url}-1?also=x-_&other=y`)).status).toBe(200);
			expect(shown()).toBe(`${receiver.url}%2D1/?other=y&also=x-_`);
			const recording = await emulator.createRecording({ phoneNumberId: NUMBER });
			expect((await emulator.deliver([recording]).answer).status).toBe(200);
		});

		it('The query can be rejected where the URL without it is not', async () => {
			emulator.presetSubscription('https://crm.example/hook');
			emulator.variants.callbackQuery = 'refused';
			const before = shown();
			const { status, error } = await set(withQuery());
			expect([status, error.code]).toEqual([400, 100]);
			expect(error.error_data?.details).toMatch(/must not have a query/);
			expect(receiver.challenges).toEqual([]);
			expect(shown()).toBe(before);
			expect((await set(receiver.url)).status).toBe(200);
		});
	});
});
