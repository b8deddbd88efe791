import { Readable } from 'node:stream';
import type { IDataObject, IHookFunctions } from 'n8n-workflow';

import {
	isRegistered,
	readRegistration,
	register,
	unregister,
} from '../../../nodes/WhatsAppBusinessCalling/trigger/registration';
import { deriveVerifyToken } from '../../../nodes/WhatsAppBusinessCalling/trigger/verifyToken';
import { ACCOUNT, APP_SECRET, fakeWebhook, NODE, refusal, type Answer, type Sent } from '../fakes';

const ONE = '106540352242922';
const TWO = '106540352242933';
const FOREIGN = 'https://crm.example/whatsapp';
const OTHER = 'https://desk.example/whatsapp';
/** What the webhook at every address of somebody else is verified with. */
const ITS_TOKEN = 'its token';

const ON_ACCOUNT = { registration: 'businessAccount' };
const ON_ONE = { registration: 'phoneNumber', phoneNumberIds: [ONE] };
const ON_BOTH = { registration: 'phoneNumber', phoneNumberIds: [ONE, TWO] };
const TAKE_OVER = { onOtherWebhook: 'takeOverAndForward', otherVerifyToken: ` ${ITS_TOKEN} ` };

/** What Meta keeps: the app's webhook, whether the account has the app, and who overrides what. */
class Meta {
	app: { callbackUrl: string; fields: string[]; active: boolean } | null = null;
	onAccount = false;
	accountAddress: string | null = null;
	numberAddresses = new Map<string, string>();
	/** Each change: what was asked for, and what was sent with it. */
	readonly changes: Array<{ what: string; with: unknown }> = [];
	/** What it refuses from now on, such as `GET subscriptions` or `POST number 106540352242922`. */
	readonly refused = new Set<string>();

	state() {
		const { app, onAccount, accountAddress, numberAddresses } = this;
		return structuredClone({ app, onAccount, accountAddress, numberAddresses });
	}

	answer({ method = 'GET', url, qs, body }: Sent): Answer {
		const { pathname, origin } = new URL(url);
		if (origin !== ACCOUNT.baseUrl) return verify(qs);
		const [, , owner, edge] = pathname.split('/');
		const what = `${method} ${edge ?? 'number'}`;
		if ([what, `${what} ${owner}`].some((one) => this.refused.has(one))) return refusal(400, 100);
		if (method !== 'GET') this.changes.push({ what, with: body ?? qs });
		const found = { statusCode: 200, body: this.read(edge, owner!) };
		const sent = (body ?? {}) as IDataObject;
		switch (what) {
			case 'POST subscriptions': {
				const before = this.app?.fields ?? [];
				const fields = [...new Set([...before, ...String(sent.fields).split(',')])];
				this.app = { callbackUrl: String(sent.callback_url), fields, active: true };
				break;
			}
			case 'DELETE subscriptions': {
				const gone = String(qs?.fields).split(',');
				const fields = this.app!.fields.filter((field) => !gone.includes(field));
				this.app = fields.length > 0 ? { ...this.app!, fields } : null;
				break;
			}
			case 'POST subscribed_apps':
				this.onAccount = true;
				this.accountAddress = (sent.override_callback_uri as string | undefined) ?? null;
				break;
			case 'DELETE subscribed_apps':
				this.onAccount = false;
				this.accountAddress = null;
				break;
			case 'POST number': {
				const { override_callback_uri: address } = sent.webhook_configuration as IDataObject;
				this.numberAddresses.set(owner!, String(address));
				if (address === '') this.numberAddresses.delete(owner!);
				break;
			}
			default:
				return found;
		}
		return { statusCode: 200, body: { success: true } };
	}

