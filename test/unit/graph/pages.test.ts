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
});
