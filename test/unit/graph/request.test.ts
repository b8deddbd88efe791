import { createHmac } from 'node:crypto';

import { readAccount } from '../../../nodes/WhatsAppBusinessCalling/graph/account';
import {
	graphChange,
	graphRequest,
	type GraphRequest,
} from '../../../nodes/WhatsAppBusinessCalling/graph/request';
import { ACCOUNT, APP_SECRET, CREDENTIAL, fakeExecution, type Answer, refusal } from '../fakes';

/** Thrown instead of an answer: the connection was lost. */
const LOST = new Error('socket hang up');

const OK: Answer = { statusCode: 200, body: { success: true } };

async function send(answers: Array<Answer | Error>, request: Partial<GraphRequest> = {}) {
	const waiting = [...answers];
	const { context, sent } = fakeExecution({}, () => {
		const answer = waiting.shift() ?? OK;
		if (answer instanceof Error) throw answer;
		return answer;
	});
	const sending = graphRequest(context, ACCOUNT, {
		method: 'POST',
		path: '1/calls',
		repeat: 'freely',
		...request,
	});
	await jest.advanceTimersByTimeAsync(60_000);
	return { result: await sending, sent };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('graphRequest', () => {
	it.each<[GraphRequest['repeat'], string, Answer | Error, boolean]>([
		['freely', 'a lost connection', LOST, true],
		['freely', 'an outage without an envelope', { statusCode: 503, body: '' }, true],
		['freely', 'a limit', refusal(429, 4), true],
		['freely', 'a refusal', refusal(400, 100), false],
		['whenRefused', 'a lost connection', LOST, false],
		['whenRefused', 'an outage without an envelope', { statusCode: 503, body: '' }, false],
		['whenRefused', 'an outage that Meta names', refusal(500, 131016), true],
		['whenRefused', 'a refusal', refusal(400, 100), false],
		['whenNotPlaced', 'a lost connection', LOST, false],
		['whenNotPlaced', 'an outage without an envelope', { statusCode: 503, body: '' }, false],
		['whenNotPlaced', 'an outage that Meta names', refusal(500, 131016), false],
		['whenNotPlaced', 'an error while connecting', refusal(500, 138004), false],
		['whenNotPlaced', 'a limit of calls', refusal(429, 138002), true],
		['whenNotPlaced', 'a rate of calls', refusal(429, 138005), true],
		['never', 'a lost connection', LOST, false],
		['never', 'a limit', refusal(429, 4), false],
	])('A request is repeated %s: after %s', async (repeat, _, failure, again) => {
		const { sent, result } = await send([failure], { repeat });
		expect(sent).toHaveLength(again ? 2 : 1);
		expect(result.ok).toBe(again);
	});

	it.each([
		[undefined, 3],
		[6, 6],
		[1, 1],
	])('A request with attempts %j is sent at most %i times', async (attempts, times) => {
		const { sent } = await send(Array<Answer>(9).fill(refusal(500, 2)), { attempts });
		expect(sent).toHaveLength(times);
	});

	it('A request stops when no caller waits any more', async () => {
		const { sent } = await send([LOST], { signal: AbortSignal.abort() });
		expect(sent).toHaveLength(1);
	});

	it('A request whose response does not end is ended, although n8n ignores the signal', async () => {
		jest.useRealTimers();
		const { context } = fakeExecution({});
		context.helpers.httpRequestWithAuthentication = async () => await new Promise(() => undefined);
		const result = await graphRequest(context, ACCOUNT, {
			method: 'POST',
			path: '1/calls',
			repeat: 'whenNotPlaced',
			timeoutMs: 50,
		});
		expect(result).toMatchObject({ ok: false, failure: { kind: 'network' } });
	});

	it('A redirect is never followed, and the token is left to n8n', async () => {
		const { sent } = await send([OK], { query: { fields: 'id' }, body: { a: 1 } });
		expect(sent[0]).toMatchObject({
			method: 'POST',
			url: 'https://graph.facebook.com/v26.0/1/calls',
			qs: { fields: 'id' },
			body: { a: 1 },
			credential: 'whatsAppBusinessCallingApi',
			disableFollowRedirect: true,
			sendCredentialsOnCrossOriginRedirect: false,
		});
		expect(sent[0].headers).not.toHaveProperty('Authorization');
	});

	it('A request as the app is signed by the app', async () => {
		const { sent } = await send([OK], { as: 'app' });
		const token = `${ACCOUNT.appId}|${APP_SECRET}`;
		expect(sent[0]).toMatchObject({
			credential: null,
			headers: { Authorization: `Bearer ${token}` },
			// Apps can require it of every token.
			qs: { appsecret_proof: createHmac('sha256', APP_SECRET).update(token).digest('hex') },
		});
	});

	it.each<[string, Answer]>([
		['an error that comes with status 200', refusal(200, 100)],
		['a redirect', { statusCode: 302, body: '' }],
	])('The response %s is a failure', async (_, answer) => {
		const { result } = await send([answer], { repeat: 'never' });
		expect(result.ok).toBe(false);
	});

	it.each<[string, Answer[], number[]]>([
		[
			'twice as long each time, and 8 s at most',
			Array<Answer>(7).fill(refusal(500, 2)),
			[500, 1000, 2000, 4000, 8000, 8000],
		],
		['as long as Meta says', [{ ...refusal(429, 4), headers: { 'retry-after': '3' } }], [3000]],
		[
			'no longer than 8 s, whatever Meta says',
			[{ ...refusal(429, 4), headers: { 'retry-after': '60' } }],
			[8000],
		],
	])('The pause is %s', async (_, answers, pauses) => {
		const times: number[] = [];
		const waiting = [...answers];
		const { context } = fakeExecution({}, () => {
			times.push(Date.now());
			return waiting.shift() ?? OK;
		});
		const request = { method: 'GET', path: '1', repeat: 'freely', attempts: 7 } as const;
		const sending = graphRequest(context, ACCOUNT, request);
		await jest.advanceTimersByTimeAsync(60_000);
		await sending;
		expect(times.slice(1).map((time, index) => time - times[index])).toEqual(pauses);
	});

	it('Token and app secret are removed from what Meta says, whatever they look like', async () => {
		const accessToken = 'a token of a proxy';
		const message = `${accessToken} and ${APP_SECRET}`;
		const { context } = fakeExecution({}, () => ({
			statusCode: 400,
			body: { error: { message } },
		}));
		context.getCredentials = async () =>
			({ ...CREDENTIAL, accessToken: `${accessToken} ` }) as never;
		const request = { method: 'GET', path: '1', repeat: 'never' } as const;
		expect(await graphRequest(context, await readAccount(context), request)).toMatchObject({
			failure: { message: '(token) and (token)' },
		});
	});
});

describe('graphChange', () => {
	it.each<[unknown, boolean]>([
		[true, true],
		[{ success: true }, true],
		[{ success: true, id: '1' }, true],
		[{ success: true, error: null }, true],
		[{ success: 'true' }, false],
		[{ success: false }, false],
		[{}, false],
		[[], false],
		[null, false],
		[false, false],
		['true', false],
		['<html></html>', false],
	])('The response %j is a confirmation: %j', async (body, confirmed) => {
		const { context } = fakeExecution({}, () => ({ statusCode: 200, body }));
		const request = { method: 'POST', path: '1', repeat: 'never' } as const;
		const result = await graphChange(context, ACCOUNT, request);
		if (confirmed) expect(result).toEqual({ ok: true, value: body });
		else
			expect(result).toMatchObject({
				ok: false,
				failure: { message: 'Meta did not confirm the change', transient: true },
			});
	});
});
