import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Ledger } from '../../../nodes/WhatsAppBusinessCalling/delivery/ledger';

const CAPACITY = 100_000;
const MEGABYTE = 1_000_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapMegabytes(): number {
	collectGarbage();
	collectGarbage();
	return process.memoryUsage().heapUsed / MEGABYTE;
}

/** Of the form that the trigger uses. */
const key = (number: number) => createHash('sha256').update(String(number)).digest('base64url');

describe('The memory of a ledger', () => {
	it('is bounded: a full one takes 30 MB, however many deliveries there are', () => {
		const before = heapMegabytes();
		const ledger = new Ledger();
		let keys = 0;
		const deliver = (count: number) => {
			for (const end = keys + count; keys < end; keys++) {
				const delivered = key(keys);
				ledger.claim(delivered);
				ledger.commit(delivered);
				// The file of this one never comes, and Meta gives up.
				const unavailable = key(-1 - keys);
				ledger.claim(unavailable);
				ledger.noticed(unavailable, keys);
				ledger.release(unavailable);
			}
			return heapMegabytes() - before;
		};
		const full = deliver(CAPACITY);
		const later = deliver(2 * CAPACITY);
		console.log(
			`A full ledger takes ${full.toFixed(1)} MB, and after ${keys} deliveries ${later.toFixed(1)} MB`,
		);
		expect(full).toBeLessThan(30);
		expect(later).toBeLessThan(30);

		expect(ledger.claim(key(keys - CAPACITY))).toBe('delivered');
		expect(ledger.claim(key(keys - CAPACITY - 1))).toBe('mine');
		expect(ledger.noticed(key(-1 - (keys - CAPACITY)), keys)).toBe(keys - CAPACITY);
		expect(ledger.noticed(key(-1 - (keys - CAPACITY - 1)), keys)).toBe(keys);
	});
});
