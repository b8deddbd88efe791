import { Readable } from 'node:stream';
import type { IHookFunctions } from 'n8n-workflow';

import {
	addressText,
	type Member,
} from '../../../nodes/WhatsAppBusinessCalling/registration/members';
import {
	askSiblings,
	identify,
	verifyTokenFor,
	type Manner,
	type Trigger,
} from '../../../nodes/WhatsAppBusinessCalling/registration/ownership';
import type { Address } from '../../../nodes/WhatsAppBusinessCalling/registration/plan';
import {
	dropRecord,
	keepRecord,
	type RegistrationRecord,
} from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import { holderUrl } from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import {
	accountPart,
	appLevelPart,
	deriveVerifyToken,
} from '../../../nodes/WhatsAppBusinessCalling/registration/verifyToken';
import { ACCOUNT, APP_SECRET, fakeWebhook, type Answer, type Sent } from '../fakes';
import { recordAt, triggerOf } from './fakeTrigger';
import { membersOf, nameOf, urlOf } from './memberNotation';

const FOREIGN = 'https://crm.example/whatsapp';
const OTHER_TOKEN = 'its token';
const WORKFLOW_ID = 'workflow-1';

const list = (text: string, appSecret = APP_SECRET) =>
	addressText(membersOf(text), null, appSecret);
/** The same address at the n8n that this one was, or from which it was copied. */
const ofOtherN8n = (url: string) => url.replace('n8n.example', 'old.example');

/**
 * What an address answers: `gone`, `unreachable`, `broken`, `anything`, or the tokens that it accepts: `own`, `workflow`,
 * `account`, `level`, `other`. Several answers, one after the other, are separated by ` then `.
 */
type Answers = Record<string, string>;

function tokensOf(url: string, names: string): string[] {
	const derive = (only?: string) => deriveVerifyToken(APP_SECRET, url, only);
	const { businessAccountId } = ACCOUNT;
	const tokens: Record<string, string> = {
		own: derive(),
		workflow: derive(WORKFLOW_ID),
		account: derive(accountPart(businessAccountId)),
		level: derive(appLevelPart(businessAccountId)),
		other: OTHER_TOKEN,
	};
	return names.split(' ').flatMap((name) => tokens[name] ?? []);
}

function answerTo({ qs }: Sent, isAccepted: boolean): Answer {
	const body = Readable.from([isAccepted ? String(qs?.['hub.challenge']) : '']);
	return { statusCode: isAccepted ? 200 : 403, body };
}

function triggerAt(url: string, answers: Answers, more: Partial<Trigger> = {}) {
	const asked: string[] = [];
	const { context } = fakeWebhook({}, {}, (request) => {
		const token = String(request.qs?.['hub.verify_token']);
		const said = (answers[request.url] ?? answers[holderUrl(request.url)] ?? 'gone').split(
			' then ',
		);
		const times = asked.filter((one) => one === request.url).length;
		asked.push(request.url);
		const answer = said[Math.min(times, said.length - 1)];
		if (answer === 'unreachable') throw new Error('no route');
		if (answer === 'broken') return { statusCode: 503, body: Readable.from(['']) };
		if (answer === 'gone') {
			const body = Readable.from([
				'{"code":404,"message":"The requested webhook is not registered."}',
			]);
			return { statusCode: 404, body };
		}
		const isAccepted = answer === 'anything' || tokensOf(request.url, answer).includes(token);
		const body = Readable.from([isAccepted ? String(request.qs?.['hub.challenge']) : '']);
		return { statusCode: isAccepted ? 200 : 403, body };
	});
	const trigger = triggerOf(context, url, { otherVerifyToken: OTHER_TOKEN, ...more });
	return { trigger, asked };
}

const MARKS: Record<Member['is'], string> = {
	...{ this: '=', alive: '', gone: '+', silent: '?', refusing: '!' },
};
const textOf = ({ holder, isRestorable, members }: Address) =>
	[
		`${holder}${isRestorable ? '' : ', final'}:`,
		...members.map(({ is, url }) => `${MARKS[is]}${nameOf(url)}`),
	].join(' ');

