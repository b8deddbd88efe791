import type { EndpointKind, Fault, FaultHandle, FaultMatch } from './types';

interface Candidate {
	kind: EndpointKind;
	method: string;
	mediaId?: string;
	phoneNumberId?: string;
	action?: string;
}

interface QueuedFault {
	kind: EndpointKind;
	fault: Fault;
	match: FaultMatch;
	toSkip: number;
	left: number;
	hits: number;
}

/** Faults waiting for the requests they are meant for, first in, first out. */
export class FaultQueue {
	private queue: QueuedFault[] = [];

	add(kind: EndpointKind, fault: Fault, match: FaultMatch = {}): FaultHandle {
		const queued: QueuedFault = {
			kind,
			fault,
			match,
			toSkip: match.after ?? 0,
			left: match.times ?? 1,
			hits: 0,
		};
		this.queue.push(queued);
		return {
			hits: () => queued.hits,
			cancel: () => {
				this.queue = this.queue.filter((other) => other !== queued);
			},
		};
	}

	clear(): void {
		this.queue = [];
	}

	take(request: Candidate): Fault | undefined {
		for (const queued of this.queue) {
			if (queued.left <= 0 || !matches(queued, request)) continue;
			if (queued.toSkip > 0) {
				queued.toSkip -= 1;
				continue;
			}
			queued.left -= 1;
			queued.hits += 1;
			return queued.fault;
		}
		return undefined;
	}
}

function matches({ kind, match }: QueuedFault, request: Candidate): boolean {
	return (
		kind === request.kind &&
		(match.method === undefined || match.method.toUpperCase() === request.method) &&
		(match.mediaId === undefined || match.mediaId === request.mediaId) &&
		(match.phoneNumberId === undefined || match.phoneNumberId === request.phoneNumberId) &&
		(match.action === undefined || match.action === request.action)
	);
}
