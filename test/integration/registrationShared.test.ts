import type { INodeParameters } from 'n8n-workflow';
import {
	readSharedAddress,
	siblingUrl,
} from '../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { NUMBER } from '../support/constants';
import { failureOf } from '../support/failures';
import { graph } from '../support/graph';
import { poll } from '../support/processes';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage();

const NOTHING = {
	app: undefined,
	accountSubscribed: false,
	accountOverride: null,
	numberOverrides: {},
};

const LEVELS: Array<[string, INodeParameters]> = [
	['the app', {}],
	['the account', { registration: 'businessAccount' }],
	['a number', { registration: 'phoneNumber', phoneNumberIds: [NUMBER] }],
];

const trigger = (parameters: INodeParameters, base?: string) =>
	stage.engine.trigger(stage.credential, parameters, base ? { webhookBase: base } : {});
const state = () => stage.emulator.subscriptionState();
const changes = () => stage.emulator.requests.filter(({ method }) => method !== 'GET').length;

/** Where Meta sends the events of the number. */
const address = () =>
	state().numberOverrides[NUMBER] ?? state().accountOverride ?? state().app?.callbackUrl ?? '';

/** Who receives there, the holder first. */
function receivers(): string[] {
	const shared = readSharedAddress(address(), stage.emulator.account.appSecret);
	if (shared === null) throw new Error(`This list is not ours: ${address()}`);
	return [shared.url, ...shared.siblings.map((sibling) => siblingUrl(shared.url, sibling)!)];
}

/** n8n is killed and does not know the workflow any more. */
function lose({ id }: TriggerWorkflow): void {
	stage.engine.triggers.delete(id);
}

async function receive(): Promise<void> {
	const recording = await stage.emulator.createRecording({ phoneNumberId: NUMBER });
	expect((await stage.emulator.deliver([recording]).settled).outcome).toBe('delivered');
}

describe.each(LEVELS)('triggers that share the URL of %s', (_, level) => {
	let all: TriggerWorkflow[];

	beforeEach(() => {
		all = [1, 2, 3].map(() => trigger(level));
	});

	it('Each trigger gets everything once, and nothing is left behind, whichever is unpublished first', async () => {
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

	it('A second activation writes nothing', async () => {
		for (const one of all) await one.activate();
		stage.emulator.forget();
		for (const one of all) await one.activate();
		expect(changes()).toBe(0);
	});

	it('Several triggers ask Meta no more often than one', async () => {
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

	it('The URL says which events the triggers want, and changes with them', async () => {
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

	it('A holder that is gone is replaced, and siblings that are gone are dropped', async () => {
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

	it('The next trigger that leaves passes the others on, if their holder is gone', async () => {
		for (const one of all) await one.activate();
		const [holder, leaving, staying] = all;
		lose(holder);
		await leaving.deactivate();
		expect(receivers()).toEqual([staying.url]);
		await staying.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it('A trigger that cannot be activated does not disturb the others', async () => {
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

	it('A test joins the triggers, and production that comes later takes the URL over', async () => {
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

	it.each(['refused', 'droppedWhenStored', 'droppedWhenCalled'] as const)(
		'The second trigger is refused, and the first one stays, if Meta keeps no list (%s)',
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
		// What may be a stale response is waited for.
		60_000,
	);

	it('Triggers share a URL that Meta keeps in another form', async () => {
		stage.emulator.variants.callbackUrlAs = 'equivalent';
		for (const one of all) await one.activate();
		await receive();
		expect(all.map(({ items }) => items.length)).toEqual([1, 1, 1]);
		stage.emulator.forget();
		for (const one of all) await one.activate();
		expect(changes()).toBe(0);
		for (const one of all) await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it('The app stays on the account where it was before, also if n8n removes all at the same moment', async () => {
		const { businessAccountId } = stage.emulator.account;
		await graph(stage.emulator, 'POST', `${businessAccountId}/subscribed_apps`);
		const before = state();
		for (const one of all) await one.activate();
		// n8n has closed the webhooks of all of them before it removes the first one.
		for (const one of all) lose(one);
		for (const one of all.toReversed()) await one.deactivate();
		expect(state()).toEqual(before);
	});

	it('No trigger is lost while Meta cannot verify the URL', async () => {
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

	it('The list has the triggers that know the new app secret after a change', async () => {
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

describe('a webhook URL that is too long', () => {
	it('A trigger is refused on a number whose list is full, with the other ways to register', async () => {
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

describe('triggers of one account on different levels', () => {
	it.each<[string, INodeParameters, INodeParameters, RegExp]>([
		[
			'the account after the app',
			{},
			{ registration: 'businessAccount' },
			/^Another workflow in this n8n, with Registration set to App, gets the events of .*Choose the same Registration in both\.$/,
		],
		[
			'the app after the account',
			{ registration: 'businessAccount' },
			{},
			/^The WhatsApp Business account \d+ sends its webhooks to another workflow in this n8n, .*Set Registration to Business Account\.$/,
		],
	])(
		'The second one is refused where one of them would get nothing: %s',
		async (_, first, second, text) => {
			const one = trigger(first);
			const other = trigger(second);
			await one.activate();
			const before = state();
			expect((await failureOf(other.activate())).message).toMatch(text);
			expect(state()).toEqual(before);
			await receive();
			expect(one.items).toHaveLength(1);
			await one.deactivate();
			expect(state()).toEqual(NOTHING);
			await other.activate();
			await receive();
			expect(other.items).toHaveLength(1);
			await other.deactivate();
		},
	);

	it('A workflow with App gets its events where a test that was killed has left the URL of the account', async () => {
		const test = trigger({ registration: 'businessAccount' });
		await test.listen();
		const one = trigger({});
		lose(test);
		await one.activate();
		await receive();
		expect(one.items).toHaveLength(1);
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});

	it('A workflow with App is refused where another system has the account', async () => {
		const one = trigger({});
		await one.activate();
		stage.emulator.presetOverride('https://crm.example/hook');
		expect((await failureOf(trigger({}).activate())).message).toMatch(
			/sends its webhooks to another URL: https:\/\/crm\.example\/hook, so the app's webhook URL gets none of its events\. Set Registration to Business Account\.$/,
		);
		stage.emulator.presetOverride(null);
		await one.deactivate();
		expect(state()).toEqual(NOTHING);
	});
});