	private read(edge: string | undefined, owner: string): unknown {
		const { app, accountAddress } = this;
		const configuration = (id: string) => ({
			id,
			webhook_configuration: {
				phone_number: this.numberAddresses.get(id),
				whatsapp_business_account: accountAddress,
				application: app?.callbackUrl,
			},
		});
		switch (edge) {
			case 'subscriptions': {
				if (app === null) return { data: [] };
				const { callbackUrl, ...rest } = app;
				return {
					data: [{ object: 'whatsapp_business_account', callback_url: callbackUrl, ...rest }],
				};
			}
			case 'subscribed_apps': {
				const own = {
					whatsapp_business_api_data: { id: ACCOUNT.appId },
					override_callback_uri: accountAddress ?? undefined,
				};
				return { data: this.onAccount ? [own] : [] };
			}
			case 'phone_numbers':
				return { data: [configuration(ONE), configuration(TWO)] };
			default:
				return configuration(owner);
		}
	}
}

/** How the webhook of somebody else answers when it is verified. */
function verify(qs: IDataObject | undefined): Answer {
	const isRight = qs?.['hub.verify_token'] === ITS_TOKEN;
	const said = isRight ? String(qs?.['hub.challenge']) : 'no';
	return { statusCode: 200, body: Readable.from([Buffer.from(said)]) };
}

let nodes = 0;

interface Place {
	/** What is kept from one activation to the next. */
	data?: IDataObject;
	mode?: string;
	base?: string;
	id?: string;
}

/** A node of its own, with its addresses at n8n, in front of a Meta of its own. */
function trigger(
	parameters: IDataObject,
	meta = new Meta(),
	{
		data = {},
		mode = 'trigger',
		base = 'https://n8n.example/',
		id = `node-${++nodes}`,
	}: Place = {},
) {
	const { context, logged } = fakeWebhook(parameters, {}, (request) => meta.answer(request));
	const production = `${base}webhook/${id}/webhook`;
	const test = `${base}webhook-test/${id}/webhook`;
	const url = mode === 'manual' ? test : production;
	Object.assign(context, {
		getMode: () => mode,
		getNode: () => ({ ...NODE, id }),
		getNodeWebhookUrl: () => url,
		getWorkflowStaticData: () => data,
	});
	const hooks = context as unknown as IHookFunctions;
	return {
		meta,
		hooks,
		logged,
		data,
		id,
		url,
		production,
		test,
		/** The same node, with something changed. */
		again: (other: IDataObject, place: Place = {}) =>
			trigger(other, meta, { data, mode, base, id, ...place }),
		exists: async () => await isRegistered(hooks),
		activate: async () => await register(hooks),
		deactivate: async () => await unregister(hooks),
		kept: () => readRegistration(data),
	};
}

async function failureOf(work: Promise<unknown>): Promise<Error & { description?: string | null }> {
	return await work.then(
		() => {
			throw new Error('It did not fail');
		},
		(error: Error) => error,
	);
}

const calls = (callbackUrl: string, ...more: string[]) => ({
	callbackUrl,
	fields: ['calls', ...more],
	active: true,
});

