import { Readable } from 'node:stream';
import type { IDataObject, IHookFunctions } from 'n8n-workflow';

import { parseRecord } from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import { register } from '../../../nodes/WhatsAppBusinessCalling/registration/register';
import {
	holderUrl,
	readSharedAddress,
	siblingUrl,
} from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { unregister } from '../../../nodes/WhatsAppBusinessCalling/registration/unregister';
import {
	accountPart,
	deriveVerifyToken,
} from '../../../nodes/WhatsAppBusinessCalling/registration/verifyToken';
import {
	ACCOUNT,
	APP_SECRET,
	CREDENTIAL,
	fakeWebhook,
	NODE,
	refusal,
	type Answer,
	type Sent,
} from '../fakes';
import { failureOf } from '../../support/failures';

const ONE = '106540352242922';
const TWO = '106540352242933';
const FOREIGN = 'https://crm.example/whatsapp';
const OTHER = 'https://desk.example/whatsapp';
const ITS_TOKEN = 'its token';

const ON_ACCOUNT = { registration: 'businessAccount' };
const ON_ONE = { registration: 'phoneNumber', phoneNumberIds: [ONE] };
const takeOver = (more: IDataObject = {}) => ({
	options: {
		onOtherWebhook: 'takeOverAndForward',
		otherVerifyToken: ` ${ITS_TOKEN} `,
		...more,
	},
});
const TAKE_OVER = takeOver();

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
	/** Every request to Meta, reads included. */
	readonly asked: string[] = [];
	/** Verify tokens that addresses accept; one that is not here is not registered at n8n. */
	readonly tokens = new Map<string, string[] | ((address: string) => string[])>([
		[FOREIGN, [ITS_TOKEN]],
	]);
	/** Addresses that n8n cannot reach. */
	readonly unreachable = new Set<string>();
	/** What is read instead of what Meta keeps, while it has not caught up with a change. */
	old: Pick<Meta, 'app' | 'onAccount' | 'accountAddress' | 'numberAddresses'> | null = null;
	/** Called after a change was made. */
	afterChange: (what: string) => void = () => {};

	state() {
		const { app, onAccount, accountAddress, numberAddresses } = this;
		return structuredClone({
			...{ app, onAccount, accountAddress },
			numberAddresses: Object.fromEntries(numberAddresses),
		});
	}

	/** For some time, what is read stays as it is. */
	fallBehind(milliseconds: number): void {
		const { app, onAccount, accountAddress, numberAddresses } = this;
		this.old = { app, onAccount, accountAddress, numberAddresses: new Map(numberAddresses) };
		setTimeout(() => (this.old = null), milliseconds);
	}

	/** Triggers that receive at an address, the holder first; that of the app unless told. */
	receivers(address = this.app?.callbackUrl ?? '', appSecret = APP_SECRET): string[] {
		const shared = readSharedAddress(address, appSecret);
		if (shared === null) throw new Error(`This list is not ours: ${address}`);
		return [shared.url, ...shared.siblings.map((sibling) => siblingUrl(shared.url, sibling)!)];
	}

	answer({ method = 'GET', url, qs, body }: Sent): Answer {
		if (!url.startsWith(ACCOUNT.baseUrl)) return this.challenge(url, qs);
		const { pathname } = new URL(url);
		const [, , owner, edge] = pathname.split('/');
		const what = `${method} ${edge ?? 'number'}`;
		if ([what, `${what} ${owner}`].some((one) => this.refused.has(one))) return refusal(400, 100);
		this.asked.push(what);
		if (method !== 'GET') this.changes.push({ what, with: body ?? qs });
		const found = { statusCode: 200, body: this.read(edge, owner) };
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
				this.numberAddresses.set(owner, String(address));
				if (address === '') this.numberAddresses.delete(owner);
				break;
			}
			default:
				return found;
		}
		this.afterChange(what);
		return { statusCode: 200, body: { success: true } };
	}

	private challenge(url: string, qs: IDataObject | undefined): Answer {
		if (this.unreachable.has(url)) throw new Error('no route');
		const found = this.tokens.get(holderUrl(url));
		const tokens = typeof found === 'function' ? found(url) : found;
		const isRight = tokens?.includes(String(qs?.['hub.verify_token']));
		const said = isRight
			? String(qs?.['hub.challenge'])
			: '{"code":404,"message":"The requested webhook is not registered."}';
		const statusCode = isRight ? 200 : tokens === undefined ? 404 : 403;
		return { statusCode, body: Readable.from([Buffer.from(said)]) };
	}

	private read(edge: string | undefined, owner: string): unknown {
		const { app, onAccount, accountAddress, numberAddresses } = this.old ?? this;
		const configuration = (id: string) => ({
			id,
			webhook_configuration: {
				phone_number: numberAddresses.get(id),
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
				return { data: onAccount ? [own] : [] };
			}
			case 'phone_numbers':
				return { data: [configuration(ONE), configuration(TWO)] };
			default:
				return configuration(owner);
		}
	}
}

