import { readFile } from 'node:fs/promises';
import type { IDataObject, INode, INodeExecutionData, INodeParameters } from 'n8n-workflow';
import { DEFAULT_RECORDING, type CreatedRecording, type DeliverOptions } from '../../emulator';
import { EVENT_TYPES } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { signatureOf } from '../support/signature';
import type { ActionRun } from './engine/actionRun';
import { everythingIn } from './engine/everythingIn';
import { AFTER_SETTLING_MS, timestampBefore, useStage } from './engineStage';

const stage = useStage();

const SIGNATURE = 'x-hub-signature-256';

/** A request as Meta sends it. */
interface Signed {
	body: Buffer;
	headers: Record<string, string>;
}

/** Of these updates, as the emulator of Meta writes and signs it. */
function delivery(
	updates: Parameters<typeof stage.emulator.deliver>[0],
	options: DeliverOptions = {},
): Signed {
	const nowhere = 'http://127.0.0.1:9/';
	const { record } = stage.emulator.deliver(updates, {
		...options,
		url: nowhere,
		redeliver: false,
	});
	return { body: Buffer.from(record.body), headers: record.headers };
}

/** Any bytes, signed with the app secret. */
function signed(body: Buffer | string): Signed {
	const { appSecret } = stage.emulator.account;
	const bytes = Buffer.from(body as string);
	return { body: bytes, headers: { [SIGNATURE]: signatureOf(bytes, appSecret) } };
}

/** The item of n8n's Webhook node with its option Raw Body. */
function webhookItem({ body, headers }: Signed): INodeExecutionData {
	return {
		json: { headers, params: {}, query: {}, body: {} },
		binary: { data: { data: body.toString('base64'), mimeType: 'application/json' } },
	};
}

async function read(
	items: Array<IDataObject | INodeExecutionData>,
	parameters: INodeParameters = {},
	settings: Partial<INode> = {},
): Promise<ActionRun> {
	const operation = { resource: 'delivery', operation: 'read', ...parameters };
	return await stage.engine.run(stage.credential, operation, items, settings);
}

const recordingOf = ({ json }: INodeExecutionData) => json.recording as IDataObject;

async function audioOf({ binary }: INodeExecutionData): Promise<Buffer | null> {
	return binary?.data ? await stage.engine.bytesOf(binary.data) : null;
}

