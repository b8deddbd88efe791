import type { IDataObject } from 'n8n-workflow';

import { receiveDelivery } from '../../../nodes/WhatsAppBusinessCalling/delivery/receive';
import {
	ACCOUNT,
	APP_SECRET,
	fakeWebhook,
	fileAnswer,
	NODE,
	sha256,
	WEBHOOK_URL,
	type Respond,
} from '../fakes';
import { signatureOf } from '../../support/signature';

const BYTES = Buffer.from('OggS and so on');
const LATER = 'Meta keeps files for 7 days: download it later by its media ID.';

const LOG = 'WhatsApp Business Calling Trigger: ';

let made = 0;

/** What Meta sends of calls, each of another ID than all before. */
const recording = (more: object = {}) => ({
	id: `wacid.${++made}`,
	event: 'call_recording_available',
	timestamp: String(Math.floor(Date.now() / 1000)),
	call_recording: {
		type: 'audio',
		audio: {
			id: `media${made}`,
			url: 'https://lookaside.fbsbx.com/file',
			mime_type: 'audio/ogg',
			sha256: sha256(BYTES).toString('base64'),
		},
	},
	...more,
});

const ofCalls = (calls: unknown[], phoneNumberId = '106', field = 'calls') => ({
	entry: [
		{
			id: '1',
			changes: [{ field, value: { metadata: { phone_number_id: phoneNumberId }, calls } }],
		},
	],
});

interface Setting {
	parameters?: IDataObject;
	respond?: Respond;
	staticData?: IDataObject;
	change?: (context: ReturnType<typeof fakeWebhook>['context']) => void;
}

/** Lets the trigger take a delivery; n8n accepts what comes out. */
async function take(delivery: unknown, setting: Setting = {}) {
	const rawBody = Buffer.from(JSON.stringify(delivery));
	const { context, answer, sent, logged } = fakeWebhook(
		{ events: ['call_recording_available', 'call_transcription_available'], ...setting.parameters },
		{ rawBody, headers: { 'x-hub-signature-256': signatureOf(rawBody, APP_SECRET) } },
		setting.respond ?? (() => fileAnswer(BYTES)),
	);
	Object.assign(context, {
		getMode: () => 'webhook',
		getNode: () => ({ ...NODE, type: 'trigger' }),
		getWorkflowStaticData: () => setting.staticData ?? {},
	});
	setting.change?.(context);
	const response = context.getResponseObject();
	const { end } = response;
	const ended = new Promise<void>((resolve) => {
		response.end = ((...args: []) => {
			resolve();
			return end(...args);
		}) as typeof end;
	});
	const { workflowData, ...rest } = await receiveDelivery(context);
	expect(rest).toEqual(workflowData ? {} : { noWebhookResponse: true });
	// As n8n does when it has stored the execution.
	if (workflowData) response.end();
	await ended;
	const items = workflowData?.[0] ?? [];
	return { items, status: answer.status || response.statusCode, sent, logged };
}

/** A media host, or another webhook, that answers when it is told to. */
function slowly() {
	let go = () => {};
	const told = new Promise<void>((resolve) => (go = resolve));
	let asked = () => {};
	const wasAsked = new Promise<void>((resolve) => (asked = resolve));
	const change: Setting['change'] = ({ helpers }) => {
		const { httpRequest, httpRequestWithAuthentication } = helpers;
		const later =
			<Asked extends unknown[]>(send: (...asked: Asked) => Promise<unknown>) =>
			async (...request: Asked) => {
				asked();
				await told;
				return await send(...request);
			};
		Object.assign(helpers, {
			httpRequest: later(httpRequest),
			httpRequestWithAuthentication: later(httpRequestWithAuthentication),
		});
	};
	return { change, wasAsked, go };
}

