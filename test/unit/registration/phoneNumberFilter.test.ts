import type { IDataObject, IHookFunctions } from 'n8n-workflow';

import {
	chosenNumbers,
	chosenPhoneNumberIds,
	isAttended,
	mustKnowNumbers,
	requireKnownNumbers,
} from '../../../nodes/WhatsAppBusinessCalling/registration/phoneNumberFilter';
import { errorOf, failureOf } from '../../support/failures';
import { fakeWebhook, refusal, type Answer } from '../fakes';

const ONE = { id: '106540352242922', displayPhoneNumber: '+1 555-0100' };
const TWO = { id: '106540352242933', displayPhoneNumber: '+1 555-0200' };
const NAMELESS = { id: '106540352242944', displayPhoneNumber: null };

function nodeWith(parameters: IDataObject, mode = 'activate', answer?: Answer) {
	const { context, sent } = fakeWebhook(parameters, {}, () => answer ?? refusal(400, 100));
	Object.assign(context, { getActivationMode: () => mode });
	return { context: context as unknown as IHookFunctions, sent };
}

const chosen = (...phoneNumberIds: string[]) => ({ phoneNumberIds });

/** The error with which the choice is refused. */
const refused = async (
	context: IHookFunctions,
	known: Parameters<typeof chosenPhoneNumberIds>[1],
) => await failureOf((async () => chosenPhoneNumberIds(context, known))());

describe('the numbers that the operator chose', () => {
	it.each<[string, IDataObject, string[]]>([
		['none', {}, []],
		['IDs', chosen(ONE.id, TWO.id), [ONE.id, TWO.id]],
		['a display number', chosen('+1 (555) 0200'), [TWO.id]],
		['a display number by its digits', chosen('15550100'), [ONE.id]],
		['a number without a display number', chosen(NAMELESS.id), [NAMELESS.id]],
	])('Their IDs are known: %s', (_, parameters, ids) => {
		const { context } = nodeWith(parameters);
		expect(chosenPhoneNumberIds(context, [ONE, TWO, NAMELESS])).toEqual(ids);
		expect(chosenNumbers(context)).toHaveLength(ids.length);
	});

	it.each([
		['a number of no account', '999'],
		['part of a number', '5550100'],
		['a text without digits', 'sales'],
	])('It is an error, which names those of the account: %s', async (_, entry) => {
		const { context } = nodeWith(chosen(ONE.id, entry));
		const error = await refused(context, [ONE, TWO, NAMELESS]);
		expect(error.constructor.name).toBe('NodeOperationError');
		expect(error.message).toBe(
			`"${entry}" is not a phone number of this WhatsApp Business account. Choose another one under Phone Number Names or IDs.`,
		);
		expect(error.description).toBe(
			`With it, this trigger would never start. The account has: +1 555-0100 = ${ONE.id}, +1 555-0200 = ${TWO.id}, ${NAMELESS.id}.`,
		);
	});

	it('The error names ten numbers at most, and says what to check if there are none', async () => {
		const { context } = nodeWith(chosen('9'.repeat(100)));
		const many = Array.from({ length: 12 }, (_, index) => ({ ...NAMELESS, id: `id-${index}` }));
		const long = await refused(context, many);
		const none = await refused(context, []);
		expect(long.description).toMatch(/id-9\.$/);
		expect(long.message).toMatch(/^"9{60}" is not/);
		expect(none.description).toMatch(/Meta lists no numbers for this account: check the WhatsApp/);
	});
});

describe('whether the numbers have to be known', () => {
	it.each<[string, IDataObject, boolean, boolean]>([
		['activate', chosen(ONE.id), true, true],
		['update', chosen(ONE.id), true, true],
		['manual', chosen(ONE.id), true, true],
		['activate', {}, true, false],
		// Then no one can correct a number that has left the account.
		['init', chosen(ONE.id), false, false],
		['leadershipChange', chosen(ONE.id), false, false],
	])('In the mode %s, with %j, someone is there: %s, and they must: %s', (...row) => {
		const [mode, parameters, attended, must] = row;
		const { context } = nodeWith(parameters, mode);
		expect([isAttended(context), mustKnowNumbers(context)]).toEqual([attended, must]);
	});

	const listed: Answer = {
		statusCode: 200,
		body: { data: [{ id: ONE.id, display_phone_number: ONE.displayPhoneNumber }] },
	};

	it.each<[string, IDataObject, string, Answer | undefined, RegExp, number]>([
		['a number of the account is chosen', chosen(ONE.id), 'activate', listed, /^$/, 1],
		['another one is chosen', chosen(TWO.id), 'activate', listed, /is not a phone number/, 1],
		[
			'Meta cannot be asked',
			chosen(ONE.id),
			'activate',
			undefined,
			/did not accept the request/,
			1,
		],
		['none is chosen', {}, 'activate', undefined, /^$/, 0],
		['n8n starts', chosen(TWO.id), 'init', undefined, /^$/, 0],
	])('Publishing is right if %s', async (_, parameters, mode, answer, message, requests) => {
		const { context, sent } = nodeWith(parameters, mode, answer);
		expect(await errorOf(requireKnownNumbers(context))).toMatch(message);
		expect(sent).toHaveLength(requests);
	});
});
