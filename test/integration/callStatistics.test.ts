import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { makeSdp } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { answeredCall, graph } from '../support/graph';
import type { ActionRun } from './engine/actionRun';
import { useStage } from './engineStage';

const START = Date.parse('2026-11-10T12:00:00Z');
const stage = useStage({ clockStart: START });

const statistics = async (parameters: INodeParameters = {}): Promise<ActionRun> =>
	await stage.engine.run(stage.credential, {
		resource: 'phoneNumber',
		operation: 'getCallStatistics',
		from: '2026-11-01T00:00:00Z',
		to: '2026-11-30T00:00:00Z',
		...parameters,
	});

const jsonOf = ({ items }: ActionRun) => items.map(({ json }) => json);

/** One from a person and, a day later, two from the business. */
async function makeCalls(): Promise<void> {
	const action = async (body: object) =>
		await graph(stage.emulator, 'POST', `${NUMBER}/calls`, {
			messaging_product: 'whatsapp',
			...body,
		});
	await answeredCall(stage.emulator, 30);
	stage.emulator.clock.set(START + 86_400_000);
	for (const durationSeconds of [10, 20]) {
		const offer = { sdp_type: 'offer', sdp: makeSdp('offer') };
		await action({ action: 'connect', to: PERSON, session: offer });
		const call = stage.emulator.calls.at(-1)!;
		stage.emulator.userPicksUp(call.id);
		stage.emulator.hangUp(call.id, { durationSeconds });
	}
	stage.emulator.forget();
}

const fields = () => stage.requests('account').map(({ query }) => query.fields);

describe('Call statistics', () => {
	it('The statistics are one item for each day and direction, in order', async () => {
		await makeCalls();
		expect(jsonOf(await statistics())).toEqual([
			{
				start: '2026-11-10T00:00:00.000Z',
				end: '2026-11-11T00:00:00.000Z',
				direction: 'USER_INITIATED',
				phoneNumber: null,
				country: null,
				calls: 1,
				averageDurationSeconds: 30,
				cost: 0,
				currency: 'EUR',
			},
			{
				start: '2026-11-11T00:00:00.000Z',
				end: '2026-11-12T00:00:00.000Z',
				direction: 'BUSINESS_INITIATED',
				phoneNumber: null,
				country: null,
				calls: 2,
				averageDurationSeconds: 15,
				cost: expect.closeTo(0.0072, 6),
				currency: 'EUR',
			},
		]);
		expect(fields()).toEqual([
			'currency,call_analytics.start(1793491200).end(1795996800).granularity(DAILY).dimensions(["direction"])',
		]);
	});

	it('The statistics can be split further, and be per month', async () => {
		await makeCalls();
		const dimensions = ['phone', 'country', 'direction'];
		const months = jsonOf(await statistics({ granularity: 'MONTHLY', dimensions }));
		expect(months).toMatchObject([
			{ direction: 'BUSINESS_INITIATED', phoneNumber: '442079460958', country: 'US', calls: 2 },
			{ start: '2026-11-01T00:00:00.000Z', end: '2026-12-01T00:00:00.000Z', calls: 1 },
		]);
	});

	it('The statistics can be for all calls of a period together', async () => {
		await makeCalls();
		const days = jsonOf(await statistics({ dimensions: [] }));
		expect(days.map(({ calls, direction }) => [calls, direction])).toEqual([
			[1, null],
			[2, null],
		]);
		expect(fields()[0]).not.toContain('dimensions');
	});

	it('The statistics are of the last 30 days by default', async () => {
		const before = Math.floor(Date.now() / 1000);
		await statistics({ from: '', to: '' });
		const [, from, to] = (/start\((\d+)\)\.end\((\d+)\)/.exec(fields()[0] ?? '') ?? []).map(Number);
		expect(to - before).toBeLessThan(60);
		expect(to - from).toBe(30 * 86_400);
	});

	it('The statistics of a period without calls have no items', async () => {
		expect(jsonOf(await statistics())).toEqual([]);
	});

	it('The statistics also come if Meta accepts the dimensions only in upper case', async () => {
		stage.emulator.variants.callDimensionsAs = 'upper';
		await makeCalls();
		expect(jsonOf(await statistics())).toHaveLength(2);
		expect(fields()).toHaveLength(2);
		expect(fields()[1]).toContain('.dimensions(["DIRECTION"])');
	});

	it.each<[string, unknown, IDataObject[]]>([
		['no statistics', { id: '1' }, []],
		['points one level deeper', { call_analytics: { data: [{ data_points: [{}] }] } }, [{}]],
		[
			'numbers as text',
			{
				call_analytics: {
					data_points: [{ start: '1765958400', count: '35', cost: '0.5', average_duration: '106' }],
				},
			},
			[{ start: '2025-12-17T08:00:00.000Z', calls: 35, cost: 0.5, averageDurationSeconds: 106 }],
		],
		[
			'odd values',
			{ call_analytics: { data_points: [{ start: 'x', count: {}, direction: 5, phone: '1' }] } },
			[{ start: null, calls: null, direction: null, phoneNumber: '1', currency: null }],
		],
	])('The statistics are read from a response with %s', async (_, body, expected) => {
		stage.emulator.failNext('account', { status: 200, body });
		const items = jsonOf(await statistics());
		expect(items).toHaveLength(expected.length);
		expect(items).toMatchObject(expected);
	});

	it.each([{ call_analytics: 'none' }, { call_analytics: { data_points: {} } }, []])(
		'The statistics are not read from %j',
		async (body) => {
			stage.emulator.failNext('account', { status: 200, body });
			const { error } = await statistics();
			expect(error.message).toBe('Meta returned a response that cannot be read');
		},
	);

	it('An error of Meta about statistics says why', async () => {
		stage.emulator.failNext('account', { errorCode: 100 }, { times: Infinity });
		const { error } = await statistics();
		expect(error.message).toBe('WhatsApp did not accept the request');
	});

	it.each<[string, INodeParameters, string]>([
		['a period that ends before it starts', { to: '2026-10-01' }, 'From must be before To'],
		['a time that is none', { from: 'yesterday' }, 'From is not a time: "yesterday"'],
		['an unknown length', { granularity: '={{ "WEEKLY" }}' }, '"WEEKLY" is not a value of Per'],
		['an unknown split', { dimensions: ['a).end(1'] }, '"a).end(1" is not a value of Split By'],
	])('The operation rejects %s', async (_, parameters, message) => {
		const { error } = await statistics(parameters);
		expect(error.message).toBe(message);
		expect(error.description).not.toBe('');
		expect(stage.emulator.requests).toEqual([]);
	});
});
