import {
	failureDescription,
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

const IN_GENERAL =
	"Follow Meta's message below. See Meta's error code reference, and include the trace ID when contacting support.";

describe('the description of an error', () => {
	it.each<[string, GraphFailure, string]>([
		[
			'a page of a proxy',
			failureFromResponse(418, ''),
			'The response does not come from the Graph API. Check Base URL and API Version in the credential, and any proxy between n8n and Meta. Then try again.\nHTTP 418 without an error message',
		],
		[
			'an outage without words',
			failureFromResponse(502, ''),
			'Meta, or a proxy in front of it, has a temporary problem. Try again in a few minutes.\nHTTP 502 without an error message',
		],
		[
			'a text and its details',
			answered(400, { error_data: { details: 'why' } }),
			`${IN_GENERAL}\nMeta said: said (why)`,
		],
		['a code', answered(400, { code: 7 }), `${IN_GENERAL}\nMeta said: said\ncode 7`],
		[
			'a subcode',
			answered(400, { error_subcode: 33 }),
			`${IN_GENERAL}\nMeta said: said\nsubcode 33`,
		],
		[
			'a trace ID',
			answered(400, { fbtrace_id: 'T' }),
			`${IN_GENERAL}\nMeta said: said\ntrace ID T`,
		],
		[
			'no answer',
			lost,
			"Check the Base URL in the credential and n8n's connection to the internet.\ngraph.facebook.com could not be reached: the host name is unknown",
		],
	])('The description is right for %s', (_, failure, description) =>
		expect(failureDescription(failure)).toBe(description),
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
		expect(toNodeApiError(NODE, failure)).toMatchObject({ failure: cause });
	});
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