describe('the items of a delivery', () => {
	const everything = { events: EVENT_TYPES.map(({ name }) => name) };

	it('The items are those of the trigger, with the same files', async () => {
		const trigger = stage.trigger({ ...everything });
		const recording = await stage.emulator.createRecording();
		const transcript = await stage.emulator.createRecording({ transcript: true });
		const gone = await stage.emulator.createRecording({
			event: { timestamp: timestampBefore(AFTER_SETTLING_MS) },
		});
		stage.emulator.deleteMedia(gone.mediaId);
		const odd = {
			phoneNumberId: recording.update.phoneNumberId,
			field: 'calls',
			value: { calls: [{ event: 'call_transferred', id: 'wacid.x' }, { event: 'terminate' }, 5] },
		};
		const updates = [recording, odd, transcript, gone];
		const handle = stage.emulator.deliver(updates, { redeliver: false });
		expect((await handle.answer).status).toBe(200);
		const { record } = handle;
		const run = await read(
			[webhookItem({ body: Buffer.from(record.body), headers: record.headers })],
			everything,
		);
		expect(run.items.map(({ json }) => json)).toEqual(trigger.items.map(({ json }) => json));
		expect(run.items).toHaveLength(5);
		expect(run.items.map(({ pairedItem }) => pairedItem)).toEqual(
			run.items.map(() => ({ item: 0 })),
		);
		const files = await Promise.all(run.items.map(audioOf));
		expect(files).toEqual(await Promise.all(trigger.items.map(audioOf)));
		expect(files[0]?.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});

	it('The items are one for each event, also if Meta has put it into the delivery several times', async () => {
		const trigger = stage.trigger();
		const recording = await stage.emulator.createRecording();
		const other = await stage.emulator.createRecording();
		const updates = [recording, recording, other, recording];
		const handle = stage.emulator.deliver(updates, { redeliver: false });
		expect((await handle.answer).status).toBe(200);
		stage.emulator.forget();
		const { body, headers } = handle.record;
		const run = await read([webhookItem({ body: Buffer.from(body), headers })]);
		expect(run.items.map(({ json }) => json.callId)).toEqual([recording.callId, other.callId]);
		expect(run.items.map(({ json }) => json)).toEqual(trigger.items.map(({ json }) => json));
		expect(stage.requests('media')).toHaveLength(2);
	});

	it('The items come from each of several input items, paired with it', async () => {
		const made = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
		] as const;
		const run = await read([
			webhookItem(delivery([made[0], made[1]])),
			webhookItem(delivery([])),
			webhookItem(delivery([made[2]])),
		]);
		expect(run.items.map(({ json, pairedItem }) => [json.callId, pairedItem])).toEqual([
			[made[0].callId, { item: 0 }],
			[made[1].callId, { item: 0 }],
			[made[2].callId, { item: 2 }],
		]);
	});

	it('The items are only those of the chosen events and numbers, and nothing else is downloaded', async () => {
		const [wanted, other] = stage.emulator.account.phoneNumbers;
		const mine = await stage.emulator.createRecording({ phoneNumberId: wanted.id });
		const notMine = await stage.emulator.createRecording({ phoneNumberId: other.id });
		const transcript = await stage.emulator.createRecording({ transcript: true });
		const run = await read([webhookItem(delivery([notMine, transcript, mine]))], {
			phoneNumberIds: [wanted.displayPhoneNumber],
		});
		expect(run.items.map(({ json }) => json.callId)).toEqual([mine.callId]);
		expect(stage.requests('media')).toHaveLength(1);
	});

	it('The items can be of other accounts, and name the account', async () => {
		const { update } = await stage.emulator.createRecording();
		const body = JSON.stringify({
			entry: [{ id: '999', changes: [{ field: update.field, value: update.value }] }],
		});
		const run = await read([webhookItem(signed(body))]);
		expect(run.items.map(({ json }) => json.businessAccountId)).toEqual(['999']);
	});

	it('The items are none if nothing is chosen, and the log says what was skipped', async () => {
		const body = JSON.stringify({ entry: [5, { id: '1', changes: [{ field: 'flows' }] }] });
		const run = await read([webhookItem(signed(body))]);
		expect(run.items).toEqual([]);
		expect(stage.engine.logs.join('\n')).toContain(
			'WhatsApp Business Calling: part of a delivery was skipped: an entry has an unknown shape',
		);
	});

	it('The items follow the options of the trigger', async () => {
		const recording = await stage.emulator.createRecording();
		const large = await stage.emulator.createRecording({ sizeBytes: 2_000_000 });
		const run = await read([webhookItem(delivery([recording, large]))], {
			options: { binaryPropertyName: 'audio', includeRawEvent: true, maxFileSize: 1 },
		});
		expect(run.items[0].binary?.audio.fileName).toBe(`call-recording-${recording.mediaId}.ogg`);
		expect(run.items[0].json.rawEvent).toMatchObject({ id: recording.callId });
		expect(recordingOf(run.items[1])).toMatchObject({ error: { reason: 'tooLarge' } });
		const metadata = await read([webhookItem(delivery([recording]))], { downloadFile: false });
		expect(metadata.items[0].binary).toBeUndefined();
		expect(recordingOf(metadata.items[0])).toMatchObject({
			mediaId: recording.mediaId,
			verified: false,
		});
	});
});

