import { readTokenInfo } from '../../../nodes/WhatsAppBusinessCalling/graph/tokenInfo';
import { ACCOUNT, CREDENTIAL, fakeExecution } from '../fakes';

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
});
