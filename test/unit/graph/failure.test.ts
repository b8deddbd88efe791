import fc from 'fast-check';

import {
	failureHint,
	failureTitle,
	toNodeApiError,
} from '../../../nodes/WhatsAppBusinessCalling/graph/nodeApiError';
import {
	failureFromResponse,
	failureFromThrown,
	sanitizeMessage,
} from '../../../nodes/WhatsAppBusinessCalling/graph/failure';
import { APP_SECRET, NODE, TOKEN } from '../fakes';

const envelope = (error: object) => ({
	error: { message: 'said', type: 'OAuthException', ...error },
});

describe('failureFromResponse', () => {
	it("Meta's envelope is read", () => {
		const body = envelope({
			code: 138006,
			error_subcode: 2593139,
			error_data: { messaging_product: 'whatsapp', details: 'No permission' },
			fbtrace_id: 'AbC',
			is_transient: false,
		});
		expect(failureFromResponse(401, body, { 'retry-after': '7' })).toEqual({
			kind: 'http',
			status: 401,
			code: 138006,
			refused: null,
			subcode: 2593139,
			message: 'said',
			details: 'No permission',
			traceId: 'AbC',
			transient: false,
			retryAfterMs: 7000,
		});
	});

	it('The secrets of the credential are removed from what Meta said, whatever they look like', () => {
		const secrets = ['not-like-one-of-Metas', APP_SECRET, ''];
		const said = `Bearer ${secrets[0]}\r\nsecret ${secrets[1]}`;
		const body = envelope({ message: said, error_data: { details: said }, fbtrace_id: said });
		const { message, details, traceId } = failureFromResponse(401, body, {}, secrets);
		expect([message, details, traceId]).toEqual(Array(3).fill('Bearer (token) secret (token)'));
	});

	it('A text that is too long is cut, and no secret with it', () => {
		const secret = 's'.repeat(40);
		const body = envelope({ message: `${'a'.repeat(980)}${secret}${'b'.repeat(1e6)}` });
		const { message } = failureFromResponse(400, body, {}, [secret]);
		expect(message.length).toBeLessThanOrEqual(1000);
		expect(message).not.toContain('ss');
	});

	it.each<[string, 'user' | 'app', object, string | null]>([
		['the token', 'user', { code: 190 }, null],
		['the app', 'app', { code: 190 }, 'app'],
		['the app', 'app', { code: 101 }, 'app'],
		['anything else of an app', 'app', { code: 100 }, null],
		['nothing that has a code', 'app', {}, null],
		[
			'the secret for this token',
			'user',
			{ code: 100, message: 'Invalid appsecret_proof provided in the API argument' },
			'appSecret',
		],
		['the app', 'app', { code: 100, message: 'Invalid appsecret_proof' }, 'app'],
	])('The failure says that Meta did not accept %s (signed as %s, %j)', (_, as, error, refused) => {
		const failure = failureFromResponse(
			500,
			envelope({ ...error, is_transient: true }),
			{},
			[],
			as,
		);
		expect(failure.refused).toBe(refused);
		// The same request never succeeds.
		if (refused !== null) expect(failure.transient).toBe(false);
	});

	it('The text for users is used if there are no details', () => {
		expect(failureFromResponse(400, envelope({ error_user_msg: 'For you' })).details).toBe(
			'For you',
		);
	});

	it.each<[string, unknown, string, string | null]>([
		['a text as details', envelope({ error_data: 'No purpose' }), 'said', 'No purpose'],
		['a text as the error', { error: `no ${APP_SECRET}` }, 'HTTP 400: no (token)', null],
		['a list of errors', { errors: [{ message: 'said', error_data: {} }] }, 'said', null],
		['a list as the error', { error: [{ message: 'said' }] }, 'said', null],
		[
			'a text with a name',
			{ error: 'invalid_token', error_description: 'Expired' },
			'HTTP 400: Expired',
			null,
		],
		['an empty text', { error: '' }, 'HTTP 400 without an error message', null],
		['no envelope', '<html>', 'HTTP 400 without an error message', null],
	])('What is said is kept: %s', (_, body, message, details) => {
		expect(failureFromResponse(400, body, {}, [APP_SECRET])).toMatchObject({ message, details });
	});

	it.each<[unknown, number | null]>([
		['190', 190],
		[190, 190],
		['', null],
		[null, null],
		[false, null],
		[[], null],
		['abc', null],
		[1.5, null],
		[{ toString: 1 }, null],
	])('The code %j is read as %j', (code, expected) => {
		expect(failureFromResponse(400, envelope({ code })).code).toBe(expected);
	});

	it.each<[string, number, unknown, boolean]>([
		['a code that may pass', 400, envelope({ code: 131016 }), true],
		['a code that does not pass, whatever the status', 500, envelope({ code: 138007 }), false],
		[
			'a code that does not pass but is said to',
			400,
			envelope({ code: 100, is_transient: true }),
			true,
		],
		['an unknown code that is said to pass', 400, envelope({ is_transient: 'true' }), true],
		['an unknown code with 400', 400, envelope({ code: 999_999 }), false],
		['an unknown code with 500', 500, envelope({ code: 999_999 }), true],
		['no envelope with 429', 429, 'slow down', true],
		['no envelope with 500', 500, '<html>', true],
		['no envelope with 502', 502, undefined, true],
		['no envelope with 503', 503, null, true],
		['no envelope with 504', 504, '', true],
		['no envelope with 401', 401, '', false],
		['no envelope with 404', 404, {}, false],
		['no envelope with 200', 200, [], false],
	])('A temporary error is recognized: %s', (_, status, body, transient) => {
		expect(failureFromResponse(status, body).transient).toBe(transient);
	});

	it.each<[unknown, number | null]>([
		['0', 0],
		['120', 120_000],
		['-1', null],
		['1.5', null],
		['99999999', null],
		['Wed, 21 Oct 2026 07:28:00 GMT', null],
		[['5'], null],
		[undefined, null],
	])('The header Retry-After %j is read as %j', (header, expected) => {
		expect(failureFromResponse(429, '', { 'retry-after': header }).retryAfterMs).toBe(expected);
	});

	it.each([
		['the access token', `Malformed access token ${TOKEN}`],
		['the access token in quotation marks', `Cannot parse access token '${TOKEN}'.`],
		['the app access token', `Invalid OAuth access token: 670843887433847|${APP_SECRET}`],
	])('The text has no secret if Meta repeats %s', (_, message) => {
		const body = envelope({
			code: 190,
			message,
			error_data: { details: message },
			error_user_msg: message,
		});
		const failure = failureFromResponse(400, body);
		const shown = toNodeApiError(NODE, failure, 0);
		const text = `${JSON.stringify(failure)} ${JSON.stringify(shown)} ${shown.message} ${shown.description} ${shown.stack}`;
		expect(text).not.toContain(TOKEN);
		expect(text).not.toContain(APP_SECRET);
		expect(failure.message).toMatch(/access token/);
	});

	it('Anything is read, and nothing throws', () => {
		const key = fc.constantFrom(
			'error',
			'code',
			'message',
			'error_data',
			'details',
			'toString',
			'valueOf',
			'__proto__',
		);
		const { tree } = fc.letrec((tie) => ({
			tree: fc.oneof(
				{ maxDepth: 3 },
				fc.jsonValue({ maxDepth: 1 }),
				fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
			),
		}));
		fc.assert(
			fc.property(
				fc.integer({ min: 100, max: 599 }),
				fc.oneof(
					tree,
					tree.map((error) => ({ error })),
				),
				(status, body) => {
					const failure = failureFromResponse(status, body);
					return (
						failure.status === status && failureTitle(failure) !== '' && failureHint(failure) !== ''
					);
				},
			),
			{ numRuns: 3000 },
		);
	});
});

