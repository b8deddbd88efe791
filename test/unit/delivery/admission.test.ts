import { EventEmitter } from 'node:events';
import fc from 'fast-check';

import type { WebhookResponse } from '../../../nodes/WhatsAppBusinessCalling/delivery/acknowledgement';
import { Admission } from '../../../nodes/WhatsAppBusinessCalling/delivery/admission';

class Response extends EventEmitter {
	closed = false;

	statusCode = 200;

	end() {
		return this;
	}

	hangUp() {
		this.closed = true;
		this.emit('close');
	}
}

const asResponse = (response: Response) => response as unknown as WebhookResponse;

/** Enters, and gives the response by whose end the place is left; null where there was no place. */
function enter(admission: Admission, limit: number, response = new Response()): Response | null {
	return admission.tryEnter(limit, asResponse(response)) ? response : null;
}

/** As many as still find a place. */
function placesOf(admission: Admission, limit: number): number {
	const inside = Array.from({ length: limit }, () => enter(admission, limit));
	for (const response of inside) response?.end();
	return inside.filter((response) => response !== null).length;
}

describe('Admission', () => {
	it('As many as the limit allows are admitted, and the next when one has left', () => {
		const admission = new Admission();
		const first = enter(admission, 2);
		enter(admission, 2);
		expect(enter(admission, 2)).toBeNull();
		first?.end();
		expect(enter(admission, 2)).not.toBeNull();
		expect(enter(admission, 2)).toBeNull();
		// Another workflow may allow more.
		expect(enter(admission, 3)).not.toBeNull();
	});

	it('No delivery leaves twice', () => {
		const admission = new Admission();
		const first = enter(admission, 2);
		enter(admission, 2);
		first?.end();
		first?.end();
		expect(placesOf(admission, 2)).toBe(1);
	});

	it('The limit is never exceeded, and no place is lost', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 5 }),
				fc.array(fc.option(fc.nat(9), { nil: undefined })),
				(limit, steps) => {
					const admission = new Admission();
					const inside: Response[] = [];
					for (const leaves of steps) {
						if (leaves === undefined) {
							const response = enter(admission, limit);
							expect(response === null).toBe(inside.length === limit);
							if (response) inside.push(response);
						} else inside.splice(leaves, 1)[0]?.end();
					}
					for (const response of inside) response.end();
					expect(placesOf(admission, limit)).toBe(limit);
				},
			),
		);
	});

	describe('Admission when Meta hangs up', () => {
		const timeouts: AbortController[] = [];

		beforeEach(() => {
			timeouts.length = 0;
			jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
				expect(ms).toBe(60_000);
				const timeout = new AbortController();
				timeouts.push(timeout);
				return timeout.signal;
			});
		});

		afterEach(() => jest.restoreAllMocks());

		it.each(['before', 'after'])('The place is kept for a minute (%s it was taken)', (when) => {
			const admission = new Admission();
			const response = new Response();
			if (when === 'before') response.hangUp();
			enter(admission, 1, response);
			if (when === 'after') response.hangUp();
			expect(placesOf(admission, 1)).toBe(0);
			expect(timeouts).toHaveLength(1);
			timeouts[0]?.abort();
			expect(placesOf(admission, 1)).toBe(1);
		});

		it('No timer starts for a delivery that has left already', () => {
			const admission = new Admission();
			const response = new Response();
			enter(admission, 1, response)?.end();
			response.hangUp();
			expect(timeouts).toEqual([]);
		});
	});

	it('The number of rejected deliveries is reported at once, then at most once a minute', () => {
		const admission = new Admission();
		enter(admission, 1);
		const turnAway = (times: number) => {
			for (let time = 0; time < times; time++) expect(enter(admission, 1)).toBeNull();
		};
		turnAway(1);
		expect(admission.takeRejectedCount(1_000)).toBe(1);
		turnAway(3);
		expect(admission.takeRejectedCount(60_999)).toBe(0);
		turnAway(2);
		expect(admission.takeRejectedCount(61_000)).toBe(5);
	});
});
