import type { INodeParameters } from 'n8n-workflow';
import { type DeliveryRecord, type WebhookUpdate } from '../../emulator';
import { newMessage } from '../support/callEvents';
import { NUMBER } from '../support/constants';
import { Receiver } from '../support/receiver';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { poll } from '../support/processes';
import { useStage } from './engineStage';

const stage = useStage({ redeliveryDelaysMs: [10, 10, 10] });

let other: Receiver;

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

async function deliver(
	updates: Array<WebhookUpdate | { update: WebhookUpdate }>,
	headers?: Record<string, string>,
): Promise<DeliveryRecord> {
	return await stage.emulator.deliver(updates, { headers }).settled;
}

const statuses = ({ attempts }: DeliveryRecord) => attempts.map(({ status }) => status);

describe('forwarding what is not about calls', () => {
	it('A message is forwarded with the same bytes and headers, signature included', async () => {
		const trigger = await activeTaker();
		const { body, headers } = await deliver([newMessage()], {
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

	it('A large message is forwarded unchanged', async () => {
		await activeTaker();
		const { body, outcome } = await deliver([newMessage({ text: 'x'.repeat(2_500_000) })]);
		expect(outcome).toBe('delivered');
		expect(other.webhooks[0].raw.equals(Buffer.from(body))).toBe(true);
	});

	it('A message is forwarded with the calls beside it, which also come here', async () => {
		const trigger = await activeTaker();
		const recording = await stage.emulator.createRecording();
		const { body } = await deliver([newMessage(), recording]);
		expect(other.webhooks.map(({ raw }) => raw.toString())).toEqual([body]);
		expect(trigger.items.map(({ json }) => json.callId)).toEqual([recording.callId]);
	});

	it('A permission reply goes to both', async () => {
		const trigger = await activeTaker({ events: ['call_permission_reply'] });
		stage.emulator.userAnswersPermissionRequest({ accept: true });
		await stage.emulator.whenIdle();
		expect(trigger.items.map(({ json }) => json.event)).toEqual(['call_permission_reply']);
		expect(other.webhooks).toHaveLength(1);
	});

	it('A delivery of calls alone is not forwarded', async () => {
		const trigger = await activeTaker({ events: ['connect', 'terminate'] });
		const { id } = stage.emulator.userCalls();
		stage.emulator.hangUp(id);
		await stage.emulator.whenIdle();
		expect(trigger.items).toHaveLength(2);
		expect(other.webhooks).toEqual([]);
	});

	it('A delivery that Meta did not sign is not forwarded', async () => {
		const trigger = await activeTaker();
		for (const signature of ['missing', 'wrong']) {
			const { answer } = stage.emulator.deliver([newMessage()], { signature, redeliver: false });
			expect((await answer).status).toBe(401);
		}
		expect(other.webhooks).toEqual([]);
		expect(trigger.executions).toEqual([]);
	});

	it('A message stays here if nothing was taken over', async () => {
		const trigger = taker();
		stage.emulator.presetSubscription(trigger.url, ['calls']);
		await trigger.activate();
		stage.emulator.presetSubscription(trigger.url, ['calls', 'messages']);
		expect(statuses(await deliver([newMessage()]))).toEqual([200]);
		expect(other.webhooks).toEqual([]);
	});
});

describe('errors of the other webhook', () => {
	it.each([500, 503, 404, 401, 302])(
		'A response of %d makes Meta deliver again, until the other webhook has accepted',
		async (status) => {
			const trigger = await activeTaker();
			other.replies = [{ status }, { status }];
			const recording = await stage.emulator.createRecording();
			expect(statuses(await deliver([newMessage(), recording]))).toEqual([503, 503, 200]);
			expect(other.webhooks).toHaveLength(3);
			// What is ours came with the first one, and not again.
			expect(trigger.items).toHaveLength(1);
		},
	);

	it('An unreachable webhook does not stop our events, which come once', async () => {
		const trigger = await activeTaker();
		await other.stop();
		const recording = await stage.emulator.createRecording();
		const { outcome, attempts } = await deliver([newMessage(), recording]);
		expect(outcome).toBe('failed');
		expect(attempts.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
		expect(trigger.items).toHaveLength(1);
	});

	it('A webhook that is too slow for the time budget makes Meta deliver again', async () => {
		const trigger = await activeTaker({}, { timeBudget: 1 });
		other.replies = [{ delayMs: 3_000 }];
		const recording = await stage.emulator.createRecording();
		expect(statuses(await deliver([newMessage(), recording]))).toEqual([503, 200]);
		expect(trigger.items).toHaveLength(1);
	});

	it('The log names the other webhook without its path, which could be secret', async () => {
		await activeTaker();
		other.replies = [{ status: 500 }];
		const logged = stage.engine.logs.length;
		await deliver([newMessage()]);
		const lines = stage.engine.logs.slice(logged).join('\n');
		expect(lines).toContain(new URL(other.url).origin);
		expect(lines).not.toContain('/hook');
	});
});

describe('duplicates with two receivers', () => {
	it('A duplicate that both accepted is sent to neither again', async () => {
		const trigger = await activeTaker();
		const updates = [newMessage(), (await stage.emulator.createRecording()).update];
		for (let copies = 0; copies < 3; copies++) {
			expect(statuses(await deliver(updates))).toEqual([200]);
		}
		expect(other.webhooks).toHaveLength(1);
		expect(trigger.items).toHaveLength(1);
	});

	it('A duplicate whose file we missed is not forwarded again', async () => {
		const trigger = await activeTaker();
		stage.emulator.failNext('media', { status: 503 }, { times: 2 });
		const recording = await stage.emulator.createRecording();
		const delivery = await deliver([newMessage(), recording]);
		expect(delivery.outcome).toBe('delivered');
		expect(other.webhooks).toHaveLength(1);
		expect(trigger.items).toHaveLength(1);
	});

	it('Copies at once reach both once, and in the end all get 200', async () => {
		const trigger = await activeTaker();
		other.replies = [{ delayMs: 100 }];
		const updates = [newMessage(), (await stage.emulator.createRecording()).update];
		const deliveries = await Promise.all(
			Array.from({ length: 5 }, async () => await deliver(updates)),
		);
		expect(other.webhooks).toHaveLength(1);
		expect(trigger.items).toHaveLength(1);
		for (const { attempts } of deliveries) expect([200, 503]).toContain(attempts.at(-1)?.status);
		expect(statuses(await deliver(updates))).toEqual([200]);
	});
});

describe('taking over', () => {
	it('Taking over sends a challenge to the other webhook first, and puts it back with that token', async () => {
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
		await deliver([newMessage()]);
		expect(other.webhooks).toHaveLength(1);
	});

	it.each<[string, () => void]>([
		['the token is another one', () => void (other.verifyToken = 'changed')],
		['it answers every challenge with a page', () => void (other.challengeReply = { body: '<p>' })],
		[
			'it redirects',
			() => {
				other.challengeReply = { status: 302, headers: { location: 'http://127.0.0.1:1/' } };
			},
		],
		['it fails', () => void (other.challengeReply = { status: 500 })],
	])('Taking over changes nothing if %s, and explains', async (_, breakIt) => {
		const trigger = taker();
		breakIt();
		const before = state();
		const error = (await trigger.activate().catch((thrown: Error) => thrown)) as Error & {
			description: string;
		};
		expect(error.message).toBe(
			`The verify token of the other webhook is missing, or that webhook did not accept it: ${other.url}. Enter it in the option "Other Webhook Verify Token".`,
		);
		expect(state()).toEqual(before);
		expect(stage.emulator.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
	});

	it('Unpublishing does not put the other webhook back over a newer one', async () => {
		const trigger = await activeTaker();
		stage.emulator.presetSubscription('https://crm.example/hook', ['messages']);
		await trigger.deactivate();
		expect(state().app).toMatchObject({ callbackUrl: 'https://crm.example/hook' });
	});

	it('Forwarding continues after n8n has moved, and unpublishing puts the first one back', async () => {
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
		await deliver([newMessage()]);
		expect(other.webhooks).toHaveLength(1);
		await moved.deactivate();
		expect(state().app).toMatchObject({ callbackUrl: other.url, fields: ['messages'] });
	});

	it('Taking over an override puts that back too', async () => {
		stage.emulator.presetSubscription('https://n8n.example/app', ['messages', 'calls']);
		for (const [registration, number] of [
			['businessAccount', undefined],
			['phoneNumber', NUMBER],
		] as const) {
			stage.emulator.presetOverride(other.url, number);
			const before = state();
			const trigger = await activeTaker({ registration, phoneNumberIds: [NUMBER] });
			await deliver([newMessage()]);
			expect(other.webhooks).toHaveLength(1);
			await trigger.deactivate();
			expect(state()).toEqual(before);
			stage.emulator.presetOverride(null, number);
			other.webhooks.length = 0;
		}
	});
});

describe('listening for a test event', () => {
	it('A test beside an active workflow forwards messages, and both get the calls', async () => {
		const trigger = await activeTaker();
		const before = state();
		await trigger.listen();
		expect(statuses(await deliver([newMessage()]))).toEqual([200]);
		expect(other.webhooks).toHaveLength(1);
		await deliver([await stage.emulator.createRecording()]);
		await poll('both', 5_000, async () => trigger.executions.length === 2 || undefined);
		expect(trigger.executions.map(({ mode }) => mode).sort()).toEqual(['manual', 'webhook']);

		await trigger.stopListening();
		expect(state()).toEqual(before);
		await deliver([newMessage(), await stage.emulator.createRecording()]);
		expect(other.webhooks).toHaveLength(2);
		expect(trigger.executions.filter(({ mode }) => mode === 'webhook')).toHaveLength(2);
		await trigger.deactivate();
		expect(state().app).toMatchObject({ callbackUrl: other.url, fields: ['messages'] });
	});

	it('A test without an active workflow forwards too, and puts the other webhook back', async () => {
		const before = state();
		const trigger = taker();
		await trigger.listen();
		await deliver([newMessage()]);
		expect(other.webhooks).toHaveLength(1);
		await trigger.stopListening();
		expect(state()).toEqual(before);
	});
});
