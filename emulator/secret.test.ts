import { createHmac } from 'node:crypto';
import { NUMBER } from '../test/support/constants';
import { appToken, graph } from '../test/support/graph';
import { startEmulator, type Emulator } from './index';

let emulator: Emulator;

beforeEach(async () => {
	emulator = await startEmulator();
});

afterEach(async () => {
	await emulator.stop();
});

describe('the proof of the app secret', () => {
	const proofOf = (token: string, secret = emulator.account.appSecret) =>
		createHmac('sha256', secret).update(token).digest('hex');
	const ask = async (proof?: string, headers?: Record<string, string>) => {
		const query = proof === undefined ? '' : `?appsecret_proof=${proof}`;
		return await graph(emulator, 'GET', `${emulator.account.appId}${query}`, undefined, headers);
	};

	it('The proof is checked if it is sent', async () => {
		const { accessToken, appId, appSecret } = emulator.account;
		expect((await ask()).status).toBe(200);
		expect((await ask(proofOf(accessToken))).status).toBe(200);
		expect((await ask(proofOf(`${appId}|${appSecret}`), appToken(emulator))).status).toBe(200);
		for (const wrong of ['', 'x', proofOf(accessToken, 'other'), proofOf('other')]) {
			const { status, body } = await ask(wrong);
			expect([status, body.error]).toMatchObject([
				400,
				{
					code: 100,
					type: 'GraphMethodException',
					message: 'Invalid appsecret_proof provided in the API argument',
				},
			]);
		}
	});

	it('A missing proof is an error if the app requires it, whatever the token', async () => {
		emulator.account.requiresAppSecret = true;
		const message = 'API calls from the server require an appsecret_proof argument';
		expect((await ask()).error).toMatchObject({ code: 100, message });
		expect((await ask(undefined, appToken(emulator))).error).toMatchObject({ message });
		expect((await ask(proofOf(emulator.account.accessToken))).status).toBe(200);
	});
});

describe('the version in the path', () => {
	const get = async (path: string) =>
		await fetch(`${emulator.baseUrl}${path}`, {
			headers: { authorization: `Bearer ${emulator.account.accessToken}` },
		});

	it.each([
		['v26.0', 'v26.0'],
		['v21.0', 'v21.0'],
		['v20.0', 'v21.0'],
		['v2.5', 'v21.0'],
	])('The version %s is answered by %s, which a header says', async (asked, served) => {
		expect((await get(`/${asked}/me`)).headers.get('facebook-api-version')).toBe(served);
	});

	it.each(['v99.0', 'v26', 'vlatest', 'v'])('The version %s does not exist', async (version) => {
		const response = await get(`/${version}/${NUMBER}/settings`);
		expect(response.status).toBe(400);
		expect(response.headers.get('facebook-api-version')).not.toBe(version);
		const { error } = (await response.json()) as { error: { code: number; message: string } };
		expect(error).toMatchObject({
			code: 2500,
			message: `Unknown path components: /${NUMBER}/settings`,
		});
	});
});
