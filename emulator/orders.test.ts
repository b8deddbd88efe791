import { makeSdp, startEmulator, type Emulator } from './index';
import { NUMBER, PERSON } from '../test/support/constants';
import { graph } from '../test/support/graph';
import { Receiver } from '../test/support/receiver';

let emulator: Emulator;
let receiver: Receiver;

beforeEach(async () => {
	receiver = await new Receiver().start();
	emulator = await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [] });
});

afterEach(async () => {
	await emulator.stop();
	await receiver.stop();
});

const order = async (method: string, path: string, body?: unknown) => {
	// As curl does: a form type on the outside, JSON inside.
	const response = await fetch(`${emulator.baseUrl}/_emulator${path}`, {
		method,
		headers: { 'content-type': 'application/x-www-form-urlencoded' },
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	return {
		status: response.status,
		body: (await response.json()) as Record<string, unknown>,
	};
};

it('A complete call can be controlled over HTTP', async () => {
	await order('POST', '/subscription', { callbackUrl: receiver.url });
	const { body: call } = await order('POST', '/calls', { from: '14085555678' });
	await graph(emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		call_id: call.id,
		action: 'accept',
		session: { sdp_type: 'answer', sdp: makeSdp('answer') },
		recording: { status: 'ENABLED', purpose: 'quality', announcement_language: 'en' },
	});
	await order('POST', `/calls/${encodeURIComponent(String(call.id))}/hang-up`, {
		durationSeconds: 5,
	});
	await emulator.whenIdle();
	expect(receiver.names).toEqual(['connect', 'terminate', 'call_recording_available']);
	const ended = await order('GET', '/calls/latest');
	expect(ended.body).toMatchObject({ id: call.id, state: 'ended' });
});

it('A finished recording can be delivered over HTTP', async () => {
	await order('POST', '/subscription', { callbackUrl: receiver.url });
	const { body } = await order('POST', '/recordings', { count: 3, sizeBytes: 1000 });
	expect(body).toMatchObject({ answer: { status: 200 } });
	expect(receiver.events).toHaveLength(3);
	const only = await order('POST', '/recordings', { deliver: false, event: { from: '' } });
	expect(only.body).toMatchObject({ recordings: [{ event: { from: '' } }] });
	const [recording] = only.body.recordings as Array<{ update: unknown }>;
	const sent = await order('POST', '/deliveries', {
		updates: [recording?.update],
		options: { signature: 'wrong' },
	});
	expect(sent.body).toMatchObject({ answer: { status: 200 } });
	expect(emulator.deliveries).toHaveLength(2);
});

it('Faults, the clock and a report of what happened are available over HTTP', async () => {
	const fault = { kind: 'account', fault: { status: 503 }, times: 'forever' };
	await order('POST', '/faults', fault);
	const failed = await graph(emulator, 'GET', '102000000000001');
	expect([failed.status, failed.error.code, failed.error.is_transient]).toEqual([503, 2, true]);
	await order('DELETE', '/faults');
	expect((await graph(emulator, 'GET', '102000000000001')).status).toBe(200);
	const before = emulator.clock.now();
	await order('POST', '/clock', { advanceMs: 60_000 });
	expect(emulator.clock.now() - before).toBeGreaterThanOrEqual(60_000);
	const requests = await order('GET', '/requests');
	expect(requests.body).toMatchObject([{ status: 503, faulty: true }, { status: 200 }]);
	expect((await order('GET', '/state')).body).toMatchObject({ baseUrl: emulator.baseUrl });
});

it('Variants, corrected recordings and voicemails are available over HTTP', async () => {
	emulator.presetSubscription(receiver.url, ['calls', 'messages']);
	expect((await order('POST', '/variants', { fileEvents: 'detailed' })).body).toMatchObject({
		fileEvents: 'detailed',
		numbersAs: 'documented',
	});
	expect((await order('GET', '/variants')).body).toEqual(emulator.variants);
	const made = await order('POST', '/recordings', {
		sha256Override: '0'.repeat(64),
		announcedSize: 1,
		omit: ['timestamp', 'mime_type'],
	});
	const [{ mediaId }] = made.body.recordings as [{ mediaId: string }];
	await order('POST', `/recordings/${mediaId}/corrections`);
	await order('POST', '/voicemails', { from: '14085555678' });
	const failure = { error: { code: 131047 } };
	expect((await order('POST', '/permission-failures', failure)).body).toMatchObject({
		answer: { status: 200 },
	});
	const [wrong = {}, right, voicemail, failed] = receiver.events;
	expect(wrong).not.toHaveProperty('timestamp');
	expect(wrong.call_recording).not.toHaveProperty('audio.mime_type');
	expect(right).toMatchObject({ to: '442079460958', call_recording: { audio: { id: mediaId } } });
	expect(voicemail).toMatchObject({
		type: 'audio',
		id: expect.stringMatching(/^wacid\./) as string,
	});
	expect(failed).toMatchObject({ status: 'failed', errors: [{ code: 131047 }] });
});

it('Call buttons, call links and the end of the time for messages are available over HTTP', async () => {
	const from = PERSON;
	await graph(emulator, 'POST', `${NUMBER}/messages`, {
		messaging_product: 'whatsapp',
		to: from,
		type: 'interactive',
		interactive: {
			type: 'voice_call',
			body: { text: 'Call us' },
			action: { name: 'voice_call', parameters: { payload: 'order 7' } },
		},
	});
	expect((await order('POST', '/call-buttons/tap')).body).toMatchObject({ ctaPayload: 'order 7' });
	const link = 'https://wa.me/call/441314960321?biz_payload=flyer';
	expect((await order('POST', '/call-links/open', { link, from })).body).toMatchObject({
		deeplinkPayload: 'flyer',
	});
	expect((await order('POST', '/call-links/open', { link: 'x' })).status).toBe(409);
	await order('POST', '/close-window', { from });
	expect(emulator.account.users[0]?.windowClosesAt).toBeLessThanOrEqual(emulator.clock.now());
});

it('The report says when no one answered a customer', async () => {
	emulator.presetSubscription(receiver.url, ['calls']);
	const { body } = await order('POST', '/permission-answers', { accept: false });
	expect(body).toMatchObject({ answer: { status: 0, error: 'not subscribed' } });
});

it('Invalid orders are rejected', async () => {
	expect((await order('POST', '/calls', { form: '1' })).status).toBe(400);
	expect((await order('POST', '/faults', { kind: 'media', fault: { stats: 1 } })).status).toBe(400);
	expect((await order('POST', '/calls/latest/hang-up')).status).toBe(409);
	expect((await order('POST', '/variants', { numbersAs: 'roman' })).status).toBe(400);
	expect((await order('POST', '/variants', { numbers: 'text' })).status).toBe(400);
	expect((await order('POST', '/recordings/1/corrections')).status).toBe(409);
	expect((await order('POST', '/call')).status).toBe(404);
	const broken = await fetch(`${emulator.baseUrl}/_emulator/calls`, { method: 'POST', body: '{' });
	expect(broken.status).toBe(400);
	expect((await order('POST', '/calls', { phoneNumberId: '106000000000003' })).status).toBe(409);
});

it('A request can take effect although its response fails', async () => {
	emulator.failNext('calls', { reset: true, takesEffect: true }, { action: 'connect' });
	const connect = graph(emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		to: PERSON,
		action: 'connect',
		session: { sdp_type: 'offer', sdp: makeSdp('offer') },
	});
	await expect(connect).rejects.toThrow();
	expect(emulator.calls).toHaveLength(1);
	emulator.failNext('calls', { errorCode: 138005 });
	const refused = await graph(emulator, 'POST', `${NUMBER}/calls`, {});
	expect([refused.status, refused.error.code]).toEqual([429, 138005]);
});
