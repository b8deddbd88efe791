import type { INodeParameters } from 'n8n-workflow';
import {
	readSharedAddress,
	siblingUrl,
} from '../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { graph } from '../../emulator/helpers';
import { poll } from '../support/processes';
import type { TriggerWorkflow } from './engine';
import { useStage } from './harness';

const stage = useStage();

const ONE = '106000000000001';
const NOTHING = {
	app: undefined,
	accountSubscribed: false,
	accountOverride: null,
	numberOverrides: {},
};

const LEVELS: Array<[string, INodeParameters]> = [
	['the app', {}],
	['the account', { registration: 'businessAccount' }],
	['a number', { registration: 'phoneNumber', phoneNumberIds: [ONE] }],
];

const trigger = (parameters: INodeParameters, base?: string) =>
	stage.engine.trigger(stage.credential, parameters, base ? { webhookBase: base } : {});
const state = () => stage.emulator.subscriptionState();
const changes = () => stage.emulator.requests.filter(({ method }) => method !== 'GET').length;

/** Where Meta sends the events of the number. */
const address = () =>
	state().numberOverrides[ONE] ?? state().accountOverride ?? state().app?.callbackUrl ?? '';

/** Who receives there, the holder first. */
function receivers(): string[] {
	const shared = readSharedAddress(address(), stage.emulator.account.appSecret);
	if (shared === null) throw new Error(`This list is not ours: ${address()}`);
	return [shared.url, ...shared.siblings.map((sibling) => siblingUrl(shared.url, sibling)!)];
}

async function failureOf(work: Promise<unknown>): Promise<Error & { description?: string }> {
	return await work.then(
		() => {
			throw new Error('It did not fail');
		},
		(error: Error) => error,
	);
}

/** n8n is killed and does not know the workflow any more. */
function lose({ id }: TriggerWorkflow): void {
	stage.engine.triggers.delete(id);
}

async function receive(): Promise<void> {
	const recording = await stage.emulator.createRecording({ phoneNumberId: ONE });
	expect((await stage.emulator.deliver([recording]).settled).outcome).toBe('delivered');
}

