import type { EndpointKind } from '../../emulator';
import { failureOf } from '../support/failures';
import { poll } from '../support/processes';
import { useStage } from './engineStage';

const stage = useStage();

/** Methods of the requests that change something at Meta. */
function changes(): string[] {
	return stage.emulator.requests
		.filter(({ method }) => method !== 'GET')
		.map(({ method, kind }) => `${method} ${kind}`);
}

describe('activating the workflow', () => {
	it('Activation subscribes the app to calls at the production URL, and the app to the account', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.activate();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: { callbackUrl: trigger.url, fields: ['calls'], active: true },
			accountSubscribed: true,
		});
		expect(await stage.isRegistered(trigger)).toBe(true);
	});

	it('Activation makes recordings arrive, and deactivation makes them stop', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.activate();
		await stage.emulator.deliver([await stage.emulator.createRecording()]).settled;
		expect(trigger.items).toHaveLength(1);
		await trigger.deactivate();
		const late = stage.emulator.deliver([await stage.emulator.createRecording()]);
		expect((await late.settled).outcome).toBe('notSubscribed');
	});

	it('Activation uses the app token where required, and puts no token into a URL', async () => {
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

	it.each([
		[
			{ options: { binaryPropertyName: '' } },
			'Put Output File in Field must be the name of a field',
		],
		[
			{ options: { acknowledge: '={{ "finished" }}' } },
			'Acknowledge must be "stored" or "finished"',
		],
		[
			{ registration: 'manual', verifyToken: 'token', options: { maxFileSize: 0 } },
			'Max File Size',
		],
	])('Activation with %j fails, because each event would', async (parameters, message) => {
		const trigger = stage.engine.trigger(stage.credential, parameters);
		await expect(trigger.activate()).rejects.toThrow(message);
		expect(changes()).toEqual([]);
	});

	it('A second activation adds nothing', async () => {
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

	it('Activation also subscribes to messages if the operator wants permission replies', async () => {
		const trigger = stage.engine.trigger(stage.credential, {
			events: ['call_recording_available', 'call_permission_reply'],
		});
		await trigger.activate();
		expect(stage.emulator.subscriptionState().app?.fields.sort()).toEqual(['calls', 'messages']);
	});

	it.each(['objects', 'names'] as const)(
		'Activation finds its own subscription in either form that Meta uses (%s)',
		async (subscriptionFieldsAs) => {
			await stage.emulator.stop();
			await stage.startEmulator({ subscriptionFieldsAs });
			const trigger = stage.engine.trigger(stage.credential);
			await trigger.activate();
			expect(await stage.isRegistered(trigger)).toBe(true);
		},
	);

	it('A manual registration asks Meta nothing', async () => {
		const trigger = stage.engine.trigger(stage.credential, {
			registration: 'manual',
			verifyToken: 'chosen by the operator',
		});
		await trigger.activate();
		await trigger.deactivate();
		expect(stage.emulator.requests).toEqual([]);
	});

	it('A manual registration without a verify token names the empty parameter', async () => {
		const trigger = stage.engine.trigger(stage.credential, { registration: 'manual' });
		const error = await failureOf(trigger.activate());
		expect(error.message).toContain('Verify Token');
	});

	it('A wrong access token is an error that says so, and nothing is left behind', async () => {
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

	it('An incomplete credential is an error that names the fields', async () => {
		const trigger = stage.engine.trigger({ ...stage.credential, appId: '', appSecret: '' });
		const error = await failureOf(trigger.activate());
		expect(error.message).toMatch(/^Correct the .*credential: App ID .*\. App Secret is empty\.$/);
		expect(stage.emulator.requests).toEqual([]);
	});
});

describe('a webhook of another system', () => {
	const foreign = 'https://crm.example/whatsapp';

	it('The other webhook is not overwritten: the error names it and the ways out', async () => {
		stage.emulator.presetSubscription(foreign, ['messages']);
		const before = stage.emulator.subscriptionState();
		const error = await failureOf(stage.engine.trigger(stage.credential).activate());
		expect(error.message).toContain(foreign);
		expect(error.description).toContain('Ways out');
		expect(stage.emulator.subscriptionState()).toEqual(before);
		expect(changes()).toEqual([]);
	});

	it.each<[string, unknown]>([
		['the page of a proxy', '<html>Please sign in</html>'],
		['nothing', ''],
		['no list', {}],
		['no address', { data: [{ object: 'whatsapp_business_account', callback_url: null }] }],
	])(
		'A webhook that Meta does not show is not overwritten: 200 with %s',
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

	it('A webhook that took over meanwhile stays when the workflow is deactivated', async () => {
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

describe('errors of Meta during activation', () => {
	it.each<[EndpointKind, string]>([
		['subscriptions', 'GET'],
		['subscriptions', 'POST'],
		['subscribedApps', 'GET'],
		['subscribedApps', 'POST'],
	])(
		'A temporary error is waited out: 503 from %s %s',
		async (kind, method) => {
			const fault = stage.emulator.failNext(kind, { status: 503 }, { method, times: 2 });
			const trigger = stage.engine.trigger(stage.credential);
			await trigger.activate();
			expect(fault.hits()).toBe(2);
			expect(await stage.isRegistered(trigger)).toBe(true);
		},
		20_000,
	);

	it.each<[EndpointKind, unknown]>([
		['subscriptions', '<html>Please sign in</html>'],
		['subscriptions', { success: false }],
		['subscribedApps', ''],
	])(
		'An unclear response is not taken for a success: 200 from POST %s with %j',
		async (kind, body) => {
			const always = { method: 'POST', times: Infinity };
			stage.emulator.failNext(kind, { status: 200, body }, always);
			const error = await failureOf(stage.engine.trigger(stage.credential).create());
			expect(error.message).toContain('did not confirm');
		},
		20_000,
	);

	it('An error that lasts until the second half leaves nothing behind', async () => {
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

	it('A failed registration makes n8n call delete, which then removes nothing', async () => {
		stage.emulator.presetSubscription('https://crm.example/whatsapp', ['calls', 'messages']);
		const before = stage.emulator.subscriptionState();
		const trigger = stage.engine.trigger(stage.credential);
		for (let attempt = 0; attempt < 3; attempt++) await failureOf(trigger.activate());
		expect(changes()).toEqual([]);
		expect(stage.emulator.subscriptionState()).toEqual(before);
		expect(trigger.staticData).not.toHaveProperty(['node:Trigger', 'registration']);
	});

	it('A URL that Meta cannot reach is an error that says what is needed', async () => {
		const trigger = stage.engine.trigger(
			stage.credential,
			{},
			{ webhookBase: 'http://n8n.example' },
		);
		const error = await failureOf(trigger.activate());
		expect(error.description).toContain('https');
	});
});

describe('deactivating the workflow', () => {
	it('Deactivation removes only what triggers use: other fields and the app on the account stay', async () => {
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

	it('Deactivation of a workflow that was never active removes nothing of others', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		stage.emulator.presetSubscription('https://crm.example/whatsapp', ['calls']);
		await trigger.deactivate();
		expect(changes()).toEqual([]);
	});

	it('Deactivation removes what stands at its own URL, although the record is lost', async () => {
		const trigger = stage.trigger();
		await trigger.deactivate();
		expect(stage.emulator.subscriptionState().app).toBeUndefined();
	});
});

describe('listening for a test event', () => {
	it('The test gets a copy of what the active workflow gets', async () => {
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

	it('A test without an active workflow leaves nothing behind', async () => {
		const trigger = stage.engine.trigger(stage.credential);
		await trigger.listen();
		expect(stage.emulator.subscriptionState().app?.callbackUrl).toBe(trigger.testUrl);
		await trigger.stopListening();
		expect(stage.emulator.subscriptionState()).toMatchObject({
			app: undefined,
			accountSubscribed: false,
		});
	});

	it("A test does not take another system's webhook", async () => {
		stage.emulator.presetSubscription('https://crm.example/whatsapp');
		const trigger = stage.engine.trigger(stage.credential);
		await failureOf(trigger.listen());
		expect(changes()).toEqual([]);
	});
});

describe('a new URL of the n8n instance', () => {
	it('The new URL replaces the old one when the workflow is activated again', async () => {
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

describe('the package', () => {
	it('n8n loads the package with its two nodes', () => {
		expect(Object.keys(stage.engine.nodeTypes.getKnownTypes()).sort()).toEqual([
			'whatsAppBusinessCalling',
			'whatsAppBusinessCallingTrigger',
		]);
	});
});