let nodes = 0;

interface Surroundings {
	/** What is kept from one activation to the next. */
	data?: IDataObject;
	mode?: string;
	base?: string;
	id?: string;
	workflowId?: string;
	instanceId?: string;
	credential?: IDataObject;
}

/** A node with its addresses at n8n, in front of a Meta of its own. */
function trigger(parameters: IDataObject, meta = new Meta(), given: Surroundings = {}) {
	const {
		data = {},
		mode = 'trigger',
		base = 'https://n8n.example/',
		id = `00000000-0000-4000-8000-${String(++nodes).padStart(12, '0')}`,
		workflowId = 'workflow-1',
		instanceId = 'instance-1',
		credential = CREDENTIAL,
	} = given;
	const { context, logged } = fakeWebhook(parameters, {}, (request) => meta.answer(request));
	const production = `${base}webhook/${id}/webhook`;
	const test = `${base}webhook-test/${id}/webhook`;
	const url = mode === 'manual' ? test : production;
	Object.assign(context, {
		getMode: () => mode,
		getActivationMode: () => (mode === 'manual' ? 'manual' : 'activate'),
		getNode: () => ({ ...NODE, id, parameters }),
		getNodeWebhookUrl: () => url,
		getWorkflow: () => ({ id: workflowId }),
		getInstanceId: () => instanceId,
		getCredentials: async () => credential,
		getWorkflowStaticData: () => data,
	});
	const hooks = context as unknown as IHookFunctions;
	const mine = { data, mode, base, id, workflowId, instanceId, credential };
	return {
		meta,
		logged,
		data,
		id,
		hooks,
		url,
		production,
		test,
		/** The same node, with something changed. */
		again: (more: Surroundings = {}, other = parameters) =>
			trigger(other, meta, { ...mine, ...more }),
		activate: async () => await register(hooks),
		deactivate: async () => await unregister(hooks),
		record: () => parseRecord(data),
		/** n8n answers Meta at the address. */
		publish: () =>
			void meta.tokens.set(url, (address) =>
				[undefined, workflowId, accountPart(String(credential.businessAccountId))].map((only) =>
					deriveVerifyToken(String(credential.appSecret), address, only),
				),
			),
	};
}

const calls = (callbackUrl: string, ...more: string[]) => ({
	callbackUrl,
	fields: ['calls', ...more],
	active: true,
});

const NOTHING = new Meta().state();

describe('the requests of a registration', () => {
	it.each<[string, IDataObject, string[], string[]]>([
		[
			'the app',
			{},
			[
				...['GET subscriptions', 'GET subscribed_apps'],
				...['POST subscriptions', 'POST subscribed_apps'],
				'GET subscriptions',
			],
			[
				...['GET subscriptions', 'GET phone_numbers'],
				...['DELETE subscribed_apps', 'DELETE subscriptions'],
			],
		],
		[
			'the account',
			ON_ACCOUNT,
			[
				...['GET subscriptions', 'GET subscribed_apps'],
				...['POST subscriptions', 'POST subscribed_apps', 'POST subscribed_apps'],
				'GET subscribed_apps',
			],
			[
				...['GET subscriptions', 'GET subscribed_apps', 'GET phone_numbers'],
				...['DELETE subscribed_apps', 'DELETE subscriptions'],
			],
		],
		[
			'a number',
			ON_ONE,
			[
				// The chosen numbers must belong to the account.
				...['GET phone_numbers', 'GET subscriptions', 'GET subscribed_apps'],
				...['POST subscriptions', 'POST subscribed_apps', 'POST number'],
				'GET number',
			],
			[
				...['GET subscriptions', 'GET phone_numbers'],
				...['POST number', 'DELETE subscribed_apps', 'DELETE subscriptions'],
			],
		],
	])('Each resource is read once, and what was pointed is read back, for %s', async (...row) => {
		const [, parameters, first, last] = row;
		const node = trigger(parameters);
		expect(await node.activate()).toBe(true);
		expect(node.meta.asked).toEqual(first);
		node.meta.asked.length = 0;
		await node.activate();
		expect(node.meta.asked.filter((what) => !what.startsWith('GET'))).toEqual([]);
		node.meta.asked.length = 0;
		expect(await node.deactivate()).toBe(true);
		expect(node.meta.asked).toEqual(last);
		expect(node.meta.state()).toEqual(NOTHING);
		expect(node.data).toEqual({});
	});
});

