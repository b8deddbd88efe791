import { usableAccount } from '../../../nodes/WhatsAppBusinessCalling/trigger/usableAccount';
import { ACCOUNT, CREDENTIAL, fakeWebhook, NODE } from '../fakes';

const MINUTE = 60_000;

/** A node whose credential can be broken and mended. */
function node(name: string) {
	const { context, logged } = fakeWebhook({});
	let fields: object = CREDENTIAL;
	Object.assign(context, {
		getNode: () => ({ ...NODE, id: name, name }),
		getCredentials: async () => fields,
	});
	return {
		logged,
		set: (more: object) => (fields = { ...CREDENTIAL, ...more }),
		ask: async () => await usableAccount(context),
	};
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('usableAccount', () => {
	it('The credential is returned', async () => {
		const { ask, logged } = node('good');
		expect(await ask()).toEqual(ACCOUNT);
		expect(logged).toEqual([]);
	});

	it('The log says once in ten minutes that it cannot be used, however often it is needed', async () => {
		const { ask, set, logged } = node('broken');
		set({ appSecret: '' });
		for (let times = 0; times < 1_000; times++) expect(await ask()).toBeNull();
		expect(logged).toHaveLength(1);
		expect(logged[0]).toContain('"broken"');
		jest.advanceTimersByTime(9 * MINUTE);
		await ask();
		expect(logged).toHaveLength(1);
		jest.advanceTimersByTime(2 * MINUTE);
		await ask();
		expect(logged).toHaveLength(2);
	});

	it('The log says it of each node', async () => {
		const nodes = [node('one'), node('other')];
		for (const { ask, set, logged } of nodes) {
			set({ apiVersion: 'x' });
			await ask();
			expect(logged).toHaveLength(1);
		}
	});

	it('The log says it again after it was fixed meanwhile', async () => {
		const { ask, set, logged } = node('mended');
		set({ appSecret: '' });
		await ask();
		set({});
		expect(await ask()).toEqual(ACCOUNT);
		set({ appSecret: '' });
		await ask();
		expect(logged).toHaveLength(2);
	});
});
