/** The eighth part, rounded up: what each participant may use although the others use the whole limit. */
const reserved = (limit: number) => Math.ceil(limit / 8);

/**
 * Takes a place for one participant.
 *
 * @param limit maximum number of places, from the participant's settings
 * @returns a function that gives the place back, once however often it is called; null if no place is free
 */
export type TakePlace = (limit: number) => (() => void) | null;

/**
 * A limit on what this process does at once, shared by several participants.
 *
 * One participant may use the whole limit, but never so that nothing is left for another: each has an eighth of it
 * to itself. So participants together hardly exceed the limit, and one whose work hangs does not stop the others.
 */
export class SharedLimit {
	/** Participants that wait for a place. Each is called when one may be free, and returns whether it took it. */
	readonly waiting = new Set<() => boolean>();

	private inUse = 0;

	addParticipant(): TakePlace {
		let own = 0;
		return (limit) => {
			if (own >= limit || (this.inUse >= limit && own >= reserved(limit))) return null;
			own++;
			this.inUse++;
			let isHeld = true;
			return () => {
				if (!isHeld) return;
				isHeld = false;
				own--;
				this.inUse--;
				this.offerPlace();
			};
		};
	}

	private offerPlace(): void {
		for (const retry of [...this.waiting]) {
			// Last the next time, so that all have their turn.
			if (retry() && this.waiting.delete(retry)) this.waiting.add(retry);
		}
	}
}
