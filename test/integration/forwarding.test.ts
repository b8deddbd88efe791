import type { INodeParameters } from 'n8n-workflow';
import { type DeliveryRecord, type WebhookUpdate } from '../../emulator';
import { Receiver } from '../../emulator/helpers';
import type { TriggerWorkflow } from './engine';
import { poll } from '../support/processes';
import { useStage } from './harness';

const stage = useStage({ redeliveryDelaysMs: [10, 10, 10] });

const NUMBER = '106000000000001';
let other: Receiver;
let messages = 0;

beforeEach(async () => {
	other = await new Receiver().start();
	stage.emulator.presetSubscription(other.url, ['messages']);
});
afterEach(async () => await other.stop());

const state = () => stage.emulator.subscriptionState();

function taker(parameters: INodeParameters = {}, options: INodeParameters = {}): TriggerWorkflow {
	return stage.engine.trigger(stage.credential, {
		options: {
			onOtherWebhook: 'takeOverAndForward',
			otherVerifyToken: other.verifyToken,
			...options,
		},
		...parameters,
	});
}

async function activeTaker(
	parameters: INodeParameters = {},
	options: INodeParameters = {},
): Promise<TriggerWorkflow> {
	const trigger = taker(parameters, options);
	await trigger.activate();
	return trigger;
}

/** A message that nobody has sent before. */
function message(text = 'Grüße 📞'): WebhookUpdate {
	messages++;
	const element = {
		from: '14085551234',
		id: `wamid.${messages}`,
		timestamp: '1728932177',
		type: 'text',
		text: { body: text },
	};
	return { phoneNumberId: NUMBER, field: 'messages', value: { messages: [element] } };
}

async function deliver(
	updates: Array<WebhookUpdate | { update: WebhookUpdate }>,
	headers?: Record<string, string>,
): Promise<DeliveryRecord> {
	return await stage.emulator.deliver(updates, { headers }).settled;
}

const statuses = ({ attempts }: DeliveryRecord) => attempts.map(({ status }) => status);

describe('What is not about calls', () => {
	test('goes on with the same bytes under the same headers, signature included', async () => {
		const trigger = await activeTaker();
		const { body, headers } = await deliver([message()], {
			'x-forwarded-for': '31.13.64.1',
			'x-of-tomorrow': 'yes',
			'accept-language': 'de',
		});
		expect(other.webhooks).toHaveLength(1);
		const [got] = other.webhooks;
		expect(got.raw.equals(Buffer.from(body))).toBe(true);
		expect(got.headers).toMatchObject({
			...headers,
			'content-length': String(Buffer.byteLength(body)),
			host: new URL(other.url).host,
		});
		expect(got.headers['x-hub-signature-256']).toMatch(/^sha256=[0-9a-f]{64}$/);
		expect(got.headers).not.toHaveProperty('authorization');
		expect(trigger.executions).toEqual([]);
	});

	test('also where it is large', async () => {
		await activeTaker();
		const { body, outcome } = await deliver([message('x'.repeat(2_500_000))]);
		expect(outcome).toBe('delivered');
		expect(other.webhooks[0].raw.equals(Buffer.from(body))).toBe(true);
	});

	test('goes on with the calls beside it, which also come here', async () => {
		const trigger = await activeTaker();
		const recording = await stage.emulator.createRecording();
		const { body } = await deliver([message(), recording]);
		expect(other.webhooks.map(({ raw }) => raw.toString())).toEqual([body]);
		expect(trigger.items.map(({ json }) => json.callId)).toEqual([recording.callId]);
	});

	test('goes to both where it is a permission reply', async () => {
		const trigger = await activeTaker({ events: ['call_permission_reply'] });
		stage.emulator.userAnswersPermissionRequest({ accept: true });
		await stage.emulator.whenIdle();
		expect(trigger.items.map(({ json }) => json.event)).toEqual(['call_permission_reply']);
		expect(other.webhooks).toHaveLength(1);
	});

	test('is not the deliveries that hold calls alone', async () => {
		const trigger = await activeTaker({ events: ['connect', 'terminate'] });
		const { id } = stage.emulator.userCalls();
		stage.emulator.hangUp(id);
		await stage.emulator.whenIdle();
		expect(trigger.items).toHaveLength(2);
		expect(other.webhooks).toEqual([]);
	});

	test('is not what Meta did not sign', async () => {
		const trigger = await activeTaker();
		for (const signature of ['missing', 'wrong']) {
			const { answer } = stage.emulator.deliver([message()], { signature, redeliver: false });
			expect((await answer).status).toBe(401);
		}
		expect(other.webhooks).toEqual([]);
		expect(trigger.executions).toEqual([]);
	});

	test('stays here where nothing was taken over', async () => {
		const trigger = taker();
		stage.emulator.presetSubscription(trigger.url, ['calls']);
		await trigger.activate();
		stage.emulator.presetSubscription(trigger.url, ['calls', 'messages']);
		expect(statuses(await deliver([message()]))).toEqual([200]);
		expect(other.webhooks).toEqual([]);
	});
});