describe('an activation that fails', () => {
	it.each<[string, string[]]>([
		['GET subscriptions', []],
		['POST subscriptions', []],
		['GET subscribed_apps', []],
		['POST subscribed_apps', ['POST subscriptions', 'DELETE subscriptions']],
		[
			'POST number',
			[
				'POST subscriptions',
				'POST subscribed_apps',
				'DELETE subscribed_apps',
				'DELETE subscriptions',
			],
		],
	])('A failure at %s undoes what was done, and no more', async (refused, changes) => {
		const node = trigger(ON_ONE);
		node.meta.refused.add(refused);
		const error = await failureOf(node.activate());
		expect(error.constructor.name).toBe('NodeOperationError');
		expect(error.message).toMatch(/^WhatsApp did not accept the request\. The details state/);
		expect(node.meta.changes.map(({ what }) => what)).toEqual(changes);
		expect(node.meta.state()).toEqual(NOTHING);
		expect(node.data).toEqual({});
	});

	it('The fields are removed although the token has expired meanwhile', async () => {
		const node = trigger(ON_ONE);
		node.meta.afterChange = () => {
			for (const what of ['POST', 'DELETE', 'GET'])
				node.meta.refused.add(`${what} subscribed_apps`);
			node.meta.refused.add('GET phone_numbers').add('GET number');
		};
		await failureOf(node.activate());
		expect(node.meta.state()).toEqual(NOTHING);
	});

	it('The error is the first failure, and what could not be undone is remembered', async () => {
		const node = trigger(ON_ONE);
		node.meta.refused.add('POST number').add('DELETE subscriptions');
		const error = await failureOf(node.activate());
		expect(error.constructor.name).toBe('NodeOperationError');
		expect(node.record()?.undo).toContainEqual({ do: 'removeFields', fields: ['calls'] });
		node.meta.refused.clear();
		// n8n's clean-up after the failure is not a removal.
		await node.deactivate();
		expect(node.meta.app).not.toBeNull();
		await node.deactivate();
		expect(node.meta.state()).toEqual(NOTHING);
	});

	it('What an earlier activation registered stays, also when n8n then calls delete', async () => {
		const node = trigger({});
		await node.activate();
		const before = node.meta.state();
		node.meta.refused.add('GET subscriptions');
		await failureOf(node.activate());
		node.meta.refused.clear();
		expect(await node.deactivate()).toBe(true);
		expect(node.meta.state()).toEqual(before);
		expect(await node.deactivate()).toBe(true);
		expect(node.meta.state()).toEqual(NOTHING);
	});

	it('The error is the first one, whatever n8n meets when it tries again', async () => {
		const node = trigger({});
		node.meta.refused.add('GET subscriptions');
		const first = await failureOf(node.activate());
		node.meta.refused.clear();
		node.meta.app = calls(FOREIGN);
		expect(await failureOf(node.activate())).toBe(first);
		// A trigger that was corrected starts afresh.
		const corrected = node.again({}, { events: ['call_recording_available', 'terminate'] });
		expect((await failureOf(corrected.activate())).message).toContain(FOREIGN);
	});

	it('Activation can be repeated at once when the trigger that was in the way is removed', async () => {
		const one = trigger({}, new Meta(), { id: 'of-an-old-workflow' });
		const two = trigger({}, one.meta, { id: 'of another one' });
		await one.activate();
		one.publish();
		expect((await failureOf(two.activate())).message).toMatch(/Delete the trigger node and add it/);
		await two.deactivate();
		await one.deactivate();
		expect(await two.activate()).toBe(true);
	});

	describe('where Meta is slow', () => {
		beforeEach(() => void jest.useFakeTimers());
		afterEach(() => void jest.useRealTimers());

		it.each([
			['no URL', null],
			['the URL that was there before', calls(FOREIGN)],
		])('The activation succeeds if Meta shows %s for eight seconds', async (_, before) => {
			const node = trigger(before === null ? {} : TAKE_OVER);
			node.meta.app = before;
			node.meta.afterChange = (what) => {
				const now = node.meta.app;
				if (what !== 'POST subscriptions') return;
				node.meta.app = before;
				setTimeout(() => (node.meta.app = now), 8_000);
			};
			const activation = node.activate();
			await jest.advanceTimersByTimeAsync(60_000);
			expect(await activation).toBe(true);
			expect(node.meta.app?.callbackUrl).toBe(node.url);
		});

		it('The activation fails if Meta does not keep the URL', async () => {
			const node = trigger({});
			node.meta.afterChange = (what) => {
				if (what === 'POST subscriptions') node.meta.app = null;
			};
			const activation = failureOf(node.activate());
			await jest.advanceTimersByTimeAsync(60_000);
			expect((await activation).message).toMatch(
				/^Meta confirmed the webhook URL but does not show it/,
			);
		});

		it('The activation fails if Meta keeps the URL and not the field', async () => {
			const node = trigger({});
			node.meta.afterChange = () => {
				if (node.meta.app) node.meta.app = { ...node.meta.app, fields: [] };
			};
			const activation = failureOf(node.activate());
			await jest.advanceTimersByTimeAsync(60_000);
			expect((await activation).message).toMatch(
				/^Meta confirmed the webhook URL but does not show the field calls/,
			);
			expect(node.meta.changes.at(-1)).toMatchObject({
				what: 'DELETE subscriptions',
				with: { fields: 'calls' },
			});
			expect(node.meta.state()).toEqual({ ...NOTHING, app: node.meta.app });
		});

		it('The activation succeeds if Meta shows the URL and no list of fields', async () => {
			const node = trigger({});
			const read = node.meta.answer.bind(node.meta);
			node.meta.answer = (request) => {
				const answer = read(request);
				const { data } = answer.body as { data?: IDataObject[] };
				for (const row of data ?? []) delete row.fields;
				return answer;
			};
			expect(await node.activate()).toBe(true);
		});

		it.each([{}, ON_ACCOUNT, ON_ONE])(
			'A failed activation is undone when Meta shows what it did: %j',
			async (parameters) => {
				const node = trigger(parameters);
				node.meta.refused.add('POST subscribed_apps');
				node.meta.fallBehind(8_000);
				const activation = failureOf(node.activate());
				await jest.advanceTimersByTimeAsync(60_000);
				await activation;
				expect(node.meta.state()).toEqual(NOTHING);
			},
		);

		it.each([{}, ON_ACCOUNT, ON_ONE])(
			'A change is published although Meta still shows the registration that was removed for it: %j',
			async (parameters) => {
				const node = trigger(parameters);
				await node.activate();
				const published = node.meta.state();
				node.meta.fallBehind(8_000);
				await node.deactivate();
				expect(node.meta.state()).toEqual(NOTHING);
				const activation = node.activate();
				await jest.advanceTimersByTimeAsync(60_000);
				expect(await activation).toBe(true);
				expect(node.meta.state()).toEqual(published);
				await node.deactivate();
				expect(node.meta.state()).toEqual(NOTHING);
			},
		);

		it('A change is published although Meta still shows a list with the trigger that has left it', async () => {
			const meta = new Meta();
			const [holder, node] = [trigger({}, meta), trigger({}, meta)];
			for (const one of [holder, node]) {
				one.publish();
				await one.activate();
			}
			expect(meta.receivers()).toEqual([holder.url, node.url]);
			meta.fallBehind(8_000);
			await node.deactivate();
			expect(meta.receivers()).toEqual([holder.url]);
			const activation = node.activate();
			await jest.advanceTimersByTimeAsync(60_000);
			expect(await activation).toBe(true);
			expect(meta.receivers()).toEqual([holder.url, node.url]);
		});

		it('An activation that waited is not repeated: n8n gives all attempts together 84 seconds', async () => {
			const node = trigger({});
			const { httpRequest } = node.hooks.helpers;
			Object.assign(node.hooks.helpers, {
				httpRequest: async (request: Sent) => {
					const answer: unknown = await httpRequest.call(node.hooks, request);
					return request.method === 'POST' ? { headers: {}, ...refusal(400, 2200) } : answer;
				},
			});
			const activation = failureOf(node.activate());
			await jest.advanceTimersByTimeAsync(5_000);
			const first = await activation;
			expect(first.message).toBe(
				`Meta could not verify the webhook URL ${node.url}. Make it reachable from the internet over https with a valid certificate (N8N_WEBHOOK_URL, earlier WEBHOOK_URL).`,
			);
			node.meta.asked.length = 0;
			expect(await failureOf(node.activate())).toBe(first);
			expect(node.meta.asked).toEqual([]);
		});

		it('The activation fails if another process has taken the URL in the same moment', async () => {
			const node = trigger({});
			node.meta.afterChange = (what) => {
				if (what === 'POST subscriptions') node.meta.app = calls(FOREIGN);
			};
			const activation = failureOf(node.activate());
			await jest.advanceTimersByTimeAsync(60_000);
			const error = await activation;
			expect(error.message).toContain(
				`The Meta app already sends its webhooks to another URL: ${FOREIGN}`,
			);
			expect(node.meta.app).toEqual(calls(FOREIGN));
		});

		it.each([{}, ON_ACCOUNT, ON_ONE])(
			'The activation succeeds if Meta does what it is asked, and never says so: %j',
			async (parameters) => {
				const node = trigger(parameters);
				node.meta.afterChange = () => {
					throw new Error('socket hang up');
				};
				const activation = node.activate();
				await jest.advanceTimersByTimeAsync(80_000);
				expect(await activation).toBe(true);
				expect(node.meta.onAccount).toBe(true);
				expect(node.meta.app?.fields).toEqual(['calls']);
				const removal = node.deactivate();
				await jest.advanceTimersByTimeAsync(80_000);
				expect(await removal).toBe(true);
				expect(node.meta.state()).toEqual(NOTHING);
			},
		);
	});

	it('The activation leaves nothing to deactivate, whatever became of the credential', async () => {
		for (const parameters of [{}, { registration: 'manual', verifyToken: 'chosen' }]) {
			const node = trigger(parameters, new Meta(), { credential: {} });
			expect(await node.deactivate()).toBe(true);
		}
	});

	it.each<[string, IDataObject, RegExp]>([
		['no event is chosen', { events: [] }, /^Trigger On is empty/],
		['no number is chosen', { registration: 'phoneNumber' }, /^No phone number is chosen\. Choose/],
		[
			'there is no verify token for a registration by hand',
			{ registration: 'manual', verifyToken: ' ' },
			/^Verify Token is empty\. Enter/,
		],
		[
			'the address of the other webhook is none',
			takeOver({ otherWebhookUrl: 'crm' }),
			/^Other Webhook URL must be/,
		],
		[
			'the address of the other webhook is its own',
			takeOver({ otherWebhookUrl: 'https://n8n.example/webhook-test/own/webhook' }),
			/^Other Webhook URL must be/,
		],
	])('The activation fails if %s', async (_, parameters, message) => {
		const node = trigger(parameters, new Meta(), { id: 'own' });
		expect((await failureOf(node.activate())).message).toMatch(message);
		expect(node.meta.changes).toEqual([]);
	});

	it('The activation fails without a webhook URL of n8n', async () => {
		const node = trigger({});
		Object.assign(node.hooks, { getNodeWebhookUrl: () => undefined });
		expect((await failureOf(node.activate())).message).toMatch(
			/^n8n gave the trigger no webhook URL\. Set N8N_WEBHOOK_URL/,
		);
	});
});

