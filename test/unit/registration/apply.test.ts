import { failureFromResponse } from '../../../nodes/WhatsAppBusinessCalling/graph/failure';
import type { GraphFailure, Result } from '../../../nodes/WhatsAppBusinessCalling/graph/types';
import {
	apply,
	isRefusedList,
	patiently,
} from '../../../nodes/WhatsAppBusinessCalling/registration/apply';
import { NOT_VERIFIED } from '../../../nodes/WhatsAppBusinessCalling/registration/errors';
import type { Step } from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import type { Send } from '../../../nodes/WhatsAppBusinessCalling/registration/state';
import { ACCOUNT, fakeWebhook, refusal, WEBHOOK_URL, type Answer } from '../fakes';
import { triggerOf } from './fakeTrigger';

const OTHER = 'https://crm.example/whatsapp';
const NUMBER = 'phoneNumber 106540352242922';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A temporary error, unless told. */
const failure = (more: Partial<GraphFailure>): GraphFailure => ({
	...failureFromResponse(503, ''),
	...more,
});

describe('patience', () => {
	/** @returns when each attempt began, and how long it may take, in milliseconds */
	async function attempts(endsAfterMs: number, failures: Array<Partial<GraphFailure>>) {
		const start = Date.now();
		const begun: Array<[number, number | undefined]> = [];
		const send = patiently(start + endsAfterMs);
		const sent = send(async ({ timeoutMs, attempts }): Promise<Result<string>> => {
			expect(attempts).toBe(1);
			begun.push([Date.now() - start, timeoutMs]);
			const more = failures[Math.min(begun.length, failures.length) - 1];
			return Object.keys(more).length > 0
				? { ok: false, failure: failure(more) }
				: { ok: true, value: 'done' };
		});
		await jest.advanceTimersByTimeAsync(60_000);
		return { begun, isDone: (await sent).ok };
	}

	const TEMPORARY = { transient: true };

	it.each<[string, number, Array<Partial<GraphFailure>>, number[], boolean]>([
		['success', 40_000, [{}], [0], true],
		['success after temporary errors', 40_000, [TEMPORARY, TEMPORARY, {}], [0, 500, 1_500], true],
		['temporary errors', 40_000, [TEMPORARY], [0, 500, 1_500, 3_500, 7_500, 11_500], false],
		['a permanent error', 40_000, [{ transient: false }], [0], false],
		['a URL that Meta cannot verify', 40_000, [{ code: NOT_VERIFIED }], [0, 500, 1_500], false],
		['an error with a time', 40_000, [{ retryAfterMs: 3_000 }, {}], [0, 3_000], true],
		['an error with a long time', 40_000, [{ retryAfterMs: 60_000 }, {}], [0, 4_000], true],
		['an end that comes first', 1_499, [TEMPORARY], [0, 500], false],
		['an end at that moment', 1_500, [TEMPORARY], [0, 500], false],
		['an end just after it', 1_501, [TEMPORARY], [0, 500, 1_500], false],
	])('The attempts are right with %s', async (_, endsAfterMs, failures, expected, isDone) => {
		const found = await attempts(endsAfterMs, failures);
		expect(found.begun.map(([at]) => at)).toEqual(expected);
		expect(found.isDone).toBe(isDone);
	});

	it.each([
		[40_000, 12_000],
		[12_001, 12_000],
		[5_000, 5_000],
		[1, 1_000],
		[-5_000, 1_000],
	])('With %d milliseconds left, Meta has %d to answer', async (endsAfterMs, timeoutMs) => {
		expect((await attempts(endsAfterMs, [{}])).begun).toEqual([[0, timeoutMs]]);
	});
});

/** Applies one step, with Meta's answer to the change, and what Meta shows afterwards. */
async function applied(step: Step, change: () => Answer, shown: Record<string, unknown> | null) {
	const { context, sent } = fakeWebhook({}, {}, ({ method, url }) => {
		if (method !== 'GET') return change();
		const edge = /\/([a-z_]+)(?:\?.*)?$/.exec(url)?.[1] ?? 'number';
		return shown === null
			? refusal(400, 100)
			: { statusCode: 200, body: shown[edge] ?? { data: [] } };
	});
	const tokens = new Map([[OTHER, 'its token']]);
	const trigger = triggerOf(context, WEBHOOK_URL, { tokens });
	const send: Send = async (request) => await request({ attempts: 1, timeoutMs: 5_000 });
	const inverse: Step[] = [{ do: 'leaveAddress', target: 'app' }];
	const done = await apply(trigger, [{ step, inverse }], send);
	const reads = sent.filter(({ method }) => method === 'GET').length;
	return { ...done, hasInverse: done.undo.length > 0, reads };
}

const webhook = (more: Record<string, unknown>) => ({
	subscriptions: {
		data: [
			{
				object: 'whatsapp_business_account',
				...{ callback_url: WEBHOOK_URL, active: true, fields: ['calls', 'messages'], ...more },
			},
		],
	},
});
const onAccount = (override?: string) => ({
	subscribed_apps: {
		data: [{ whatsapp_business_api_data: { id: ACCOUNT.appId }, override_callback_uri: override }],
	},
});
const ofNumber = (url: string) => ({
	number: { id: '106540352242922', webhook_configuration: { phone_number: url } },
});