describe('sanitizeMessage', () => {
	it.each([
		[`said EAA${'a'.repeat(12)} here`, [], 'said (token) here'],
		[`said EAA${'a'.repeat(11)} here`, [], `said EAA${'a'.repeat(11)} here`],
		[`xEAA${'a'.repeat(12)}`, [], `xEAA${'a'.repeat(12)}`],
		[`said 670|${'a'.repeat(12)} here`, [], 'said (token) here'],
		[`said 670|${'a'.repeat(11)} here`, [], `said 670|${'a'.repeat(11)} here`],
		['said 12345678 twice: 12345678', ['12345678'], 'said (token) twice: (token)'],
		['said 1234567', ['1234567'], 'said 1234567'],
		['a\r\n\tb\u0000c', [], 'a b c'],
		['a'.repeat(1001), [], 'a'.repeat(1000)],
	])('The message %j with the secrets %j becomes %j', (said, secrets, seen) => {
		expect(sanitizeMessage(said, secrets)).toBe(seen);
	});
});

/** An error in so many others. */
const wrapped = (times: number): object =>
	times === 0 ? { code: 'ENOTFOUND' } : { cause: wrapped(times - 1) };

describe('failureFromThrown', () => {
	const request = {
		config: {
			headers: { Authorization: `Bearer ${TOKEN}` },
			url: `https://x/?access_token=${TOKEN}`,
		},
	};

	it.each<[string, unknown, string]>([
		['refused', { code: 'ECONNREFUSED', ...request }, 'the connection was refused'],
		[
			'timed out',
			{ code: 'ECONNABORTED', message: `timeout ${TOKEN}`, ...request },
			'it took too long',
		],
		[
			'wrapped',
			{ message: TOKEN, cause: { cause: { code: 'ENOTFOUND', ...request } } },
			'the host name is unknown',
		],
		['of a name not known here', { code: 'EHOSTUNREACH', ...request }, 'EHOSTUNREACH'],
		['of a name behind other words', { code: 'at EHOSTUNREACH' }, 'no response was received'],
		['of a name before other words', { code: 'EHOSTUNREACH at' }, 'no response was received'],
		['wrapped four times', wrapped(4), 'the host name is unknown'],
		['wrapped five times', wrapped(5), 'no response was received'],
		['with the token for its code', { code: TOKEN, ...request }, 'no response was received'],
		['with a number for its code', { code: 5, ...request }, 'no response was received'],
		[
			'with itself for its cause',
			Object.assign(new Error(TOKEN), {
				get cause() {
					return this;
				},
			}),
			'no response was received',
		],
		['a text', TOKEN, 'no response was received'],
		['nothing', undefined, 'no response was received'],
	])('The cause, and nothing else, is named of a failure that is %s', (_, thrown, cause) => {
		const failure = failureFromThrown(thrown, 'graph.facebook.com');
		expect(failure).toEqual({
			kind: 'network',
			status: null,
			code: null,
			refused: null,
			subcode: null,
			message: `graph.facebook.com could not be reached: ${cause}`,
			details: null,
			traceId: null,
			transient: true,
			// Whether anything of the request left n8n.
			...(/refused$|unknown$/.test(cause) && { unsent: true }),
			retryAfterMs: null,
		});
	});

	it('No value throws or shows a token', () => {
		const odd = fc.object({
			key: fc.constantFrom('code', 'cause', 'message', 'config'),
			values: [fc.constant(TOKEN), fc.string(), fc.constant(null)],
		});
		fc.assert(
			fc.property(fc.oneof(odd, fc.anything()), (thrown) => {
				return !JSON.stringify(failureFromThrown(thrown, 'h')).includes(TOKEN);
			}),
			{ numRuns: 2000 },
		);
	});
});

