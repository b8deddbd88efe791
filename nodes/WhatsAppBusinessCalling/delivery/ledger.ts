export type Claim = 'mine' | 'delivered' | 'inFlight';

interface InFlight {
	/** Resolves when the key is committed or released. */
	ended: Promise<void>;
	end: () => void;
}

/**
 * Remembers, in the memory of this process, what was delivered to workflows and what is in flight.
 *
 * A key is claimed before the work, and becomes "delivered" only together with the acknowledgement to Meta. Until
 * then a copy of the same delivery waits; if the acknowledgement fails, the key is free again. Static data of the
 * workflow cannot be used here: two simultaneous deliveries overwrite each other's, and a mark in it is either
 * lost or written before the execution exists.
 */
export class Ledger {
	private readonly delivered = new Set<string>();

	private readonly inFlight = new Map<string, InFlight>();

	private readonly firstSeen = new Map<string, number>();

	private readonly evictDelivered: () => void;

	private readonly evictFirstSeen: () => void;

	/** @param capacity number of keys of each kind that are remembered; the oldest are evicted first */
	constructor(capacity = 100_000) {
		this.evictDelivered = oldestEvictor(this.delivered, capacity);
		this.evictFirstSeen = oldestEvictor(this.firstSeen, capacity);
	}

	hasDelivered(key: string): boolean {
		return this.delivered.has(key);
	}

	/** Takes a key for the caller, unless it was delivered or another delivery holds it. */
	claim(key: string): Claim {
		if (this.hasDelivered(key)) return 'delivered';
		if (this.inFlight.has(key)) return 'inFlight';
		let end = () => {};
		const ended = new Promise<void>((resolve) => (end = resolve));
		this.inFlight.set(key, { ended, end });
		return 'mine';
	}

	/** Waits until the delivery that holds the key commits or releases it, or until the signal aborts. */
	async waitFor(key: string, signal: AbortSignal): Promise<void> {
		const entry = this.inFlight.get(key);
		if (!entry || signal.aborted) return;
		await new Promise<void>((resolve) => {
			signal.addEventListener('abort', () => resolve(), { once: true });
			void entry.ended.then(resolve);
		});
	}

	/** The workflow has it, and it is acknowledged to Meta. */
	commit(key: string): void {
		this.delivered.add(key);
		this.evictDelivered();
		this.firstSeen.delete(key);
		this.end(key);
	}

	/** The workflow does not have it: its next delivery starts again. */
	release(key: string): void {
		this.end(key);
	}

	/** When this process first saw the key, in milliseconds since 1970; `now` if it has not seen it before. */
	firstSeenAt(key: string, now: number): number {
		const before = this.firstSeen.get(key);
		if (before !== undefined) return before;
		this.firstSeen.set(key, now);
		this.evictFirstSeen();
		return now;
	}

	private end(key: string): void {
		this.inFlight.get(key)?.end();
		this.inFlight.delete(key);
	}
}

/**
 * Creates a function that removes the oldest keys until no more than `capacity` are left.
 *
 * It keeps one iterator, which stays at the oldest key. A new one would step over the positions of all keys that
 * were removed before, tens of thousands in a full ledger.
 */
function oldestEvictor(keys: Set<string> | Map<string, unknown>, capacity: number): () => void {
	const oldest = keys.keys();
	return () => {
		while (keys.size > capacity) {
			const next = oldest.next();
			if (next.done) return;
			keys.delete(next.value);
		}
	};
}

export const ledger = new Ledger();