describe('the body', () => {
	const text = { bodyFrom: 'text' };
	const base64 = { bodyFrom: 'base64' };
	const headersOf = ({ headers }: Signed) => ({ headers });

	/** The sources, with what their nodes put out. */
	it.each<[string, (signed: Signed) => IDataObject | INodeExecutionData, INodeParameters]>([
		['the Webhook node with Raw Body', webhookItem, {}],
		[
			'a binary field of another name',
			(d) => ({ json: headersOf(d), binary: { body: webhookItem(d).binary!.data } }),
			{ inputBinaryField: 'body' },
		],
		[
			'the Webhook node, with an expression for the signature other than the default',
			webhookItem,
			{ signature: "={{ $json['headers']['x-hub-signature-256'] }}" },
		],
		['text', (d) => ({ body: d.body.toString(), ...headersOf(d) }), text],
		[
			'a message of SQS that holds body and signature',
			(d) => ({
				MessageId: '1',
				Body: JSON.stringify({ body: d.body.toString(), signature: d.headers[SIGNATURE] }),
			}),
			{
				...text,
				body: '={{ JSON.parse($json.Body).body }}',
				signature: '={{ JSON.parse($json.Body).signature }}',
			},
		],
		[
			'a message of Kafka with the signature as a header',
			(d) => ({ message: d.body.toString(), headers: { [SIGNATURE]: d.headers[SIGNATURE] } }),
			{ ...text, body: '={{ $json.message }}' },
		],
		[
			'another workflow',
			(d) => ({ delivery: d.body.toString(), signature: d.headers[SIGNATURE] }),
			{ ...text, body: '={{ $json.delivery }}', signature: '={{ $json.signature }}' },
		],
		[
			'an API gateway that encodes it',
			(d) => ({ body: d.body.toString('base64'), isBase64Encoded: true, ...headersOf(d) }),
			base64,
		],
		[
			'Base64 for URLs, in lines',
			(d) => ({
				body: d.body.toString('base64url').replace(/.{76}/g, '$&\n'),
				...headersOf(d),
			}),
			base64,
		],
		[
			'a Buffer, as it is in JSON',
			(d) => ({ body: d.body.toJSON() as unknown as IDataObject, ...headersOf(d) }),
			text,
		],
	])('The body is read from %s', async (_, itemOf, parameters) => {
		const recording = await stage.emulator.createRecording();
		const run = await read([itemOf(delivery([recording]))], parameters);
		expect(run.items).toMatchObject([{ json: { callId: recording.callId } }]);
		expect(recordingOf(run.items[0]).verified).toBe(true);
	});

	it("The body is read from a binary field whose bytes are in n8n's store", async () => {
		const recording = await stage.emulator.createRecording();
		const { body, headers } = delivery([recording]);
		const data = await stage.engine.store(body);
		expect(data.id).toBeDefined();
		const run = await read([{ json: { headers }, binary: { data } }]);
		expect(run.items).toMatchObject([{ json: { callId: recording.callId } }]);
	});

	it("A body in n8n's store that is larger than 4 MB is rejected unread", async () => {
		const data = await stage.engine.store(Buffer.alloc(4 * 1024 * 1024 + 1, ' '));
		for (const bytes of [data.bytes, undefined]) {
			const { error } = await read([{ json: {}, binary: { data: { ...data, bytes } } }]);
			expect(error.message).toContain('larger than 4 MB');
		}
	});

	it.each<[string, IDataObject | INodeExecutionData, INodeParameters, string]>([
		['there is no binary field', {}, {}, 'has no binary field "data"'],
		[
			'the binary field has another name',
			{ json: {}, binary: { file: { data: '', mimeType: 'text/plain' } } },
			{},
			'has no binary field "data"',
		],
		['there is no text', {}, text, 'The body of the delivery is missing'],
		['the text is blank', { body: ' \n' }, text, 'The body of the delivery is missing'],
		['the text is a number', { body: 5 }, text, 'The body of the delivery is missing'],
		['there is no Base64', {}, base64, 'The body of the delivery is missing'],
		['it is no Base64', { body: '{"entry":[]}' }, base64, 'The body is not Base64'],
		['the Base64 is an object', { body: {} }, base64, 'The body is not Base64'],
		['it is parsed JSON', { body: { entry: [] } }, text, 'already parsed'],
		['it is parsed JSON in a list', { body: [{ entry: [] }] }, text, 'already parsed'],
		['Body From is odd', {}, { bodyFrom: '={{ "x" }}' }, 'Body From must be'],
	])('The body is requested if %s', async (_, item, parameters, message) => {
		const { error } = await read([item], parameters);
		expect(error.name).toBe('NodeOperationError');
		expect(error.message).toContain(message);
		expect(error.description.length).toBeGreaterThan(20);
		expect(error.context.itemIndex).toBe(0);
	});

	it('A body that is parsed already is an error that says how to pass it on', async () => {
		const { error } = await read([{ body: { entry: [] } }], text);
		expect(error.description).toContain('turn on the option Raw Body');
		expect(error.context.reason).toBe('signatureUnverifiable');
	});
});

