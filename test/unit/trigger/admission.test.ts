import { EventEmitter } from 'node:events';
import fc from 'fast-check';

import { Admission } from '../../../nodes/WhatsAppBusinessCalling/trigger/admission';

class Connection extends EventEmitter {
	closed = false;

	close() {
		this.closed = true;
		this.emit('close');
	}
}

const open = () => new Connection();

/** As many as still find a place. */
function placesOf(admission: Admission, limit: number): number {
	const leaves = Array.from({ length: limit }, () => admission.enter(limit, open()));
	for (const leave of leaves) leave?.();
	return leaves.filter((leave) => leave !== null).length;
}

describe('Admission', () => {
	it('lets in as many as the limit allows, and the next when one has left', () => {
		const admission = new Admission();
		const first = admission.enter(2, open());
		admission.enter(2, open());
		expect(admission.enter(2, open())).toBeNull();
		first?.();
		expect(admission.enter(2, open())).not.toBeNull();
		expect(admission.enter(2, open())).toBeNull();
		// Another workflow may allow more.
		expect(admission.enter(3, open())).not.toBeNull();
	});

	it('counts nobody out twice', () => {
		const admission = new Admission();
		const leave = admission.enter(2, open());
		admission.enter(2, open());
		leave?.();
		leave?.();
		expect(placesOf(admission, 2)).toBe(1);
	});

	it('never lets in more than the limit, and never forgets a place', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 5 }),
				fc.array(fc.option(fc.nat(9), { nil: undefined })),
				(limit, steps) => {
					const admission = new Admission();
					const inside: Array<() => void> = [];
					for (const leaves of steps) {
						if (leaves === undefined) {
							const leave = admission.enter(limit, open());
							expect(leave === null).toBe(inside.length === limit);
							if (leave) inside.push(leave);
						} else inside.splice(leaves, 1)[0]?.();
					}
					for (const leave of inside) leave();
					expect(placesOf(admission, limit)).toBe(limit);
				},
			),
		);
	});

	describe('where Meta hangs up', () => {
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

		it.each(['before', 'after'])('keeps the place for a minute (%s it was taken)', (when) => {
			const admission = new Admission();
			const connection = open();
			if (when === 'before') connection.close();
			admission.enter(1, connection);
			if (when === 'after') connection.close();
			expect(placesOf(admission, 1)).toBe(0);
			expect(timeouts).toHaveLength(1);
			timeouts[0]?.abort();
			expect(placesOf(admission, 1)).toBe(1);
		});

		it('starts no timer for what has left already', () => {
			const admission = new Admission();
			const connection = open();
			admission.enter(1, connection)?.();
			connection.close();
			expect(timeouts).toEqual([]);
		});
	});

	it('tells at once, then at most once a minute, how many found no place', () => {
		const admission = new Admission();
		admission.enter(1, open());
		const turnAway = (times: number) => {
			for (let time = 0; time < times; time++) expect(admission.enter(1, open())).toBeNull();
		};
		turnAway(1);
		expect(admission.toTell(1_000)).toBe(1);
		turnAway(3);
		expect(admission.toTell(60_999)).toBe(0);
		turnAway(2);
		expect(admission.toTell(61_000)).toBe(5);
	});
});
