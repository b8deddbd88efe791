import fc from 'fast-check';

import { DownloadSlots } from '../../nodes/WhatsAppBusinessCalling/media/downloadSlots';
import { SharedLimit } from '../../nodes/WhatsAppBusinessCalling/sharedLimit';

const never = new AbortController().signal;

describe('SharedLimit', () => {
	it('One participant may use all of it, and the others an eighth each, rounded up', () => {
		const common = new SharedLimit();
		const [busy, other, third] = [common.share(), common.share(), common.share()];
		const taken = (share: typeof busy, limit: number) => {
			let count = 0;
			while (share.tryTake(limit)) count++;
			return count;
		};
		expect(taken(busy, 32)).toBe(32);
		expect(taken(other, 32)).toBe(4);
		expect(taken(third, 4)).toBe(1);
		for (let place = 0; place < 20; place++) busy.free();
		// 12, 4 and 1 are in use.
		expect(taken(other, 32)).toBe(15);
		expect(taken(busy, 32)).toBe(0);
	});

	it('No participant exceeds its limit or gets less than its part, and no place is lost', () => {
		const step = fc.record({ who: fc.nat(3), takes: fc.boolean() });
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step), (limit, steps) => {
				const common = new SharedLimit();
				const shares = Array.from({ length: 4 }, () => common.share());
				const own = shares.map(() => 0);
				const total = () => own.reduce((sum, count) => sum + count, 0);
				for (const { who, takes } of steps) {
					if (takes) {
						const mayTake =
							own[who] < limit && (total() < limit || own[who] < Math.ceil(limit / 8));
						expect(shares[who].tryTake(limit)).toBe(mayTake);
						if (mayTake) own[who]++;
					} else if (own[who] > 0) {
						own[who]--;
						shares[who].free();
					}
				}
				own.forEach((count, who) => Array.from({ length: count }, () => shares[who].free()));
				for (let place = 0; place < limit; place++) expect(shares[0].tryTake(limit)).toBe(true);
				expect(shares[0].tryTake(limit)).toBe(false);
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
