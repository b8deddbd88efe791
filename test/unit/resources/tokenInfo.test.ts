import { readAccount } from '../../../nodes/WhatsAppBusinessCalling/graph/account';
import { readTokenInfo } from '../../../nodes/WhatsAppBusinessCalling/resources/setup/tokenInfo';
import { ACCOUNT, APP_SECRET, CREDENTIAL, fakeExecution, TOKEN, refusal } from '../fakes';

const tokenInfo = async (data: object) => {
	const { context } = fakeExecution({}, () => ({ statusCode: 200, body: { data } }));
	const result = await readTokenInfo(context, await readAccount(context));
	return result.ok ? result.value : null;
};

describe('readTokenInfo', () => {
	it('A token that Meta repeats is not passed on', async () => {
		const message = `Malformed access token ${String(CREDENTIAL.accessToken)}`;
		const info = await tokenInfo({ is_valid: false, error: { message } });
		expect(info?.error?.message).toBe('Malformed access token (token)');
	});

	it('A time beyond the calendar counts as none', async () => {
		expect(await tokenInfo({ is_valid: true, expires_at: 1e20 })).toMatchObject({
			is_valid: true,
			expires_at: null,
		});
	});

	it('The request is about the token, as the app', async () => {
		const { context, sent } = fakeExecution({}, () => ({ statusCode: 200, body: {} }));
		context.getCredentials = async () => ({ ...CREDENTIAL, accessToken: ` ${TOKEN}\n` }) as never;
		await readTokenInfo(context, await readAccount(context));
		expect(sent).toEqual([
			expect.objectContaining({
				method: 'GET',
				url: 'https://graph.facebook.com/v26.0/debug_token',
				qs: expect.objectContaining({ input_token: TOKEN }) as object,
				headers: expect.objectContaining({
					Authorization: `Bearer ${ACCOUNT.appId}|${APP_SECRET}`,
				}) as object,
			}),
		]);
	});

	it('What Meta says is read', async () => {
		const said = { is_valid: true, expires_at: 0, scopes: ['whatsapp_business_messaging'] };
		expect(await tokenInfo(said)).toEqual({ ...said, error: null });
	});

	it('Neither the token nor the app secret is shown', async () => {
		const info = await tokenInfo({ error: { message: `${APP_SECRET} or ${TOKEN}` } });
		expect(info?.error?.message).toBe('(token) or (token)');
	});

	it.each(['', null, {}, { data: 5 }])(
		'The token is taken neither for valid nor for invalid by %j',
		async (body) => {
			const { context } = fakeExecution({}, () => ({ statusCode: 200, body }));
			expect(await readTokenInfo(context, ACCOUNT)).toMatchObject({
				ok: false,
				failure: { message: "Meta's response about the token cannot be read", transient: true },
			});
		},
	);

	it('A failed request gives its failure', async () => {
		const { context } = fakeExecution({}, () => refusal(400, 190));
		expect(await readTokenInfo(context, ACCOUNT)).toMatchObject({
			ok: false,
			failure: { code: 190 },
		});
	});
});
