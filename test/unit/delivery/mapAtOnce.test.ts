import { mapAtOnce } from '../../../nodes/WhatsAppBusinessCalling/delivery/mapAtOnce';

describe('mapAtOnce', () => {
	it.each([
		[0, 4, 0],
		[3, 4, 3],
		[20, 4, 4],
		[5, 1, 1],
	])(
		'The work on %i elements runs at most %i at once, and keeps their order',
		async (count, limit, most) => {
			let [running, peak] = [0, 0];
			const list = Array.from({ length: count }, (_, n) => n);
			const results = await mapAtOnce(list, limit, async (n) => {
				peak = Math.max(peak, ++running);
				// Later ones are done sooner.
				for (let turn = 0; turn < count - n; turn++) await Promise.resolve();
				running--;
				return n * 2;
			});
			expect(results).toEqual(list.map((n) => n * 2));
			expect(peak).toBe(most);
		},
	);

	it('An error of the work rejects the whole, and nothing more is begun', async () => {
		const begun: number[] = [];
		const work = async (n: number) => {
			begun.push(n);
			await Promise.resolve();
			if (n === 2) throw new Error('no');
		};
		await expect(mapAtOnce([1, 2, 3, 4, 5, 6], 2, work)).rejects.toThrow('no');
		for (let turn = 0; turn < 20; turn++) await Promise.resolve();
		expect(begun).toEqual([1, 2, 3]);
	});
});
