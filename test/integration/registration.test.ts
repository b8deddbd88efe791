import type { EndpointKind } from '../../emulator';
import { poll } from '../support/processes';
import { useStage } from './harness';

const stage = useStage();

/** Methods of the requests that change something at Meta. */
function changes(): string[] {
	return stage.emulator.requests
		.filter(({ method }) => method !== 'GET')
		.map(({ method, kind }) => `${method} ${kind}`);
}

async function failureOf(work: Promise<unknown>): Promise<Error & { description?: string }> {
	return await work.then(
		() => {
			throw new Error('It did not fail');
		},
		(error: Error) => error,
	);
}

describe('Activating the workflow', () => {
	test('subscribes the app to calls at the production URL, and the app to the account', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.activate();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: { callbackUrl: trigger.url, fields: ['calls'], active: true },
			accountSubscribed: true,
		});
		expect(await stage.isRegistered(trigger)).toBe(true);
	});

	test('makes recordings arrive, and deactivating makes them stop', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.activate();
		await stage.emulator.deliver([await stage.emulator.createRecording()]).settled;
		expect(trigger.items).toHaveLength(1);
		await trigger.deactivate();
		const late = stage.emulator.deliver([await stage.emulator.createRecording()]);
		expect((await late.settled).outcome).toBe('notSubscribed');
	});

	test('asks Meta with the app token where that is needed, and puts no token into an address', async () => {
		const { account } = stage.emulator;
		await stage.engine.trigger(stage.credential).activate();
		for (const { kind, headers, query } of stage.emulator.requests) {
			expect(headers.authorization).toBe(
				kind === 'subscriptions'
					? `Bearer ${account.appId}|${account.appSecret}`
					: `Bearer ${account.accessToken}`,
			);
			expect(query).not.toHaveProperty('access_token');
			expect(headers['user-agent']).toBeTruthy();
		}
	});

	test('can be done twice: nothing is added a second time', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.activate();
		const before = stage.emulator.subscriptionState();
		stage.emulator.forget();
		await trigger.activate();
		expect(changes()).toEqual([]);
		await trigger.create();
		expect(stage.emulator.subscriptionState()).toEqual(before);
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});

	test('also subscribes to messages where the operator wants permission replies', async () => {
		const trigger = stage.engine.trigger(stage.credential, {
			events: ['call_recording_available', 'call_permission_reply'],
		});
		await trigger.activate();
		expect(stage.emulator.subscriptionState().app?.fields.sort()).toEqual(['calls', 'messages']);
	});

	test.each(['objects', 'names'] as const)(
		'finds its own subscription in either form that Meta uses (%s)',
		async (subscriptionFieldsAs) => {
			await stage.emulator.stop();
			await stage.startEmulator({ subscriptionFieldsAs });
			const trigger = stage.engine.trigger(stage.credential);
			await trigger.activate();
			expect(await stage.isRegistered(trigger)).toBe(true);
		},
	);

	test('with a manual registration asks Meta nothing', async () => {
		const trigger = stage.engine.trigger(stage.credential, {
			registration: 'manual',
			verifyToken: 'chosen by the operator',
		});
		await trigger.activate();
		await trigger.deactivate();
		expect(stage.emulator.requests).toEqual([]);
	});

	test('with a manual registration but no verify token says which parameter is empty', async () => {
		const trigger = stage.engine.trigger(stage.credential, { registration: 'manual' });
		const error = await failureOf(trigger.activate());
		expect(error.message).toContain('Verify Token');
	});

	test('with a wrong access token says so, and leaves nothing behind', async () => {
		const trigger = stage.engine.trigger({ ...stage.credential, accessToken: 'wrong' });
		const error = await failureOf(trigger.activate());
		expect(error.message).toMatch(
			/^WhatsApp did not accept the access token\. .*Generate a new token/,
		);
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});

	test('with a credential that is not filled in names the fields', async () => {
		const trigger = stage.engine.trigger({ ...stage.credential, appId: '', appSecret: '' });
		const error = await failureOf(trigger.activate());
		expect(error.message).toMatch(/^Correct the .*credential: App ID .*\. App Secret is empty\.$/);
		expect(stage.emulator.requests).toEqual([]);
	});
});

describe('A callback that belongs to somebody else', () => {
	const foreign = 'https://crm.example/whatsapp';

	test('is not overwritten: the error names it and the ways out', async () => {
		stage.emulator.presetSubscription(foreign, ['messages']);
		const before = stage.emulator.subscriptionState();
		const error = await failureOf(stage.engine.trigger(stage.credential).activate());
		expect(error.message).toContain(foreign);
		expect(error.description).toContain('Ways out');
		expect(stage.emulator.subscriptionState()).toEqual(before);
		expect(changes()).toEqual([]);
	});

	test.each<[string, unknown]>([
		['the page of a proxy', '<html>Please sign in</html>'],
		['nothing', ''],
		['no list', {}],
		['no address', { data: [{ object: 'whatsapp_business_account', callback_url: null }] }],
	])(
		'is not overwritten where Meta does not tell of it: 200 with %s',
		async (_, body) => {
			stage.emulator.presetSubscription(foreign, ['messages']);
			const before = stage.emulator.subscriptionState();
			const always = { method: 'GET', times: Infinity };
			stage.emulator.failNext('subscriptions', { status: 200, body }, always);
			await failureOf(stage.engine.trigger(stage.credential).create());
			expect(changes()).toEqual([]);
			expect(stage.emulator.subscriptionState()).toEqual(before);
		},
		20_000,
	);

	test('that took over meanwhile is left alone when the workflow is deactivated', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.activate();
		stage.emulator.presetSubscription(foreign, ['calls', 'messages']);
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: { callbackUrl: foreign, fields: ['calls', 'messages'] },
			accountSubscribed: true,
		});
	});
});