describe('what the operator sees of a failure', () => {
	const failure = failureFromResponse(
		400,
		envelope({
			code: 138001,
			error_subcode: 5,
			error_data: { details: 'Details' },
			fbtrace_id: 'T',
		}),
	);

	it('The operator sees a title, a hint, the words of Meta and the numbers for its support', () => {
		const error = toNodeApiError(NODE, failure, 3);
		expect(error.message).toBe('This person cannot be called on WhatsApp');
		expect(error.description).toMatch(/Check the number, or contact them another way\.$/);
		expect(error.messages).toEqual([
			'Meta said: said (Details)',
			'code 138001, subcode 5, trace ID T',
		]);
		expect(error.httpCode).toBe('138001');
		expect(error.context).toMatchObject({
			itemIndex: 3,
			whatsApp: {
				code: 138001,
				subcode: 5,
				details: 'Details',
				traceId: 'T',
				httpStatus: 400,
			},
		});
	});

	it.each([
		[
			'an unknown code',
			failureFromResponse(400, envelope({ code: 7 })),
			'WhatsApp rejected the request (code 7)',
		],
		['no code', failureFromResponse(418, ''), 'Meta returned HTTP status 418'],
		['no answer', failureFromThrown({ code: 'ENOTFOUND' }, 'h'), 'Meta could not be reached'],
	])('The operator sees a title for %s', (_, seen, title) => {
		expect(failureTitle(seen)).toBe(title);
	});
});
