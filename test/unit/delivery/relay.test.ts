import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

import { DeliveryLog } from '../../../nodes/WhatsAppBusinessCalling/delivery/deliveryLog';
import type { Receiver } from '../../../nodes/WhatsAppBusinessCalling/delivery/receivers';
import { haveAll, relay } from '../../../nodes/WhatsAppBusinessCalling/delivery/relay';
import { readSettings } from '../../../nodes/WhatsAppBusinessCalling/trigger/settings';
import { fakeWebhook, type Answer } from '../fakes';
import { MINUTE_MS } from '../../support/constants';

const BODY = Buffer.from('{}');
const NEVER = new AbortController().signal;

function receiver(kind: Receiver['kind'] = 'sibling', more: Partial<Receiver> = {}): Receiver {
	const url = `https://n8n.example/webhook/${randomUUID()}/webhook`;
	return { kind, url, key: randomUUID(), isUrgent: false, ...more };
}

const answers =
	(statusCode: number, said = '', type = 'application/json') =>
	(): Answer => ({
		...{ statusCode, headers: { 'content-type': type } },
		body: Readable.from([Buffer.from(said)]),
	});

const NOT_REGISTERED = answers(404, '{"code":404,"message":"… is not registered."}');

const dead = (): never => {
	throw new Error('socket hang up');
};

type Respond = Parameters<typeof fakeWebhook>[2];

/** Passes a delivery on to some. */
function pass(list: Receiver[], respond: Respond, { signal = NEVER, atOnce = 32 } = {}) {
	const options = { maxConcurrentDeliveries: atOnce };
	const { context, sent, logged } = fakeWebhook({ options }, {}, respond);
	const delivery = {
		context,
		log: new DeliveryLog(context.logger),
		settings: readSettings(context),
		deadline: signal,
	};
	return { have: relay(delivery, { list, areMore: false }, BODY), sent, logged, context };
}

/** The receivers do not answer until they are told to. */
function hangUntil(told: Promise<void>) {
	return (context: ReturnType<typeof pass>['context']) => {
		const { httpRequest } = context.helpers;
		context.helpers.httpRequest = async (options) => {
			await told;
			return (await httpRequest(options)) as never;
		};
	};
}