describe('the log about a delivery', () => {
	it('The log says nothing if all is well', async () => {
		const { items, status, logged } = await take(ofCalls([recording()]));
		expect(items).toHaveLength(1);
		expect({ status, logged }).toEqual({ status: 200, logged: [] });
	});

	it('The log has each reason for skipping once, with its number', async () => {
		const { items, logged } = await take({
			entry: [5, 6, 7, { changes: [8] }, ...ofCalls([recording()]).entry],
		});
		expect(items).toHaveLength(1);
		expect(logged).toEqual([
			`${LOG}part of a delivery was skipped: an entry has an unknown shape (3 times)`,
			`${LOG}part of a delivery was skipped: a change has an unknown shape`,
		]);
	});

	it('The log has at most twenty lines, and one that says that there was more', async () => {
		const odd = (count: number) =>
			ofCalls(Array.from({ length: count }, (_, n) => ({ id: `wacid.${n}`, event: `new_${n}` })));
		expect((await take(odd(20))).logged).toHaveLength(20);
		const { logged } = await take(odd(25));
		expect(logged).toHaveLength(21);
		expect(logged.at(-1)).toBe(`${LOG}further log lines for this delivery were suppressed`);
	});

	it.each([
		['retry', 503, ', Meta is asked to deliver its event again'],
		['emit', 200, ''],
	])(
		'The log says why a file could not be downloaded: %s',
		async (onFileUnavailable, status, told) => {
			const call = recording();
			const taken = await take(ofCalls([call]), {
				parameters: { options: { onFileUnavailable } },
				respond: () => ({ statusCode: 500, body: '' }),
			});
			const { id } = call.call_recording.audio;
			expect(taken.status).toBe(status);
			expect(taken.logged).toEqual([
				`${LOG}the file ${id} could not be fetched${told}: lookaside.fbsbx.com returned HTTP status 500.`,
			]);
			expect(taken.items.map(({ json }) => (json.recording as IDataObject).error)).toEqual(
				status === 200
					? [
							{
								reason: 'unavailable',
								message: `lookaside.fbsbx.com returned HTTP status 500. ${LATER}`,
							},
						]
					: [],
			);
		},
	);

	it('The log says that an event could not become an item, which Meta then delivers again', async () => {
		const { id, timestamp, call_recording: file } = recording();
		const transcript = {
			...{ id, timestamp, event: 'call_transcription_available' },
			call_transcript: { type: 'document', document: file.audio },
		};
		const broken = await take(ofCalls([transcript]), {
			change: (context) => {
				const store = context.helpers.prepareBinaryData;
				context.helpers.prepareBinaryData = async (...file) => ({
					...(await store(...file)),
					id: 'of-a-store-that-cannot-be-read',
				});
			},
		});
		expect(broken).toMatchObject({ items: [], status: 503 });
		expect(broken.logged).toEqual([
			`${LOG}an event "call_transcription_available" could not be turned into an item (TypeError)`,
		]);
		expect(await take(ofCalls([transcript]))).toMatchObject({ status: 200, items: [{}] });
	});
});

const TO = 'https://other.example/webhook';

/** What a registration with Take Over and Forward leaves in static data. */
const record = {
	instanceId: 'instance-1',
	workflowId: 'workflow-1',
	appId: ACCOUNT.appId,
	businessAccountId: ACCOUNT.businessAccountId,
	url: WEBHOOK_URL,
	isTest: false,
	undo: [],
};

