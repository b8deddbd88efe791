import { allPages } from '../../../nodes/WhatsAppBusinessCalling/graph/pages';

describe('allPages', () => {
	it('Pages of any length are read', async () => {
		const rows = Array.from({ length: 200_000 }, (_, row) => row);
		const pages = [
			{ rows, after: 'second' },
			{ rows, after: undefined },
		];
		const result = await allPages(async () => ({ ok: true, value: pages.shift()! }));
		expect(result.ok && result.value.length).toBe(2 * rows.length);
	});

	it('A list of more pages than are read is a failure, unless enough was read: it must not pass for all of it', async () => {
		let pages = 0;
		const readPage: Parameters<typeof allPages<number>>[0] = async () => ({
			ok: true,
			value: { rows: [pages], after: String(++pages) },
		});
		expect(await allPages(readPage)).toMatchObject({
			ok: false,
			failure: { kind: 'unreadable', message: "Meta's list does not end after 50 pages" },
		});
		expect(pages).toBe(50);
		const enough = await allPages(readPage, ({ length }) => length >= 50);
		expect(enough.ok && enough.value.length).toBe(50);
	});
});
