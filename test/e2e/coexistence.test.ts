import type { Emulator, WebhookUpdate } from '../../emulator';
import { newMessage } from '../support/callEvents';
import { NUMBER, SECOND_NUMBER } from '../support/constants';
import { Receiver } from '../support/receiver';
import type { StoredCredential } from '../support/n8n';
import { poll } from '../support/processes';
import { startMeta, TRIGGER, type Workflow } from '../support/stage';
import { addItsWorkflow, CoexistenceStage, ITS_TRIGGER, type ItsWorkflow } from './whatsAppTrigger';

jest.setTimeout(240_000);

let stage: CoexistenceStage;
let messages = 0;

/** A Meta of its own for each test, at which n8n's own WhatsApp Trigger arrives too. */
let emulator: Emulator;
let credential: StoredCredential;

beforeAll(async () => void (stage = await CoexistenceStage.start()));

afterAll(async () => await stage?.stop());

beforeEach(async () => {
	emulator = await startMeta();
	credential = await stage.credentialFor(emulator);
	await stage.chooseMeta(emulator);
});

afterEach(async () => await emulator.stop());

const state = () => emulator.subscriptionState();

const itsWorkflow = async (): Promise<ItsWorkflow> => await addItsWorkflow(stage, emulator);

async function ours(parameters: Record<string, unknown>, activate = true): Promise<Workflow> {
	return await stage.addWorkflow({ credential, parameters, activate });
}

const message = (phoneNumberId = NUMBER) =>
	newMessage({ phoneNumberId, text: `Grüße ${++messages}` });

const statusOf = async (...updates: Array<WebhookUpdate | { update: WebhookUpdate }>) =>
	(await emulator.deliver(updates).answer).status;

async function executions(id: string): Promise<number> {
	return (await stage.n8n.api.executions(id)).length;
}

/** What a workflow got since `before` executions. */
async function itemsSince(id: string, trigger: string, before: number) {
	const all = await stage.n8n.api.waitForExecutions(id, before + 1);
	return all.slice(before).flatMap((execution) => execution.items(trigger));
}

/** Deactivates them in this order. */
async function deactivate(...workflows: Array<{ id: string }>): Promise<void> {
	for (const { id } of workflows) await stage.n8n.api.deactivate(id);
}

describe("a trigger beside n8n's own WhatsApp Trigger, on the same app", () => {
	it('Publishing is refused by default, and the error says that the other webhook is in this n8n', async () => {
		const its = await itsWorkflow();
		const before = state();
		expect(before.app).toMatchObject({ callbackUrl: its.url, fields: ['messages'] });
		const mine = await ours({}, false);
		await expect(stage.n8n.api.activate(mine.id)).rejects.toThrow('another workflow in this n8n');
		expect(state()).toEqual(before);
		await deactivate(its);
	});

	it('Take Over and Forward passes messages to the other trigger, and receives recordings', async () => {
		const its = await itsWorkflow();
		const before = state();
		expect(await statusOf(message())).toBe(200);
		await stage.n8n.api.waitForExecutions(its.id, 1);

		const mine = await ours({
			options: {
				onOtherWebhook: 'takeOverAndForward',
				otherVerifyToken: its.nodeId,
			},
		});
		expect(state().app).toMatchObject({ callbackUrl: mine.url, fields: ['messages', 'calls'] });

		expect(await statusOf(message())).toBe(200);
		const [forwarded] = await itemsSince(its.id, ITS_TRIGGER, 1);
		expect(forwarded.json).toMatchObject({
			field: 'messages',
			messages: [{ text: { body: `Grüße ${messages}` } }],
		});
		expect(await executions(mine.id)).toBe(0);

		const recording = await emulator.createRecording({});
		expect(await statusOf(recording)).toBe(200);
		const [item] = await itemsSince(mine.id, TRIGGER, 0);
		expect(item.json).toMatchObject({ callId: recording.callId, recording: { verified: true } });
		expect(await executions(its.id)).toBe(2);

		await deactivate(mine);
		expect(state()).toEqual(before);
		expect(await statusOf(message())).toBe(200);
		await stage.n8n.api.waitForExecutions(its.id, 3);
		await deactivate(its);
	});

	it('Listening for a test event silences neither trigger', async () => {
		const its = await itsWorkflow();
		const mine = await ours({
			options: {
				onOtherWebhook: 'takeOverAndForward',
				otherVerifyToken: its.nodeId,
			},
		});
		const before = state();
		await stage.n8n.api.listenForTestEvent(mine.id, TRIGGER);
		expect(state().app?.callbackUrl).toContain(`${mine.url}?also=`);
		expect(await statusOf(message())).toBe(200);
		await stage.n8n.api.waitForExecutions(its.id, 1);
		expect(state().app?.callbackUrl).toContain(`${mine.url}?also=`);

		await stage.n8n.api.stopListening(mine.id);
		await poll('the production webhook', 20_000, async () => {
			return state().app?.callbackUrl === mine.url || undefined;
		});
		expect(state()).toEqual(before);
		expect(await statusOf(message())).toBe(200);
		await stage.n8n.api.waitForExecutions(its.id, 2);
		await deactivate(mine, its);
	});

	it('A wrong verify token is an error that says so, and changes nothing', async () => {
		const its = await itsWorkflow();
		const before = state();
		const mine = await ours(
			{ options: { onOtherWebhook: 'takeOverAndForward', otherVerifyToken: 'guessed' } },
			false,
		);
		await expect(stage.n8n.api.activate(mine.id)).rejects.toThrow(
			'verify token of the other webhook is missing, or',
		);
		expect(state()).toEqual(before);
		await deactivate(its);
	});

	it('Forwarding also works on the account, and the app stays with the other trigger', async () => {
		const its = await itsWorkflow();
		emulator.presetSubscription(its.url, ['messages', 'calls']);
		const before = state();
		const mine = await ours({
			registration: 'businessAccount',
			options: {
				onOtherWebhook: 'takeOverAndForward',
				otherVerifyToken: its.nodeId,
			},
		});
		expect(state()).toEqual({ ...before, accountOverride: mine.url });
		expect(await statusOf(message())).toBe(200);
		await stage.n8n.api.waitForExecutions(its.id, 1);
		expect(await statusOf(await emulator.createRecording({}))).toBe(200);
		await stage.n8n.api.waitForExecutions(mine.id, 1);
		await deactivate(mine);
		expect(state()).toEqual(before);
		await deactivate(its);
	});
});