describe('Trouble at Meta while the workflow is activated', () => {
	test.each<[EndpointKind, string]>([
		['subscriptions', 'GET'],
		['subscriptions', 'POST'],
		['subscribedApps', 'GET'],
		['subscribedApps', 'POST'],
	])(
		'that passes is waited out: 503 from %s %s',
		async (kind, method) => {
			const fault = stage.emulator.failNext(kind, { status: 503 }, { method, times: 2 });
			const trigger = stage.engine.trigger(stage.credential);
			await trigger.activate();
			expect(fault.hits()).toBe(2);
			expect(await stage.isRegistered(trigger)).toBe(true);
		},
		20_000,
	);

	test.each<[EndpointKind, unknown]>([
		['subscriptions', '<html>Please sign in</html>'],
		['subscriptions', { success: false }],
		['subscribedApps', ''],
	])(
		'is not taken for a success: 200 from POST %s with %j',
		async (kind, body) => {
			const always = { method: 'POST', times: Infinity };
			stage.emulator.failNext(kind, { status: 200, body }, always);
			const error = await failureOf(stage.engine.trigger(stage.credential).create());
			expect(error.message).toContain('did not confirm');
		},
		20_000,
	);

	test('that lasts until the second half leaves nothing behind', async () => {
		stage.emulator.failNext(
			'subscribedApps',
			{ errorCode: 200 },
			{ method: 'POST', times: Infinity },
		);
		const trigger = stage.engine.trigger(stage.credential);
		const error = await failureOf(trigger.activate());
		expect(error.message).toMatch(/^The access token lacks a permission\. Give the system user/);
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});

	test('that fails the registration makes n8n call delete, which then removes nothing', async () => {
		stage.emulator.presetSubscription('https://crm.example/whatsapp', ['calls', 'messages']);
		const before = stage.emulator.subscriptionState();
		const trigger = stage.engine.trigger(stage.credential);
		for (let attempt = 0; attempt < 3; attempt++) await failureOf(trigger.activate());
		expect(changes()).toEqual([]);
		expect(stage.emulator.subscriptionState()).toEqual(before);
		expect(trigger.staticData).not.toHaveProperty(['node:Trigger', 'registration']);
	});

	test('such as an address that Meta cannot reach gives an error that says what is needed', async () => {
		const trigger = stage.engine.trigger(
			stage.credential,
			{},
			{ webhookBase: 'http://n8n.example' },
		);
		const error = await failureOf(trigger.activate());
		expect(error.description).toContain('https');
	});
});

describe('Deactivating the workflow', () => {
	test('removes only what triggers use: other fields stay, and the app stays on the account', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		stage.emulator.presetSubscription(trigger.url, ['security']);
		await trigger.activate();
		expect(stage.emulator.subscriptionState().app?.fields).toEqual(['security', 'calls']);
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: { callbackUrl: trigger.url, fields: ['security'] },
			accountSubscribed: true,
		});
	});

	test('of a workflow that was never active removes nothing of others', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		stage.emulator.presetSubscription('https://crm.example/whatsapp', ['calls']);
		await trigger.deactivate();
		expect(changes()).toEqual([]);
	});

	test('removes what stands at its own address, although the record of it is lost', async () => {
		const trigger = stage.trigger();
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState().app).toBeUndefined();
	});
});

describe('Listening for a test event', () => {
	test('gives the test a copy of what the active workflow gets', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.activate();
		const before = stage.emulator.subscriptionState();

		await trigger.listen();
		await stage.emulator.deliver([await stage.emulator.createRecording()]).settled;
		await poll('both', 5_000, async () => trigger.executions.length === 2 || undefined);
		expect(trigger.executions.map(({ mode }) => mode).sort()).toEqual(['manual', 'webhook']);

		await trigger.stopListening();
		expect(stage.emulator.subscriptionState()).toEqual(before);
		await stage.emulator.deliver([await stage.emulator.createRecording()]).settled;
		expect(trigger.executions.filter(({ mode }) => mode === 'webhook')).toHaveLength(2);
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});

	test('without an active workflow leaves nothing behind', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.listen();
		expect(stage.emulator.subscriptionState().app?.callbackUrl).toBe(trigger.testUrl);
		await trigger.stopListening();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});

	test('does not take the callback of somebody else', async () => {
		stage.emulator.presetSubscription('https://crm.example/whatsapp');
		const trigger = stage.engine.trigger(stage.credential);
		await failureOf(trigger.listen());
		expect(changes()).toEqual([]);
	});
});

describe('A new address of the n8n instance', () => {
	test('is registered in the place of the old one when the workflow is activated again', async () => {
		const old = stage.engine.trigger(stage.credential);
		await old.activate();
		const newOrigin = stage.engine.origin.replace('127.0.0.1', 'localhost');
		const moved = stage.engine
			.trigger(stage.credential, {}, { id: old.id, webhookBase: newOrigin })
			.continueFrom(old);
		await moved.activate();
		expect(stage.emulator.subscriptionState().app).toMatchObject({
			callbackUrl: moved.url,
			fields: ['calls'],
		});
		await moved.deactivate();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});
});

describe('The package', () => {
	test('is loaded by n8n with its two nodes', () => {
		expect(Object.keys(stage.engine.nodeTypes.getKnownTypes()).sort()).toEqual([
			'whatsAppBusinessCalling',
			'whatsAppBusinessCallingTrigger',
		]);
	});
});
