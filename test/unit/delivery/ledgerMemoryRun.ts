import { createHash } from 'node:crypto';

import { Ledger } from '../../../nodes/WhatsAppBusinessCalling/delivery/ledger';

/** What a process of its own prints for the test, in which nothing else can be collected meanwhile. */
export interface LedgerMemory {
	/** Megabytes of a full ledger, and of the same ledger after three times as many deliveries. */
	full: number;
	later: number;
	/** What becomes of the last key that is remembered, and of the one before it. */
	claims: string[];
	firstSeen: number[];
}

const CAPACITY = 100_000;
const MEGABYTE = 1_000_000;

function heapMegabytes(): number {
	globalThis.gc!();
	globalThis.gc!();
	return process.memoryUsage().heapUsed / MEGABYTE;
}

/** Of the form that the trigger uses. */
const key = (number: number) => createHash('sha256').update(String(number)).digest('base64url');

const before = heapMegabytes();
const ledger = new Ledger();
let keys = 0;

function deliver(count: number): number {
	for (const end = keys + count; keys < end; keys++) {
		const delivered = key(keys);
		ledger.claim(delivered);
		ledger.commit(delivered);
		// The file of this one never comes, and Meta gives up.
		const unavailable = key(-1 - keys);
		ledger.claim(unavailable);
		ledger.firstSeenAt(unavailable, keys);
		ledger.release(unavailable);
	}
	return heapMegabytes() - before;
}

const report: LedgerMemory = {
	full: deliver(CAPACITY),
	later: deliver(2 * CAPACITY),
	claims: [keys - CAPACITY, keys - CAPACITY - 1].map((number) => ledger.claim(key(number))),
	firstSeen: [keys - CAPACITY, keys - CAPACITY - 1].map(
		(number) => ledger.firstSeenAt(key(-1 - number), keys) - (keys - CAPACITY),
	),
};
console.log(JSON.stringify(report));
