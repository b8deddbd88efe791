/** The eighth part, rounded up: what each participant may use although the others use the whole limit. */
const reserved = (limit: number) => Math.ceil(limit / 8);

/**
 * A limit on what this process does at once, shared by several participants.
 *
 * One participant may use the whole limit, but never so that nothing is left for another: each has an eighth of it
 * to itself. So participants together hardly exceed the limit, and one whose work hangs does not stop the others.
 */
export class SharedLimit {
	private inUse = 0;

	private readonly waiting = new Set<() => boolean>();

	/** Adds a participant. */
	share(): Share {
		return new Share(this);
	}

	/** @internal Used by `Share`. */
	tryTake(limit: number, own: number): boolean {
		if (own >= limit || (this.inUse >= limit && own >= reserved(limit))) return false;
		this.inUse++;
		return true;
	}

	/** @internal Used by `Share`. */
	free(): void {
		this.inUse--;
		for (const retry of [...this.waiting]) {
			// Last the next time, so that all have their turn.
			if (retry() && this.waiting.delete(retry)) this.waiting.add(retry);
		}
	}

	/** @internal Used by `Share`. */
	wait(retry: () => boolean): void {
		this.waiting.add(retry);
	}

	/** @internal Used by `Share`. */
	stopWaiting(retry: () => boolean): void {
		this.waiting.delete(retry);
	}
}

/** The part of one participant. */
export class Share {
	private own = 0;

	constructor(private readonly whole: SharedLimit) {}

	/**
	 * Takes a place, to be given back with `free`.
	 *
	 * @param limit maximum number of places, from the participant's settings
	 * @returns false if no place is free
	 */
	tryTake(limit: number): boolean {
		if (!this.whole.tryTake(limit, this.own)) return false;
		this.own++;
		return true;
	}

	/** Gives back a place. Others that wait for one get it at once. */
	free(): void {
		this.own--;
		this.whole.free();
	}

	/** @param retry called when a place may be free; returns whether it took one */
	wait(retry: () => boolean): void {
		this.whole.wait(retry);
	}

	stopWaiting(retry: () => boolean): void {
		this.whole.stopWaiting(retry);
	}
}
