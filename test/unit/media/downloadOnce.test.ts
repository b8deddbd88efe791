import { Readable } from 'node:stream';

import { downloadOnce } from '../../../nodes/WhatsAppBusinessCalling/media/downloadOnce';
import { ACCOUNT, fakeExecution, fileAnswer, sha256 } from '../fakes';

const BYTES = Buffer.from('OggS and so on');

const TARGET = {
	mediaId: '1002764438271669',
	phoneNumberId: null,
	url: 'https://lookaside.fbsbx.com/file',
	urlCreatedAt: null,
	sha256: sha256(BYTES),
	mimeType: 'audio/ogg',
	fileNamePrefix: 'call-recording',
	maxBytes: 1000,
	allowUnverified: false,
};

describe('a download', () => {
	it.each([
		['does not read the file', async () => {}],
		[
			'has read the file',
			async (stream: Readable) => {
				for await (const _ of stream);
			},
		],
	])('ends with its time when the store %s and never answers', async (_, read) => {
		const source = Readable.from([BYTES]);
		const { context } = fakeExecution({}, () => ({ ...fileAnswer(BYTES), body: source }));
		context.helpers.prepareBinaryData = async (stream) => {
			await read(stream as Readable);
			return await new Promise(() => {});
		};
		const download = await downloadOnce(context, ACCOUNT, TARGET, AbortSignal.timeout(50));
		expect(download).toMatchObject({ ok: false, problem: { reason: 'timeout', transient: true } });
		expect(source.destroyed).toBe(true);
	});
});