describe('a delivery for other receivers', () => {
	const forwarded = (to: string, more: IDataObject = {}): Setting => ({
		parameters: { options: { onOtherWebhook: 'takeOverAndForward' } },
		staticData: { registration: { ...record, alsoReceives: [to], ...more } },
	});
	const message = () => ofCalls([], String(++made), 'messages');

	it.each([
		['https://other.example/webhook', 'https://other.example'],
		['not an address', 'of before'],
	])('The delivery comes again until %s has accepted it', async (address, told) => {
		const delivery = message();
		const setting = forwarded(address);
		const refused = await take(delivery, {
			...setting,
			respond: () => ({ statusCode: 500, body: '' }),
		});
		expect(refused.status).toBe(503);
		expect(refused.logged).toEqual([
			`${LOG}the earlier webhook ${told} did not accept a delivery, Meta is asked to deliver it again. If its workflow was unpublished, or its address has changed, publish this workflow again`,
		]);
		const taken = await take(delivery, setting);
		expect([taken.status, taken.sent.length, taken.logged]).toEqual([200, 1, []]);
		const copy = await take(delivery, setting);
		expect([copy.status, copy.sent.length]).toEqual([200, 0]);
	});

	it('The delivery is forwarded once, though a copy comes meanwhile', async () => {
		const delivery = message();
		const setting = forwarded(TO);
		const { change, wasAsked, go } = slowly();
		const first = take(delivery, { ...setting, change });
		await wasAsked;
		const copy = take(delivery, setting);
		go();
		expect((await first).status).toBe(200);
		expect(await copy).toMatchObject({ status: 200, sent: [] });
	});

	it.each<[string, Setting]>([
		['missing', { ...forwarded(TO), staticData: {} }],
		['of another n8n', forwarded(TO, { instanceId: 'instance-2' })],
		['of another workflow', forwarded(TO, { workflowId: 'workflow-2' })],
		['of another app', forwarded(TO, { appId: '1' })],
		['of another account', forwarded(TO, { businessAccountId: '1' })],
		['of a test', forwarded(TO, { isTest: true })],
		['not readable', forwarded(TO, { undo: [{ do: 'something' }] })],
	])(
		'The delivery is not acknowledged if the record is %s, and the log says so',
		async (_, setting) => {
			const { status, sent, logged } = await take(message(), setting);
			expect([status, sent]).toEqual([503, []]);
			expect(logged).toEqual([
				expect.stringMatching(/lost the address of that webhook\. Publish the workflow again/),
			]);
			// Calls alone are not for others.
			expect((await take(ofCalls([recording()]), setting)).items).toHaveLength(1);
			const options = { onOtherWebhook: 'takeOverAndForward', otherWebhookUrl: ` ${TO} ` };
			const parameters = { options };
			const taken = await take(message(), { ...setting, parameters });
			expect([taken.status, taken.sent.map(({ url }) => url)]).toEqual([200, [TO]]);
		},
	);

	it('The delivery is not acknowledged without the record, but its own events are emitted', async () => {
		const delivery = ofCalls([recording()]);
		delivery.entry[0].changes.push({ field: 'messages', value: {} } as never);
		const setting = { ...forwarded(TO), staticData: {} };
		expect(await take(delivery, setting)).toMatchObject({ status: 503, items: [{}], sent: [{}] });
		expect(await take(delivery, setting)).toMatchObject({ status: 503, items: [], sent: [] });
		expect(await take(delivery, forwarded(TO))).toMatchObject({ status: 200, items: [] });
	});

	it('The delivery is not forwarded if the record says that there was no other webhook', async () => {
		const { status, sent } = await take(message(), forwarded(TO, { alsoReceives: [] }));
		expect([status, sent]).toEqual([200, []]);
	});

	it('The delivery is not forwarded if the operator has turned forwarding off', async () => {
		const setting = { ...forwarded(TO), parameters: {} };
		const { status, sent } = await take(message(), setting);
		expect([status, sent]).toEqual([200, []]);
	});

	it('The delivery is not forwarded if it has nothing but calls', async () => {
		const { sent, items } = await take(ofCalls([recording()]), {
			...forwarded(TO),
		});
		expect(items).toHaveLength(1);
		expect(sent.map(({ url }) => url)).toEqual(['https://lookaside.fbsbx.com/file']);
	});
});