describe('What is kept of a registration', () => {
	it.each<[string, IDataObject, string[]]>([
		['the app', {}, ['app']],
		['the account', ON_ACCOUNT, ['businessAccount']],
		['two numbers', ON_BOTH, [`phoneNumber ${ONE}`, `phoneNumber ${TWO}`]],
	])('on %s: all that was added, where nothing was there', async (_, parameters, keys) => {
		const node = trigger(parameters);
		expect(await node.activate()).toBe(true);
		expect(node.kept()).toEqual({
			callbackUrl: node.url,
			places: keys.map((key) => ({ key, previous: null })),
			addedFields: ['calls'],
			addedApp: true,
			forwardTo: null,
		});
		expect(await node.deactivate()).toBe(true);
		expect(node.data).toEqual({});
		expect(node.meta.state()).toEqual(new Meta().state());
	});

	it.each<[string, IDataObject]>([
		['the account', ON_ACCOUNT],
		['a number', ON_ONE],
	])('on %s: nothing that had been there before, and that stays', async (_, parameters) => {
		const node = trigger(parameters);
		node.meta.app = calls(FOREIGN);
		node.meta.onAccount = true;
		const before = node.meta.state();
		await node.activate();
		expect(node.kept()).toMatchObject({ addedFields: [], addedApp: false });
		await node.deactivate();
		expect(node.meta.state()).toEqual(before);
	});

	it('of the app: only the fields that its webhook lacked', async () => {
		const node = trigger({ events: ['call_permission_reply'] });
		node.meta.app = { ...calls(node.url), fields: ['messages'] };
		node.meta.onAccount = true;
		await node.activate();
		expect(node.kept()).toMatchObject({ addedFields: ['calls'], addedApp: false });
		await node.deactivate();
		expect(node.meta.state()).toMatchObject({ app: { fields: ['messages'] }, onAccount: true });
	});

	it('from activation to activation: what the first had found at each place', async () => {
		const node = trigger({ ...ON_BOTH, ...TAKE_OVER });
		node.meta.app = calls(node.url);
		node.meta.numberAddresses = new Map([
			[ONE, FOREIGN],
			[TWO, FOREIGN],
		]);
		await node.activate();
		node.data.registration = {
			...node.kept(),
			places: [
				{ key: `phoneNumber ${ONE}`, previous: FOREIGN },
				{ key: `phoneNumber ${TWO}`, previous: OTHER },
			],
		};
		await node.activate();
		expect(node.kept()).toMatchObject({
			places: [
				{ key: `phoneNumber ${ONE}`, previous: FOREIGN },
				{ key: `phoneNumber ${TWO}`, previous: OTHER },
			],
			addedApp: true,
			forwardTo: FOREIGN,
		});
		await node.deactivate();
		expect(node.meta.numberAddresses).toEqual(
			new Map([
				[ONE, FOREIGN],
				[TWO, OTHER],
			]),
		);
	});

	it('and of what was there, though somebody has taken it away since', async () => {
		const node = trigger({ ...ON_ONE, ...TAKE_OVER });
		node.meta.app = calls(node.url);
		node.meta.numberAddresses.set(ONE, FOREIGN);
		await node.activate();
		node.meta.numberAddresses.clear();
		await node.activate();
		expect(node.kept()).toMatchObject({ places: [{ previous: FOREIGN }] });
		node.meta.numberAddresses.clear();
		await node.deactivate();
		expect(node.meta.numberAddresses).toEqual(new Map([[ONE, FOREIGN]]));
	});

	it('of a test run that was cut off: nothing of its own', async () => {
		const node = trigger({}, new Meta(), { mode: 'manual' });
		node.meta.app = calls(node.test);
		await node.activate();
		expect(node.kept()).toMatchObject({ places: [{ key: 'app', previous: null }] });
	});

	it('where it is not readable: nothing', () => {
		expect(readRegistration({})).toBeNull();
		expect(readRegistration({ registration: { callbackUrl: 'https://n8n.example' } })).toBeNull();
	});
});

describe('Whether it is registered', () => {
	const registered = async (parameters: IDataObject = {}) => {
		const node = trigger(parameters);
		await node.activate();
		expect(await node.exists()).toBe(true);
		return node;
	};

	it('needs every field that is wanted', async () => {
		const node = await registered();
		expect(await node.again({ events: ['call_permission_reply'] }).exists()).toBe(false);
	});

	it('needs every place that is chosen', async () => {
		const node = await registered(ON_ONE);
		expect(await node.again(ON_BOTH).exists()).toBe(false);
	});

	it('needs an active webhook of the app', async () => {
		const node = await registered();
		node.meta.app!.active = false;
		expect(await node.exists()).toBe(false);
	});

	it('needs the app on the account', async () => {
		const node = await registered();
		node.meta.onAccount = false;
		expect(await node.exists()).toBe(false);
	});

	it('is true without asking where the operator registers by hand', async () => {
		const node = trigger({ registration: 'manual', verifyToken: 'chosen' });
		node.meta.refused.add('GET subscriptions');
		expect(await node.exists()).toBe(true);
	});

	it.each(['GET subscriptions', 'GET subscribed_apps'])(
		'cannot be said where Meta refuses %s',
		async (what) => {
			const node = await registered();
			node.meta.refused.add(what);
			expect((await failureOf(node.exists())).constructor.name).toBe('NodeApiError');
		},
	);
});

