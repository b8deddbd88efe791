export type Claim = 'mine' | 'delivered' | 'inFlight';

interface InFlight {
	settled: Promise<void>;
	settle: () => void;
}

/**
 * Remembers, in the memory of this process, what was delivered to workflows and what is on its way.
 *
 * A key is claimed before the work, and becomes "delivered" only together with the acknowledgement
 * to Meta. Until then a copy of the same delivery waits; if the acknowledgement fails the key is
 * free again. Static data of the workflow can't serve here: two deliveries at once overwrite each
 * other's, and a mark in it is either lost or written before the execution exists.
 */
export class Ledger {
	private readonly delivered = new Set<string>();

	private readonly inFlight = new Map<string, InFlight>();

	private readonly firstSeen = new Map<string, number>();

	private readonly forgetDelivered: () => void;

	private readonly forgetFirstSeen: () => void;

	/** @param capacity how many keys are remembered of each kind; the oldest are forgotten first */
	constructor(capacity = 100_000) {
		this.forgetDelivered = forgetterOf(this.delivered, capacity);
		this.forgetFirstSeen = forgetterOf(this.firstSeen, capacity);
	}

	hasDelivered(key: string): boolean {
		return this.delivered.has(key);
	}

	/** Takes a key for the caller, unless it was delivered or another delivery holds it. */
	claim(key: string): Claim {
		if (this.hasDelivered(key)) return 'delivered';
		if (this.inFlight.has(key)) return 'inFlight';
		let settle = () => {};
		const settled = new Promise<void>((resolve) => (settle = resolve));
		this.inFlight.set(key, { settled, settle });
		return 'mine';
	}

	/** Resolves when the delivery that holds the key is answered, or when the signal aborts. */
	async settled(key: string, signal: AbortSignal): Promise<void> {
		const entry = this.inFlight.get(key);
		if (!entry || signal.aborted) return;
		await new Promise<void>((resolve) => {
			signal.addEventListener('abort', () => resolve(), { once: true });
			void entry.settled.then(resolve);
		});
	}

	/** The workflow has it, and Meta was or is being told so. */
	commit(key: string): void {
		this.delivered.add(key);
		this.forgetDelivered();
		this.firstSeen.delete(key);
		this.settle(key);
	}

	/** The workflow does not have it: the next delivery of it starts anew. */
	release(key: string): void {
		this.settle(key);
	}

	/** When this process first met the key, in milliseconds since 1970. */
	noticed(key: string, now: number): number {
		const before = this.firstSeen.get(key);
		if (before !== undefined) return before;
		this.firstSeen.set(key, now);
		this.forgetFirstSeen();
		return now;
	}

	private settle(key: string): void {
		this.inFlight.get(key)?.settle();
		this.inFlight.delete(key);
	}
}

/**
 * Gives a function that takes the oldest keys away until no more than `capacity` are left.
 *
 * It keeps one iterator for good, which stays at the oldest key. A new one would each time step over the
 * places of all keys that were taken away before, tens of thousands in a full ledger.
 */
function forgetterOf(keys: Set<string> | Map<string, unknown>, capacity: number): () => void {
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