describe('registration on the account and on numbers', () => {
	it('The registration wins over the webhook of the app, receives, and leaves nothing behind', async () => {
		for (const parameters of [
			{ registration: 'businessAccount' },
			{ registration: 'phoneNumber', phoneNumberIds: [NUMBER, SECOND_NUMBER] },
		]) {
			const before = state();
			const mine = await ours(parameters);
			const { accountOverride, numberOverrides } = state();
			expect({ accountOverride, numberOverrides }).toEqual(
				parameters.registration === 'businessAccount'
					? { accountOverride: mine.url, numberOverrides: {} }
					: {
							accountOverride: null,
							numberOverrides: { [NUMBER]: mine.url, [SECOND_NUMBER]: mine.url },
						},
			);
			expect(await statusOf(await emulator.createRecording({ phoneNumberId: SECOND_NUMBER }))).toBe(
				200,
			);
			await stage.n8n.api.waitForExecutions(mine.id, 1);
			await deactivate(mine);
			expect(state()).toEqual(before);
		}
	});

	it('An existing URL is put back when the trigger took it over', async () => {
		const other = await new Receiver().start();
		try {
			emulator.presetSubscription(other.url, ['messages', 'calls']);
			emulator.presetOverride(other.url, NUMBER);
			const before = state();
			const mine = await ours({
				registration: 'phoneNumber',
				phoneNumberIds: [NUMBER],
				options: {
					onOtherWebhook: 'takeOverAndForward',
					otherVerifyToken: other.verifyToken,
				},
			});
			expect(state().numberOverrides).toEqual({ [NUMBER]: mine.url });
			const delivery = emulator.deliver([message()]);
			expect((await delivery.answer).status).toBe(200);
			expect(other.webhooks.map(({ raw }) => raw.toString())).toEqual([delivery.record.body]);
			await deactivate(mine);
			expect(state()).toEqual(before);
		} finally {
			await other.stop();
		}
	});

	it.each([
		[{ registration: 'phoneNumber' }, 'No phone number is chosen'],
		[{ registration: 'businessAccount' }, 'The Meta app is not subscribed to calls'],
	])(
		'A registration with %j is refused with an explanation for the operator',
		async (parameters, words) => {
			emulator.presetSubscription('https://crm.example/hook', ['messages']);
			const before = state();
			const mine = await ours(parameters, false);
			await expect(stage.n8n.api.activate(mine.id)).rejects.toThrow(words);
			expect(state()).toEqual(before);
		},
	);

	it('Two triggers on two numbers of one app work side by side', async () => {
		const one = await ours({ registration: 'phoneNumber', phoneNumberIds: [NUMBER] });
		const two = await ours({ registration: 'phoneNumber', phoneNumberIds: [SECOND_NUMBER] });
		expect(state().numberOverrides).toEqual({ [NUMBER]: one.url, [SECOND_NUMBER]: two.url });
		for (const phoneNumberId of [NUMBER, SECOND_NUMBER]) {
			expect(await statusOf(await emulator.createRecording({ phoneNumberId }))).toBe(200);
		}
		const [[first], [second]] = [
			await itemsSince(one.id, TRIGGER, 0),
			await itemsSince(two.id, TRIGGER, 0),
		];
		expect([first.json.phoneNumberId, second.json.phoneNumberId]).toEqual([NUMBER, SECOND_NUMBER]);

		await deactivate(one);
		expect(await statusOf(await emulator.createRecording({ phoneNumberId: SECOND_NUMBER }))).toBe(
			200,
		);
		await stage.n8n.api.waitForExecutions(two.id, 2);
		await deactivate(two);
	});
});