describe('A registration that fails', () => {
	it.each<[string, string, string[]]>([
		['reading the webhook of the app', 'GET subscriptions', []],
		['writing the webhook of the app', 'POST subscriptions', []],
		[
			'reading who gets the account',
			'GET subscribed_apps',
			['POST subscriptions', 'DELETE subscriptions'],
		],
		[
			'putting the app on the account',
			'POST subscribed_apps',
			['POST subscriptions', 'DELETE subscriptions'],
		],
		[
			'pointing the number here',
			'POST number',
			[
				'POST subscriptions',
				'POST subscribed_apps',
				'DELETE subscriptions',
				'DELETE subscribed_apps',
			],
		],
	])('at %s takes back what it had done, and no more', async (_, refused, changes) => {
		const node = trigger(ON_ONE);
		node.meta.refused.add(refused);
		const before = node.meta.state();
		const error = await failureOf(node.activate());
		expect(error.constructor.name).toBe('NodeApiError');
		expect(node.meta.changes.map(({ what }) => what)).toEqual(changes);
		expect(node.meta.state()).toEqual(before);
		expect(node.data).toEqual({});
	});

	it('leaves the app on the account where it had been there', async () => {
		const node = trigger(ON_ONE);
		node.meta.onAccount = true;
		node.meta.refused.add('POST subscriptions');
		await failureOf(node.activate());
		expect(node.meta.changes).toEqual([]);
		node.meta.refused.clear();
		node.meta.refused.add('POST number');
		await failureOf(node.activate());
		expect(node.meta.state()).toMatchObject({ app: null, onAccount: true });
	});

	it('says what failed first, also where taking back fails', async () => {
		const node = trigger(ON_ONE);
		node.meta.refused.add('POST number').add('DELETE subscriptions');
		const error = await failureOf(node.activate());
		expect(error.constructor.name).toBe('NodeApiError');
		expect(node.meta.changes.map(({ what }) => what)).toEqual([
			'POST subscriptions',
			'POST subscribed_apps',
		]);
	});

	it('is not taken back by the deletion that n8n calls next, but by the one after it', async () => {
		const node = trigger({});
		await node.activate();
		const before = node.meta.state();
		node.meta.refused.add('GET subscriptions');
		await failureOf(node.exists());
		node.meta.refused.clear();
		expect(await node.deactivate()).toBe(true);
		expect(node.meta.state()).toEqual(before);
		expect(await node.deactivate()).toBe(true);
		expect(node.meta.state()).toEqual(new Meta().state());
	});

	it.each<[string, IDataObject]>([
		['a number', ON_ONE],
		['the account', ON_ACCOUNT],
	])('leaves what an earlier one had registered: %s', async (_, parameters) => {
		const node = trigger(parameters);
		await node.activate();
		const kept = node.kept();
		node.meta.numberAddresses.clear();
		node.meta.accountAddress = null;
		const before = node.meta.state();
		expect(await node.exists()).toBe(false);
		node.meta.refused.add('POST number').add('POST subscribed_apps');
		await failureOf(node.activate());
		expect(node.meta.state()).toEqual(before);
		expect(node.kept()).toEqual(kept);
		node.meta.refused.clear();
		await node.activate();
		expect(node.kept()).toEqual(kept);
	});

	it('leaves the numbers that came here before, and gives back the one that did not', async () => {
		const three = '106540352242944';
		const node = trigger(ON_ONE);
		await node.activate();
		node.meta.numberAddresses.set(TWO, FOREIGN);
		const before = node.meta.state();
		const more = node.again({ ...ON_ONE, ...TAKE_OVER, phoneNumberIds: [ONE, TWO, three] });
		node.meta.refused.add(`POST number ${three}`);
		await failureOf(more.activate());
		expect(node.meta.state()).toEqual(before);
	});

	it.each(['', [], ['recording']])('is one without events that exist: %j', async (events) => {
		const node = trigger({});
		await node.activate();
		const odd = node.again({ events } as IDataObject);
		expect((await failureOf(odd.exists())).message).toMatch(/^Events /);
		expect((await failureOf(odd.activate())).message).toMatch(/^Events /);
		// n8n deletes what it could not activate.
		expect(await odd.deactivate()).toBe(true);
		expect(await odd.deactivate()).toBe(true);
		expect(node.meta.state()).toEqual(new Meta().state());
	});

	it('keeps no other node from being deactivated', async () => {
		const node = trigger({});
		await node.activate();
		const other = trigger({});
		other.meta.refused.add('GET subscriptions');
		await failureOf(other.activate());
		await node.deactivate();
		expect(node.meta.state()).toEqual(new Meta().state());
	});
});

