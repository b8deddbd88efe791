import {
	phoneNumberPage,
	phoneNumbers,
} from '../../../nodes/WhatsAppBusinessCalling/graph/phoneNumbers';
import { ACCOUNT, fakeExecution, refusal } from '../fakes';

const row = (id: string) => ({
	id,
	display_phone_number: '+1 631-555-5555',
	verified_name: 'Lucky Shrub',
	quality_rating: 'GREEN',
	status: 'CONNECTED',
	platform_type: 'CLOUD_API',
});

const number = (id: string) => ({
	id,
	displayPhoneNumber: '+1 631-555-5555',
	verifiedName: 'Lucky Shrub',
	qualityRating: 'GREEN',
	status: 'CONNECTED',
	platform: 'CLOUD_API',
});

/** Meta with so many pages of one number each. */
function account(pages: number) {
	const { context, sent } = fakeExecution({}, ({ qs }) => {
		const page = Number(qs?.after ?? 0);
		const after = String(page + 1);
		const paging = { cursors: { after }, ...(page + 1 < pages ? { next: 'https://x' } : {}) };
		return { statusCode: 200, body: { data: [row(String(page))], paging } };
	});
	return { context, sent };
}

const answer = (body: unknown) => fakeExecution({}, () => ({ statusCode: 200, body })).context;

describe('phoneNumbers', () => {
	it('The numbers of all pages are read', async () => {
		const { context, sent } = account(3);
		expect(await phoneNumbers(context, ACCOUNT)).toEqual({
			ok: true,
			value: ['0', '1', '2'].map(number),
		});
		const fields = 'id,display_phone_number,verified_name,quality_rating,status,platform_type';
		expect(sent.map(({ method, url, qs }) => ({ method, url, qs }))).toEqual(
			[{}, { after: '1' }, { after: '2' }].map((cursor) => ({
				method: 'GET',
				url: 'https://graph.facebook.com/v26.0/102290129340398/phone_numbers',
				qs: { fields, limit: '100', ...cursor },
			})),
		);
	});

	it.each([
		[1, 1],
		[2, 2],
		[5, 3],
	])(
		'A limit of %i gives %i, and no more pages are requested than needed',
		async (limit, count) => {
			const { context, sent } = account(3);
			const result = await phoneNumbers(context, ACCOUNT, limit);
			expect(result.ok && result.value).toHaveLength(count);
			expect(sent).toHaveLength(count);
		},
	);

	it('No more than the limit is read, however many a page has', async () => {
		const context = answer({ data: ['1', '2', '3'].map(row) });
		expect(await phoneNumbers(context, ACCOUNT, 2)).toEqual({
			ok: true,
			value: ['1', '2'].map(number),
		});
	});

	it('A failed page gives its failure', async () => {
		const { context } = fakeExecution({}, () => refusal(400, 190));
		expect(await phoneNumbers(context, ACCOUNT)).toMatchObject({
			ok: false,
			failure: { code: 190 },
		});
	});
});

describe('phoneNumberPage', () => {
	it('A number without an ID is left out, and null stands for what is missing', async () => {
		const context = answer({ data: [{ id: '1', status: '' }, { status: 'CONNECTED' }, null] });
		const nothing = {
			displayPhoneNumber: null,
			verifiedName: null,
			qualityRating: null,
			status: null,
			platform: null,
		};
		expect(await phoneNumberPage(context, ACCOUNT)).toEqual({
			ok: true,
			value: { rows: [{ id: '1', ...nothing }], after: undefined },
		});
	});

	it.each(['', null, {}, { data: 'x' }])(
		'A response of %j does not count as "no numbers"',
		async (body) => {
			expect(await phoneNumberPage(answer(body), ACCOUNT)).toMatchObject({
				ok: false,
				failure: { message: "Meta's list of the phone numbers cannot be read", transient: true },
			});
		},
	);
});
