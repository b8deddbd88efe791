import { createHmac } from 'node:crypto';
import type { IDataObject } from 'n8n-workflow';

import { receiveDelivery } from '../../../nodes/WhatsAppBusinessCalling/trigger/receive';
import { APP_SECRET, fakeWebhook, fileAnswer, NODE, sha256, type Respond } from '../fakes';

const BYTES = Buffer.from('OggS and so on');
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
	const signature = createHmac('sha256', APP_SECRET).update(rawBody).digest('hex');
	const { context, answer, sent, logged } = fakeWebhook(
		{ events: ['call_recording_available', 'call_transcription_available'], ...setting.parameters },
		{ rawBody, headers: { 'x-hub-signature-256': `sha256=${signature}` } },
		setting.respond ?? (() => fileAnswer(BYTES)),
	);
	Object.assign(context, {
		getMode: () => 'webhook',
		getNode: () => ({ ...NODE, type: 'trigger' }),
		getWorkflowStaticData: () => setting.staticData ?? {},
	});
	setting.change?.(context);
	const { workflowData } = await receiveDelivery(context);
	const response = context.getResponseObject();
	// As n8n does when it has stored the execution.
	if (workflowData) response.end();
	const items = workflowData?.[0] ?? [];
	return { items, status: answer.status || response.statusCode, sent, logged };
}

describe('what the log says of a delivery', () => {
	it('is nothing where all is well', async () => {
		const { items, status, logged } = await take(ofCalls([recording()]));
		expect(items).toHaveLength(1);
		expect({ status, logged }).toEqual({ status: 200, logged: [] });
	});

	it('is each reason for which something was skipped, once, with its number', async () => {
		const { items, logged } = await take({
			entry: [5, 6, 7, { changes: [8] }, ...ofCalls([recording()]).entry],
		});
		expect(items).toHaveLength(1);
		expect(logged).toEqual([
			`${LOG}part of a delivery was skipped: an entry has an unknown shape (3 times)`,
			`${LOG}part of a delivery was skipped: a change has an unknown shape`,
		]);
	});

	it('is no more than twenty reasons, and how many more there are', async () => {
		const odd = (count: number) =>
			ofCalls(Array.from({ length: count }, (_, n) => ({ id: `wacid.${n}`, event: `new_${n}` })));
		expect((await take(odd(20))).logged).toHaveLength(20);
		const { logged } = await take(odd(25));
		expect(logged).toHaveLength(21);
		expect(logged.at(-1)).toBe(`${LOG}parts of a delivery were skipped for 5 more reasons`);
	});

	it.each([
		['retry', 503, ', Meta is asked to deliver its event again'],
		['emit', 200, ''],
	])('is why a file could not be had: %s', async (onFileUnavailable, status, told) => {
		const call = recording();
		const taken = await take(ofCalls([call]), {
			parameters: { options: { onFileUnavailable } },
			respond: () => ({ statusCode: 500, body: '' }),
		});
		const { id } = call.call_recording.audio;
		expect(taken.status).toBe(status);
		expect(taken.logged).toEqual([
			`${LOG}the file ${id} could not be had${told}: lookaside.fbsbx.com answered with HTTP status 500.`,
		]);
		expect(taken.items.map(({ json }) => (json.recording as IDataObject).error)).toEqual(
			status === 200
				? [
						{
							reason: 'unavailable',
							message: 'lookaside.fbsbx.com answered with HTTP status 500.',
						},
					]
				: [],
		);
	});

	it('is that an event could not be turned into an item, which Meta then delivers again', async () => {
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

describe('a delivery for others', () => {
	const forwarded = (forwardTo: string): Setting => ({
		parameters: { onOtherWebhook: 'takeOverAndForward' },
		staticData: {
			registration: {
				...{ callbackUrl: 'https://n8n.example', places: [], addedFields: [], addedApp: false },
				forwardTo,
			},
		},
	});
	const message = () => ofCalls([], String(++made), 'messages');

	it.each([
		['https://other.example/webhook', 'https://other.example'],
		['not an address', 'of before'],
	])('comes again until %s has taken it', async (address, told) => {
		const delivery = message();
		const setting = forwarded(address);
		const refused = await take(delivery, {
			...setting,
			respond: () => ({ statusCode: 500, body: '' }),
		});
		expect(refused.status).toBe(503);
		expect(refused.logged).toEqual([
			`${LOG}the earlier webhook ${told} did not accept a delivery, Meta is asked to deliver it again`,
		]);
		const taken = await take(delivery, setting);
		expect([taken.status, taken.sent.length, taken.logged]).toEqual([200, 1, []]);
		const copy = await take(delivery, setting);
		expect([copy.status, copy.sent.length]).toEqual([200, 0]);
	});

	it('goes to nobody where it holds nothing but calls', async () => {
		const { sent, items } = await take(ofCalls([recording()]), {
			...forwarded('https://other.example/webhook'),
		});
		expect(items).toHaveLength(1);
		expect(sent.map(({ url }) => url)).toEqual(['https://lookaside.fbsbx.com/file']);
	});
});

describe('a delivery', () => {
	it('of another number than the chosen ones gives nothing', async () => {
		const parameters = { phoneNumberIds: ['106'] };
		expect((await take(ofCalls([recording()], '107'), { parameters })).items).toEqual([]);
		expect((await take(ofCalls([recording()], '106'), { parameters })).items).toHaveLength(1);
	});

	it('is read by n8n where it has not been read', async () => {
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
	])('that %s is answered 401', async (_, request) => {
		const { items, status } = await take(ofCalls([recording()]), {
			change: (context) => void Object.assign(context, { getRequestObject: () => request }),
		});
		expect({ items, status }).toEqual({ items: [], status: 401 });
	});
});
