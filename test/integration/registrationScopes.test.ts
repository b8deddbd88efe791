import type { INodeParameters } from 'n8n-workflow';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { NUMBER, SECOND_NUMBER } from '../support/constants';
import { failureOf } from '../support/failures';
import { poll } from '../support/processes';
import { useStage } from './engineStage';

const stage = useStage();

const FOREIGN = 'https://crm.example/whatsapp';
const NOTHING = {
	app: undefined,
	accountSubscribed: false,
	accountOverride: null,
	numberOverrides: {},
};

const ON_ACCOUNT = { registration: 'businessAccount' };
const ON_ONE = { registration: 'phoneNumber', phoneNumberIds: [NUMBER] };
const ON_TWO = { registration: 'phoneNumber', phoneNumberIds: [SECOND_NUMBER] };
const ON_BOTH = { registration: 'phoneNumber', phoneNumberIds: [NUMBER, SECOND_NUMBER] };
const SCOPES: Array<[string, INodeParameters]> = [
	['the account', ON_ACCOUNT],
	['one number', ON_ONE],
	['two numbers', ON_BOTH],
];

const trigger = (parameters: INodeParameters) => stage.engine.trigger(stage.credential, parameters);
const state = () => stage.emulator.subscriptionState();
const changes = () => stage.emulator.requests.filter(({ method }) => method !== 'GET');

/** The addresses that come before that of the app. */
const overrides = () =>
	[state().accountOverride ?? [], Object.values(state().numberOverrides)].flat();

async function outcomeOfRecording(phoneNumberId: string): Promise<string> {
	const recording = await stage.emulator.createRecording({ phoneNumberId });
	return (await stage.emulator.deliver([recording]).settled).outcome;
}