describe('two triggers of one app', () => {
	it('Two triggers are registered one after the other: one has the URL, the other is in its list', async () => {
		const one = trigger({});
		const two = trigger({}, one.meta);
		one.publish();
		two.publish();
		await Promise.all([one.activate(), two.activate()]);
		expect(one.meta.receivers()).toEqual([one.url, two.url]);
	});

	it('The app stays with the last of two triggers on numbers, whichever leaves first', async () => {
		const one = trigger(ON_ONE);
		const two = trigger({ registration: 'phoneNumber', phoneNumberIds: [TWO] }, one.meta);
		for (const node of [one, two]) {
			await node.activate();
			node.publish();
		}
		one.meta.tokens.delete(one.url);
		await one.deactivate();
		expect(one.meta.receivers()).toEqual([two.url]);
		await two.deactivate();
		expect(one.meta.state()).toEqual(NOTHING);
	});
});

describe('an existing webhook URL', () => {
	it.each<[string, string]>([
		['another system', FOREIGN],
		['the same node in another n8n', 'https://other.example/webhook/ID/webhook'],
		['no address at all', 'not an address'],
	])('A URL is not overwritten if it belongs to %s', async (_, address) => {
		const node = trigger({});
		const there = address.replace('ID', node.id);
		node.meta.tokens.set(there, ['another']);
		node.meta.app = calls(there);
		const error = await failureOf(node.activate());
		expect(error.message).toContain(
			`The Meta app already sends its webhooks to another URL: ${there}.`,
		);
		expect(node.meta.changes).toEqual([]);
	});

	it('A URL where nothing is registered any more in this n8n is taken, and not put back', async () => {
		const node = trigger({});
		node.meta.app = calls('https://n8n.example/webhook-test/gone/webhook');
		node.meta.onAccount = true;
		await node.activate();
		expect(node.meta.app).toEqual(calls(node.url));
		await node.deactivate();
		expect(node.meta.state()).toEqual(NOTHING);
	});

	it('A URL is not taken if n8n cannot reach its own URLs', async () => {
		const node = trigger({});
		Object.assign(node.hooks.helpers, {
			httpRequest: async (request: Sent) => {
				if (request.url.startsWith('https://n8n.example')) throw new Error('no route');
				const answer = node.meta.answer(request);
				return { headers: {}, ...answer };
			},
		});
		node.meta.app = calls('https://n8n.example/webhook/gone/webhook');
		expect((await failureOf(node.activate())).message).toContain('another workflow in this n8n');
	});

	it('The URL of this trigger moves with the URL of n8n', async () => {
		const old = trigger({}, new Meta(), { base: 'https://old.example/' });
		await old.activate();
		const node = old.again({ base: 'https://n8n.example/n8n/' });
		await node.activate();
		expect(node.meta.app).toEqual(calls(node.url));
		await node.deactivate();
		expect(node.meta.state()).toEqual(NOTHING);
	});
});

