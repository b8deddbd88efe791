import {
	membersWith,
	membersWithout,
	type Member,
} from '../../../nodes/WhatsAppBusinessCalling/registration/members';
import { member, membersOf, nameOf, urlOf } from './memberNotation';

const textOf = (list: Member[]) => list.map(({ url }) => nameOf(url)).join(' ');

describe('who receives at a webhook URL', () => {
	it.each([
		['of nobody', '', 'T', 'T'],
		['of a published trigger', 'A', 'T', 'A T'],
		['of a published trigger with siblings', 'A B c', 'T', 'A B c T'],
		['in which it is already', 'A T B', 'T', 'A T B'],
		['of its own', 'T A b', 'T', 'T A b'],
		['of its own that lists it as well', 'T A T', 'T', 'T A'],
		['whose holder is gone', '+A B ?C', 'T', 'T B C'],
		['whose siblings are gone, or do not answer', 'A +B ?C !D', 'T', 'A C D T'],
		['of a test', 'a', 'T', 'T a'],
		['of a test that lists published triggers', 'a B', 'T', 'T a B'],
		['of its own test', 't', 'T', 'T t'],
	])('A published trigger joins a URL %s', (_, present, trigger, expected) => {
		// Production and test of one trigger differ in their URLs.
		const before = membersOf(present).map((one) =>
			one.url === urlOf('t') ? { ...one, is: 'alive' as const } : one,
		);
		expect(textOf(membersWith(member(trigger), before))).toBe(expected);
	});

	it.each([
		['of nobody', '', 't'],
		['of a published trigger', 'A', 'A t'],
		['in which it is already', 'A t B', 'A t B'],
		['of its own', 't a', 't a'],
		['of another test', 'a', 'a t'],
		['of another test that lists a published trigger', 'a B', 'B a t'],
		['whose holder is gone', '+A b C', 'C b t'],
		['whose holder is gone, with other tests only', '+A b', 't b'],
	])('A test joins a URL %s', (_, present, expected) => {
		expect(textOf(membersWith(member('t'), membersOf(present)))).toBe(expected);
	});

	it.each([
		['its holder stays', 'A T B', 'A B'],
		['its holder stays although it does not answer', '?A T', 'A'],
		['a published trigger gets it', 'T a B c', 'B a c'],
		['a test gets it, if there is nothing else', 'T a', 'a'],
		['a trigger gets it that n8n cannot reach', 'T ?A', 'A'],
		['one that answers comes first', 'T ?A B', 'B A'],
		['what is gone is left out', 'T +A B +c', 'B'],
		['its holder is gone', '+A T B', 'B'],
		['nobody is left', 'T', ''],
		['only those are left that do not belong there', 'T !A ?b +C', ''],
	])('A trigger leaves a URL: %s', (_, present, expected) => {
		expect(textOf(membersWithout(membersOf(present)))).toBe(expected);
	});
});
