import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { requireFiles } from '../../../nodes/WhatsAppBusinessCalling/delivery/requireFiles';
import { failureOf } from '../../support/failures';
import { fakeExecution, fileAnswer, refusal, sha256, type Respond } from '../fakes';

const BYTES = Buffer.from('OggS and the rest of a recording');
const HASH = sha256(BYTES).toString('hex');
const FAIL = { options: { onFileUnavailable: 'fail' } };

const file = (more: IDataObject = {}) => ({
	...{ mediaId: '5', mimeType: 'audio/ogg', sha256: HASH },
	...{ error: { reason: 'unavailable', message: 'Meta did not answer.' }, ...more },
});
const withoutFile = (more: IDataObject = {}) => ({
	json: { callId: 'wacid.1', phoneNumberId: '1', timestamp: null, recording: file(more) },
});
const complete = { json: { callId: 'wacid.2', recording: { mediaId: '6', error: null } } };

/** Meta has the file. */
const available: Respond = ({ url }) =>
	url.includes('/5')
		? {
				statusCode: 200,
				body: {
					id: '5',
					url: 'https://lookaside.fbsbx.com/a',
					mime_type: 'audio/ogg',
					sha256: HASH,
				},
			}
		: fileAnswer(BYTES, { 'content-type': 'audio/ogg' });

function run(items: object[], parameters: IDataObject, mode: string, respond?: Respond) {
	const { context, sent, files } = fakeExecution(parameters, respond);
	Object.assign(context, {
		getInputData: () => items,
		getMode: () => mode,
	});
	return { result: requireFiles(context as unknown as IExecuteFunctions), sent, files };
}

describe('the items of an execution', () => {
	it.each<[string, object[], IDataObject]>([
		['with their files', [complete], FAIL],
		['without a file, with Ask Meta to Deliver Again', [withoutFile()], {}],
		[
			'without a file, with Emit Item Without File',
			[withoutFile()],
			{ options: { onFileUnavailable: 'emit' } },
		],
	])('They pass as they are %s', async (_, items, parameters) => {
		const { result, sent } = run(items, parameters, 'retry');
		expect(await result).toBe(items);
		expect(sent).toEqual([]);
	});

	it('The execution fails for a missing file, and the error says how to get it', async () => {
		const { result, sent } = run([complete, withoutFile()], FAIL, 'webhook');
		const error = await failureOf(result);
		expect(error.message).toBe('The recording could not be downloaded. Meta did not answer.');
		expect(error.description).toBe(
			'Once the cause is fixed, retry this execution to download the file again. Call ID: wacid.1, media ID: 5.',
		);
		expect(error).toMatchObject({ context: { itemIndex: 1 } });
		expect(sent).toEqual([]);
	});

	it('When it is retried, the missing file is downloaded, and the others stay', async () => {
		const { result, files } = run([complete, withoutFile()], FAIL, 'retry', available);
		const [first, second] = await result;
		expect(first).toBe(complete);
		expect(files.map(({ bytes }) => bytes)).toEqual([BYTES]);
		expect(second.binary).toBeDefined();
		expect(second.json.recording).toMatchObject({
			...{ mediaId: '5', verified: true, sha256: sha256(BYTES).toString('base64') },
		});
		expect((second.json.recording as IDataObject).error ?? null).toBeNull();
	});

	it('When it is retried, bytes that are not the announced ones are an error', async () => {
		const { result, files } = run(
			[withoutFile({ sha256: '0'.repeat(64) })],
			FAIL,
			'retry',
			available,
		);
		expect((await failureOf(result)).message).toMatch(/^The recording could not be downloaded\./);
		expect(files).toEqual([]);
	});

	it('When it is retried and Meta has no file, the error says so', async () => {
		const { result } = run([withoutFile()], FAIL, 'retry', () => refusal(400, 100));
		const { message } = await failureOf(result);
		expect(message).toMatch(/^The recording could not be downloaded\./);
		expect(message).not.toContain('Meta did not answer.');
	});

	it('A file without a media ID cannot be downloaded, also when it is retried', async () => {
		const { result, sent } = run([withoutFile({ mediaId: null })], FAIL, 'retry', available);
		expect((await failureOf(result)).description).toBe('Call ID: wacid.1.');
		expect(sent).toEqual([]);
	});
});