describe('relay', () => {
	it.each<[string, Respond, boolean]>([
		['200', answers(200), true],
		['204', answers(204), true],
		['199', answers(199), false],
		['300', answers(300), false],
		['a redirect', answers(302), false],
		['503', answers(503), false],
		['404 of another system', answers(404), false],
		['a page', answers(200, 'n8n is starting up. Please wait', 'text/html; charset=utf-8'), false],
		['nothing', dead, false],
	])('The response %s of a trigger counts as accepted: %s', async (_, respond, isAccepted) => {
		const list = [receiver()];
		const { have, logged } = pass(list, respond);
		expect(await have).toBe(isAccepted);
		expect(haveAll({ list, areMore: false })).toBe(isAccepted);
		expect(logged).toHaveLength(isAccepted ? 0 : 1);
	});

	it('A page is accepted as a response of the other webhook', async () => {
		const { have } = pass([receiver('otherWebhook')], answers(200, '<p>', 'text/html'));
		expect(await have).toBe(true);
	});

	it('All get the delivery, and again only those that have not accepted', async () => {
		const list = [receiver(), receiver(), receiver()];
		const fails = ({ url }: { url: string }) => (url === list[1].url ? dead() : answers(200)());
		expect(await pass(list, fails).have).toBe(false);
		const again = pass(list, answers(200));
		expect(await again.have).toBe(true);
		expect(again.sent.map(({ url }) => url)).toEqual([list[1].url]);
		expect(await pass(list, dead).have).toBe(true);
	});

	it('Receivers that may be missing are not reported as accepted', async () => {
		const { context } = fakeWebhook({});
		const log = new DeliveryLog(context.logger);
		const delivery = { context, log, settings: readSettings(context), deadline: NEVER };
		expect(await relay(delivery, { list: [], areMore: true }, BODY)).toBe(false);
		expect(haveAll({ list: [], areMore: true })).toBe(false);
	});

	describe('relay to a test', () => {
		it.each([answers(200), answers(503), NOT_REGISTERED, dead])(
			'A test never makes Meta repeat, and gets the delivery each time',
			async (respond) => {
				const list = [receiver('test')];
				for (let times = 0; times < 2; times++) {
					const { have, sent, logged } = pass(list, respond);
					expect(await have).toBe(true);
					expect([sent.length, logged]).toEqual([1, []]);
				}
				expect(haveAll({ list, areMore: false })).toBe(false);
			},
		);
	});

	describe('relay to a trigger that is missing', () => {
		beforeEach(() => void jest.useFakeTimers());
		afterEach(() => void jest.useRealTimers());

		/** A delivery that it has not got yet. */
		const next = (of: Receiver) => ({ ...of, key: randomUUID() });

		it.each<[string, Respond, RegExp]>([
			['n8n has no webhook there', NOT_REGISTERED, /HTTP status 404/],
			['it has another app secret', answers(401), /HTTP status 401/],
		])(
			'The relay waits 10 minutes, then continues without the trigger: %s',
			async (_, respond, told) => {
				const gone = receiver();
				for (const minutes of [0, 5, 4]) {
					jest.advanceTimersByTime(minutes * MINUTE_MS);
					const { have, logged } = pass([next(gone)], respond);
					expect([await have, logged]).toEqual([false, [expect.stringMatching(told)]]);
				}
				jest.advanceTimersByTime(MINUTE_MS);
				const one = next(gone);
				const left = pass([one], respond);
				expect(await left.have).toBe(true);
				expect(left.logged).toEqual([expect.stringMatching(/is not waited for any longer/)]);
				expect(left.logged[0]).toContain(gone.url.split('/').at(-2));
				// It is tried all the same, and said again after ten minutes.
				const after = pass([one], respond);
				expect([await after.have, after.sent.length, after.logged]).toEqual([true, 1, []]);
				jest.advanceTimersByTime(10 * MINUTE_MS);
				const later = pass([one], respond);
				expect([await later.have, later.logged.length]).toEqual([true, 1]);
			},
		);

		it.each<[string, Respond]>([
			['200', answers(200)],
			['503', answers(503)],
		])('The relay waits again after the trigger has answered %s', async (_, respond) => {
			const back = receiver();
			await pass([next(back)], NOT_REGISTERED).have;
			jest.advanceTimersByTime(20 * MINUTE_MS);
			await pass([next(back)], respond).have;
			expect(await pass([next(back)], NOT_REGISTERED).have).toBe(false);
		});

		it('The relay waits again after a pause in which the trigger may have been there', async () => {
			const back = receiver();
			await pass([next(back)], NOT_REGISTERED).have;
			jest.advanceTimersByTime(61 * MINUTE_MS);
			expect(await pass([next(back)], NOT_REGISTERED).have).toBe(false);
		});

		it.each<[string, Respond]>([
			['that does not answer', dead],
			['that fails', answers(500)],
			['in front of which a firewall answers', answers(403)],
			['that another system answers for', answers(404)],
		])('The relay waits as long as Meta does for a trigger %s', async (_, respond) => {
			const broken = receiver();
			await pass([next(broken)], respond).have;
			jest.advanceTimersByTime(60 * MINUTE_MS);
			expect(await pass([next(broken)], respond).have).toBe(false);
		});
	});

	it('The relay waits for a copy that is in flight, and sends it itself if that fails', async () => {
		let go = () => {};
		const told = new Promise<void>((resolve) => (go = resolve));
		const list = [receiver()];
		const { context } = pass([], dead);
		hangUntil(told)(context);
		const delivery = {
			context,
			log: new DeliveryLog(context.logger),
			settings: readSettings(context),
			deadline: NEVER,
		};
		const first = relay(delivery, { list, areMore: false }, BODY);
		const copy = pass(list, answers(200));
		expect(copy.sent).toEqual([]);
		go();
		expect([await first, await copy.have, copy.sent.length]).toEqual([false, true, 1]);
	});

	it('The relay ends with the time that Meta gives', async () => {
		const list = [receiver()];
		const { context } = pass([], answers(200));
		hangUntil(new Promise(() => {}))(context);
		const delivery = {
			context,
			log: new DeliveryLog(context.logger),
			settings: readSettings(context),
			deadline: AbortSignal.timeout(20),
		};
		expect(await relay(delivery, { list, areMore: false }, BODY)).toBe(false);
		expect(await pass(list, answers(200)).have).toBe(true);
	});

	it('A trigger that hangs gets half of the places, and ringing calls have their own', async () => {
		let go = () => {};
		const told = new Promise<void>((resolve) => (go = resolve));
		const { context, sent } = pass([], answers(200));
		hangUntil(told)(context);
		const options = { maxConcurrentDeliveries: 6 };
		const delivery = {
			context,
			log: new DeliveryLog(context.logger),
			settings: readSettings(fakeWebhook({ options }).context),
			deadline: NEVER,
		};
		const to = receiver();
		const send = async (more: Partial<Receiver> = {}) =>
			await relay(
				delivery,
				{ list: [{ ...to, key: randomUUID(), ...more }], areMore: false },
				BODY,
			);
		const hanging = [send(), send(), send()];
		expect(await send()).toBe(false);
		const others = [send({ isUrgent: true }), send({ url: receiver().url })];
		go();
		expect(await Promise.all([...hanging, ...others])).toEqual(Array(5).fill(true));
		expect(sent).toHaveLength(5);
		expect(await send()).toBe(true);
	});
});