describe('Trouble at the other webhook', () => {
	test.each([500, 503, 404, 401, 302])(
		'%d makes Meta deliver again, until it has accepted',
		async (status) => {
			const trigger = await activeTaker();
			other.replies = [{ status }, { status }];
			const recording = await stage.emulator.createRecording();
			expect(statuses(await deliver([message(), recording]))).toEqual([503, 503, 200]);
			expect(other.webhooks).toHaveLength(3);
			// What is ours came with the first one, and not again.
			expect(trigger.items).toHaveLength(1);
		},
	);

	test('that is down: our events come all the same, once', async () => {
		const trigger = await activeTaker();
		await other.stop();
		const recording = await stage.emulator.createRecording();
		const { outcome, attempts } = await deliver([message(), recording]);
		expect(outcome).toBe('failed');
		expect(attempts.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
		expect(trigger.items).toHaveLength(1);
	});

	test('that is too slow for the time budget', async () => {
		const trigger = await activeTaker({}, { timeBudget: 1 });
		other.replies = [{ delayMs: 3_000 }];
		const recording = await stage.emulator.createRecording();
		expect(statuses(await deliver([message(), recording]))).toEqual([503, 200]);
		expect(trigger.items).toHaveLength(1);
	});

	test('is a word in the log, without a path that could be secret', async () => {
		await activeTaker();
		other.replies = [{ status: 500 }];
		const logged = stage.engine.logs.length;
		await deliver([message()]);
		const lines = stage.engine.logs.slice(logged).join('\n');
		expect(lines).toContain(new URL(other.url).origin);
		expect(lines).not.toContain('/hook');
	});
});

describe('Copies of a delivery', () => {
	test('that was accepted by both are not handed to either again', async () => {
		const trigger = await activeTaker();
		const updates = [message(), (await stage.emulator.createRecording()).update];
		for (let copies = 0; copies < 3; copies++) {
			expect(statuses(await deliver(updates))).toEqual([200]);
		}
		expect(other.webhooks).toHaveLength(1);
		expect(trigger.items).toHaveLength(1);
	});

	test('that had our file missing are not handed to the other one again', async () => {
		const trigger = await activeTaker();
		stage.emulator.failNext('media', { status: 503 }, { times: 2 });
		const recording = await stage.emulator.createRecording();
		const delivery = await deliver([message(), recording]);
		expect(delivery.outcome).toBe('delivered');
		expect(other.webhooks).toHaveLength(1);
		expect(trigger.items).toHaveLength(1);
	});

	test('that come at once reach both once, and in the end all are answered 200', async () => {
		const trigger = await activeTaker();
		other.replies = [{ delayMs: 100 }];
		const updates = [message(), (await stage.emulator.createRecording()).update];
		const deliveries = await Promise.all(
			Array.from({ length: 5 }, async () => await deliver(updates)),
		);
		expect(other.webhooks).toHaveLength(1);
		expect(trigger.items).toHaveLength(1);
		for (const { attempts } of deliveries) expect([200, 503]).toContain(attempts.at(-1)?.status);
		expect(statuses(await deliver(updates))).toEqual([200]);
	});
});

describe('Taking over', () => {
	test('asks the other webhook for its challenge first, and puts it back with that token', async () => {
		const before = state();
		const trigger = await activeTaker();
		expect(state().app).toMatchObject({ callbackUrl: trigger.url, fields: ['messages', 'calls'] });
		const accepted = () =>
			other.challenges.filter(
				({ url }) => url.searchParams.get('hub.verify_token') === other.verifyToken,
			);
		expect(accepted()).toHaveLength(1);
		expect(await stage.isRegistered(trigger)).toBe(true);
		await trigger.deactivate();
		expect(state()).toEqual(before);
		// Meta itself has asked as well, and before it the trigger whether the address is still there.
		expect(accepted()).toHaveLength(3);
		await deliver([message()]);
		expect(other.webhooks).toHaveLength(1);
	});

	test.each<[string, () => void]>([
		['the token is another one', () => void (other.verifyToken = 'changed')],
		['it answers every challenge with a page', () => void (other.challengeReply = { body: '<p>' })],
		[
			'it redirects',
			() => {
				other.challengeReply = { status: 302, headers: { location: 'http://127.0.0.1:1/' } };
			},
		],
		['it fails', () => void (other.challengeReply = { status: 500 })],
	])('changes nothing where %s, and explains', async (_, breakIt) => {
		const trigger = taker();
		breakIt();
		const before = state();
		const error = (await trigger.activate().catch((thrown: Error) => thrown)) as Error & {
			description: string;
		};
		expect(error.message).toBe(
			`The other webhook did not accept the verify token: ${other.url}. Correct the option "Other Webhook Verify Token".`,
		);
		expect(state()).toEqual(before);
		expect(stage.emulator.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
	});

	test('does not put back over somebody who has come since', async () => {
		const trigger = await activeTaker();
		stage.emulator.presetSubscription('https://crm.example/hook', ['messages']);
		await trigger.deactivate();
		expect(state().app).toMatchObject({ callbackUrl: 'https://crm.example/hook' });
	});

	test('goes on forwarding after the instance has moved, and puts back the first one', async () => {
		const old = await activeTaker();
		const webhookBase = stage.engine.origin.replace('127.0.0.1', 'localhost');
		const moved = stage.engine
			.trigger(
				stage.credential,
				{ options: { onOtherWebhook: 'takeOverAndForward', otherVerifyToken: other.verifyToken } },
				{ id: old.id, webhookBase },
			)
			.continueFrom(old);
		await moved.activate();
		expect(state().app?.callbackUrl).toBe(moved.url);
		await deliver([message()]);
		expect(other.webhooks).toHaveLength(1);
		await moved.deactivate();
		expect(state().app).toMatchObject({ callbackUrl: other.url, fields: ['messages'] });
	});

	test('of an override puts that back too', async () => {
		stage.emulator.presetSubscription('https://n8n.example/app', ['messages', 'calls']);
		for (const [registration, number] of [
			['businessAccount', undefined],
			['phoneNumber', NUMBER],
		] as const) {
			stage.emulator.presetOverride(other.url, number);
			const before = state();
			const trigger = await activeTaker({ registration, phoneNumberIds: [NUMBER] });
			await deliver([message()]);
			expect(other.webhooks).toHaveLength(1);
			await trigger.deactivate();
			expect(state()).toEqual(before);
			stage.emulator.presetOverride(null, number);
			other.webhooks.length = 0;
		}
	});
});

describe('Listening for a test event', () => {
	test('beside an active workflow: messages go on to the other one, calls come to both', async () => {
		const trigger = await activeTaker();
		const before = state();
		await trigger.listen();
		expect(statuses(await deliver([message()]))).toEqual([200]);
		expect(other.webhooks).toHaveLength(1);
		await deliver([await stage.emulator.createRecording()]);
		await poll('both', 5_000, async () => trigger.executions.length === 2 || undefined);
		expect(trigger.executions.map(({ mode }) => mode).sort()).toEqual(['manual', 'webhook']);

		await trigger.stopListening();
		expect(state()).toEqual(before);
		await deliver([message(), await stage.emulator.createRecording()]);
		expect(other.webhooks).toHaveLength(2);
		expect(trigger.executions.filter(({ mode }) => mode === 'webhook')).toHaveLength(2);
		await trigger.deactivate();
		expect(state().app).toMatchObject({ callbackUrl: other.url, fields: ['messages'] });
	});

	test('without an active workflow forwards as well, and puts the other one back', async () => {
		const before = state();
		const trigger = taker();
		await trigger.listen();
		await deliver([message()]);
		expect(other.webhooks).toHaveLength(1);
		await trigger.stopListening();
		expect(state()).toEqual(before);
	});
});