describe('the signature', () => {
	const forged: Array<[string, (good: Signed) => Signed, string]> = [
		['missing', ({ body }) => ({ body, headers: {} }), 'signatureMissing'],
		['empty', ({ body }) => ({ body, headers: { [SIGNATURE]: '' } }), 'signatureMissing'],
		[
			'twice in one header',
			({ body, headers }) => ({
				body,
				headers: { [SIGNATURE]: `${headers[SIGNATURE]}, ${headers[SIGNATURE]}` },
			}),
			'signatureMissing',
		],
		[
			'made with another hash',
			({ body }) => ({ body, headers: { [SIGNATURE]: `sha1=${'0'.repeat(40)}` } }),
			'signatureMissing',
		],
		[
			'wrong in its last digit',
			({ body, headers }) => ({
				body,
				headers: {
					[SIGNATURE]: headers[SIGNATURE].replace(/.$/, (d) => (d === '0' ? '1' : '0')),
				},
			}),
			'signatureInvalid',
		],
		[
			'that of the same JSON, written anew',
			({ body, headers }) => ({
				body: Buffer.from(JSON.stringify(JSON.parse(body.toString()))),
				headers,
			}),
			'signatureInvalid',
		],
		[
			'that of a body with one byte less',
			({ body, headers }) => ({ body: body.subarray(0, -1), headers }),
			'signatureInvalid',
		],
		[
			'that of a body without its line end',
			({ body, headers }) => ({ body: Buffer.concat([body, Buffer.from('\n')]), headers }),
			'signatureInvalid',
		],
	];

	it.each(forged)(
		'A signature that is %s is an error, and nothing is downloaded',
		async (_, forge, reason) => {
			const good = delivery([await stage.emulator.createRecording()]);
			const { error } = await read([webhookItem(forge(good))]);
			expect(error.context.reason).toBe(reason);
			expect(stage.emulator.requests).toEqual([]);
		},
	);

	it('A signature that is missing with all headers gives the same error', async () => {
		const { body } = delivery([await stage.emulator.createRecording()]);
		const { error } = await read([{ body: body.toString() }], { bodyFrom: 'text' });
		expect(error.context.reason).toBe('signatureMissing');
	});

	it('A signature of another app is an error that names the app secret, and does not contain it', async () => {
		const good = delivery([await stage.emulator.createRecording()]);
		const appSecret = 'f'.repeat(32);
		const run = await stage.engine.run(
			{ ...stage.credential, appSecret },
			{ resource: 'delivery', operation: 'read' },
			[webhookItem(good)],
		);
		expect(run.error.description).toContain('App Secret');
		expect(everythingIn(run.run)).not.toContain(appSecret);
	});

	it('A wrong signature in one of several input items costs only its own items', async () => {
		const recordings = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(),
		] as const;
		const bad = delivery([recordings[0]], { signature: 'wrong' });
		const items = [webhookItem(bad), webhookItem(delivery([recordings[1]]))];
		const run = await read(items, {}, { onError: 'continueErrorOutput' });
		expect(run.items.map(({ json }) => json.callId)).toEqual([recordings[1].callId]);
		expect(run.errorItems).toMatchObject([
			{ json: { error: { reason: 'signatureInvalid' } }, pairedItem: { item: 0 } },
		]);
	});

	it('The signature is not required if the check is turned off, for bytes and for parsed JSON', async () => {
		const recording = await stage.emulator.createRecording();
		const { body } = delivery([recording], { signature: 'missing' });
		const off = { verifySignature: false };
		const unsigned = webhookItem({ body, headers: {} });
		const parsed = { body: JSON.parse(body.toString()) as IDataObject };
		for (const [item, more] of [
			[unsigned, {}],
			[parsed, { bodyFrom: 'text' }],
		] as const) {
			const run = await read([item], { ...off, ...more });
			expect(run.items).toMatchObject([{ json: { callId: recording.callId } }]);
			expect(recordingOf(run.items[0]).verified).toBe(true);
		}
	});

	it('The URL in a delivery that was not verified is never requested: it would get the access token', async () => {
		const recording = await stage.emulator.createRecording();
		const { body } = delivery([recording], { signature: 'missing' });
		const url = `${stage.emulator.baseUrl}/v26.0/1/subscribed_apps`;
		const forged = body.toString().replace(/"url":"[^"]*"/, `"url":${JSON.stringify(url)}`);
		expect(forged).toContain('subscribed_apps');
		const run = await read([{ body: forged }], { verifySignature: false, bodyFrom: 'text' });
		expect(recordingOf(run.items[0]).verified).toBe(true);
		const paths = stage.emulator.requests.map(({ path }) => path);
		expect(paths.join(' ')).toContain(recording.mediaId);
		expect(paths.join(' ')).not.toContain('subscribed_apps');
	});

	it.each<[unknown, object]>([
		['no', { message: expect.stringContaining('Verify Signature must be true or false') }],
		[2, { message: expect.stringContaining('Verify Signature must be true or false') }],
		[null, { context: { reason: 'signatureInvalid' } }],
		['', { context: { reason: 'signatureInvalid' } }],
	])('The signature is required if its switch is %j', async (odd, expected) => {
		const forged = delivery([await stage.emulator.createRecording()], { signature: 'wrong' });
		const verifySignature = `={{ ${JSON.stringify(odd)} }}`;
		expect((await read([webhookItem(forged)], { verifySignature })).error).toMatchObject(expected);
	});
});

