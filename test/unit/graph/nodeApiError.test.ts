import {
	failureTitle,
	toNodeApiError,
} from '../../../nodes/WhatsAppBusinessCalling/graph/nodeApiError';
import {
	failureFromResponse,
	failureFromThrown,
	unreadableResponse,
} from '../../../nodes/WhatsAppBusinessCalling/graph/failure';
import type { GraphFailure } from '../../../nodes/WhatsAppBusinessCalling/graph/types';
import { NODE } from '../fakes';

const answered = (status: number, error: object, headers?: Record<string, string>) =>
	failureFromResponse(status, { error: { message: 'said', ...error } }, headers);

const lost = failureFromThrown({ code: 'ENOTFOUND' }, 'graph.facebook.com');

describe('the title of an error', () => {
	it.each<[string, GraphFailure, string]>([
		['a known code', answered(400, { code: 138001 }), 'This person cannot be called on WhatsApp'],
		['an unknown code', answered(400, { code: 7 }), 'WhatsApp rejected the request (code 7)'],
		['no code', failureFromResponse(418, ''), 'Meta returned HTTP status 418'],
		['no code, status 300', failureFromResponse(300, ''), 'Meta returned HTTP status 300'],
		['no answer', lost, 'Meta could not be reached'],
		['an odd answer', unreadableResponse('odd'), 'Meta returned a response that cannot be read'],
	])('The title is right for %s', (_, failure, title) => expect(failureTitle(failure)).toBe(title));
});

const inGeneral = (said: string) =>
	`Follow Meta's message: "${said}". See Meta's error code reference, and include the trace ID when contacting support.`;

describe('the description and the messages of an error', () => {
	it.each<[string, GraphFailure, string, string[]]>([
		[
			'a page of a proxy',
			failureFromResponse(418, ''),
			'HTTP 418 without an error message. The response does not come from the Graph API. Check Base URL and API Version in the credential, and any proxy between n8n and Meta. Then try again.',
			[],
		],
		[
			'an outage without words',
			failureFromResponse(502, ''),
			'HTTP 502 without an error message. Meta, or a proxy in front of it, is temporarily unavailable. Try again in a few minutes.',
			[],
		],
		[
			'a text and its details',
			answered(400, { error_data: { details: 'why' } }),
			inGeneral('why'),
			['Meta said: said (why)'],
		],
		[
			'a code whose hint refers to the details',
			answered(400, { code: 138012, error_data: { details: 'Call at 5' } }),
			'Wait until the time in the details: then the next call is possible. Details: Call at 5',
			['Meta said: said (Call at 5)', 'code 138012'],
		],
		['a code', answered(400, { code: 7 }), inGeneral('said'), ['Meta said: said', 'code 7']],
		[
			'all numbers',
			answered(400, { code: 7, error_subcode: 33, fbtrace_id: 'T' }),
			inGeneral('said'),
			['Meta said: said', 'code 7, subcode 33, trace ID T'],
		],
		[
			'no answer',
			lost,
			"graph.facebook.com could not be reached: the host name is unknown. Check the Base URL in the credential and n8n's connection to the internet.",
			[],
		],
	])('The texts for %s do not run together', (_, failure, description, messages) => {
		expect(toNodeApiError(NODE, failure)).toMatchObject({ description, messages });
	});

	it.each<['app' | 'appSecret', RegExp]>([
		['app', /^Copy both from .* The access token is not the cause\.$/],
		['appSecret', /^Copy both from .* for which the access token was generated\.$/],
	])(
		'The texts about what Meta rejects of the %s name the fields to correct',
		(refused, description) => {
			const error = toNodeApiError(NODE, { ...answered(401, { code: 190 }), refused });
			expect(error.message).toMatch(/^Meta did not accept the App/);
			expect(error.description).toMatch(description);
			expect(error).toMatchObject({ failure: { cause: 'credential-invalid' } });
		},
	);
});

describe("the cause of an error in n8n's terms", () => {
	const wait = { 'retry-after': '7' };

	it.each<[string, GraphFailure, object | undefined]>([
		[
			'a token that is not valid',
			answered(401, { code: 190 }, wait),
			{ cause: 'credential-invalid' },
		],
		[
			'a setting that is missing',
			answered(400, { code: 138000 }, wait),
			{ cause: 'configuration-invalid' },
		],
		['a limit', answered(429, { code: 4 }), { cause: 'rate-limited' }],
		[
			'a limit with its time',
			answered(429, { code: 4 }, wait),
			{ cause: 'rate-limited', retryAfterMs: 7000 },
		],
		[
			'an outage without a code',
			failureFromResponse(503, ''),
			{ cause: 'temporarily-unavailable' },
		],
		['anything else', answered(400, { code: 7 }), undefined],
	])('The cause is right for %s', (_, failure, cause) => {
		const { failure: declared } = toNodeApiError(NODE, failure) as { failure?: object };
		expect(declared).toEqual(cause);
	});
});

it('The code of Meta is shown as the error code', () => {
	expect(toNodeApiError(NODE, answered(401, { code: 138006 })).httpCode).toBe('138006');
});

it('An error without an item and without a status has neither', () => {
	const error = toNodeApiError(NODE, lost);
	expect(error.context).not.toHaveProperty('itemIndex');
	expect(error.httpCode).toBeNull();
	expect(toNodeApiError(NODE, answered(400, {}), 0)).toMatchObject({
		httpCode: '400',
		context: { itemIndex: 0 },
	});
});