describe('whose an address is', () => {
	const REMOVED = { isActivating: false };

	it.each<[string, string, string, string, string]>([
		['the own URL', urlOf('T'), urlOf('T'), 'gone', 'this: =T'],
		['the own test URL, while a test listens', urlOf('T'), urlOf('t'), 'own', 'this: t'],
		['the own test URL, after a killed test', urlOf('T'), urlOf('t'), 'gone', 'this: +t'],
		['the own test URL, where something else answers', urlOf('T'), urlOf('t'), '', 'this: +t'],
		[
			'the list of the own test, which n8n cannot reach',
			urlOf('T'),
			list('t A'),
			'unreachable',
			'this: t ?A',
		],
		[
			'the list of the own test, after it was killed',
			urlOf('T'),
			list('t A'),
			'gone',
			'this: +t ?A',
		],
		['the own production URL, for a test', urlOf('t'), urlOf('T'), 'own workflow', 'this: T'],
		['the own production URL, behind a broken proxy', urlOf('t'), urlOf('T'), 'broken', 'this: T'],
		[
			'the own production URL, which n8n cannot reach',
			urlOf('t'),
			urlOf('T'),
			'unreachable',
			'this: +T',
		],
		[
			'the own production URL, where something else answers',
			urlOf('t'),
			urlOf('T'),
			'',
			'this: +T',
		],
		[
			'the own production URL, after unpublishing',
			urlOf('t'),
			urlOf('T'),
			'gone',
			'gone, final: +T',
		],
		[
			'the production URL of the workflow from which a test was copied',
			urlOf('t'),
			urlOf('T'),
			'own',
			'trigger: T',
		],
		['the URL of another trigger', urlOf('T'), urlOf('A'), 'own', 'trigger: A'],
		['the URL of another trigger that is gone', urlOf('T'), urlOf('A'), 'gone', 'gone, final: +A'],
		[
			'a list of another trigger, which is gone',
			urlOf('T'),
			list('A B'),
			'gone',
			'gone, final: +A ?B',
		],
		[
			'a list of another trigger, which n8n cannot reach',
			urlOf('T'),
			list('A B'),
			'unreachable',
			'trigger: A ?B',
		],
		['a list of another trigger that refuses', urlOf('T'), list('A B'), '', 'trigger: !A ?B'],
		[
			'a list of another trigger that refused once',
			urlOf('T'),
			list('A B'),
			' then own',
			'trigger: A ?B',
		],
		['a list in which this trigger is', urlOf('T'), list('A T B'), 'own', 'trigger: A =T ?B'],
		['a list in which only its test is', urlOf('T'), list('A t'), 'own', 'trigger: A ?t'],
		['the list of this trigger', urlOf('T'), list('T A'), 'own', 'this: =T ?A'],
		['a list with another app secret', urlOf('T'), list('A B', 'old'), 'own', 'trigger: A ?B'],
		[
			'a list with another app secret, where something else answers',
			urlOf('T'),
			list('A B', 'old'),
			'',
			'workflow, final:',
		],
		['another workflow', urlOf('T'), urlOf('A'), '', 'workflow, final:'],
		['another workflow that accepts the other token', urlOf('T'), urlOf('A'), 'other', 'workflow:'],
		['another workflow that accepts everything', urlOf('T'), urlOf('A'), 'anything', 'workflow:'],
		['a trigger in another n8n', urlOf('T'), ofOtherN8n(urlOf('A')), 'own', 'instance:'],
		[
			'a trigger in another n8n that is gone',
			urlOf('T'),
			ofOtherN8n(urlOf('A')),
			'gone',
			'other, final:',
		],
		[
			'a list of another n8n, which n8n cannot reach',
			urlOf('T'),
			ofOtherN8n(list('A B')),
			'unreachable',
			'other, final:',
		],
		['another system', urlOf('T'), FOREIGN, 'other', 'other:'],
		['another system with another token', urlOf('T'), FOREIGN, '', 'other, final:'],
		['another system that n8n cannot reach', urlOf('T'), FOREIGN, 'unreachable', 'other, final:'],
		['no URL', urlOf('T'), 'crm.example', 'other', 'other, final:'],
	])('An activation finds %s', async (_, own, url, answer, expected) => {
		const { trigger } = triggerAt(own, { [url]: answer });
		const found = await identify(trigger, url, null);
		expect(textOf(found)).toBe(expected);
		expect(found.url).toBe(url);
		expect(found.isAuthentic).toBe(url !== list('A B', 'old') && !/^https:..old.*also/.test(url));
	});

	it.each<[string, string, string, boolean, string]>([
		['the own URL', urlOf('T'), 'own', true, 'this: =T'],
		['the own URL without a record', urlOf('T'), 'own workflow', false, 'this: =T'],
		[
			'the own URL without a record, which n8n cannot reach',
			urlOf('T'),
			'unreachable',
			false,
			'this: =T',
		],
		['the URL of the workflow of which this one is a copy', urlOf('T'), 'own', false, 'trigger: T'],
		['the own test URL', urlOf('t'), 'own', false, 'this: t'],
		['another system', FOREIGN, 'other', true, 'other, final:'],
	])('A removal finds %s', async (_, url, answer, hasRecord, expected) => {
		const { trigger } = triggerAt(urlOf('T'), { [url]: answer }, REMOVED);
		const found = await identify(trigger, url, hasRecord ? recordAt(urlOf('T')) : null);
		expect(textOf(found)).toBe(expected);
	});

	it('A removed copy is not in a list in which its original is', async () => {
		const answers = { [urlOf('A')]: 'own', [urlOf('T')]: 'own' };
		const { trigger } = triggerAt(urlOf('T'), answers, REMOVED);
		expect(textOf(await identify(trigger, list('A T'), null))).toBe('trigger: A ?T');
		expect(textOf(await identify(trigger, list('A T'), recordAt(urlOf('T'))))).toBe(
			'trigger: A =T',
		);
	});

	it('The end of a test asks nothing about its own URL', async () => {
		const { trigger, asked } = triggerAt(urlOf('t'), {}, REMOVED);
		expect(textOf(await identify(trigger, urlOf('t'), null))).toBe('this: =t');
		expect(asked).toEqual([]);
	});

	it('A test of a copy does not ask for the URL of an original that this process knows', async () => {
		const { trigger, asked } = triggerAt(urlOf('t'), {});
		keepRecord(trigger.context, ACCOUNT, recordAt(urlOf('T'), { workflowId: 'original' }));
		expect(textOf(await identify(trigger, list('T A'), null))).toBe('trigger: T ?A');
		dropRecord(trigger.context, urlOf('T'));
		expect(asked).toEqual([]);
	});

	it.each<[string, string, string]>([
		['nothing answers any more', 'gone', 'this, final: +T ?A'],
		['something else answers', '', 'this, final: +T ?A'],
		['this n8n has both addresses', 'old new', 'this, final: +T ?A'],
		['another n8n is alive, of which this one is a copy', 'old', 'instance:'],
	])(
		'The URL that this trigger had at an earlier address of n8n is known, where %s',
		async (...row) => {
			const [, accepted, expected] = row;
			const former = ofOtherN8n(urlOf('T'));
			const url = addressText(
				membersOf('T A').map((member) => ({ ...member, url: ofOtherN8n(member.url) })),
				null,
				APP_SECRET,
			);
			const { trigger } = triggerAt(urlOf('T'), {});
			const tokens = { old: url, new: urlOf('T') + url.slice(former.length) };
			const { context } = fakeWebhook({}, {}, (request) => {
				const isAccepted = Object.entries(tokens).some(
					([name, address]) =>
						accepted.includes(name) &&
						deriveVerifyToken(APP_SECRET, address) === request.qs?.['hub.verify_token'],
				);
				return answerTo(request, isAccepted);
			});
			const asked = { ...trigger, context: context as unknown as IHookFunctions };
			const found = await identify(asked, url, recordAt(former));
			expect(textOf(found)).toBe(expected);
			// The others have moved as well.
			if (found.holder === 'this') expect(found.members[1].url).toBe(urlOf('A'));
			// Without the record it is the URL of someone else.
			expect((await identify(asked, url, null)).holder).not.toBe('this');
		},
	);

	it.each<[string, string, Partial<Trigger>, number]>([
		['over https', 'https://crm.example/a', {}, 1],
		['over http, to the host of n8n', 'http://n8n.example/a', {}, 1],
		['not over http', 'http://crm.example/a', {}, 0],
		['not where there is none', 'https://crm.example/a', { otherVerifyToken: '' }, 0],
		['not by a removal', 'https://crm.example/a', REMOVED, 0],
	])('The token for the other webhook is sent %s', async (_, url, more, times) => {
		const { trigger, asked } = triggerAt(urlOf('T'), { [url]: 'other' }, more);
		expect((await identify(trigger, url, null)).isRestorable).toBe(times > 0);
		// One is sent in any case: that of the address.
		expect(asked).toHaveLength(1 + times);
	});

	it('An entry keeps its events and what it has to undo; of the holder no events are known', async () => {
		const members = membersOf('A B* C').map((member) => ({ ...member, events: ['terminate'] }));
		const url = addressText(members, null, APP_SECRET);
		const { trigger } = triggerAt(urlOf('T'), { [urlOf('A')]: 'own' });
		const { members: found } = await identify(trigger, url, null);
		expect(found.map(({ events }) => events.length)).toEqual([9, 1, 1]);
		expect(found.map(({ leavesAccount }) => leavesAccount)).toEqual([false, true, false]);
		expect(found.map(({ isTest }) => isTest)).toEqual([false, false, false]);
		expect(found.map(({ isOfAccount, isOnApp }) => isOfAccount || isOnApp)).toEqual(
			Array(3).fill(false),
		);
		expect(found.map(({ isKnownToLeave }) => isKnownToLeave)).toEqual([false, true, false]);
	});

	it.each<[string, Partial<RegistrationRecord> | null, boolean | null, boolean]>([
		['nothing', null, null, false],
		['what it has to undo', { undo: [{ do: 'leaveAccount' }] }, true, false],
		['that it has nothing to undo', { undo: [{ do: 'joinAccount' }] }, false, false],
		['that it forwards', { alsoReceives: [FOREIGN] }, false, true],
	])('Of another trigger this process knows %s', async (_, record, toLeave, toForward) => {
		const { trigger } = triggerAt(urlOf('T'), { [urlOf('A')]: 'own' });
		const another = { ...trigger.context, getWorkflow: () => ({ id: 'workflow-2' }) };
		const context = another as unknown as IHookFunctions;
		if (record !== null) keepRecord(context, ACCOUNT, recordAt(urlOf('A'), record));
		const {
			members: [member],
		} = await identify(trigger, urlOf('A'), null);
		expect([member.isKnownToLeave, member.isKnownToForward]).toEqual([toLeave, toForward]);
		const ofElsewhere = { ...trigger.context, getInstanceId: () => 'instance-2' };
		const elsewhere = { ...trigger, context: ofElsewhere as unknown as IHookFunctions };
		const [unknown] = (await identify(elsewhere, urlOf('A'), null)).members;
		expect([unknown.isKnownToLeave, unknown.isKnownToForward]).toEqual([null, false]);
		dropRecord(context, urlOf('A'));
	});
});