describe('a body that Meta signed, but never sends', () => {
	const DEPTH = 100_000;
	const deep = '['.repeat(DEPTH) + ']'.repeat(DEPTH);
	const calls = (...parts: string[]) =>
		`{"entry":[{"id":"1","changes":[{"field":"calls","value":{"metadata":{"phone_number_id":"1"},"calls":[${parts.join(',')}]}}]}]}`;

	it.each<[string, string | Buffer]>([
		['is empty', ''],
		['is text', 'hello'],
		['is HTML', '<html></html>'],
		['is null', 'null'],
		['is a list', '[]'],
		['has no entries', '{}'],
		['has one entry and no list', '{"entry":{"changes":[]}}'],
		['is half of a delivery', '{"entry":[{"id":"1","chan'],
		['is two deliveries', '{"entry":[]}{"entry":[]}'],
		['is in UTF-16', Buffer.from('{"entry":[]}', 'utf16le')],
		['is noise', Buffer.alloc(10_000, 0x80)],
		['is 100,000 lists', deep],
		['is 100,000 lists that do not close', '['.repeat(DEPTH)],
	])('A body is rejected if it %s', async (_, body) => {
		const { error } = await read([webhookItem(signed(body))]);
		expect(error.context.reason).toBe('notADelivery');
	});

	it('A body larger than 4 MB is rejected unread', async () => {
		const large = Buffer.alloc(4 * 1024 * 1024 + 1, ' ');
		const item = webhookItem(signed('{"entry":[]}'));
		item.binary!.data.data = large.toString('base64');
		const body = large.toString();
		expect((await read([item])).error.message).toContain('larger than 4 MB');
		expect((await read([{ body }], { bodyFrom: 'text' })).error.message).toContain('4 MB');
	});

	it.each<[string, string[]]>([
		['calls of 100,000 levels', [deep]],
		['10,000 calls that are none', Array<string>(9_999).fill('5')],
		['a polluted prototype', ['{"__proto__":{"polluted":1},"event":"x"}']],
	])('A recording is the only item with %s beside it', async (_, beside) => {
		const { update } = await stage.emulator.createRecording();
		const [call] = update.value.calls as object[];
		const run = await read([webhookItem(signed(calls(...beside, JSON.stringify(call))))]);
		expect(run.items).toHaveLength(1);
		expect(run.items[0].json).not.toHaveProperty('polluted');
	});

	it('A duplicate key is read as the trigger reads it: the last one counts', async () => {
		const { update, callId } = await stage.emulator.createRecording();
		const [call] = update.value.calls as object[];
		const twice = calls(JSON.stringify(call)).replace('{"entry"', '{"entry":[],"entry"');
		const run = await read([webhookItem(signed(twice))]);
		expect(run.items.map(({ json }) => json.callId)).toEqual([callId]);
	});

	it('The digits of long IDs are kept', async () => {
		const id = '12345678901234567890';
		const event = `{"event":"call_recording_available","id":"wacid.1","call_recording":{"audio":{"id":${id}}}}`;
		const run = await read([webhookItem(signed(calls(event)))], { downloadFile: false });
		expect(recordingOf(run.items[0]).mediaId).toBe(id);
	});
});