describe('The fields of the app', () => {
	it('stay where it cannot be read who depends on them, and go with the next deactivation', async () => {
		const node = trigger({});
		await node.activate();
		node.meta.refused.add('GET phone_numbers');
		await node.deactivate();
		expect(node.meta.state()).toMatchObject({ app: { fields: ['calls'] }, onAccount: true });
		expect(node.kept()).toEqual({
			callbackUrl: node.url,
			places: [],
			addedFields: ['calls'],
			addedApp: true,
			forwardTo: null,
		});
		expect(node.logged).toEqual([
			expect.stringContaining('the app stays subscribed to calls, because it could not be read'),
		]);
		node.meta.refused.clear();
		await node.deactivate();
		expect(node.meta.state()).toEqual(new Meta().state());
		expect(node.data).toEqual({});
	});
});

describe('An address that is there', () => {
	it.each<[string, string]>([
		['is of somebody else', FOREIGN],
		['is of the same node ID at another n8n', 'https://other.example/webhook/ID/webhook'],
		['is of another node of this n8n', 'https://n8n.example/webhook/another/webhook'],
		['is no address', 'not an address'],
	])('is not overwritten where it %s', async (_, address) => {
		const node = trigger({});
		const there = address.replace('ID', node.id);
		node.meta.app = calls(there);
		const error = await failureOf(node.activate());
		expect(error.message).toBe(
			`The Meta app already sends its webhooks to another address: ${there}`,
		);
		expect(node.meta.changes).toEqual([]);
	});

	it.each(['https://n8n.example/', 'https://example.com/n8n/'])(
		'is overwritten where it is the test address of this node, and not put back: %s',
		async (base) => {
			const node = trigger({}, new Meta(), { base });
			node.meta.app = calls(node.test);
			await node.activate();
			expect(node.meta.app).toEqual(calls(node.production));
			expect(node.kept()).toMatchObject({ places: [{ key: 'app', previous: null }] });
		},
	);

	it('of the app is written again where it is of this node and out of use', async () => {
		const old = trigger(ON_ONE, new Meta(), { base: 'https://old.example/' });
		await old.activate();
		const node = old.again(ON_ONE, { base: 'https://n8n.example/' });
		await node.activate();
		expect(node.meta.app).toEqual(calls(node.url));
		node.meta.changes.length = 0;
		await node.activate();
		expect(node.meta.changes.map(({ what }) => what)).toEqual(['POST number']);
	});

	it('of the app stays in a test run of a number', async () => {
		const node = trigger(ON_ONE);
		await node.activate();
		const test = node.again(ON_ONE, { mode: 'manual' });
		await test.activate();
		expect(node.meta.state()).toMatchObject({
			app: { callbackUrl: node.production },
			numberAddresses: new Map([[ONE, node.test]]),
		});
	});

	it('comes with fields that somebody else has to switch on', async () => {
		const node = trigger({ ...ON_ONE, events: ['call_permission_reply'] });
		node.meta.app = { ...calls(FOREIGN), fields: [] };
		const error = await failureOf(node.activate());
		expect(error.message).toBe('The Meta app is not subscribed to calls and messages');
		expect(error.description).toContain('Switch the field calls and messages on');
	});
});

