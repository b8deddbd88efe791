import { readTokenInfo } from '../../../nodes/WhatsAppBusinessCalling/resources/setup/tokenInfo';
import { ACCOUNT, APP_SECRET, CREDENTIAL, fakeExecution, TOKEN, refusal } from '../fakes';

const tokenInfo = async (data: object) => {
	const { context } = fakeExecution({}, () => ({ statusCode: 200, body: { data } }));
	const result = await readTokenInfo(context, ACCOUNT);
	return result.ok ? result.value : null;
};

describe('readTokenInfo', () => {
	it('does not hand on a token that Meta repeats', async () => {
		const message = `Malformed access token ${String(CREDENTIAL.accessToken)}`;
		const info = await tokenInfo({ is_valid: false, error: { message } });
		expect(info?.error?.message).toBe('Malformed access token (token)');
	});

	it('takes a time that no calendar has for none', async () => {
		expect(await tokenInfo({ is_valid: true, expires_at: 1e20 })).toMatchObject({
			is_valid: true,
			expires_at: null,
		});
	});

	it('asks for the token, as the app', async () => {
		const { context, sent } = fakeExecution({}, () => ({ statusCode: 200, body: {} }));
		context.getCredentials = async () => ({ ...CREDENTIAL, accessToken: ` ${TOKEN}\n` }) as never;
		await readTokenInfo(context, ACCOUNT);
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

	it('reads what Meta says', async () => {
		const said = { is_valid: true, expires_at: 0, scopes: ['whatsapp_business_messaging'] };
		expect(await tokenInfo(said)).toEqual({ ...said, error: null });
	});

	it('shows neither the token nor the app secret', async () => {
		const info = await tokenInfo({ error: { message: `${APP_SECRET} or ${TOKEN}` } });
		expect(info?.error?.message).toBe('(token) or (token)');
	});

	it.each(['', null, {}, { data: 5 }])(
		'takes the token neither for valid nor for bad by %j',
		async (body) => {
			const { context } = fakeExecution({}, () => ({ statusCode: 200, body }));
			expect(await readTokenInfo(context, ACCOUNT)).toMatchObject({
				ok: false,
				failure: { message: "Meta's response about the token cannot be read", transient: true },
			});
		},
	);

	it('fails as the request fails', async () => {
		const { context } = fakeExecution({}, () => refusal(400, 190));
		expect(await readTokenInfo(context, ACCOUNT)).toMatchObject({
			ok: false,
			failure: { code: 190 },
		});
	});
});
