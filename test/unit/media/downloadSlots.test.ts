import fc from 'fast-check';

import { DownloadSlots } from '../../../nodes/WhatsAppBusinessCalling/media/downloadSlots';

const never = new AbortController().signal;
const settle = async () => await new Promise((resolve) => setImmediate(resolve));

/** Takes slots and notes who got one, in their order. */
function queueOf(slots: DownloadSlots) {
	const got: string[] = [];
	const free = new Map<string, () => void>();
	const take = (name: string, limit: number, signal = never) =>
		void slots.take(limit, signal).then((release) => {
			got.push(release === null ? `${name} gave up` : name);
			if (release) free.set(name, release);
		});
	return { got, take, free: (name: string) => free.get(name)?.() };
}

describe('DownloadSlots', () => {
	it('As many slots as the limit allows are given, to the others in their order', async () => {
		const { got, take, free } = queueOf(new DownloadSlots());
		for (const name of ['a', 'b', 'c', 'd', 'e']) take(name, 2);
		await settle();
		expect(got).toEqual(['a', 'b']);
		free('b');
		await settle();
		expect(got).toEqual(['a', 'b', 'c']);
		free('a');
		free('c');
		await settle();
		expect(got).toEqual(['a', 'b', 'c', 'd', 'e']);
	});

	it('No caller overtakes another in the moment that a slot is freed', async () => {
		const { got, take, free } = queueOf(new DownloadSlots());
		for (const name of ['a', 'b', 'c']) take(name, 1);
		await settle();
		free('a');
		take('late', 1);
		for (const name of ['b', 'c', 'late']) {
			await settle();
			free(name);
		}
		expect(got).toEqual(['a', 'b', 'c', 'late']);
	});

	it('A slot is freed once, however often that is requested', async () => {
		const { got, take, free } = queueOf(new DownloadSlots());
		for (const name of ['a', 'b', 'c']) take(name, 1);
		await settle();
		free('a');
		free('a');
		await settle();
		expect(got).toEqual(['a', 'b']);
	});

	it('Callers whose time is over leave, and the others keep their order', async () => {
		const { got, take, free } = queueOf(new DownloadSlots());
		const controller = new AbortController();
		take('a', 1);
		take('b', 1, controller.signal);
		take('c', 1);
		take('d', 1);
		await settle();
		controller.abort();
		await settle();
		expect(got).toEqual(['a', 'b gave up']);
		free('a');
		await settle();
		expect(got).toEqual(['a', 'b gave up', 'c']);
	});

	it('A caller whose time is already over gets nothing', async () => {
		const slots = new DownloadSlots();
		expect(await slots.take(1, AbortSignal.abort())).toBeNull();
		expect(await slots.take(1, never)).not.toBeNull();
	});

	it('The limit is never exceeded, and all others are served in order, whichever gives up', async () => {
		const job = fc.record({ wait: fc.nat(4), work: fc.nat(4), givesUp: fc.option(fc.nat(8)) });
		const ticks = async (count: number) => {
			for (let tick = 0; tick < count; tick++) await Promise.resolve();
		};
		await fc.assert(
			fc.asyncProperty(
				fc.array(job, { maxLength: 15 }),
				fc.integer({ min: 1, max: 4 }),
				async (jobs, limit) => {
					const slots = new DownloadSlots();
					const asked: number[] = [];
					const started: number[] = [];
					let running = 0;
					await Promise.all(
						jobs.map(async ({ wait, work, givesUp }, index) => {
							const controller = new AbortController();
							await ticks(wait);
							asked.push(index);
							const taking = slots.take(limit, controller.signal);
							if (givesUp !== null) void ticks(givesUp).then(() => controller.abort());
							const free = await taking;
							if (free === null) return void asked.splice(asked.indexOf(index), 1);
							started.push(index);
							running++;
							expect(running).toBeLessThanOrEqual(limit);
							await ticks(work);
							running--;
							free();
						}),
					);
					expect(started).toEqual(asked);
					for (let slot = 0; slot < limit; slot++) {
						expect(await slots.take(limit, AbortSignal.timeout(1000))).not.toBeNull();
					}
				},
			),
			{ numRuns: 1000 },
		);
	});

	it('Callers with other limits are served in their order as well', async () => {
		const { got, take, free } = queueOf(new DownloadSlots());
		take('a', 2);
		take('b', 2);
		take('narrow', 1);
		take('wide', 2);
		await settle();
		free('a');
		await settle();
		expect(got).toEqual(['a', 'b']);
		free('b');
		await settle();
		expect(got).toEqual(['a', 'b', 'narrow', 'wide']);
	});
});