describe('deliveries at once', () => {
	const atOnce = (count: number): Setting => ({
		parameters: { options: { maxConcurrentDeliveries: count } },
	});
	const ended = (id: string) => ({ id, event: 'terminate', status: 'COMPLETED' });

	it('Deliveries over the limit are rejected, with files and without counted apart, and the log says so once', async () => {
		const events = ['call_recording_available', 'terminate'];
		const parameters = { events, ...atOnce(1).parameters };
		const { change, wasAsked, go } = slowly();
		const first = take(ofCalls([recording()]), { parameters, change });
		await wasAsked;
		// One file makes it a delivery with files.
		const refused = [recording(), ended('wacid.refused')];
		expect(await take(ofCalls(refused), { parameters })).toMatchObject({
			status: 503,
			items: [],
			logged: [
				`${LOG}recent deliveries rejected: 1 (limit of the option Server: Deliveries at Once: 1); Meta delivers them again`,
			],
		});
		expect(await take(ofCalls(refused), { parameters })).toMatchObject({ status: 503, logged: [] });
		expect((await take(ofCalls([ended('wacid.other')]), { parameters })).items).toHaveLength(1);
		go();
		expect((await first).items).toHaveLength(1);
		expect((await take(ofCalls(refused), { parameters })).items).toHaveLength(2);
	});

	describe('deliveries at once with a ringing call', () => {
		const ringing = () => ({
			id: `wacid.${++made}`,
			event: 'connect',
			session: { sdp_type: 'offer', sdp: 'v=0' },
		});
		const parameters = {
			events: ['connect', 'terminate', 'call_recording_available'],
			options: { onOtherWebhook: 'takeOverAndForward', maxConcurrentDeliveries: 1 },
		};
		const staticData = { registration: { ...record, alsoReceives: [TO] } };
		const messages = { field: 'messages', value: { messages: [] } };

		it('A ringing call does not wait for files, other events or messages of others', async () => {
			const others = [
				ofCalls([recording()]),
				ofCalls([], String(++made), 'messages'),
				{ ...ofCalls([ended(`wacid.${++made}`)]) },
			];
			const busy = others.map((delivery) => {
				const slow = slowly();
				// The third is a workflow that n8n has not finished: its answer is not ended.
				return { ...slow, taken: take(delivery, { parameters, staticData, change: slow.change }) };
			});
			await Promise.all([busy[0].wasAsked, busy[1].wasAsked]);
			expect(await take(ofCalls([ringing()]), { parameters, staticData })).toMatchObject({
				status: 200,
				items: [{ json: { event: 'connect' } }],
			});
			for (const { go } of busy) go();
			await Promise.all(busy.map(async ({ taken }) => await taken));
		});

		it('The files and messages that came with a ringing call are left to the next delivery', async () => {
			const delivery = ofCalls([ringing(), recording()]);
			delivery.entry[0].changes.push(messages as never);
			const { change, go } = slowly();
			const first = await take(delivery, { parameters, staticData, change });
			expect(first).toMatchObject({ status: 503, items: [{ json: { event: 'connect' } }] });
			go();
			// The other receiver answers now; until then Meta is asked to deliver again.
			await new Promise(setImmediate);
			const second = await take(delivery, { parameters, staticData });
			expect(second).toMatchObject({ status: 200, items: [{ json: { recording: {} } }] });
			expect(await take(delivery, { parameters, staticData })).toMatchObject({
				...{ status: 200, items: [], sent: [] },
			});
		});
	});

	it('The places and downloads of another trigger are not used', async () => {
		const options = { maxConcurrentDeliveries: 1, maxConcurrentDownloads: 1 };
		const { change, wasAsked, go } = slowly();
		const first = take(ofCalls([recording()]), { parameters: { options }, change });
		await wasAsked;
		const other = await take(ofCalls([recording()]), {
			parameters: { options },
			change: (context) => Object.assign(context, { getNode: () => ({ ...NODE, id: 'other' }) }),
		});
		expect(other).toMatchObject({ status: 200, items: [{}] });
		go();
		expect((await first).items).toHaveLength(1);
	});

	it('A delivery waits for its copy, and not for one that has something of its own', async () => {
		const [shared, own] = [recording(), recording()];
		const { change, wasAsked, go } = slowly();
		const first = take(ofCalls([shared]), { change });
		await wasAsked;
		const more = await take(ofCalls([shared, own]));
		expect(more.items.map(({ json }) => json.callId)).toEqual([own.id]);
		const copy = take(ofCalls([shared]));
		go();
		expect((await first).items).toHaveLength(1);
		expect(await copy).toMatchObject({ items: [], status: 200 });
	});

	it.each([
		['emit', 200, 1],
		['retry', 503, 0],
	])(
		'A delivery waits half of its time for its turn to download: %s',
		async (onFileUnavailable, status, count) => {
			const options = { onFileUnavailable, maxConcurrentDownloads: 1, timeBudget: 1 };
			const { change, wasAsked, go } = slowly();
			const first = take(ofCalls([recording()]), {
				parameters: { options: { ...options, timeBudget: 30 } },
				change,
			});
			await wasAsked;
			const late = await take(ofCalls([recording()]), { parameters: { options } });
			expect(late.status).toBe(status);
			const message = `Too many other files were being downloaded at the same time (option Server: Downloads at Once). ${LATER}`;
			expect(late.items.map(({ json }) => (json.recording as IDataObject).error)).toEqual(
				Array(count).fill({ reason: 'timeout', message }),
			);
			go();
			expect((await first).items).toHaveLength(1);
		},
	);
});

