import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NUMBER } from '../test/support/constants';
import { download, graph } from '../test/support/graph';
import { DEFAULT_RECORDING, MEDIA_LIFETIME_MS, startEmulator, type Emulator } from './index';

const AUDIO = readFileSync(join(__dirname, '../test/fixtures/audio/user.ogg'));
const DAY_MS = 24 * 60 * 60_000;

let emulator: Emulator;

beforeEach(async () => {
	emulator = await startEmulator();
});

afterEach(async () => await emulator.stop());

interface Form {
	file?: File | string;
	[name: string]: unknown;
}

const file = (bytes: Buffer = AUDIO, type = 'audio/ogg') =>
	new File([new Uint8Array(bytes)], 'a.ogg', { type });

async function upload(more: Form = {}, number = NUMBER) {
	const form = new FormData();
	const fields = { messaging_product: 'whatsapp', type: 'audio/ogg', file: file(), ...more };
	for (const [name, value] of Object.entries(fields)) {
		if (value !== undefined) form.append(name, value as File);
	}
	const response = await fetch(`${emulator.baseUrl}/v26.0/${number}/media`, {
		method: 'POST',
		headers: { authorization: `Bearer ${emulator.account.accessToken}` },
		body: form,
	});
	return (await response.json()) as { id?: string; error?: { code: number; message: string } };
}

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

const announcement = { use_case: 'call_voicemail_announcement' };
const info = async (id = '') => await graph(emulator, 'GET', id);

describe('an upload', () => {
	it('An upload can be downloaded by its ID', async () => {
		const { id } = await upload();
		const { body } = await info(id);
		expect(body).toMatchObject({ id, mime_type: 'audio/ogg', file_size: String(AUDIO.length) });
		expect(await bytesOf(await download(emulator, String(body.url)))).toEqual(AUDIO);
	});

	it('An upload is kept for 30 days, an announcement for longer', async () => {
		const [message, kept] = [await upload(), await upload(announcement)];
		emulator.clock.advance(MEDIA_LIFETIME_MS + 1);
		expect((await info(message.id)).status).toBe(200);
		emulator.clock.advance(30 * DAY_MS);
		expect((await info(message.id)).error.code).toBe(100);
		expect((await info(kept.id)).status).toBe(200);
	});

	it.each<[string, Form]>([
		['without a file', { file: undefined }],
		['with a text instead of a file', { file: 'audio' }],
		['of an empty file', { file: file(Buffer.alloc(0)) }],
		['without the product', { messaging_product: undefined }],
		['of another type than it says', { type: 'audio/mpeg' }],
		['of a type that WhatsApp does not have', { type: undefined, file: file(AUDIO, 'text/html') }],
		['without a type', { type: undefined }],
		['of Ogg without Opus', { file: file(Buffer.from('OggS')) }],
		['in two channels', { file: file(readFileSync(DEFAULT_RECORDING)) }],
		['with an unknown field', { name: 'x' }],
		['for an unknown purpose', { use_case: 'ringtone' }],
		[
			'of an announcement that is no Ogg',
			{ ...announcement, type: undefined, file: file(AUDIO, 'audio/mpeg') },
		],
		['of an announcement that is cut off', { ...announcement, file: file(AUDIO.subarray(0, -9)) }],
		['of an announcement that is noise', { ...announcement, file: file(Buffer.from('OggS')) }],
		['that is too large', { file: file(Buffer.alloc(16 * 1024 * 1024 + 1)) }],
	])('An upload %s is rejected', async (_, more) => {
		expect((await upload(more)).error?.code).toBe(100);
	});

	it('An upload is rejected without a form, and for a number of another account', async () => {
		const path = `${NUMBER}/media`;
		expect((await graph(emulator, 'POST', path, { file: 'x' })).error.message).toMatch(/file/);
		const broken = { 'content-type': 'multipart/form-data; boundary=x' };
		expect((await graph(emulator, 'POST', path, '--y', broken)).error.message).toMatch(/file/);
		expect((await upload({}, '999')).error?.code).toBe(100);
	});
});
