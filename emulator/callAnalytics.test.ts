import { answeredCall, graph } from '../test/support/graph';
import { startEmulator, type Emulator } from './index';

const WABA = '102000000000001';

let emulator: Emulator;

beforeEach(async () => {
	emulator = await startEmulator();
});

afterEach(async () => await emulator.stop());

const ask = async (filters: string) =>
	await graph(
		emulator,
		'GET',
		`${WABA}?fields=${encodeURIComponent(`name,call_analytics${filters}`)}`,
	);

const PERIOD = '.start(1759302000).end(1767168000)';

describe('call analytics', () => {
	it('Call analytics come with other fields', async () => {
		const filters = `${PERIOD}.granularity(DAILY).directions(USER_INITIATED).dimensions([direction,"phone"])`;
		expect((await ask(filters)).body).toEqual({
			name: 'Emulated Business',
			call_analytics: { granularity: 'DAILY', directions: 'USER_INITIATED', data_points: [] },
			id: WABA,
		});
	});

	it.each<[string, string, number]>([
		['the number', 'phone_numbers(["442079460958"])', 1],
		['another number', 'phone_numbers([441314960321])', 0],
		['the country', 'country_codes(["US"])', 1],
		['another country', 'country_codes(["GB"])', 0],
		['the direction', 'directions([USER_INITIATED])', 1],
		['the other direction', 'directions([BUSINESS_INITIATED])', 0],
	])('Call analytics can be filtered by %s of a call', async (_, filter, count) => {
		await answeredCall(emulator, 5);
		const { body } = await ask(`.start(1759302000).end(9999999999).granularity(DAILY).${filter}`);
		expect((body.call_analytics as { data_points: unknown[] }).data_points).toHaveLength(count);
	});

	it.each<[string, string, number]>([
		['without a start', '.end(1767168000).granularity(DAILY)', 100],
		['without a granularity', PERIOD, 100],
		['of another granularity', `${PERIOD}.granularity(WEEKLY)`, 100],
		['of a time that is none', '.start(now).end(1767168000).granularity(DAILY)', 100],
		['of a time without length', '.start(1767168000).end(1767168000).granularity(DAILY)', 100],
		['by something else', `${PERIOD}.granularity(DAILY).dimensions(["DIRECTION"])`, 100],
		['of another direction', `${PERIOD}.granularity(DAILY).directions(BOTH)`, 100],
		['with another metric', `${PERIOD}.granularity(DAILY).metric_types(SUM)`, 100],
		['by the same twice', `${PERIOD}.granularity(DAILY).dimensions(["phone","phone"])`, 100],
		['by half of a list', `${PERIOD}.granularity(DAILY).dimensions(["phone")`, 100],
		['of a number that is none', `${PERIOD}.granularity(DAILY).phone_numbers(["+44 20"])`, 100],
		['of a country by its name', `${PERIOD}.granularity(DAILY).country_codes([Spain])`, 100],
		['with an unknown filter', `${PERIOD}.granularity(DAILY).limit(5)`, 2500],
		['with a filter twice', `${PERIOD}.granularity(DAILY).granularity(DAILY)`, 2500],
		['with half a filter', `${PERIOD}.granularity(DAILY`, 2500],
		['without filters', '', 100],
	])('Call analytics %s are rejected', async (_, filters, code) => {
		expect((await ask(filters)).error.code).toBe(code);
	});
});