describe('a file that cannot be downloaded', () => {
	const settled = { event: { timestamp: timestampBefore(AFTER_SETTLING_MS) } };

	async function threeOf(cause: 'temporary' | 'permanent') {
		const made: CreatedRecording[] = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording(settled),
			await stage.emulator.createRecording(),
		];
		const { mediaId } = made[1];
		if (cause === 'permanent') stage.emulator.deleteMedia(mediaId);
		else stage.emulator.failNext('media', { status: 401 }, { mediaId, times: Infinity });
		return { made, item: webhookItem(delivery(made)) };
	}

	it.each<[string, 'temporary' | 'permanent', unknown]>([
		['retry', 'temporary', 'accessDenied'],
		['retry', 'permanent', [true, false, true]],
		['fail', 'temporary', 'accessDenied'],
		['fail', 'permanent', 'mediaGone'],
		['emit', 'temporary', [true, false, true]],
		['emit', 'permanent', [true, false, true]],
	])(
		'A file with %s and a %s error has the documented outcome',
		async (onFileUnavailable, cause, expected) => {
			const { item } = await threeOf(cause);
			const run = await read([item], { options: { onFileUnavailable } });
			if (Array.isArray(expected)) {
				expect(run.items.map((each) => recordingOf(each).verified)).toEqual(expected);
			} else {
				expect(run.error.context.reason).toBe(expected);
			}
		},
	);

	it('A missing file costs only its own item if errors go to the error output', async () => {
		const { made, item } = await threeOf('temporary');
		const run = await read([item], {}, { onError: 'continueErrorOutput' });
		expect(run.items.map(({ json }) => json.callId)).toEqual([made[0].callId, made[2].callId]);
		expect(run.errorItems).toMatchObject([
			{ json: { error: { reason: 'accessDenied' } }, pairedItem: { item: 0 } },
		]);
	});

	it('Retry On Fail downloads the file when it is available', async () => {
		const recording = await stage.emulator.createRecording();
		stage.emulator.failNext('media', { status: 401 }, { times: 2 });
		const run = await read(
			[webhookItem(delivery([recording]))],
			{},
			{ retryOnFail: true, maxTries: 3, waitBetweenTries: 1 },
		);
		expect(run.items.map((item) => recordingOf(item).verified)).toEqual([true]);
	});

	it('A missing file ends the work on the other files of its delivery', async () => {
		const made: CreatedRecording[] = [];
		for (let n = 0; n < 12; n++) made.push(await stage.emulator.createRecording());
		stage.emulator.failNext('media', { status: 401 }, { times: Infinity });
		const run = await read([webhookItem(delivery(made))]);
		expect(run.succeeded).toBe(false);
		const asked = new Set(stage.requests('media').map(({ path }) => path));
		expect(asked.size).toBeLessThanOrEqual(4);
	});
});

describe('the settings', () => {
	it.each<[INodeParameters, string]>([
		[{ events: '={{ [] }}' }, 'Events is empty'],
		[{ options: { onFileUnavailable: '={{ "x" }}' } }, 'If File Is Unavailable must be'],
		[{ options: { maxFileSize: 0 } }, 'Max File Size (MB) must be a number above 0'],
		[{ options: { timeout: 0 } }, 'Timeout (Seconds) must be a number above 0'],
		[{ options: { maxConcurrentDownloads: 65 } }, 'Downloads at Once must be a whole number'],
	])('The settings %j are rejected before anything is read', async (parameters, message) => {
		const { error } = await read([{}], parameters);
		expect(error.message).toContain(message);
	});

	it('The settings can differ from item to item', async () => {
		const [first, second] = [
			await stage.emulator.createRecording(),
			await stage.emulator.createRecording({ transcript: true }),
		];
		const [a, b] = [webhookItem(delivery([first])), webhookItem(delivery([second]))];
		a.json.events = 'call_recording_available';
		b.json.events = 'call_transcription_available';
		const run = await read([a, b], { events: '={{ $json.events }}' });
		expect(run.items.map(({ json }) => json.event)).toEqual([a.json.events, b.json.events]);
	});
});
