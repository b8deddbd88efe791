import type { GraphContext, Result } from '../../../nodes/WhatsAppBusinessCalling/graph/types';
import {
	readAccountMembership,
	readAppSubscription,
	removeAppFields,
	setAppOnAccount,
	writeAppSubscription,
} from '../../../nodes/WhatsAppBusinessCalling/graph/appSubscription';
import { ACCOUNT, fakeExecution, type Sent, refusal } from '../fakes';

const OBJECT = 'whatsapp_business_account';
const SUBSCRIPTIONS = 'https://graph.facebook.com/v26.0/670843887433847/subscriptions';
const APPS = 'https://graph.facebook.com/v26.0/102290129340398/subscribed_apps';
const HOOK = 'https://n8n.example/webhook';

async function ask<T>(
	body: unknown,
	work: (context: GraphContext) => Promise<Result<T>>,
	statusCode = 200,
) {
	const { context, sent } = fakeExecution({}, () => ({ statusCode, body }));
	return { result: await work(context), sent };
}

/** Without the proof of the app secret, which every request of an app has. */
function shown({ method, url, qs, body, credential }: Sent) {
	const { appsecret_proof: proof, ...query } = qs ?? {};
	expect(proof !== undefined).toBe(credential === null);
	return { method, url, qs: Object.keys(query).length > 0 ? query : undefined, body, credential };
}

const REFUSAL = refusal(400, 190).body;

describe('readAppSubscription', () => {
	const read = async (body: unknown, status?: number) =>
		await ask(body, async (context) => await readAppSubscription(context, ACCOUNT), status);
	const row = (more: object = {}) => ({ object: OBJECT, callback_url: HOOK, ...more });

	it.each<[string, object, object]>([
		['fields as names', { active: true, fields: ['calls'] }, { active: true, fields: ['calls'] }],
		[
			'fields as objects',
			{ active: false, fields: [{ name: 'calls', version: 'v26.0' }, 'messages'] },
			{ active: false, fields: ['calls', 'messages'] },
		],
		['nothing but its address', {}, { active: true, fields: [] }],
		['no list of fields', { fields: null }, { active: true, fields: [] }],
	])("The app's webhook is read with %s", async (_, more, expected) => {
		const { result, sent } = await read({ data: [{ object: 'page' }, row(more)] });
		const areFieldsShown = 'fields' in more && more.fields !== null;
		expect(result).toEqual({ ok: true, value: { callbackUrl: HOOK, ...expected, areFieldsShown } });
		expect(sent.map(shown)).toEqual([
			{ method: 'GET', url: SUBSCRIPTIONS, qs: undefined, body: undefined, credential: null },
		]);
	});

	it("The app's webhook is also found on a later page of the list", async () => {
		const { context, sent } = fakeExecution({}, ({ qs }) => ({
			statusCode: 200,
			body:
				qs?.after === 'B'
					? { data: [row()] }
					: { data: [{ object: 'page' }], paging: { cursors: { after: 'B' }, next: 'more' } },
		}));
		expect(await readAppSubscription(context, ACCOUNT)).toMatchObject({
			ok: true,
			value: { callbackUrl: HOOK },
		});
		expect(sent.map((request) => shown(request).qs)).toEqual([undefined, { after: 'B' }]);
	});

	it.each([{ data: [] }, { data: [{ object: 'page', callback_url: HOOK }] }])(
		'An app without a webhook is recognized: %j',
		async (body) => expect((await read(body)).result).toEqual({ ok: true, value: null }),
	);

	it.each<[unknown, string]>([
		['', "Meta's list of the app's webhooks cannot be read"],
		[{}, "Meta's list of the app's webhooks cannot be read"],
		[{ data: [{ object: OBJECT }] }, "Meta's response about the app's webhook cannot be read"],
		[
			{ data: [row({ fields: 'calls' })] },
			"Meta's response about the app's webhook cannot be read",
		],
	])('A response of %j does not count as "the app has none"', async (body, message) => {
		expect((await read(body)).result).toMatchObject({
			ok: false,
			failure: { message, transient: true },
		});
	});

	it('A failed request gives its failure', async () => {
		expect((await read(REFUSAL, 400)).result).toMatchObject({ failure: { code: 190 } });
	});
});