describe('Taking over', () => {
	it('puts the other address back with its own token, and with the field that Meta asks for', async () => {
		const node = trigger(TAKE_OVER);
		node.meta.app = calls(FOREIGN, 'messages');
		node.meta.onAccount = true;
		await node.activate();
		expect(node.kept()).toMatchObject({ forwardTo: FOREIGN });
		node.meta.changes.length = 0;
		await node.deactivate();
		expect(node.meta.app).toEqual(calls(FOREIGN, 'messages'));
		expect(node.meta.changes).toEqual([
			{
				what: 'POST subscriptions',
				with: {
					object: 'whatsapp_business_account',
					callback_url: FOREIGN,
					verify_token: ITS_TOKEN,
					fields: 'calls',
					include_values: true,
				},
			},
		]);
	});

	it.each([undefined, '', 'another token'])(
		'is refused with the verify token %j, and says where it is found',
		async (otherVerifyToken) => {
			const node = trigger({ ...TAKE_OVER, otherVerifyToken });
			node.meta.app = calls(FOREIGN);
			const error = await failureOf(node.activate());
			expect(error.message).toBe(`The other webhook did not accept the verify token: ${FOREIGN}`);
			expect(error.description).toContain('Other Webhook Verify Token');
			expect(node.meta.changes).toEqual([]);
		},
	);

	it('forwards to the wider place where a number has no address', async () => {
		const node = trigger({ ...ON_BOTH, ...TAKE_OVER });
		node.meta.app = calls(FOREIGN);
		node.meta.numberAddresses.set(ONE, FOREIGN);
		await node.activate();
		expect(node.kept()).toMatchObject({ forwardTo: FOREIGN });
	});

	it('forwards to nobody where nobody is there, or where it is not wanted', async () => {
		for (const parameters of [{}, ON_ACCOUNT, ON_ONE]) {
			const alone = trigger({ ...parameters, ...TAKE_OVER });
			await alone.activate();
			expect(alone.kept()).toMatchObject({ forwardTo: null });
		}
		const node = trigger(ON_ONE);
		node.meta.app = calls(FOREIGN);
		await node.activate();
		expect(node.kept()).toMatchObject({ forwardTo: null });
	});

	it('refuses numbers with different addresses, and names them', async () => {
		const node = trigger({ ...ON_BOTH, ...TAKE_OVER });
		node.meta.app = calls(node.url);
		node.meta.numberAddresses = new Map([
			[ONE, FOREIGN],
			[TWO, OTHER],
		]);
		const error = await failureOf(node.activate());
		expect(error.message).toBe(
			`The chosen phone numbers send their webhooks to different addresses: ${FOREIGN}, ${OTHER}`,
		);
		expect(error.description).toContain('Use a trigger of its own');
		expect(node.meta.changes).toEqual([]);
	});

	it('in a test run forwards to production, and in production never to itself', async () => {
		const node = trigger(TAKE_OVER);
		node.meta.app = calls(FOREIGN);
		await node.activate();
		await node.activate();
		expect(node.kept()).toMatchObject({ forwardTo: FOREIGN });
		const test = node.again(TAKE_OVER, { mode: 'manual', data: { ...node.data } });
		await test.activate();
		expect(test.kept()).toMatchObject({ forwardTo: node.production });
		await test.activate();
		expect(test.kept()).toMatchObject({ forwardTo: node.production });
	});
});

