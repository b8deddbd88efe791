import {
	FRESH_MS,
	knownAccount,
	RECHECK_MS,
} from '../../../nodes/WhatsAppBusinessCalling/trigger/knownAccount';
import { ACCOUNT, CREDENTIAL, fakeWebhook, NODE } from '../fakes';

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
	return { seen, ask: async (maxAgeMs = FRESH_MS) => await knownAccount(context, maxAgeMs) };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('knownAccount', () => {
	it('The credential is read once in ten seconds, however often it is needed', async () => {
		const { ask, seen } = node();
		const accounts = await Promise.all([ask(), ask(), ask()]);
		expect(accounts).toEqual([ACCOUNT, ACCOUNT, ACCOUNT]);
		jest.advanceTimersByTime(FRESH_MS - 1);
		await ask();
		expect(seen.reads).toBe(1);
		jest.advanceTimersByTime(1);
		await ask();
		expect(seen.reads).toBe(2);
	});

	it('The credential is read again for a caller that requires it younger', async () => {
		const { ask, seen } = node();
		await ask();
		jest.advanceTimersByTime(RECHECK_MS - 1);
		await ask(RECHECK_MS);
		expect(seen.reads).toBe(1);
		jest.advanceTimersByTime(1);
		await ask(RECHECK_MS);
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