describe('a single delivery', () => {
	it('A file without a known SHA-256 gives an item without it', async () => {
		const call = recording();
		const { audio } = call.call_recording;
		const { items, status } = await take(
			ofCalls([{ ...call, call_recording: { audio: { ...audio, sha256: undefined } } }]),
			{
				respond: ({ url }) =>
					url.includes('graph')
						? { statusCode: 200, body: { url: audio.url, mime_type: audio.mime_type } }
						: fileAnswer(BYTES),
			},
		);
		expect(status).toBe(200);
		expect(items).toMatchObject([{ json: { recording: { error: { reason: 'hashMissing' } } } }]);
		expect(items[0].binary).toBeUndefined();
	});

	it('An event without its essential fields is an item with the raw event', async () => {
		const odd = [
			recording({ id: undefined }),
			recording({ call_recording: { audio: { id: {} } } }),
		];
		const { items, status, logged } = await take(ofCalls(odd));
		expect(status).toBe(200);
		expect(items.map(({ json, binary }) => ({ ...json, binary: Boolean(binary) }))).toMatchObject([
			{
				callId: null,
				recording: { verified: true },
				rawEvent: { event: odd[0].event },
				binary: true,
			},
			{
				recording: { mediaId: null, verified: false, error: { reason: 'unreadable' } },
				rawEvent: { id: odd[1].id, call_recording: { audio: { id: {} } } },
				binary: false,
			},
		]);
		expect(logged).toHaveLength(1);
		expect((await take(ofCalls(odd))).items).toHaveLength(0);
	});

	it('An event that is corrected with another hash is downloaded again', async () => {
		const first = recording();
		const { audio } = first.call_recording;
		const corrected = { ...first, call_recording: { audio: { ...audio, sha256: 'A'.repeat(43) } } };
		const respond: Respond = ({ url }) =>
			url.includes('graph') ? { statusCode: 200, body: { url: audio.url } } : fileAnswer(BYTES);
		const reasonOf = async (call: object) =>
			(await take(ofCalls([call]), { respond })).items.map(
				({ json }) => (json.recording as IDataObject).error,
			);
		expect(await reasonOf(corrected)).toMatchObject([{ reason: 'hashMismatch' }]);
		expect(await reasonOf(first)).toEqual([undefined]);
		expect(await reasonOf(first)).toEqual([]);
	});

	it('An event of another number than the chosen ones gives nothing', async () => {
		const parameters = { phoneNumberIds: ['106'] };
		expect((await take(ofCalls([recording()], '107'), { parameters })).items).toEqual([]);
		expect((await take(ofCalls([recording()], '106'), { parameters })).items).toHaveLength(1);
	});

	it('A body that n8n has not read is read', async () => {
		const read = (request: object) => ({
			change: (context: ReturnType<typeof fakeWebhook>['context']) => {
				const { rawBody } = context.getRequestObject();
				Object.assign(context, {
					getRequestObject: () =>
						Object.assign(request, {
							readRawBody: async () => void Object.assign(request, { rawBody }),
						}),
				});
			},
		});
		expect((await take(ofCalls([recording()]), read({}))).items).toHaveLength(1);
	});

	it.each<[string, object]>([
		['has no bytes', {}],
		[
			'cannot be read',
			{ readRawBody: async () => await Promise.reject(new Error('a form with files')) },
		],
		['is no bytes', { rawBody: 'text' }],
	])('A body that %s gets 401', async (_, request) => {
		const { items, status } = await take(ofCalls([recording()]), {
			change: (context) => void Object.assign(context, { getRequestObject: () => request }),
		});
		expect({ items, status }).toEqual({ items: [], status: 401 });
	});
});