describe('the record', () => {
	it.each<[string, Surroundings]>([
		['another n8n', { instanceId: 'instance-2', base: 'https://two.example/' }],
		['a restored n8n with the same key', { base: 'https://two.example/' }],
	])('The record of a live trigger does not apply to its copy in %s', async (_, copied) => {
		const original = trigger({});
		await original.activate();
		original.publish();
		const before = original.meta.state();
		const copy = original.again({ ...copied, data: structuredClone(original.data) });
		const error = await failureOf(copy.activate());
		expect(error.message).toMatch(/a trigger of this package in another n8n/);
		await copy.deactivate();
		await copy.deactivate();
		expect(original.meta.state()).toEqual(before);
		expect(original.meta.changes).toHaveLength(2);
	});

	it('The record does not apply to another workflow with the same webhook ID', async () => {
		const original = trigger({});
		await original.activate();
		original.publish();
		const before = original.meta.state();
		const copy = original.again({
			workflowId: 'workflow-2',
			data: structuredClone(original.data),
		});
		// n8n deletes what it could not publish because the path was taken.
		await copy.deactivate();
		expect(original.meta.state()).toEqual(before);
		const test = original.again({ workflowId: 'workflow-2', data: {}, mode: 'manual' });
		await test.activate();
		test.publish();
		expect(original.meta.receivers()).toEqual([original.url, test.url]);
		await test.deactivate();
		expect(original.meta.state()).toEqual(before);
	});

	it("The record is not needed: what stands at the trigger's own URL is removed without it", async () => {
		for (const parameters of [{}, ON_ACCOUNT, ON_ONE]) {
			const node = trigger(parameters);
			await node.activate();
			const renamed = node.again({ data: {}, instanceId: 'forgotten' });
			await renamed.activate();
			await renamed.deactivate();
			expect(node.meta.state()).toEqual(NOTHING);
		}
	});

	it('The record is remembered in the process if n8n has not saved it', async () => {
		const node = trigger({});
		node.meta.app = calls(FOREIGN, 'messages');
		const taker = node.again({}, TAKE_OVER);
		node.meta.onAccount = true;
		const before = node.meta.state();
		await taker.activate();
		await taker.again({ data: {} }).deactivate();
		expect(node.meta.state()).toEqual(before);
	});

	it('The record knows its account, although the credential was changed', async () => {
		const node = trigger({});
		await node.activate();
		const other = { ...CREDENTIAL, appId: '999', appSecret: 'another secret' };
		await node.again({ credential: other }).deactivate();
		expect(node.meta.state()).toEqual(NOTHING);
		// After a restart nothing is known of the former app: it is told.
		await node.activate();
		const forgotten = node.record();
		await node.deactivate();
		node.meta.changes.length = 0;
		const late = node.again({
			credential: other,
			data: { registration: forgotten as unknown } as IDataObject,
		});
		await late.deactivate();
		expect(node.meta.changes).toEqual([]);
		expect(late.logged).toEqual([
			expect.stringContaining(`was registered with the app ${ACCOUNT.appId}`),
		]);
	});

	it('The record stays for the next deactivation if it cannot be read who needs the fields', async () => {
		const node = trigger({});
		await node.activate();
		node.meta.refused.add('GET phone_numbers');
		await node.deactivate();
		expect(node.meta.state()).toMatchObject({ app: { fields: ['calls'] }, onAccount: true });
		expect(node.logged).toEqual([expect.stringContaining('n8n could not find out whether')]);
		node.meta.refused.clear();
		await node.deactivate();
		expect(node.meta.state()).toEqual(NOTHING);
	});

	it('The record stays if another system needs the fields', async () => {
		const node = trigger(ON_ONE);
		await node.activate();
		node.meta.numberAddresses.set(TWO, OTHER);
		node.meta.tokens.set(OTHER, ['another']);
		await node.deactivate();
		expect(node.meta.state()).toMatchObject({ app: { fields: ['calls'] }, onAccount: true });
		expect(node.logged).toEqual([expect.stringContaining('another webhook address')]);
	});
});

