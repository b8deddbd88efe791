import fc from 'fast-check';

import { Ledger } from '../../../nodes/WhatsAppBusinessCalling/delivery/ledger';

const never = new AbortController().signal;

describe('Ledger', () => {
	it('The first to claim a key gets it, and the others learn what becomes of it', () => {
		const ledger = new Ledger();
		expect(ledger.claim('a')).toBe('mine');
		expect(ledger.claim('a')).toBe('inFlight');
		expect(ledger.claim('b')).toBe('mine');
		ledger.commit('a');
		expect(ledger.claim('a')).toBe('delivered');
	});

	it('A released key goes to the next one', () => {
		const ledger = new Ledger();
		ledger.claim('a');
		ledger.release('a');
		expect(ledger.claim('a')).toBe('mine');
	});

	it('A delivered key is not forgotten because a copy of it is released', () => {
		const ledger = new Ledger();
		ledger.claim('a');
		ledger.commit('a');
		ledger.release('a');
		expect(ledger.claim('a')).toBe('delivered');
	});

	it.each(['commit', 'release'] as const)('All who wait wake on %s', async (end) => {
		const ledger = new Ledger();
		ledger.claim('a');
		const waiting = Promise.all([ledger.waitFor('a', never), ledger.waitFor('a', never)]);
		ledger[end]('a');
		await waiting;
		expect(ledger.claim('a')).toBe(end === 'commit' ? 'delivered' : 'mine');
	});

	it('Waiting for a key that is not in flight ends at once', async () => {
		const ledger = new Ledger();
		await ledger.waitFor('a', never);
		ledger.claim('b');
		await ledger.waitFor('b', AbortSignal.abort());
	});

	it('Waiting ends when the time is over', async () => {
		const ledger = new Ledger();
		const controller = new AbortController();
		ledger.claim('a');
		const waiting = ledger.waitFor('a', controller.signal);
		controller.abort();
		await waiting;
		expect(ledger.claim('a')).toBe('inFlight');
	});

	it('The oldest key is forgotten first, and none below the capacity', () => {
		const ledger = new Ledger(3);
		for (const key of ['a', 'b', 'c', 'd']) {
			ledger.claim(key);
			ledger.commit(key);
		}
		expect(['b', 'c', 'd'].map((key) => ledger.claim(key))).toEqual(Array(3).fill('delivered'));
		expect(ledger.claim('a')).toBe('mine');
	});

	it('A key in flight is never forgotten, even over the capacity', () => {
		const ledger = new Ledger(1);
		const keys = ['a', 'b', 'c'];
		for (const key of keys) ledger.claim(key);
		expect(keys.map((key) => ledger.claim(key))).toEqual(Array(3).fill('inFlight'));
	});

	it('The first sight of a key is remembered until it is delivered', () => {
		const ledger = new Ledger(2);
		expect(ledger.firstSeenAt('a', 100)).toBe(100);
		expect(ledger.firstSeenAt('a', 200)).toBe(100);
		ledger.commit('a');
		expect(ledger.firstSeenAt('a', 300)).toBe(300);
		ledger.firstSeenAt('b', 300);
		ledger.firstSeenAt('c', 300);
		expect(ledger.firstSeenAt('a', 400)).toBe(400);
	});

	it('Of copies that come at once, one alone passes while the work succeeds', async () => {
		const delay = async (ticks: number) => {
			for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
		};
		const copy = fc.record({
			key: fc.constantFrom('a', 'b'),
			work: fc.nat(5),
			succeeds: fc.boolean(),
		});
		await fc.assert(
			fc.asyncProperty(fc.array(copy, { maxLength: 12 }), async (copies) => {
				const ledger = new Ledger();
				const delivered: string[] = [];
				const working = new Set<string>();
				const deliver = async ({ key, work, succeeds }: (typeof copies)[number]) => {
					for (;;) {
						const claim = ledger.claim(key);
						if (claim === 'delivered') return;
						if (claim === 'mine') break;
						await ledger.waitFor(key, never);
					}
					expect(working.has(key)).toBe(false);
					working.add(key);
					await delay(work);
					working.delete(key);
					if (succeeds) delivered.push(key);
					if (succeeds) ledger.commit(key);
					else ledger.release(key);
				};
				await Promise.all(copies.map(deliver));
				const good = copies.filter(({ succeeds }) => succeeds).map(({ key }) => key);
				expect([...delivered].sort()).toEqual([...new Set(good)].sort());
			}),
			{ numRuns: 1000 },
		);
	});
});
