import {
	CACHE_MS,
	cachedAccount,
	RECHECK_INTERVAL_MS,
} from '../../../nodes/WhatsAppBusinessCalling/trigger/accountCache';
import { ACCOUNT, CREDENTIAL, fakeWebhook, NODE } from '../fakes';
import { MINUTE_MS } from '../../support/constants';

let nodes = 0;

/** A node with a credential of its own, and how often it was read. */
function node({ mode = 'webhook', credential = 'c1' } = {}) {
	const { context } = fakeWebhook({});
	const id = `node-${++nodes}`;
	const seen = { reads: 0, fields: CREDENTIAL as object, credential };
	Object.assign(context, {
		getMode: () => mode,
		getNode: () => ({
			...NODE,
			id,
			credentials: { whatsAppBusinessCallingApi: { id: seen.credential, name: 'WhatsApp' } },
		}),
		getCredentials: async () => {
			seen.reads++;
			return seen.fields;
		},
	});
	return { seen, ask: async (maxAgeMs = CACHE_MS) => await cachedAccount(context, maxAgeMs) };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('cachedAccount', () => {
	it('The credential is read once in ten seconds, however often it is needed', async () => {
		const { ask, seen } = node();
		const accounts = await Promise.all([ask(), ask(), ask()]);
		expect(accounts).toEqual([ACCOUNT, ACCOUNT, ACCOUNT]);
		jest.advanceTimersByTime(CACHE_MS - 1);
		await ask();
		expect(seen.reads).toBe(1);
		jest.advanceTimersByTime(1);
		await ask();
		expect(seen.reads).toBe(2);
	});

	it('The credential is read again for a caller that requires it younger', async () => {
		const { ask, seen } = node();
		await ask();
		jest.advanceTimersByTime(RECHECK_INTERVAL_MS - 1);
		await ask(RECHECK_INTERVAL_MS);
		expect(seen.reads).toBe(1);
		jest.advanceTimersByTime(1);
		await ask(RECHECK_INTERVAL_MS);
		expect(seen.reads).toBe(2);
	});

	it('The credential is read each time in a test run', async () => {
		const { ask, seen } = node({ mode: 'manual' });
		await ask();
		await ask();
		expect(seen.reads).toBe(2);
	});

	it('The credential is read again after a clock was set back', async () => {
		const { ask, seen } = node();
		await ask();
		jest.setSystemTime(Date.now() - 60 * 60_000);
		await ask();
		expect(seen.reads).toBe(2);
	});

	it('A missing credential is not remembered', async () => {
		const { ask, seen } = node();
		seen.fields = {};
		expect(await ask()).toBeNull();
		seen.fields = CREDENTIAL;
		expect(await ask()).toEqual(ACCOUNT);
	});

	it('A newer reading is kept when an older one finds none', async () => {
		const { ask, seen } = node();
		seen.fields = {};
		const early = ask();
		seen.fields = CREDENTIAL;
		const late = ask(0);
		expect([await early, await late]).toEqual([null, ACCOUNT]);
		expect(await ask()).toEqual(ACCOUNT);
		expect(seen.reads).toBe(2);
	});

	it('Another credential of the node, and that of another node, are read', async () => {
		const [one, other] = [node(), node()];
		await one.ask();
		one.seen.credential = 'c2';
		await one.ask();
		await other.ask();
		expect([one.seen.reads, other.seen.reads]).toEqual([2, 1]);
	});
});

/** A node whose credential can be broken and fixed. */
function nodeToBreak(name: string) {
	const { context, logged } = fakeWebhook({});
	let fields: object = CREDENTIAL;
	Object.assign(context, {
		getNode: () => ({ ...NODE, id: name, name }),
		getCredentials: async () => fields,
	});
	return {
		logged,
		set: (more: object) => (fields = { ...CREDENTIAL, ...more }),
		ask: async () => await cachedAccount(context, 0),
	};
}

describe('cachedAccount with a credential that cannot be used', () => {
	it('The log says nothing about a good credential', async () => {
		const { ask, logged } = nodeToBreak('good');
		expect(await ask()).toEqual(ACCOUNT);
		expect(logged).toEqual([]);
	});

	it('The log says once in ten minutes that it cannot be used, however often it is needed', async () => {
		const { ask, set, logged } = nodeToBreak('broken');
		set({ appSecret: '' });
		for (let times = 0; times < 1_000; times++) expect(await ask()).toBeNull();
		expect(logged).toHaveLength(1);
		expect(logged[0]).toContain('"broken"');
		jest.advanceTimersByTime(9 * MINUTE_MS);
		await ask();
		expect(logged).toHaveLength(1);
		jest.advanceTimersByTime(2 * MINUTE_MS);
		await ask();
		expect(logged).toHaveLength(2);
	});

	it('The log says it of each node', async () => {
		const nodes = [nodeToBreak('one'), nodeToBreak('other')];
		for (const { ask, set, logged } of nodes) {
			set({ apiVersion: 'x' });
			await ask();
			expect(logged).toHaveLength(1);
		}
	});

	it('The log says it again after it was fixed meanwhile', async () => {
		const { ask, set, logged } = nodeToBreak('fixed');
		set({ appSecret: '' });
		await ask();
		set({});
		expect(await ask()).toEqual(ACCOUNT);
		set({ appSecret: '' });
		await ask();
		expect(logged).toHaveLength(2);
	});
});