describe('taking over', () => {
	it('The other URL is put back with its own token, and with the field that Meta requires', async () => {
		const node = trigger(TAKE_OVER);
		node.meta.app = calls(FOREIGN, 'messages');
		node.meta.onAccount = true;
		const before = node.meta.state();
		await node.activate();
		expect(node.record()).toMatchObject({ alsoReceives: [FOREIGN] });
		node.meta.changes.length = 0;
		await node.deactivate();
		expect(node.meta.state()).toEqual(before);
		expect(node.meta.changes).toEqual([
			expect.objectContaining({
				with: expect.objectContaining({
					callback_url: FOREIGN,
					verify_token: ITS_TOKEN,
				}) as unknown,
			}),
		]);
	});

	it('A trigger in another n8n is taken over without a token from the operator', async () => {
		const one = trigger({}, new Meta(), { base: 'https://two.example/', instanceId: 'two' });
		await one.activate();
		one.publish();
		const before = one.meta.app;
		const two = trigger({ options: { onOtherWebhook: 'takeOverAndForward' } }, one.meta);
		await two.activate();
		expect(two.record()).toMatchObject({ alsoReceives: [one.url] });
		await two.deactivate();
		expect(one.meta.app).toEqual(before);
	});

	it('Nothing is taken over from another trigger of this n8n, which then gets what was taken over', async () => {
		const one = trigger(TAKE_OVER);
		one.meta.app = { ...calls(FOREIGN), fields: ['messages'] };
		one.meta.onAccount = true;
		const before = one.meta.state();
		const two = trigger({ options: { onOtherWebhook: 'takeOverAndForward' } }, one.meta);
		for (const node of [one, two]) {
			await node.activate();
			node.publish();
		}
		expect(two.record()).toMatchObject({ alsoReceives: [] });
		await one.deactivate();
		expect(readSharedAddress(one.meta.app.callbackUrl, APP_SECRET)).toMatchObject({
			url: two.url,
			other: { url: FOREIGN, verifyToken: ITS_TOKEN },
		});
		expect(one.meta.app.callbackUrl).not.toContain(ITS_TOKEN);
		// The record of the heir says nothing of it: the address does.
		await two.activate();
		expect(two.record()).toMatchObject({ alsoReceives: [FOREIGN] });
		one.meta.changes.length = 0;
		await two.deactivate();
		expect(one.meta.state()).toEqual(before);
		expect(one.meta.changes[0]).toMatchObject({ with: { verify_token: ITS_TOKEN } });
	});

	it('A URL where nothing is registered any more is not put back', async () => {
		const one = trigger({});
		await one.activate();
		one.publish();
		const two = trigger({ options: { onOtherWebhook: 'takeOverAndForward' } }, one.meta);
		await two.activate();
		one.meta.tokens.delete(one.url);
		await one.deactivate();
		await two.deactivate();
		expect(one.meta.state()).toEqual(NOTHING);
	});

	it.each([
		['is put back', true],
		['is not put back where it is gone by then', false],
	])("The URL of another workflow's trigger on a number %s", async (_, isThere) => {
		const workflow = 'https://n8n.example/webhook/of-a-workflow/webhook';
		const node = trigger({ ...ON_ONE, ...TAKE_OVER });
		node.meta.numberAddresses.set(ONE, workflow);
		node.meta.tokens.set(workflow, [ITS_TOKEN]);
		await node.activate();
		expect(node.meta.state().numberAddresses).toEqual({ [ONE]: node.url });
		if (!isThere) node.meta.tokens.delete(workflow);
		await node.deactivate();
		expect(node.meta.state().numberAddresses).toEqual(isThere ? { [ONE]: workflow } : {});
	});

	it('The log says so if the others on a number cannot forward: their URL has no room for that', async () => {
		const meta = new Meta();
		const one = trigger({ ...ON_ONE, ...TAKE_OVER }, meta);
		meta.numberAddresses.set(ONE, FOREIGN);
		const two = trigger(ON_ONE, meta, { workflowId: 'workflow-2' });
		for (const node of [one, two]) {
			await node.activate();
			node.publish();
		}
		expect(meta.receivers(meta.numberAddresses.get(ONE))).toEqual([one.url, two.url]);
		await one.deactivate();
		expect(meta.state().numberAddresses).toEqual({ [ONE]: two.url });
		expect(one.logged).toEqual([
			expect.stringContaining(`forwarded webhooks to ${FOREIGN}, and other triggers keep`),
		]);
		await two.deactivate();
		expect(meta.state()).toEqual(NOTHING);
	});

	it('The operator is asked for the URL of the other webhook if it was lost', async () => {
		const node = trigger(TAKE_OVER);
		node.meta.app = { ...calls(FOREIGN), fields: ['messages'] };
		node.meta.onAccount = true;
		const before = node.meta.state();
		await node.activate();
		const imported = { data: {}, instanceId: 'imported' };
		const lost = node.again(imported);
		expect((await failureOf(lost.activate())).message).toContain(
			'Enter it in the option "Other Webhook URL".',
		);
		// n8n's clean-up, and then a deactivation: the fields of the other webhook stay.
		await lost.deactivate();
		await lost.deactivate();
		expect(node.meta.app).toMatchObject({ callbackUrl: node.url, fields: ['messages'] });
		const found = node.again(imported, takeOver({ otherWebhookUrl: FOREIGN }));
		await found.activate();
		expect(found.record()).toMatchObject({ alsoReceives: [FOREIGN] });
		await found.deactivate();
		expect(node.meta.state()).toEqual(before);
	});

	it('The webhook of the parameter is put back if the record is lost', async () => {
		const parameters = takeOver({ otherWebhookUrl: FOREIGN });
		const node = trigger(parameters);
		node.meta.app = { ...calls(FOREIGN), fields: ['messages'] };
		node.meta.onAccount = true;
		const before = node.meta.state();
		await node.activate();
		await node.again({ data: {}, instanceId: 'forgotten' }).deactivate();
		expect(node.meta.state()).toEqual(before);
	});
});

