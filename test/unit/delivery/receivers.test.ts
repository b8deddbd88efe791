import { createHmac, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { IDataObject } from 'n8n-workflow';

import {
	EVENT_BITS,
	formatSharedAddress,
	siblingUrl,
	type SharedAddress,
	type Sibling,
} from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { DeliveryLog } from '../../../nodes/WhatsAppBusinessCalling/delivery/deliveryLog';
import { parseBody } from '../../../nodes/WhatsAppBusinessCalling/events/parseDelivery';
import { EVENT_TYPES } from '../../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { RELAY_HEADER } from '../../../nodes/WhatsAppBusinessCalling/delivery/passOn';
import {
	receiversOf,
	waitsForOthers,
} from '../../../nodes/WhatsAppBusinessCalling/delivery/receivers';
import { RUNS } from '../../support/properties';
import { ACCOUNT, APP_SECRET, fakeWebhook, NODE } from '../fakes';

const HOLDER = `https://n8n.example/webhook/${randomUUID()}/webhook`;
const OTHER = { url: 'https://other.example/webhook', verifyToken: 'T', addedFields: [] };

const sibling = (...events: string[]): Sibling => ({
	...{ webhookId: randomUUID(), isTest: false, events },
});

const urlOf = (one: Sibling) => siblingUrl(HOLDER, one);

const addressOf = (siblings: Sibling[], more: Partial<SharedAddress> = {}, secret = APP_SECRET) =>
	formatSharedAddress(
		{ url: HOLDER, siblings, leavesAccount: false, isKnownToLeave: null, other: null, ...more },
		secret,
	);

const ofCalls = (...names: string[]) => ({
	entry: [{ changes: [{ field: 'calls', value: { calls: names.map((event) => ({ event })) } }] }],
});

const MESSAGE = { entry: [{ changes: [{ field: 'messages', value: { messages: [{}] } }] }] };

interface Setting {
	/** The URL of the trigger, if it is not the one of the address. */
	url?: string;
	query?: Record<string, unknown>;
	parameters?: IDataObject;
	proof?: unknown;
	mode?: string;
	name?: string;
}

/** Who gets a delivery that came by an address. */
function receivers(address: string, delivery: unknown, setting: Setting = {}) {
	const { searchParams } = new URL(address);
	const query = setting.query ?? Object.fromEntries(searchParams);
	const headers = { [RELAY_HEADER]: setting.proof };
	const { context, logged } = fakeWebhook(setting.parameters ?? {}, { query, headers });
	Object.assign(context, {
		getMode: () => setting.mode ?? 'webhook',
		getNode: () => ({ ...NODE, id: setting.name ?? randomUUID() }),
		getNodeWebhookUrl: () => setting.url ?? HOLDER,
	});
	const body = Buffer.from(JSON.stringify(delivery));
	const log = new DeliveryLog(context.logger);
	return { ...receiversOf(context, ACCOUNT, body, parseBody(body), log), logged };
}

const nobody = { list: [], areMore: false, logged: [] };

describe('receiversOf', () => {
	it('The plain URL has no other receivers, and n8n is asked nothing', () => {
		const { context } = fakeWebhook({});
		Object.assign(context, {
			getNodeWebhookUrl: () => {
				throw new Error('asked');
			},
		});
		const found = receiversOf(
			context,
			ACCOUNT,
			Buffer.alloc(0),
			{},
			new DeliveryLog(context.logger),
		);
		expect(found).toEqual({ list: [], areMore: false });
	});

	it('The receivers are those who chose an event that the delivery contains', () => {
		fc.assert(
			fc.property(
				fc.array(fc.subarray(EVENT_BITS), { maxLength: 6 }),
				fc.subarray(['connect', 'call_created', 'terminate', 'call_recording_available', 'new']),
				(wanted, names) => {
					const siblings = wanted.map((events) => sibling(...events));
					const held = names.map((name) => (name === 'new' ? 'other' : name));
					const { list, areMore } = receivers(addressOf(siblings), ofCalls(...names));
					const expected = siblings.filter(({ events }) =>
						events.some((one) => held.includes(one)),
					);
					expect(list.map(({ url }) => url)).toEqual(expected.map(urlOf));
					expect(list.map(({ isUrgent }) => isUrgent)).toEqual(
						expected.map(({ events }) => held.includes('connect') && events.includes('connect')),
					);
					expect(areMore).toBe(false);
				},
			),
			{ numRuns: RUNS },
		);
	});

	it('Every event that a trigger can choose is known', () => {
		expect([...EVENT_BITS].sort()).toEqual(EVENT_TYPES.map(({ name }) => name).sort());
	});

	it('No number is compared: each trigger has its own filter', () => {
		const address = addressOf([sibling('terminate')]);
		const { list } = receivers(address, ofCalls('terminate'), {
			parameters: { phoneNumberIds: ['1'] },
		});
		expect(list).toHaveLength(1);
	});

	it('The trigger itself is left out, and no receiver comes twice', () => {
		const own = { ...sibling('terminate'), webhookId: HOLDER.split('/').at(-2) ?? '' };
		const twice = sibling('terminate');
		const { list } = receivers(addressOf([own, twice, twice]), ofCalls('terminate'));
		expect(list.map(({ url }) => url)).toEqual([urlOf(twice)]);
	});

	it('A test of the trigger itself is a receiver', () => {
		const test = {
			...sibling('terminate'),
			isTest: true,
			webhookId: HOLDER.split('/').at(-2) ?? '',
		};
		const { list, areMore } = receivers(addressOf([test]), ofCalls('terminate'));
		expect(list).toMatchObject([
			{ kind: 'test', url: HOLDER.replace('/webhook/', '/webhook-test/') },
		]);
		expect(waitsForOthers({ list, areMore })).toBe(false);
	});

	it('The list of a trigger that listens for a test event is read, although n8n does not tell its URL', () => {
		const production = sibling('terminate');
		const address = addressOf([production], { url: HOLDER.replace('/webhook/', '/webhook-test/') });
		const { list, areMore } = receivers(address, ofCalls('terminate'), { mode: 'manual' });
		expect([list.map(({ url }) => url), areMore]).toEqual([[urlOf(production)], false]);
	});

	it.each<[string, unknown]>([
		['no event', ofCalls()],
		['no JSON object', 'x'],
		['messages', MESSAGE],
	])('No receiver is found if the delivery contains %s', (_, delivery) => {
		expect(receivers(addressOf([sibling(...EVENT_BITS)]), delivery)).toEqual(nobody);
	});

	describe('receiversOf with the previous webhook in the URL', () => {
		const address = addressOf([], { other: OTHER });

		it('The previous webhook gets what is not about calls', () => {
			expect(receivers(address, MESSAGE).list).toMatchObject([
				{ kind: 'otherWebhook', url: OTHER.url, isUrgent: false },
			]);
			expect(receivers(address, ofCalls('terminate')).list).toEqual([]);
		});

		it('The previous webhook gets no proof', () => {
			expect(receivers(address, MESSAGE).list[0].relayProof).toBeUndefined();
		});

		const onOtherWebhook = 'takeOverAndForward';

		it('What the trigger itself knows is preferred', () => {
			const otherWebhookUrl = 'https://own.example/webhook';
			const { list } = receivers(address, MESSAGE, {
				parameters: { options: { onOtherWebhook, otherWebhookUrl } },
			});
			expect(list.map(({ url }) => url)).toEqual([otherWebhookUrl]);
		});

		it('A trigger that has lost its record can forward', () => {
			const { list, areMore } = receivers(address, MESSAGE, {
				parameters: { options: { onOtherWebhook } },
			});
			expect([list.map(({ url }) => url), areMore]).toEqual([[OTHER.url], false]);
		});
	});

	describe('receiversOf with a list that is not authentic', () => {
		const wanted = [sibling('terminate')];
		const good = Object.fromEntries(new URL(addressOf(wanted)).searchParams);

		it.each<[string, Setting]>([
			[
				'written with another secret',
				{
					query: Object.fromEntries(new URL(addressOf(wanted, {}, 'x'.repeat(32))).searchParams),
				},
			],
			['of another trigger', { url: `https://n8n.example/webhook/${randomUUID()}/webhook` }],
			['of another origin', { url: HOLDER.replace('n8n.', 'evil.') }],
			['of production in a test', { mode: 'manual' }],
			['cut', { query: { also: good.also.slice(0, -1) } }],
			['longer', { query: { also: `${good.also}AAAA` } }],
			['empty', { query: { also: '' } }],
			['huge', { query: { also: 'A'.repeat(15_000) } }],
			['there twice', { query: { also: [good.also, good.also] } }],
			['an object', { query: { also: { toString: good.also } } }],
			['URLs', { query: { also: 'https://evil.example/webhook' } }],
			['with another webhook that was not sealed', { query: { ...good, other: 'AAAA' } }],
			['only another webhook', { query: { other: 'AAAA' } }],
			['without a URL of n8n', { url: '' }],
		])(
			'A list (%s) has no receivers, and nothing that may be for others is acknowledged',
			(_, setting) => {
				const address = addressOf(wanted);
				const refused = receivers(address, ofCalls('terminate'), setting);
				expect(refused).toMatchObject({ list: [], areMore: true });
				expect(refused.logged).toEqual([expect.stringContaining('Was the app secret changed')]);
			},
		);

		it('A delivery that cannot be for others is acknowledged', () => {
			const query = { also: 'AAAA' };
			expect(receivers(HOLDER, MESSAGE, { query })).toMatchObject({ list: [], areMore: false });
			expect(receivers(HOLDER, 'x', { query })).toMatchObject({ list: [], areMore: false });
			// The webhook of before may want it.
			const forwarded = { query: { ...query, other: 'AAAA' } };
			expect(receivers(HOLDER, MESSAGE, forwarded)).toMatchObject({ list: [], areMore: true });
		});

		it('The log says it once in ten minutes', () => {
			const setting = { query: { also: 'AAAA' }, name: 'one' };
			expect(receivers(HOLDER, MESSAGE, setting).logged).toHaveLength(1);
			expect(receivers(HOLDER, MESSAGE, setting).logged).toEqual([]);
			expect(receivers(HOLDER, MESSAGE, { ...setting, name: 'other' }).logged).toHaveLength(1);
		});
	});

	describe('receiversOf for a delivery that another trigger has passed on', () => {
		const delivery = ofCalls('terminate');
		const mixed = { entry: [...delivery.entry, ...MESSAGE.entry] };
		const listed = [sibling('terminate')];
		const address = addressOf(listed, { other: OTHER });
		/** As the trigger at another address makes it for this one. */
		const proofFor = (url: string, of: unknown = mixed) => {
			const id = url.split('/').at(-2) ?? '';
			const from = 'https://n8n.example/webhook/11111111-2222-3333-4444-555555555555/webhook';
			const shared = { url: from, siblings: [{ ...sibling('terminate'), webhookId: id }] };
			const { list } = receivers(addressOf([], shared), of, { url: from });
			return list.find((one) => one.url === url)?.relayProof;
		};

		it('The delivery has no receivers, whatever its URL and parameters say', () => {
			const proof = proofFor(HOLDER);
			expect(proof).toMatch(/^[0-9a-f]{64}$/);
			const parameters = {
				options: { onOtherWebhook: 'takeOverAndForward', otherWebhookUrl: OTHER.url },
			};
			expect(receivers(address, mixed, { proof })).toEqual(nobody);
			expect(receivers(address, mixed, { proof, parameters })).toEqual(nobody);
			expect(receivers(HOLDER, mixed, { proof, parameters })).toEqual(nobody);
		});

		it.each<[string, () => unknown]>([
			['made for another trigger', () => proofFor(urlOf(listed[0]) ?? '')],
			['made for another delivery', () => proofFor(HOLDER, delivery)],
			['empty', () => ''],
			['a list', () => [proofFor(HOLDER)]],
			[
				'the signature',
				() => createHmac('sha256', APP_SECRET).update(JSON.stringify(mixed)).digest('hex'),
			],
		])('A proof that is %s does not count', (_, proof) => {
			expect(receivers(address, mixed, { proof: proof() }).list).toHaveLength(2);
		});
	});
});

describe('whether the acknowledgement to Meta depends on others', () => {
	const of = (...kinds: Array<'test' | 'sibling' | 'otherWebhook'>) =>
		kinds.map((kind) => ({ kind, url: HOLDER, key: kind, isUrgent: false }));

	it.each([
		['no one else', of(), false, false],
		['a test, which may end without a word', of('test'), false, false],
		['another trigger', of('sibling'), false, true],
		['the other webhook, beside a test', of('test', 'otherWebhook'), false, true],
		['receivers whose addresses are lost', of(), true, true],
	])('It does with %s', (_, list, areMore, expected) => {
		expect(waitsForOthers({ list, areMore })).toBe(expected);
	});
});