describe.each(SCOPES)('a trigger that is registered on %s', (_, parameters) => {
	it('The trigger is registered there, receives, and leaves nothing behind', async () => {
		const one = trigger(parameters);
		await one.activate();
		expect(new Set(overrides())).toEqual(new Set([one.url]));
		expect(await stage.isRegistered(one)).toBe(true);
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		expect(one.items).toHaveLength(1);

		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it("The trigger wins over another system's webhook on the app, which stays as it is", async () => {
		stage.emulator.presetSubscription(FOREIGN, ['messages', 'calls']);
		const before = state();
		const one = trigger(parameters);
		await one.activate();
		expect(state().app).toEqual(before.app);
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		await one.deactivate();
		expect(state()).toEqual(before);
	});

	it("The error names the field that another system's app lacks, and nothing changes", async () => {
		stage.emulator.presetSubscription(FOREIGN, ['messages']);
		const before = state();
		const error = await failureOf(trigger(parameters).activate());
		expect(error.message).toMatch(
			/^The Meta app is not subscribed to calls\. Turn on the field calls/,
		);
		expect(error.message).toContain("Meta's app dashboard");
		expect(state()).toEqual(before);
		expect(changes()).toEqual([]);
	});

	it('The error names every missing field', async () => {
		stage.emulator.presetSubscription(FOREIGN, ['security']);
		const error = await failureOf(
			trigger({ ...parameters, events: ['call_permission_reply'] }).activate(),
		);
		expect(error.message).toContain('is not subscribed to calls and messages');
	});

	it('The trigger revives a webhook of the app that Meta has turned off', async () => {
		const one = trigger(parameters);
		await one.activate();
		stage.emulator.deactivateSubscription();
		await one.activate();
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it('A second activation writes nothing', async () => {
		const one = trigger(parameters);
		await one.activate();
		const before = state();
		stage.emulator.forget();
		await one.activate();
		expect(changes()).toEqual([]);
		await one.create();
		expect(state()).toEqual(before);
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it("Another system's URL is not overwritten, and the error names it", async () => {
		stage.emulator.presetSubscription(FOREIGN, ['calls']);
		if (parameters === ON_ACCOUNT) stage.emulator.presetOverride(FOREIGN);
		else stage.emulator.presetOverride(FOREIGN, NUMBER);
		const before = state();
		const error = await failureOf(trigger(parameters).activate());
		expect(error.message).toContain(`already sends its webhooks to another URL: ${FOREIGN}`);
		expect(error.message).toMatch(parameters === ON_ACCOUNT ? /account 1020/ : /number 1060/);
		expect(error.description).toContain('Ways out');
		expect(state()).toEqual(before);
		expect(changes()).toEqual([]);
	});

	it('The trigger is found behind the pages of other apps on the account', async () => {
		stage.emulator.presetOtherApps(60);
		const one = trigger(parameters);
		await one.activate();
		expect(await stage.isRegistered(one)).toBe(true);
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
		stage.emulator.presetSubscription(FOREIGN, ['calls']);
		stage.emulator.presetOverride(FOREIGN, parameters === ON_ACCOUNT ? undefined : NUMBER);
		const before = state();
		await failureOf(one.activate());
		expect(state()).toEqual(before);
	});

	it('What another system has taken over meanwhile is left alone', async () => {
		const one = trigger(parameters);
		await one.activate();
		if (parameters === ON_ACCOUNT) stage.emulator.presetOverride(FOREIGN);
		else stage.emulator.presetOverride(FOREIGN, NUMBER);
		await one.deactivate();
		expect(overrides()).toEqual([FOREIGN]);
		// The other one gets calls only as long as the app is subscribed to them.
		expect(state().app?.fields).toEqual(['calls']);
	});

	it('A registration is repaired when the URL of the instance has changed', async () => {
		const old = trigger(parameters);
		await old.activate();
		const webhookBase = stage.engine.origin.replace('127.0.0.1', 'localhost');
		const moved = stage.engine
			.trigger(stage.credential, parameters, { id: old.id, webhookBase })
			.continueFrom(old);
		await moved.activate();
		expect(new Set([...overrides(), state().app?.callbackUrl])).toEqual(new Set([moved.url]));
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		await moved.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it('The registration is undone where it was, whatever the parameters say by now', async () => {
		const one = trigger(parameters);
		await one.activate();
		one.setParameters({ registration: 'phoneNumber', phoneNumberIds: [] });
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it('Everything is undone if the last step fails', async () => {
		const kind = parameters === ON_ACCOUNT ? 'subscribedApps' : 'phoneNumber';
		// On the account the first request joins it, and the second one sets the address.
		const after = parameters === ON_ONE ? 0 : 1;
		stage.emulator.failNext(kind, { errorCode: 100 }, { method: 'POST', after });
		const one = trigger(parameters);
		await failureOf(one.activate());
		expect(state()).toEqual(NOTHING);
		await one.activate();
		expect(await stage.isRegistered(one)).toBe(true);
	});

	it('Temporary errors are waited out', async () => {
		const kind = parameters === ON_ACCOUNT ? 'subscribedApps' : 'phoneNumber';
		stage.emulator.failNext(kind, { status: 503 }, { method: 'POST', times: 2 });
		const one = trigger(parameters);
		await one.activate();
		expect(await stage.isRegistered(one)).toBe(true);
	});

	it('A test event arrives next to production', async () => {
		const one = trigger(parameters);
		await one.activate();
		const before = state();
		await one.listen();
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		await poll('both', 5_000, async () => one.executions.length === 2 || undefined);
		expect(one.executions.map(({ mode }) => mode).sort()).toEqual(['manual', 'webhook']);
		await one.stopListening();
		expect(state()).toEqual(before);
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		expect(one.executions.filter(({ mode }) => mode === 'webhook')).toHaveLength(2);
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it('A test without an active workflow leaves nothing behind', async () => {
		const one = trigger(parameters);
		await one.listen();
		await one.stopListening();
		expect(state()).toEqual(NOTHING);
	});
});

it('A trigger on the account leaves out the events of other accounts, which come to the URL of the app', async () => {
	const one = trigger(ON_ACCOUNT);
	await one.activate();
	const { update } = await stage.emulator.createRecording();
	const other = { update: { ...update, businessAccountId: '102000000000999' } };
	expect((await stage.emulator.deliver([other]).settled).outcome).toBe('delivered');
	expect(one.items).toEqual([]);
	expect(stage.engine.logs.join('\n')).toContain('account 102000000000999');
	expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
	expect(one.items).toHaveLength(1);
});

describe('a trigger on numbers', () => {
	it('A trigger without a number is refused, and the error says where to choose one', async () => {
		for (const phoneNumberIds of [[], '', ' , ']) {
			const error = await failureOf(
				trigger({ registration: 'phoneNumber', phoneNumberIds }).activate(),
			);
			expect(error.message).toMatch(/^No phone number is chosen.*Phone Number Names or IDs/);
		}
		expect(changes()).toEqual([]);
	});

	it('A number of another account is refused, and nothing is left behind', async () => {
		const error = await failureOf(
			trigger({ registration: 'phoneNumber', phoneNumberIds: [NUMBER, '999'] }).activate(),
		);
		expect(error.message).toContain('is not a phone number of this WhatsApp Business account');
		expect(state()).toEqual(NOTHING);
	});

	it('The numbers can come from an expression', async () => {
		const one = trigger({
			registration: 'phoneNumber',
			phoneNumberIds: `${NUMBER}, ${SECOND_NUMBER}`,
		});
		await one.activate();
		expect(state().numberOverrides).toEqual({ [NUMBER]: one.url, [SECOND_NUMBER]: one.url });
	});

	it('The events of other numbers of the app do not arrive', async () => {
		const app = trigger({});
		await app.activate();
		const one = trigger(ON_ONE);
		await one.activate();
		await outcomeOfRecording(NUMBER);
		await outcomeOfRecording(SECOND_NUMBER);
		expect([one.items.length, app.items.length]).toEqual([1, 1]);
	});
});

describe('two triggers on two numbers of one app', () => {
	let one: TriggerWorkflow;
	let two: TriggerWorkflow;

	beforeEach(async () => {
		one = trigger(ON_ONE);
		two = trigger(ON_TWO);
		await one.activate();
		await two.activate();
	});

	it('Each trigger gets its own events', async () => {
		expect(state().numberOverrides).toEqual({ [NUMBER]: one.url, [SECOND_NUMBER]: two.url });
		await outcomeOfRecording(NUMBER);
		await outcomeOfRecording(SECOND_NUMBER);
		const numbers = [one, two].map(({ items }) => items.map(({ json }) => json.phoneNumberId));
		expect(numbers).toEqual([[NUMBER], [SECOND_NUMBER]]);
	});

	it('Each trigger still receives when the other one is unpublished', async () => {
		await one.deactivate();
		expect(await outcomeOfRecording(SECOND_NUMBER)).toBe('delivered');
		expect(await stage.isRegistered(two)).toBe(true);
		// The first one had subscribed the app; where it goes last it also cleans up.
		await one.activate();
		await two.deactivate();
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});
});

describe('a trigger on the account and one on a number of it', () => {
	it('Both triggers work side by side, whichever is unpublished first', async () => {
		const [account, number] = [trigger(ON_ACCOUNT), trigger(ON_ONE)];
		await account.activate();
		await number.activate();
		await outcomeOfRecording(NUMBER);
		await outcomeOfRecording(SECOND_NUMBER);
		expect([account.items.length, number.items.length]).toEqual([1, 1]);
		await number.deactivate();
		expect(await outcomeOfRecording(NUMBER)).toBe('delivered');
		expect(account.items).toHaveLength(2);
		await account.deactivate();
		expect(state()).toEqual(NOTHING);
	});
});
