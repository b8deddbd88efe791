import fc from 'fast-check';

import { failureFromResponse } from '../../../nodes/WhatsAppBusinessCalling/graph/failure';
import {
	finalMessage,
	getMediaInfo,
	isMediaGone,
	MEDIA_ID_PATTERN,
	mediaInfoProblem,
} from '../../../nodes/WhatsAppBusinessCalling/media/mediaInfo';
import { ACCOUNT, fakeExecution, refusal } from '../fakes';
import { DAY_MS } from '../../support/constants';

const error = (code: number, subcode?: number) => ({
	error: { message: 'said', code, error_subcode: subcode },
});

async function ask(body: unknown) {
	const { context } = fakeExecution({}, () => ({ statusCode: 200, body }));
	return await getMediaInfo(context, ACCOUNT, {
		mediaId: '5',
		property: 'recording',
		phoneNumberId: null,
		repeat: 'never',
	});
}

describe('getMediaInfo', () => {
	const HEX = '63dbef1b27a8de7efaa6d917bb70b00c1b27cdb445aa98c7b2441d306495a9ab';

	it.each<[unknown, number | null]>([
		['303833', 303833],
		[303833, 303833],
		['', null],
		[0, null],
		[-1, null],
		['big', null],
		[undefined, null],
		[{ toString: 1 }, null],
	])('The file_size %j is read as %j', async (fileSize, sizeBytes) => {
		const answer = await ask({
			url: 'https://x',
			file_size: fileSize,
			sha256: HEX,
			mime_type: 'audio/ogg',
		});
		expect(answer).toEqual({
			ok: true,
			value: {
				url: 'https://x',
				mimeType: 'audio/ogg',
				sha256: Buffer.from(HEX, 'hex'),
				sizeBytes,
			},
		});
	});

	it('A failed request gives its failure', async () => {
		const { context } = fakeExecution({}, () => refusal(400, 190));
		const asked = {
			mediaId: '5',
			property: 'recording',
			phoneNumberId: null,
			repeat: 'never',
		} as const;
		expect(await getMediaInfo(context, ACCOUNT, asked)).toMatchObject({ failure: { code: 190 } });
	});

	it('Everything but the URL can be missing', async () => {
		expect(await ask({ url: 'https://x', sha256: 'x', mime_type: 5 })).toEqual({
			ok: true,
			value: { url: 'https://x', mimeType: null, sha256: null, sizeBytes: null },
		});
	});

	it.each(['text/html', 'audio/ogg\r\nSet-Cookie: a=b', '../x'])(
		'The MIME type %j is not passed on',
		async (type) => {
			const answer = await ask({ url: 'https://x', mime_type: type });
			expect(answer).toMatchObject({ ok: true, value: { mimeType: null } });
		},
	);

	it('A response without a URL is a temporary error, and nothing throws', async () => {
		await fc.assert(
			fc.asyncProperty(fc.jsonValue(), async (body) => {
				const answer = await ask(body);
				if (answer.ok) throw new Error('no URL was given');
			}),
			{ numRuns: 1000 },
		);
		expect(await ask({})).toMatchObject({
			ok: false,
			failure: { transient: true, message: "The Media API's response contains no URL" },
		});
	});

	it('The file of one number is requested if the number is known', async () => {
		const { context, sent } = fakeExecution({}, () => ({ statusCode: 200, body: {} }));
		const request = { mediaId: '5', property: 'recording', repeat: 'never' } as const;
		await getMediaInfo(context, ACCOUNT, { ...request, phoneNumberId: '106' });
		await getMediaInfo(context, ACCOUNT, { ...request, phoneNumberId: null });
		expect(sent.map(({ method, url, qs }) => ({ method, url, qs }))).toEqual([
			{ method: 'GET', url: 'https://graph.facebook.com/v26.0/5', qs: { phone_number_id: '106' } },
			{ method: 'GET', url: 'https://graph.facebook.com/v26.0/5', qs: undefined },
		]);
	});
});

const problemOf = (status: number, body: unknown, ageMs: number | null = null) => {
	const eventAt = ageMs === null ? null : Date.now() - ageMs;
	return mediaInfoProblem(failureFromResponse(status, body), { mediaId: '5', eventAt });
};

describe('a media ID without a file', () => {
	it.each<[string, number, unknown, boolean, string, boolean]>([
		['404', 404, '', true, 'mediaGone', false],
		['410', 410, '', true, 'mediaGone', false],
		['100 with subcode 33', 400, error(100, 33), true, 'mediaGone', false],
		['100 with another subcode', 400, error(100, 34), false, 'downloadFailed', false],
		['100 alone', 400, error(100), false, 'downloadFailed', false],
		['190', 401, error(190), false, 'accessDenied', true],
		['190 with 400', 400, error(190), false, 'accessDenied', true],
		['403', 403, error(10), false, 'accessDenied', false],
		['500', 500, '', false, 'unavailable', true],
		['429', 429, error(4), false, 'unavailable', true],
		['131016', 400, error(131016), false, 'unavailable', true],
	])('The failure %s has its reason', (_, status, body, gone, reason, transient) => {
		expect(isMediaGone(failureFromResponse(status, body))).toBe(gone);
		for (const ageMs of [null, 11 * 60_000, 8 * DAY_MS]) {
			expect(problemOf(status, body, ageMs)).toMatchObject({ reason, transient });
		}
		// Of an event that is minutes old, nothing of this is final.
		for (const ageMs of [-60_000, 0, 9 * 60_000]) {
			expect(problemOf(status, body, ageMs)).toMatchObject({
				reason: gone ? 'unavailable' : reason,
				transient: true,
			});
		}
	});
});

describe('the text about a failed media ID for the operator', () => {
	const read = (...answer: Parameters<typeof problemOf>) => problemOf(...answer).message;

	it('The text has what Meta said', () => {
		expect(read(500, '')).toMatch(/^Meta's Media API returned an unexpected response: ./);
		expect(read(400, error(100))).toMatch(/\. Meta said: said$/);
		const details = { error: { ...error(100).error, error_data: { details: 'in detail' } } };
		expect(read(400, details)).toMatch(/\. Meta said: said \(in detail\)$/);
	});

	it('The text matches the age of the event', () => {
		expect(read(404, '', 60_000)).toBe(
			'Meta does not have the file yet: the Media API does not know the media ID 5.',
		);
		expect(read(404, '', 2 * DAY_MS)).toMatch(/although its event is less than 7 days old/);
		for (const age of [8 * DAY_MS, null])
			expect(read(404, '', age)).toMatch(/Meta keeps the files of a call/);
	});
});

describe('MEDIA_ID_PATTERN', () => {
	it.each(['1002764438271669', 'a-B_9'])('The ID %s is accepted', (id) =>
		expect(id).toMatch(MEDIA_ID_PATTERN),
	);

	it.each(['', '1/2', '..', '1?x', '1#x', '1%2f', ' 1', '1\n', '1'.repeat(201)])(
		'The ID %j is rejected',
		(id) => expect(id).not.toMatch(MEDIA_ID_PATTERN),
	);

	it.each([
		['It ended', true, 'It ended. Meta keeps files for 7 days: download it later by its media ID.'],
		['It said: no!', true, 'It said: no! Meta keeps files'],
		['It is gone', false, 'It is gone'],
	])('The last text about "%s" is one of whole sentences', (message, transient, expected) => {
		const problem = { reason: 'timeout', message, transient } as const;
		expect(finalMessage(problem).startsWith(expected)).toBe(true);
	});
});
