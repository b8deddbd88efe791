import fc from 'fast-check';

import { DownloadSlots } from '../../nodes/WhatsAppBusinessCalling/media/downloadSlots';
import { SharedLimit, type TakePlace } from '../../nodes/WhatsAppBusinessCalling/sharedLimit';

const never = new AbortController().signal;

describe('SharedLimit', () => {
	it('One participant may use all of it, and the others an eighth each, rounded up', () => {
		const common = new SharedLimit();
		const [busy, other, third] = [1, 2, 3].map(() => common.addParticipant());
		const takeAll = (take: TakePlace, limit: number) => {
			const taken: Array<() => void> = [];
			for (let free = take(limit); free !== null; free = take(limit)) taken.push(free);
			return taken;
		};
		const ofBusy = takeAll(busy, 32);
		expect(ofBusy).toHaveLength(32);
		expect(takeAll(other, 32)).toHaveLength(4);
		expect(takeAll(third, 4)).toHaveLength(1);
		for (const free of ofBusy.slice(0, 20)) free();
		// 12, 4 and 1 are in use.
		expect(takeAll(other, 32)).toHaveLength(15);
		expect(takeAll(busy, 32)).toEqual([]);
	});

	it('No participant exceeds its limit or gets less than its part, and no place is lost', () => {
		const step = fc.record({ who: fc.nat(3), takes: fc.boolean() });
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step), (limit, steps) => {
				const common = new SharedLimit();
				const participants = Array.from({ length: 4 }, () => common.addParticipant());
				const held = participants.map((): Array<() => void> => []);
				const freeTwice = (free: (() => void) | undefined) => [1, 2].forEach(() => free?.());
				for (const { who, takes } of steps) {
					const own = held[who];
					if (takes) {
						const mayTake =
							own.length < limit &&
							(held.flat().length < limit || own.length < Math.ceil(limit / 8));
						const free = participants[who](limit);
						expect(free !== null).toBe(mayTake);
						if (free) own.push(free);
					} else freeTwice(own.pop());
				}
				held.flat().forEach(freeTwice);
				for (let place = 0; place < limit; place++) expect(participants[0](limit)).not.toBeNull();
				expect(participants[0](limit)).toBeNull();
			}),
		);
	});

	it('Triggers that wait for the slots of another one get them in turn', async () => {
		const common = new SharedLimit();
		const [busy, second, third] = [1, 2, 3].map(() => new DownloadSlots(common));
		const started: string[] = [];
		const free = await Promise.all([1, 2, 3, 4].map(async () => await busy.take(4, never)));
		const wait = (name: string, slots: DownloadSlots) =>
			void slots.take(4, never).then(() => started.push(name));
		for (let download = 0; download < 3; download++) {
			wait('second', second);
			wait('third', third);
		}
		const settle = async () => await new Promise((resolve) => setImmediate(resolve));
		await settle();
		expect(started).toEqual(['second', 'third']);
		for (const slot of free) {
			slot?.();
			await settle();
		}
		// Six were in use, so the first two that ended only made up for that.
		expect(started).toEqual(['second', 'third', 'second', 'third']);
	});
});
