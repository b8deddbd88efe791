import { NUMBER } from '../test/support/constants';
import { eventsOf, Receiver } from '../test/support/receiver';
import { signatureOf } from '../test/support/signature';
import { escapeJson, startEmulator, type Emulator, type EmulatorOptions } from './index';

let emulator: Emulator;
let receiver: Receiver;

const restart = async (options: EmulatorOptions) => {
	await emulator.stop();
	emulator = await startEmulator(options);
	emulator.presetSubscription(receiver.url);
};

beforeEach(async () => {
	receiver = await new Receiver().start();
	emulator = await startEmulator({ redeliveryDelaysMs: [10, 20, 30] });
	emulator.presetSubscription(receiver.url);
});

afterEach(async () => {
	await emulator.stop();
	await receiver.stop();
});

const sign = (raw: Buffer) => signatureOf(raw, emulator.account.appSecret);

describe('a delivery', () => {
	it('A delivery has the envelope, the headers and the signature of Meta', async () => {
		const made = await emulator.createRecording();
		const handle = emulator.deliver([made]);
		expect(await handle.answer).toMatchObject({ status: 200 });
		const [received] = receiver.webhooks;
		expect(JSON.parse(received?.raw.toString() ?? '')).toEqual({
			object: 'whatsapp_business_account',
			entry: [
				{
					id: '102000000000001',
					changes: [
						{
							field: 'calls',
							value: {
								messaging_product: 'whatsapp',
								metadata: {
									phone_number_id: NUMBER,
									display_phone_number: '442079460958',
								},
								calls: [made.event],
							},
						},
					],
				},
			],
		});
		expect(received?.headers).toMatchObject({
			'content-type': 'application/json',
			'user-agent': 'facebookexternalua',
			'x-hub-signature-256': sign(received?.raw ?? Buffer.alloc(0)),
		});
	});

	it('A delivery is escaped, so that a signature over re-serialized JSON fails', async () => {
		emulator.userCalls();
		await emulator.whenIdle();
		const raw = receiver.webhooks[0]?.raw ?? Buffer.alloc(0);
		expect(raw.toString()).toContain('S\\u00f6derstr\\u00f6m');
		expect(raw.every((byte) => byte < 0x80)).toBe(true);
		const again = Buffer.from(JSON.stringify(JSON.parse(raw.toString())));
		expect(sign(again)).not.toBe(receiver.webhooks[0]?.headers['x-hub-signature-256']);
	});

	it('A delivery keeps its meaning when it is escaped', () => {
		const value = { text: 'ä 😀 \u007f / \\ " \u2028' };
		const escaped = escapeJson(JSON.stringify(value));
		expect(escaped).toContain('\\ud83d\\ude00');
		expect(JSON.parse(escaped)).toEqual(value);
	});

	it('A delivery can carry another signature, or none', async () => {
		const made = await emulator.createRecording();
		for (const signature of ['missing', 'wrong', 'sha256=00', 'valid']) {
			await emulator.deliver([made], { signature }).answer;
		}
		const signatures = receiver.webhooks.map(({ headers }) => headers['x-hub-signature-256']);
		const valid = sign(receiver.webhooks[3]?.raw ?? Buffer.alloc(0));
		expect(signatures[0]).toBeUndefined();
		expect(signatures[1]).toMatch(/^sha256=[0-9a-f]{64}$/);
		expect(signatures[1]).not.toBe(valid);
		expect(signatures.slice(2)).toEqual(['sha256=00', valid]);
	});

	it('A delivery can be any text, signed', async () => {
		await emulator.deliver([], { rawBody: '{"entry":', url: receiver.url }).answer;
		const [received] = receiver.webhooks;
		expect(received?.raw.toString()).toBe('{"entry":');
		expect(received?.headers['x-hub-signature-256']).toBe(sign(received?.raw ?? Buffer.alloc(0)));
	});

	it('A delivery has up to 1000 updates, in every layout', async () => {
		const made = await emulator.createRecording();
		const thousand = Array.from({ length: 1000 }, () => made);
		for (const layout of ['changes', 'merged', 'entries'] as const) {
			receiver.webhooks.length = 0;
			await emulator.deliver(thousand, { layout }).answer;
			const payload = JSON.parse(receiver.webhooks[0]?.raw.toString() ?? '') as Parameters<
				typeof eventsOf
			>[0];
			expect(eventsOf(payload)).toHaveLength(1000);
			expect(payload.entry).toHaveLength(layout === 'entries' ? 1000 : 1);
			expect(payload.entry[0]?.changes).toHaveLength(layout === 'changes' ? 1000 : 1);
		}
		expect(() => emulator.deliver([...thousand, made])).toThrow(/at most 1000/);
	});

	it('A delivery is not sent when no app is subscribed', async () => {
		await emulator.stop();
		emulator = await startEmulator();
		const made = await emulator.createRecording();
		const handle = emulator.deliver([made]);
		expect(await handle.answer).toMatchObject({ status: 0, error: 'not subscribed' });
		expect((await handle.settled).outcome).toBe('notSubscribed');
		emulator.presetSubscription(receiver.url, ['messages']);
		expect((await emulator.deliver([made]).settled).outcome).toBe('notSubscribed');
		expect(receiver.webhooks).toEqual([]);
	});
});