describe('Deactivating', () => {
	it('clears the address of a number without a verify token', async () => {
		const node = trigger(ON_ONE);
		await node.activate();
		node.meta.changes.length = 0;
		await node.deactivate();
		expect(node.meta.changes[0]).toStrictEqual({
			what: 'POST number',
			with: { webhook_configuration: { override_callback_uri: '' } },
		});
	});

	it('has nothing to keep for others where it had added nothing', async () => {
		const node = trigger(ON_ONE);
		node.meta.app = calls(node.url);
		node.meta.onAccount = true;
		await node.activate();
		node.meta.numberAddresses.set(TWO, OTHER);
		await node.deactivate();
		expect(node.data).toEqual({});
	});

	it('clears nothing where the address is gone already', async () => {
		const node = trigger(ON_ONE);
		await node.activate();
		node.meta.numberAddresses.clear();
		node.meta.changes.length = 0;
		await node.deactivate();
		expect(node.meta.changes.map(({ what }) => what)).toEqual([
			'DELETE subscriptions',
			'DELETE subscribed_apps',
		]);
	});

	it('leaves fields that were there before, and the app on the account with them', async () => {
		const node = trigger({});
		node.meta.app = calls(node.url, 'messages');
		await node.activate();
		expect(node.kept()).toMatchObject({ addedFields: [], addedApp: true });
		node.meta.changes.length = 0;
		await node.deactivate();
		expect(node.meta.changes).toEqual([]);
	});

	it('takes the app off the account where the webhook of the app is gone already', async () => {
		const node = trigger({});
		await node.activate();
		node.meta.app = null;
		await node.deactivate();
		expect(node.meta.onAccount).toBe(false);
		expect(node.data).toEqual({});
	});

	it('keeps for later what another number of the account still needs', async () => {
		const node = trigger(ON_ONE);
		await node.activate();
		node.meta.numberAddresses.set(TWO, OTHER);
		expect(await node.deactivate()).toBe(true);
		expect(node.kept()).toEqual({
			callbackUrl: node.url,
			places: [],
			addedFields: ['calls'],
			addedApp: true,
			forwardTo: null,
		});
		node.meta.numberAddresses.clear();
		await node.deactivate();
		expect(node.data).toEqual({});
		expect(node.meta.state()).toEqual(new Meta().state());
	});

	it('of a test run does not undo what the activation of the same node wrote', async () => {
		const node = trigger({});
		await node.activate();
		const before = node.meta.state();
		expect(await node.again({}, { mode: 'manual' }).deactivate()).toBe(true);
		expect(node.meta.state()).toEqual(before);
		expect(node.kept()).not.toBeNull();
	});

	it('after a test run points the callback to production again, with the own token', async () => {
		const node = trigger({});
		await node.activate();
		const test = node.again({}, { mode: 'manual', data: {} });
		await test.activate();
		node.meta.changes.length = 0;
		await test.deactivate();
		expect(node.meta.app).toEqual(calls(node.production));
		expect(node.meta.changes).toEqual([
			expect.objectContaining({
				with: expect.objectContaining({
					verify_token: deriveVerifyToken(APP_SECRET, 'workflow-1', node.id),
				}) as unknown,
			}),
		]);
	});

	it('does nothing where nothing had been registered', async () => {
		const node = trigger({});
		expect(await node.deactivate()).toBe(true);
		expect(node.meta.changes).toEqual([]);
	});
});

describe('What cannot be registered', () => {
	it.each([undefined, '', '  '])('by hand with the verify token %j', async (verifyToken) => {
		const node = trigger({ registration: 'manual', verifyToken });
		const error = await failureOf(node.exists());
		expect(error.message).toBe('The parameter Verify Token is empty');
		expect(error.description).toContain('Choose any long, random text');
	});

	it.each([undefined, [], ''])('on the phone numbers %j', async (phoneNumberIds) => {
		const node = trigger({ registration: 'phoneNumber', phoneNumberIds });
		const error = await failureOf(node.activate());
		expect(error.message).toBe('No phone number is chosen');
		expect(error.description).toContain('Phone Number Names or IDs');
	});

	it('without a webhook address of n8n', async () => {
		const node = trigger({});
		Object.assign(node.hooks, { getNodeWebhookUrl: () => undefined });
		expect((await failureOf(node.activate())).message).toBe('n8n gave the trigger no webhook URL');
	});
});