describe.each(LEVELS)('Triggers that share the address of %s', (_, level) => {
	let all: TriggerWorkflow[];

	beforeEach(() => {
		all = [1, 2, 3].map(() => trigger(level));
	});

	test('each get everything once, and leave nothing behind, whoever goes first', async () => {
		for (const order of [
			[0, 1, 2],
			[2, 1, 0],
			[1, 0, 2],
		]) {
			for (const one of all) await one.activate();
			expect(receivers()).toEqual(all.map(({ url }) => url));
			const before = all.map(({ items }) => items.length);
			await receive();
			expect(all.map(({ items }) => items.length)).toEqual(before.map((count) => count + 1));
			const rest = new Set(all);
			for (const place of order) {
				await all[place].deactivate();
				rest.delete(all[place]);
				if (rest.size > 0)
					expect(new Set(receivers())).toEqual(new Set([...rest].map(({ url }) => url)));
			}
			expect(state()).toEqual(NOTHING);
		}
	});

	test('can be activated twice: nothing is written again', async () => {
		for (const one of all) await one.activate();
		stage.emulator.forget();
		for (const one of all) await one.activate();
		expect(changes()).toBe(0);
	});

	test('ask Meta no more often than a single one', async () => {
		await all[0].activate();
		for (const one of all.slice(1)) {
			stage.emulator.forget();
			await one.activate();
			// The chosen numbers have to be of the account: that is one request more.
			expect(stage.emulator.requests.length).toBeLessThanOrEqual(6);
		}
		for (const one of all) {
			stage.emulator.forget();
			await one.deactivate();
			expect(stage.emulator.requests.length).toBeLessThanOrEqual(5);
		}
	});

	test('say at the address which events they want, and change that', async () => {
		const [holder, sibling] = all;
		await holder.activate();
		await sibling.activate();
		sibling.setParameters({ ...level, events: ['connect', 'call_permission_reply'] });
		await sibling.deactivate();
		await sibling.activate();
		const { siblings } = readSharedAddress(address(), stage.emulator.account.appSecret)!;
		expect(siblings.map(({ events }) => events)).toEqual([['connect', 'call_permission_reply']]);
		expect(state().app?.fields.sort()).toEqual(['calls', 'messages']);
		await sibling.deactivate();
		await holder.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	test('replace a holder that is gone, and drop siblings that are', async () => {
		for (const one of all) await one.activate();
		const [holder, lost, alive] = all;
		lose(holder);
		lose(lost);
		await alive.activate();
		expect(receivers()).toEqual([alive.url]);
		await receive();
		await alive.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	test('are handed on by the next one that goes, where their holder is gone', async () => {
		for (const one of all) await one.activate();
		const [holder, leaving, staying] = all;
		lose(holder);
		await leaving.deactivate();
		expect(receivers()).toEqual([staying.url]);
		await staying.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	test('are not disturbed by one that cannot be activated', async () => {
		const [holder, sibling] = all;
		await holder.activate();
		const before = state();
		const kind = { businessAccount: 'subscribedApps', phoneNumber: 'phoneNumber' } as const;
		const registration = level.registration as keyof typeof kind | undefined;
		const fault = { method: 'POST', times: Infinity };
		stage.emulator.failNext(
			registration ? kind[registration] : 'subscriptions',
			{ errorCode: 200 },
			fault,
		);
		expect((await failureOf(sibling.activate())).message).toMatch(/lacks a permission/);
		expect(state()).toEqual(before);
	});

	test('a test joins them, and production that comes later takes the address over', async () => {
		const [tested, other] = all;
		await tested.listen();
		expect(receivers()).toEqual([tested.testUrl]);
		await other.activate();
		expect(receivers()).toEqual([other.url, tested.testUrl]);
		await tested.activate();
		expect(receivers()).toEqual([other.url, tested.testUrl, tested.url]);
		await receive();
		// A test gets its copy without being waited for.
		await poll('both', 5_000, async () => tested.executions.length === 2 || undefined);
		expect(tested.executions.map(({ mode }) => mode).sort()).toEqual(['manual', 'webhook']);
		await other.deactivate();
		expect(receivers()).toEqual([tested.url, tested.testUrl]);
		await tested.deactivate();
		expect(receivers()).toEqual([tested.testUrl]);
		await receive();
		await tested.stopListening();
		expect(state()).toEqual(NOTHING);
	});

	test.each(['refused', 'droppedWhenStored', 'droppedWhenCalled'] as const)(
		'where Meta keeps no list (%s): the second one is refused, and the first one stays',
		async (callbackQuery) => {
			stage.emulator.variants.callbackQuery = callbackQuery;
			const [holder, second] = all;
			await holder.activate();
			const before = state();
			const error = await failureOf(second.activate());
			expect(error.message).toMatch(
				/already sends its webhooks to another workflow in this n8n\. Unpublish that workflow/,
			);
			expect(error.description).toContain('Meta did not keep a URL with their list');
			expect(state()).toEqual(before);
			// A test of the only one takes the address over, as long as it listens.
			await holder.listen();
			expect(address()).toBe(holder.testUrl);
			await holder.stopListening();
			expect(state()).toEqual(before);
			await holder.deactivate();
			expect(state()).toEqual(NOTHING);
		},
		30_000,
	);

	test('leave the app on the account where it was before, also if n8n removes all at the same moment', async () => {
		const { businessAccountId } = stage.emulator.account;
		await graph(stage.emulator, 'POST', `${businessAccountId}/subscribed_apps`);
		const before = state();
		for (const one of all) await one.activate();
		// n8n has closed the webhooks of all of them before it removes the first one.
		for (const one of all) lose(one);
		for (const one of all.toReversed()) await one.deactivate();
		expect(state()).toEqual(before);
	});

	test('lose nobody while Meta cannot verify the address', async () => {
		const [holder, ...others] = all;
		for (const one of all) await one.activate();
		const before = state();
		const isUnverified = (times: number) => {
			for (const kind of ['subscriptions', 'subscribedApps', 'phoneNumber'] as const) {
				stage.emulator.failNext(kind, { errorCode: 2200 }, { method: 'POST', times });
			}
		};
		// As often as a trigger asks with the same address.
		isUnverified(3);
		await failureOf(holder.deactivate());
		expect(state()).toEqual(before);
		stage.emulator.clearFaults();
		isUnverified(Infinity);
		const error = await failureOf(trigger(level).activate());
		expect(error.message).toContain('Meta could not verify the webhook URL');
		lose(holder);
		await failureOf(trigger(level).activate());
		expect(state()).toEqual(before);
		stage.emulator.clearFaults();
		await others[1].deactivate();
		expect(receivers()).toEqual([others[0].url]);
		await others[0].deactivate();
		expect(state()).toEqual(NOTHING);
	}, 60_000);

	test('after a change of the app secret are those that know the new one', async () => {
		for (const one of all) await one.activate();
		const [, sibling] = all;
		stage.emulator.account.appSecret = 'fedcba9876543210fedcba9876543210';
		const moved = all.map((one) =>
			stage.engine.trigger(stage.credential, level, { id: one.id }).continueFrom(one),
		);
		await moved[1].activate();
		expect(new Set(receivers())).toEqual(new Set(all.map(({ url }) => url)));
		expect(receivers()[1]).toBe(sibling.url);
		for (const one of moved) await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});
});

describe('An address that is too long', () => {
	test('is refused for a number, with the other ways to register', async () => {
		const level = LEVELS[2][1];
		for (let count = 0; count < 5; count++) await trigger(level).activate();
		const before = state();
		const error = await failureOf(trigger(level).activate());
		expect(error.message).toMatch(
			/^The phone number 1060\d+ already sends .*, and one more workflow does not fit into that URL\. Set Registration to App/,
		);
		expect(error.description).toContain('Meta allows 200 characters');
		expect(state()).toEqual(before);
		expect(address().length).toBeLessThanOrEqual(200);
	});
});
