import { uploadMedia, type Upload } from '../../../nodes/WhatsAppBusinessCalling/graph/uploadMedia';
import { ACCOUNT, fakeExecution, refusal, type Answer } from '../fakes';

const UPLOAD: Upload = {
	phoneNumberId: '106',
	content: Buffer.from([0x4f, 0x67, 0x00, 0xff, 0x0d, 0x0a]),
	mimeType: 'audio/ogg',
	fileName: 'announcement.ogg',
};

async function upload(answer: Answer, more: Partial<Upload> = {}) {
	const { context, sent } = fakeExecution({}, () => answer);
	return { result: await uploadMedia(context, ACCOUNT, { ...UPLOAD, ...more }), sent };
}

const id = (value: unknown): Answer => ({ statusCode: 200, body: { id: value } });

describe('uploadMedia', () => {
	it.each<[Partial<Upload>, Array<[string, string]>]>([
		[{}, []],
		[{ useCase: 'call_voicemail_announcement' }, [['use_case', 'call_voicemail_announcement']]],
	])('A form with %j can be read by others', async (more, fields) => {
		const { sent } = await upload(id('5'), more);
		expect(sent).toHaveLength(1);
		const [{ method, url, body, headers }] = sent;
		expect([method, url]).toEqual(['POST', 'https://graph.facebook.com/v26.0/106/media']);
		const form = await new Response(new Uint8Array(body as Buffer), {
			headers: { 'content-type': String(headers?.['Content-Type']) },
		}).formData();
		const { name, type } = form.get('file') as File;
		expect({ name, type }).toEqual({ name: 'announcement.ogg', type: 'audio/ogg' });
		expect(Buffer.from(await (form.get('file') as File).arrayBuffer())).toEqual(UPLOAD.content);
		const texts: Array<[string, unknown]> = [];
		form.forEach((value, field) => field !== 'file' && texts.push([field, value]));
		expect(texts).toEqual([['messaging_product', 'whatsapp'], ['type', 'audio/ogg'], ...fields]);
	});

	it.each<[unknown, string]>([
		['1234567890123456', '1234567890123456'],
		[1234567890123456, '1234567890123456'],
	])('The media ID %j is returned as text', async (value, expected) => {
		expect((await upload(id(value))).result).toEqual({ ok: true, value: expected });
	});

	it.each([id(undefined), id(''), id({}), id(1.5), { statusCode: 200, body: '<html>' }])(
		'The response %j is a failure',
		async (answer) => {
			expect((await upload(answer)).result).toMatchObject({
				ok: false,
				failure: { kind: 'unreadable' },
			});
		},
	);

	it('A failed request gives its failure', async () => {
		const { result } = await upload(refusal(400, 100));
		expect(result).toMatchObject({ ok: false, failure: { code: 100 } });
	});
});