describe("changes of the app's webhook", () => {
	it("The app's webhook is pointed to a URL, as the app", async () => {
		const subscription = { callbackUrl: HOOK, verifyToken: 'T', fields: ['calls', 'messages'] };
		const { result, sent } = await ask(
			{ success: true },
			async (context) => await writeAppSubscription(context, ACCOUNT, subscription),
		);
		expect(result.ok).toBe(true);
		expect(sent.map(shown)).toEqual([
			{
				method: 'POST',
				url: SUBSCRIPTIONS,
				qs: undefined,
				body: {
					object: OBJECT,
					callback_url: HOOK,
					verify_token: 'T',
					fields: 'calls,messages',
					include_values: true,
				},
				credential: null,
			},
		]);
	});

	it("Fields are removed from the app's webhook, as the app", async () => {
		const { result, sent } = await ask(
			{ success: true },
			async (context) => await removeAppFields(context, ACCOUNT, ['calls', 'messages']),
		);
		expect(result.ok).toBe(true);
		expect(sent.map(shown)).toEqual([
			{
				method: 'DELETE',
				url: SUBSCRIPTIONS,
				qs: { object: OBJECT, fields: 'calls,messages' },
				body: undefined,
				credential: null,
			},
		]);
	});

	it('A change without a confirmation is a failure', async () => {
		const { result } = await ask(
			{},
			async (context) => await removeAppFields(context, ACCOUNT, ['calls']),
			200,
		);
		expect(result.ok).toBe(false);
	}, 30_000);
});

describe('the app on the account', () => {
	const own = (more: object = {}) => ({
		whatsapp_business_api_data: { id: ACCOUNT.appId, name: 'App' },
		...more,
	});
	const other = { whatsapp_business_api_data: { id: '1' }, override_callback_uri: 'https://x' };

	it.each<[unknown[], boolean, string | null]>([
		[[], false, null],
		[[other], false, null],
		[[null, {}, other, own()], true, null],
		[[own({ override_callback_uri: '' })], true, null],
		[[other, own({ override_callback_uri: HOOK })], true, HOOK],
		[[{ id: '1' }, { id: ACCOUNT.appId, override_callback_uri: HOOK }], true, HOOK],
		[[{ id: '1' }], false, null],
	])('The app in %j has joined %s, with the URL %s', async (data, joined, override) => {
		const { result, sent } = await ask(
			{ data },
			async (context) => await readAccountMembership(context, ACCOUNT),
		);
		expect(result).toEqual({ ok: true, value: { joined, override } });
		expect(sent.map(shown)).toEqual([
			{
				method: 'GET',
				url: APPS,
				qs: undefined,
				body: undefined,
				credential: 'whatsAppBusinessCallingApi',
			},
		]);
	});

	it('The app is searched on every page, and no further than it is found', async () => {
		const cursors: unknown[] = [];
		const { context } = fakeExecution({}, ({ qs }) => {
			cursors.push(qs?.after);
			const page = cursors.length;
			const data = page === 3 ? [other, own({ override_callback_uri: HOOK })] : [other];
			const paging = { cursors: { after: `page ${page}` }, next: 'https://x' };
			return { statusCode: 200, body: { data, paging } };
		});
		expect(await readAccountMembership(context, ACCOUNT)).toMatchObject({
			value: { override: HOOK },
		});
		expect(cursors).toEqual([undefined, 'page 1', 'page 2']);
	});

	it.each<[unknown, string]>([
		['', "Meta's list of the account's apps cannot be read"],
		[{ data: 'x' }, "Meta's list of the account's apps cannot be read"],
		[{ data: [own({ override_callback_uri: 5 })] }, "The account's webhook URL cannot be read"],
		[
			{ data: [{ whatsapp_business_api_data: { name: 'ours?' } }] },
			"Meta's list of the account's apps cannot be read",
		],
	])('A response of %j is a failure', async (body, message) => {
		const { result } = await ask(
			body,
			async (context) => await readAccountMembership(context, ACCOUNT),
		);
		expect(result).toMatchObject({ ok: false, failure: { message, transient: true } });
	});

	it('A failed request gives its failure', async () => {
		const { result } = await ask(
			REFUSAL,
			async (context) => await readAccountMembership(context, ACCOUNT),
			400,
		);
		expect(result).toMatchObject({ ok: false, failure: { code: 190 } });
	});

	it.each<['POST' | 'DELETE', { callbackUrl: string; verifyToken: string } | undefined, unknown]>([
		['POST', undefined, undefined],
		[
			'POST',
			{ callbackUrl: HOOK, verifyToken: 'T' },
			{ override_callback_uri: HOOK, verify_token: 'T' },
		],
		['DELETE', undefined, undefined],
	])('The app on the account is changed by %s with %j', async (method, override, body) => {
		const { result, sent } = await ask(
			{ success: true },
			async (context) => await setAppOnAccount(context, ACCOUNT, method, override),
		);
		expect(result.ok).toBe(true);
		expect(sent.map(shown)).toEqual([
			{ method, url: APPS, qs: undefined, body, credential: 'whatsAppBusinessCallingApi' },
		]);
	});
});