describe('triggers that share a webhook URL', () => {
	/** So many of one n8n, published. */
	async function published(count: number) {
		const meta = new Meta();
		const all = Array.from({ length: count }, (_, index) =>
			trigger({}, meta, { workflowId: `workflow-${index}` }),
		);
		for (const one of all) {
			one.publish();
			await one.activate();
		}
		expect(meta.receivers()).toEqual(all.map(({ url }) => url));
		return { meta, all };
	}

	it('All triggers move with the holder when the URL of n8n has changed', async () => {
		const { meta, all } = await published(3);
		meta.tokens.clear();
		const moved = all.map((one) => one.again({ base: 'https://new.example/' }));
		for (const one of moved) one.publish();
		await moved[0].activate();
		expect(meta.receivers().sort()).toEqual(moved.map(({ url }) => url).sort());
	});

	it('Triggers that do not know the new app secret yet stay in the list', async () => {
		const { meta, all } = await published(3);
		const credential = { ...CREDENTIAL, appSecret: 'the new one' };
		const [first, second] = all.map((one) => one.again({ credential }));
		for (const one of [first, second]) one.publish();
		await second.activate();
		expect(meta.receivers(undefined, 'the new one')).toEqual(all.map(({ url }) => url));
	});

	it('A holder with another app secret becomes one of the others', async () => {
		const { meta, all } = await published(2);
		all[0].again({ credential: { ...CREDENTIAL, appSecret: 'of another app' } }).publish();
		await all[1].again().activate();
		expect(meta.receivers()).toEqual([all[1].url, all[0].url]);
	});
});

