import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { appToken, download, graph } from './helpers';
import { startEmulator, type Emulator } from './index';

const NUMBER = '106000000000001';
const VOICE = readFileSync(join(__dirname, '../test/fixtures/audio/user.ogg'));
const STEREO = readFileSync(join(__dirname, '../test/fixtures/audio/call-recording.ogg'));
const MB = 1024 * 1024;

let emulator: Emulator;

beforeEach(async () => {
	emulator = await startEmulator();
});

afterEach(async () => {
	await emulator.stop();
});

type Fields = Record<string, string | Blob | undefined>;

const file = (bytes: Uint8Array, type: string) => new Blob([new Uint8Array(bytes)], { type });

const RIGHT: Fields = {
	messaging_product: 'whatsapp',
	type: 'audio/ogg',
	file: file(VOICE, 'audio/ogg'),
};

/** Meta, "Media": `POST /<PHONE_NUMBER_ID>/media`, as a browser or curl sends a form. */
async function upload(changes: Fields = {}, path = `${NUMBER}/media`, token?: string) {
	const form = new FormData();
	for (const [name, value] of Object.entries({ ...RIGHT, ...changes })) {
		if (typeof value === 'string') form.set(name, value);
		else if (value) form.set(name, value, 'voice.ogg');
	}
	const response = await fetch(`${emulator.baseUrl}/v26.0/${path}`, {
		method: 'POST',
		headers: { authorization: token ?? `Bearer ${emulator.account.accessToken}` },
		body: form,
	});
	return { status: response.status, body: (await response.json()) as Record<string, never> };
}

describe('an upload', () => {
	it('gives a media ID, under which the file is for 30 days', async () => {
		const { status, body } = await upload();
		expect([status, Object.keys(body)]).toEqual([200, ['id']]);
		const info = await graph(emulator, 'GET', `${String(body.id)}?phone_number_id=${NUMBER}`);
		expect(info.body).toMatchObject({
			mime_type: 'audio/ogg',
			sha256: createHash('sha256').update(VOICE).digest('hex'),
			file_size: String(VOICE.length),
		});
		const answer = await download(emulator, String(info.body.url));
		expect(Buffer.from(await answer.arrayBuffer()).equals(VOICE)).toBe(true);
		emulator.clock.advance(29 * 24 * 60 * 60_000);
		expect((await graph(emulator, 'GET', String(body.id))).status).toBe(200);
		emulator.clock.advance(2 * 24 * 60 * 60_000);
		expect((await graph(emulator, 'GET', String(body.id))).error.error_subcode).toBe(33);
	});

	it.each<[string, Fields, RegExp]>([
		['without the product', { messaging_product: undefined }, /messaging_product is required/],
		['for another product', { messaging_product: 'x' }, /messaging_product is required/],
		['without a type', { type: undefined }, /type is required/],
		['without a file', { file: undefined }, /file is required/],
		['with a text for a file', { file: 'text' }, /file is required/],
		['of nothing', { file: file(Buffer.alloc(0), 'audio/ogg') }, /file is required/],
		['with a field that Meta does not know', { codec: 'opus' }, /Unexpected key "codec"/],
		['of a type that Meta does not take', { type: 'audio/wav' }, /one of the following types/],
		['of a file of another type', { file: file(VOICE, 'audio/aac') }, /Received file of type/],
		['of a file without a type', { file: file(VOICE, '') }, /Received file of type/],
		['of Ogg without Opus', { file: file(Buffer.from('OggS'), 'audio/ogg') }, /without Opus/],
	])('%s is refused', async (_, changes, message) => {
		const { status, body } = await upload(changes);
		expect(status).toBe(400);
		expect(body.error).toMatchObject({
			code: 100,
			message: expect.stringMatching(message) as string,
		});
	});

	it.each<[string, Fields, RegExp]>([
		['in two channels', { file: file(STEREO, 'audio/ogg') }, /must be mono/],
		[
			'above 16 MB',
			{ type: 'audio/mpeg', file: file(Buffer.alloc(16 * MB + 1), 'audio/mpeg') },
			/larger than/,
		],
	])('of audio %s is refused', async (_, changes, details) => {
		const { status, body } = await upload(changes);
		expect(status).toBe(400);
		expect(body.error).toMatchObject({
			code: 100,
			error_data: { details: expect.stringMatching(details) as string },
		});
	});

	it('is refused as JSON, for an unknown number, with the token of the app and without permission', async () => {
		const json = await graph(emulator, 'POST', `${NUMBER}/media`, {
			messaging_product: 'whatsapp',
		});
		expect(json.error.message).toMatch(/messaging_product is required/);
		expect((await upload({}, '999/media')).body.error).toMatchObject({ error_subcode: 33 });
		const ofApp = await upload({}, undefined, appToken(emulator).authorization);
		expect(ofApp.body.error).toMatchObject({ code: 200 });
		emulator.account.tokenScopes = ['whatsapp_business_management'];
		expect((await upload()).body.error).toMatchObject({ code: 200 });
	});
});

describe('the proof of the app secret', () => {
	const proofOf = (token: string, secret = emulator.account.appSecret) =>
		createHmac('sha256', secret).update(token).digest('hex');
	const ask = async (proof?: string, headers?: Record<string, string>) => {
		const query = proof === undefined ? '' : `?appsecret_proof=${proof}`;
		return await graph(emulator, 'GET', `${emulator.account.appId}${query}`, undefined, headers);
	};

	it('is checked where it is sent', async () => {
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

	it('is missed where the app requires it, whatever the token', async () => {
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
	])('%s is answered by %s, which a header says', async (asked, served) => {
		expect((await get(`/${asked}/me`)).headers.get('facebook-api-version')).toBe(served);
	});

	it.each(['v99.0', 'v26', 'vlatest', 'v'])('%s is none', async (version) => {
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