describe('a change that Meta may have made although it answered with a temporary error', () => {
	const POINT: Step = { do: 'pointApp', url: WEBHOOK_URL, fields: ['calls', 'messages'] };
	const REMOVE: Step = { do: 'removeFields', fields: ['calls', 'messages'] };
	const OVERRIDE: Step = { do: 'pointOverride', target: 'businessAccount', url: WEBHOOK_URL };
	const OF_NUMBER: Step = { do: 'pointOverride', target: NUMBER, url: WEBHOOK_URL };
	const CLEARED: Step = { do: 'pointOverride', target: NUMBER, url: null };

	it.each<[string, Step, Record<string, unknown> | null, boolean]>([
		['the URL', POINT, webhook({}), true],
		['the URL with a slash', POINT, webhook({ callback_url: `${WEBHOOK_URL}/` }), true],
		['the URL with more fields', POINT, webhook({ fields: ['calls', 'messages', 'x'] }), true],
		['another URL', POINT, webhook({ callback_url: OTHER }), false],
		['an inactive webhook', POINT, webhook({ active: false }), false],
		['one field of two', POINT, webhook({ fields: ['calls'] }), false],
		['no webhook', POINT, {}, false],
		['nothing, for it cannot be read', POINT, null, false],
		['no field', REMOVE, webhook({ fields: [] }), true],
		['other fields', REMOVE, webhook({ fields: ['security'] }), true],
		['no webhook any more', REMOVE, {}, true],
		['one field that was to go', REMOVE, webhook({ fields: ['calls'] }), false],
		['the app on the account', { do: 'joinAccount' }, onAccount(), true],
		['the app not on the account', { do: 'joinAccount' }, {}, false],
		['the app off the account', { do: 'leaveAccount' }, {}, true],
		['the app still on the account', { do: 'leaveAccount' }, onAccount(), false],
		['nothing of the account', { do: 'leaveAccount' }, null, false],
		['the URL of the account', OVERRIDE, onAccount(WEBHOOK_URL), true],
		['another URL of the account', OVERRIDE, onAccount(OTHER), false],
		['no URL of the account', OVERRIDE, onAccount(), false],
		['the URL of the number', OF_NUMBER, ofNumber(WEBHOOK_URL), true],
		['another URL of the number', OF_NUMBER, ofNumber(OTHER), false],
		['a number without a URL', CLEARED, ofNumber(''), true],
		['a number with a URL', CLEARED, ofNumber(WEBHOOK_URL), false],
		['nothing of the number', CLEARED, null, false],
	])('Where Meta shows %s, %j is done', async (_, step, shown, isDone) => {
		const done = await applied(step, () => refusal(500, 2), shown);
		expect(done.failure === null).toBe(isDone);
		expect(done.failed).toEqual(isDone ? null : step);
		// Otherwise it counts for what is to be undone.
		expect(done.hasInverse).toBe(true);
		expect(done.reads).toBe(1);
	});

	it.each<[string, () => Answer, boolean, number]>([
		['success', () => ({ statusCode: 200, body: { success: true } }), true, 0],
		['a permanent error', () => refusal(400, 100), false, 0],
		['a URL that it cannot verify', () => refusal(400, NOT_VERIFIED), false, 0],
	])('After %s Meta is not asked', async (_, change, hasInverse, reads) => {
		const done = await applied(POINT, change, webhook({}));
		expect([done.hasInverse, done.reads]).toEqual([hasInverse, reads]);
		expect(done.failure === null).toBe(hasInverse);
	});

	it('To leave a list is no change of its own', async () => {
		const done = await applied({ do: 'leaveAddress', target: 'app' }, () => refusal(500, 2), {});
		expect([done.failure, done.hasInverse]).toEqual([null, true]);
	});

	it.each([
		[4_899, 'network', null],
		[4_900, 'network', NOT_VERIFIED],
	])('Silence for %d of 5,000 milliseconds is a failure: %s %s', async (tookMs, kind, code) => {
		const hangs = (): Answer => {
			jest.setSystemTime(Date.now() + tookMs);
			throw Object.assign(new Error('timeout'), { code: 'ECONNABORTED' });
		};
		const { failure: found } = await applied(POINT, hangs, null);
		expect([found?.kind, found?.code]).toEqual([kind, code]);
		expect(found?.transient).toBe(code === null);
	});
});

describe('a list that Meta may have refused', () => {
	const POINT: Step = { do: 'pointApp', url: `${WEBHOOK_URL}?also=AAAA`, fields: [] };

	it.each<[string, Step | null, number, boolean]>([
		['a list that it cannot verify', POINT, NOT_VERIFIED, true],
		['a list that is an invalid parameter', POINT, 100, true],
		['another error', POINT, 2, false],
		['a URL without a list', { ...POINT, url: WEBHOOK_URL }, 100, false],
		['no URL', { do: 'pointOverride', target: 'businessAccount', url: null }, 100, false],
		['another step', { do: 'joinAccount' }, 100, false],
		['no step', null, 100, false],
	])('It is one with %s: %j', (_, step, code, expected) => {
		expect(isRefusedList(step, failure({ code }))).toBe(expected);
	});
});