describe('a test', () => {
	it('A test joins production, and leaves everything as it was', async () => {
		const node = trigger({});
		await node.activate();
		node.publish();
		const before = node.meta.state();
		const test = node.again({ mode: 'manual', data: {} });
		await test.activate();
		test.publish();
		expect(node.meta.receivers()).toEqual([node.url, test.url]);
		await test.deactivate();
		expect(node.meta.state()).toEqual(before);
	});

	it.each<[string, Surroundings]>([
		['n8n cannot reach production', {}],
		['its webhook ID cannot be listed', { id: 'of-an-old-workflow' }],
	])(
		'A test takes production over if %s, and points back to it with its token',
		async (_, given) => {
			const node = trigger({}, new Meta(), given);
			await node.activate();
			node.publish();
			if (given.id === undefined) node.meta.unreachable.add(node.url);
			const before = node.meta.state();
			const test = node.again({ mode: 'manual', data: {} });
			await test.activate();
			expect(node.meta.app).toEqual(calls(node.test));
			node.meta.changes.length = 0;
			await test.deactivate();
			expect(node.meta.state()).toEqual(before);
			expect(node.meta.changes).toEqual([
				expect.objectContaining({
					with: expect.objectContaining({
						verify_token: deriveVerifyToken(APP_SECRET, node.production),
					}) as unknown,
				}),
			]);
		},
	);

	it('A test that cannot point back ends all the same, and the log says so', async () => {
		const node = trigger({});
		await node.activate();
		node.publish();
		const test = node.again({ mode: 'manual', data: {} });
		await test.activate();
		node.meta.refused.add('POST subscriptions');
		expect(await test.deactivate()).toBe(true);
		expect(test.logged).toEqual([
			expect.stringMatching(/could not be pointed back from its test URL .*Unpublish the workflow/),
		]);
		node.meta.refused.clear();
		await node.deactivate();
		expect(node.meta.state()).toEqual(NOTHING);
	});

	it('A test in another n8n version is known by its URL, without a record', async () => {
		const node = trigger({});
		await node.activate();
		node.publish();
		const before = node.meta.state();
		const stopped = node.again({ mode: 'internal', data: {} });
		Object.assign(stopped.hooks, { getNodeWebhookUrl: () => node.test });
		expect(await stopped.deactivate()).toBe(true);
		expect(node.meta.state()).toEqual(before);
	});
});
