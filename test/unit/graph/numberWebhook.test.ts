import {
	readWebhookRoute,
	readWebhookRoutes,
	setNumberOverride,
} from '../../../nodes/WhatsAppBusinessCalling/graph/numberWebhook';
import { ACCOUNT, fakeExecution, type Respond, refusal } from '../fakes';

const OF_NUMBER = 'https://number.example/webhook';
const OF_ACCOUNT = 'https://account.example/webhook';
const OF_APP = 'https://app.example/webhook';

const answers = (respond: Respond) => fakeExecution({}, respond);
const answer = (body: unknown) => answers(() => ({ statusCode: 200, body }));

describe('readWebhookRoute', () => {
	const read = async (body: unknown) => {
		const { context, sent } = answer(body);
		return { result: await readWebhookRoute(context, ACCOUNT, '106'), sent };
	};

	it('The URLs of a number are read', async () => {
		const { result, sent } = await read({
			id: '106',
			webhook_configuration: {
				phone_number: OF_NUMBER,
				whatsapp_business_account: OF_ACCOUNT,
				application: OF_APP,
			},
		});
		expect(result).toEqual({
			ok: true,
			value: { phoneNumber: OF_NUMBER, businessAccount: OF_ACCOUNT, app: OF_APP },
		});
		expect(sent).toEqual([
			expect.objectContaining({
				method: 'GET',
				url: 'https://graph.facebook.com/v26.0/106',
				qs: { fields: 'webhook_configuration' },
			}),
		]);
	});

	it.each([
		[{ id: '106' }],
		[{ id: '106', webhook_configuration: null }],
		[{ id: '106', webhook_configuration: {} }],
		[{ id: '106', webhook_configuration: { phone_number: '', application: null } }],
	])('A number has no URL if Meta names none: %j', async (body) => {
		const { result } = await read(body);
		expect(result).toEqual({
			ok: true,
			value: { phoneNumber: null, businessAccount: null, app: null },
		});
	});

	it('A failed request gives its failure', async () => {
		const { context } = answers(() => refusal(400, 190));
		expect(await readWebhookRoute(context, ACCOUNT, '106')).toMatchObject({
			ok: false,
			failure: { code: 190 },
		});
	});

	it.each(['', null, {}, { id: '' }, { id: '1', webhook_configuration: 'x' }])(
		'A response of %j does not count as "there is none"',
		async (body) => {
			const { result } = await read(body);
			expect(result).toMatchObject({
				ok: false,
				failure: {
					message: "Meta's response about the number's webhook cannot be read",
					transient: true,
				},
			});
		},
	);
});

describe('readWebhookRoutes', () => {
	it('The webhook URLs of each number are read, over all pages', async () => {
		const pages = [
			[
				{
					id: '1',
					display_phone_number: '+1 555 010 0001',
					webhook_configuration: { phone_number: OF_NUMBER, application: OF_APP },
				},
				{ id: '2', display_phone_number: null },
			],
			[
				{ id: '3', webhook_configuration: { whatsapp_business_account: OF_ACCOUNT } },
				{ id: '4', webhook_configuration: { phone_number: OF_NUMBER } },
			],
		];
		const { context, sent } = answers(({ qs }) => {
			const page = Number(qs?.after ?? 0);
			const next = page === 0 ? { next: 'https://x' } : {};
			return {
				statusCode: 200,
				body: { data: pages[page], paging: { cursors: { after: String(page + 1) }, ...next } },
			};
		});
		expect(await readWebhookRoutes(context, ACCOUNT)).toEqual({
			ok: true,
			value: new Map(
				[
					['1', '+1 555 010 0001', OF_NUMBER, null, OF_APP] as const,
					['2', null, null, null, null] as const,
					['3', null, null, OF_ACCOUNT, null] as const,
					['4', null, OF_NUMBER, null, null] as const,
				].map(([id, displayPhoneNumber, phoneNumber, businessAccount, app]) => [
					id,
					{ id, displayPhoneNumber, phoneNumber, businessAccount, app },
				]),
			),
		});
		expect(sent.map(({ method, url, qs }) => ({ method, url, qs }))).toEqual(
			[{}, { after: '1' }].map((cursor) => ({
				method: 'GET',
				url: 'https://graph.facebook.com/v26.0/102290129340398/phone_numbers',
				qs: { fields: 'id,display_phone_number,webhook_configuration', limit: '100', ...cursor },
			})),
		);
	});

	it('A page that names a page that was read is a failure at once', async () => {
		const { context, sent } = answer({
			data: [],
			paging: { cursors: { after: 'again' }, next: 'https://x' },
		});
		expect(await readWebhookRoutes(context, ACCOUNT)).toMatchObject({
			ok: false,
			failure: { message: "Meta's list does not end: a page refers to an earlier one" },
		});
		expect(sent).toHaveLength(2);
	});

	it.each(['', {}, { data: [{ id: '1' }, { webhook_configuration: null }] }])(
		'A response of %j does not count as "there is none"',
		async (body) => {
			expect(await readWebhookRoutes(answer(body).context, ACCOUNT)).toMatchObject({
				ok: false,
				failure: { message: "Meta's list of the numbers' webhooks cannot be read" },
			});
		},
	);

	it('A failed page gives its failure', async () => {
		expect(
			await readWebhookRoutes(answers(() => refusal(400, 190)).context, ACCOUNT),
		).toMatchObject({
			ok: false,
			failure: { code: 190 },
		});
	});
});

describe('setNumberOverride', () => {
	it.each([
		[
			{ callbackUrl: OF_NUMBER, verifyToken: 'T' },
			{ override_callback_uri: OF_NUMBER, verify_token: 'T' },
		],
		[null, { override_callback_uri: '' }],
	])('The override %j is sent', async (override, sentConfiguration) => {
		const { context, sent } = answer({ success: true });
		expect((await setNumberOverride(context, ACCOUNT, '106', override)).ok).toBe(true);
		expect(sent).toEqual([
			expect.objectContaining({
				method: 'POST',
				url: 'https://graph.facebook.com/v26.0/106',
				body: { webhook_configuration: sentConfiguration },
			}),
		]);
	});

	it('A change without a confirmation is a failure', async () => {
		const { context } = answer({});
		const result = await setNumberOverride(context, ACCOUNT, '106', null, { attempts: 1 });
		expect(result.ok).toBe(false);
	});
});