describe('whether the others are there', () => {
	beforeEach(() => void jest.useFakeTimers());
	afterEach(() => void jest.useRealTimers());

	const LEAVES: Manner = { isPatient: false, mayLeave: true };
	const LEVEL: Manner = { ...LEAVES, asksLevel: true };

	/** Of each: what it is, `@` with Registration set to App, `#` of another account or not known. */
	async function ask(members: string, answers: Answers, manner: Manner) {
		const { trigger, asked } = triggerAt(urlOf('T'), answers);
		const given = { url: '', holder: 'trigger', isRestorable: true, other: null } as const;
		const unasked = membersOf(members).map((member) => ({
			...{ ...member, isOfAccount: false, isOnApp: false },
		}));
		const found = askSiblings(trigger, { ...given, isAuthentic: true, members: unasked }, manner);
		const start = Date.now();
		let end = start;
		void found.then(() => (end = Date.now()));
		await jest.advanceTimersByTimeAsync(60_000);
		const texts = (await found).members.map(
			({ is, url, isOfAccount, isOnApp }) =>
				MARKS[is] + nameOf(url) + (isOfAccount ? '' : '#') + (isOnApp ? '@' : ''),
		);
		return { text: texts.join(' '), asked: asked.map(nameOf).join(''), waitedMs: end - start };
	}

	it.each<[string, string, Manner, string, string, number]>([
		['?A', 'own', { isPatient: false }, 'A#', 'A', 0],
		['?A', '', { isPatient: false }, '!A#', 'A', 0],
		['?A', 'gone', { isPatient: true }, '+A#', 'A', 0],
		['?A', 'unreachable', { isPatient: false }, '?A#', 'A', 0],
		['?A', 'broken', { isPatient: true }, '?A#', 'AAA', 1_300],
		['?A', 'broken then own', { isPatient: true }, 'A#', 'AA', 300],
		['?A', 'broken then broken then own', { isPatient: true }, 'A#', 'AAA', 1_300],
		['?A', ' then gone', { isPatient: true }, '+A#', 'AA', 300],
		['T +A', 'own', { isPatient: true }, '=T# +A#', '', 0],
		['A', 'own', { isPatient: true }, 'A#', '', 0],
		['?A', 'own account level', LEAVES, 'A', 'AA', 0],
		['?A', 'own level', LEVEL, 'A#', 'AA', 0],
		['?A', 'own account', LEVEL, 'A', 'AAA', 0],
		['?A', 'own account level', LEVEL, 'A@', 'AAA', 0],
		['?A', 'account level', LEVEL, '!A#', 'A', 0],
		['A', 'account level', LEVEL, 'A@', 'AA', 0],
	])('Of %s, which answers to %j, with %j is known: %s', async (...row) => {
		const [members, answer, manner, text, asked, waitedMs] = row;
		expect(await ask(members, { [urlOf('A')]: answer }, manner)).toEqual({ text, asked, waitedMs });
	});
});

describe('the token with which Meta can be pointed to an address', () => {
	const derived = (url: string) => deriveVerifyToken(APP_SECRET, url);

	it.each<[string, string, string, Partial<Trigger>, string, number]>([
		['known', FOREIGN, 'other', { tokens: new Map([[FOREIGN, 'known']]) }, 'known', 0],
		['of the own URL', urlOf('T'), '', {}, derived(urlOf('T')), 0],
		['of a list of this n8n', list('A B'), '', {}, derived(list('A B')), 0],
		['of another trigger', urlOf('A'), 'own', {}, derived(urlOf('A')), 1],
		['of another workflow', urlOf('A'), 'other', {}, OTHER_TOKEN, 1],
		['of another system', FOREIGN, 'other', {}, OTHER_TOKEN, 1],
		['that can only be derived', FOREIGN, '', { otherVerifyToken: '' }, derived(FOREIGN), 0],
	])('It is the one %s', async (_, url, answer, more, expected, times) => {
		const { trigger, asked } = triggerAt(urlOf('T'), { [url]: answer }, more);
		expect(await verifyTokenFor(trigger, url)).toBe(expected);
		expect(asked).toHaveLength(times);
	});
});