describe('redelivery', () => {
	const deliver = async () => emulator.deliver([await emulator.createRecording()]);

	it('Redelivery repeats the same bytes until there is a 200', async () => {
		receiver.replies = [{ status: 503 }, { status: 201 }, { status: 302 }];
		const handle = await deliver();
		expect(await handle.answer).toMatchObject({ status: 503 });
		const record = await emulator.waitForDelivery(handle.id);
		expect(record.attempts.map(({ status }) => status)).toEqual([503, 201, 302, 200]);
		expect(record.outcome).toBe('delivered');
		expect(new Set(receiver.webhooks.map(({ raw }) => raw.toString())).size).toBe(1);
	});

	it('Redelivery stops after the last gap', async () => {
		receiver.replies = Array.from({ length: 9 }, () => ({ status: 500 }));
		const record = await (await deliver()).settled;
		expect(record.outcome).toBe('failed');
		expect(record.attempts).toHaveLength(4);
	});

	it('Redelivery can be turned off', async () => {
		receiver.replies = [{ status: 500 }];
		const made = await emulator.createRecording();
		const record = await emulator.deliver([made], { redeliver: false }).settled;
		expect([record.outcome, record.attempts.length]).toEqual(['failed', 1]);
	});

	it('Redelivery follows a receiver that takes too long', async () => {
		await restart({ deliveryTimeoutMs: 500, redeliveryDelaysMs: [1] });
		receiver.replies = [{ delayMs: 10_000 }];
		const record = await (await deliver()).settled;
		expect(record.attempts[0]).toMatchObject({ status: 0, error: 'no answer in 500 ms' });
		expect(record.outcome).toBe('delivered');
	});

	it('Redelivery can have its own time limit', async () => {
		const made = await emulator.createRecording();
		receiver.replies = [{ delayMs: 10_000 }];
		const handle = emulator.deliver([made], { timeoutMs: 100, redeliver: false });
		expect(await handle.answer).toMatchObject({ status: 0, error: 'no answer in 100 ms' });
	});

	it('Redelivery follows a connection that fails', async () => {
		emulator.presetSubscription('http://127.0.0.1:9/');
		const handle = await deliver();
		expect(await handle.answer).toMatchObject({ status: 0 });
		emulator.presetSubscription(receiver.url);
		expect((await handle.settled).outcome).toBe('delivered');
		expect(receiver.webhooks).toHaveLength(1);
	});

	it('Redelivery ends when the emulator stops', async () => {
		await restart({ redeliveryDelaysMs: [3_600_000] });
		receiver.replies = [{ status: 500 }];
		const handle = await deliver();
		await handle.answer;
		await emulator.stop();
		expect((await handle.settled).outcome).toBe('cancelled');
	});
});
