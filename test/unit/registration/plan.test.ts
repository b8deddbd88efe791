import {
	merge,
	planRegistration,
	type Address,
	type Conflict,
	type Holder,
	type KnownState,
	type Wanted,
} from '../../../nodes/WhatsAppBusinessCalling/registration/plan';
import {
	planUndo,
	type Surroundings,
} from '../../../nodes/WhatsAppBusinessCalling/registration/planUndo';
import type { Member } from '../../../nodes/WhatsAppBusinessCalling/registration/members';
import type {
	OverrideTarget,
	RegistrationRecord,
	Step,
	Target,
} from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import { holderUrl } from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';

const OWN = 'https://n8n.example/webhook/ID/webhook';
const TEST = 'https://n8n.example/webhook-test/ID/webhook';
const SIBLING = 'https://n8n.example/webhook/OTHER/webhook';
const FOREIGN = 'https://crm.example/hook';
const DESK = 'https://desk.example/hook';
const DESK_WEBHOOK = { url: DESK, verifyToken: 'its token', addedFields: [] };
const ONE = 'phoneNumber 1';
const TWO = 'phoneNumber 2';

const HOLDERS: Record<string, Holder> = {
	[OWN]: 'this',
	[TEST]: 'this',
	[SIBLING]: 'workflow',
	[FOREIGN]: 'other',
	[DESK]: 'other',
};

/** An address without a list; the other one of production and test has not answered. */
function at(url: string, more: Partial<Address> = {}): Address {
	const { holder = HOLDERS[url] } = more;
	const member: Member = {
		...{ url, isTest: url === TEST, events: [] },
		is: holder === 'trigger' ? 'alive' : 'gone',
		...{ isOfAccount: true, isOnApp: false, leavesAccount: false, isKnownToLeave: true },
		isKnownToForward: false,
	};
	const isOurs = ['this', 'trigger', 'gone'].includes(holder);
	const rest = { isRestorable: true, other: null, isAuthentic: true, ...more };
	return { url, holder, members: isOurs ? [member] : [], ...rest };
}

/** An address whose holder is gone, with another one in its list. */
function leftAt(url: string, listed: Partial<Member>): Address {
	const address = at(url, { holder: 'gone' });
	const [holder] = address.members;
	return { ...address, members: [holder, { ...holder, url: `${url}/two`, ...listed }] };
}

/** The address with this trigger as it appears in it. */
const asSeenBy = (own: string, address: Address): Address => ({
	...address,
	members: address.members.map((member) =>
		address.holder === 'this' && member.url === own ? { ...member, is: 'this' } : member,
	),
});

/** `https://... calls messages`: an address, and the fields. */
function app(text: string, more: Partial<Address> & { active?: boolean } = {}): KnownState['app'] {
	const [url, ...fields] = text.split(' ');
	const { active = true, ...address } = more;
	return { address: at(url, address), active, fields };
}

interface Given {
	app?: KnownState['app'];
	joined?: boolean;
	overrides?: Partial<Record<OverrideTarget, Address>>;
}

const stateOf = (
	{ app: found = null, joined = false, overrides = {} }: Given,
	own = OWN,
): KnownState => ({
	app: found && { ...found, address: asSeenBy(own, found.address) },
	joined,
	overrides: new Map(
		Object.entries(overrides as Record<string, Address>).map(([target, address]) => [
			target as OverrideTarget,
			asSeenBy(own, address),
		]),
	),
});

const wantedOf = (more: Partial<Wanted> = {}): Wanted => ({
	url: OWN,
	isTest: false,
	targets: ['app'],
	fields: ['calls'],
	forwards: false,
	otherWebhook: null,
	events: ['terminate'],
	sharing: true,
	appSecret: 'secret',
	...more,
});

const recordOf = (undo: string[], alsoReceives: string[] = []): RegistrationRecord => ({
	instanceId: 'n8n',
	workflowId: 'workflow',
	appId: 'app',
	businessAccountId: 'account',
	url: OWN,
	isTest: false,
	undo: undo.map(step),
	alsoReceives,
});

/** `pointApp URL calls`, `removeFields calls`, `join`, `leave`, `override TARGET URL`. */
function step(text: string): Step {
	const [kind, ...words] = text.split(' ');
	switch (kind) {
		case 'pointApp':
			return { do: 'pointApp', url: words[0], fields: words.slice(1) };
		case 'removeFields':
			return { do: 'removeFields', fields: words };
		case 'join':
			return { do: 'joinAccount' };
		case 'leave':
			return { do: 'leaveAccount' };
		default: {
			const url = words.pop()!;
			const target = words.join(' ') as OverrideTarget;
			return { do: 'pointOverride', target, url: url === 'nowhere' ? null : url };
		}
	}
}

function textOf(one: Step): string {
	switch (one.do) {
		case 'pointApp':
			return ['pointApp', one.url, ...one.fields].join(' ');
		case 'removeFields':
			return ['removeFields', ...one.fields].join(' ');
		case 'joinAccount':
			return 'join';
		case 'leaveAccount':
			return 'leave';
		case 'pointOverride':
			return `override ${one.target} ${one.url ?? 'nowhere'}`;
		case 'leaveAddress':
			return `leaveAddress ${one.target}`;
	}
}

interface Outcome {
	/** Each step, and after an arrow its inverse. */
	steps: string[];
	/** What an earlier registration left to be undone. */
	inherited?: string[];
	to?: string[];
}

const ON_APP = {};
const ON_ONE = { targets: [ONE] as Target[] };
const ON_ACCOUNT = { targets: ['businessAccount'] as Target[] };
const FORWARD = { forwards: true };
const LISTEN = { url: TEST, isTest: true };
const FIRST_RECORD = ['leave', 'removeFields calls'];

describe('planRegistration', () => {
	it.each<[string, Given, Partial<Wanted>, RegistrationRecord | null, Outcome]>([
		[
			'nothing there: the app first, so that its address tells what was done',
			{},
			ON_APP,
			null,
			{ steps: [`pointApp ${OWN} calls > removeFields calls`, 'join > leave'] },
		],
		[
			'the app is on the account already',
			{ joined: true },
			{ fields: ['calls', 'messages'] },
			null,
			{ steps: [`pointApp ${OWN} calls messages > removeFields calls messages`] },
		],
		[
			'a test that was killed has left the address of the account, which would keep all from the app',
			{ joined: true, overrides: { businessAccount: at(TEST, { holder: 'gone' }) } },
			ON_APP,
			null,
			{
				steps: [`pointApp ${OWN} calls > removeFields calls`, 'override businessAccount nowhere'],
			},
		],
		[
			'that address says besides that its test has to take the app off the account',
			{ joined: true, overrides: { businessAccount: leftAt(TEST, { leavesAccount: true }) } },
			ON_APP,
			null,
			{
				steps: [`pointApp ${OWN} calls > removeFields calls`, 'override businessAccount nowhere'],
				inherited: ['leave'],
			},
		],
		[
			'Registration was Business Account when n8n was killed',
			{ app: app(`${OWN} calls`), joined: true, overrides: { businessAccount: at(OWN) } },
			ON_APP,
			recordOf(['override businessAccount nowhere', ...FIRST_RECORD]),
			{
				steps: ['override businessAccount nowhere'],
				inherited: ['override businessAccount nowhere', ...FIRST_RECORD],
			},
		],
		[
			'all in place, with a record',
			{ app: app(`${OWN} calls`), joined: true },
			ON_APP,
			recordOf(FIRST_RECORD),
			{ steps: [], inherited: FIRST_RECORD },
		],
		[
			'all in place, record lost: what stands at the own address is ours',
			{ app: app(`${OWN} calls messages`), joined: true },
			ON_APP,
			null,
			{ steps: [], inherited: ['leave', 'removeFields calls messages'] },
		],
		[
			'record lost, and fields that this package does not use: the account stays',
			{ app: app(`${OWN} calls security`), joined: true },
			ON_APP,
			null,
			{ steps: [], inherited: ['removeFields calls'] },
		],
		[
			'an interrupted test, production published',
			{ app: app(`${TEST} calls`), joined: true },
			ON_APP,
			recordOf(FIRST_RECORD),
			{ steps: [`pointApp ${OWN} calls`], inherited: FIRST_RECORD },
		],
		[
			'an interrupted test, never published',
			{ app: app(`${TEST} calls`), joined: true },
			ON_APP,
			null,
			{ steps: [`pointApp ${OWN} calls`], inherited: FIRST_RECORD },
		],
		[
			'killed between the first and the second step',
			{ app: app(`${OWN} calls`) },
			ON_APP,
			null,
			{ steps: ['join > leave'], inherited: ['removeFields calls'] },
		],
		[
			'an address of this n8n where nothing is registered any more',
			{ app: app(`${SIBLING} calls`, { holder: 'gone' }), joined: true },
			ON_APP,
			null,
			{ steps: [`pointApp ${OWN} calls`], inherited: FIRST_RECORD },
		],
		[
			'switched off by Meta',
			{ app: app(`${OWN} calls`, { active: false }), joined: true },
			ON_APP,
			recordOf(FIRST_RECORD),
			{ steps: [`pointApp ${OWN} calls`], inherited: FIRST_RECORD },
		],
		[
			'a field more than before',
			{ app: app(`${OWN} calls`), joined: true },
			{ fields: ['calls', 'messages'] },
			recordOf(FIRST_RECORD),
			{
				steps: [`pointApp ${OWN} calls messages > removeFields messages`],
				inherited: FIRST_RECORD,
			},
		],
		[
			'a test beside production: its address comes back, and its fields stay',
			{ app: app(`${OWN} calls`), joined: true },
			LISTEN,
			null,
			{ steps: [`pointApp ${TEST} calls > pointApp ${OWN} calls`] },
		],
		[
			'a test beside production that no longer answers: a leftover',
			{ app: app(`${OWN} calls`, { holder: 'gone' }), joined: true },
			LISTEN,
			null,
			{ steps: [`pointApp ${TEST} calls`], inherited: FIRST_RECORD },
		],
		[
			'take over: the other one comes back with its fields',
			{ app: app(`${FOREIGN} messages`), joined: true },
			FORWARD,
			null,
			{
				steps: [`pointApp ${OWN} calls > pointApp ${FOREIGN} messages, removeFields calls`],
				to: [FOREIGN],
			},
		],
		[
			'take over again: the record knows the other one',
			{ app: app(`${OWN} messages calls`), joined: true },
			FORWARD,
			recordOf([`pointApp ${FOREIGN} messages`, 'removeFields calls'], [FOREIGN]),
			{
				steps: [],
				inherited: [`pointApp ${FOREIGN} messages`, 'removeFields calls'],
				to: [FOREIGN],
			},
		],
		[
			'take over, record lost: the parameter knows the other one',
			{ app: app(`${OWN} messages calls`), joined: true },
			{ ...FORWARD, otherWebhook: at(FOREIGN) },
			null,
			{
				steps: [],
				inherited: [`pointApp ${FOREIGN} messages`, 'removeFields calls'],
				to: [FOREIGN],
			},
		],
		[
			'take over, record lost, but nothing there that could be for another one',
			{ app: app(`${OWN} calls`), joined: true },
			FORWARD,
			null,
			{ steps: [], inherited: FIRST_RECORD },
		],
		[
			'a test beside a take-over: forwards to production',
			{ app: app(`${OWN} messages calls`), joined: true },
			{ ...LISTEN, ...FORWARD },
			null,
			{ steps: [`pointApp ${TEST} calls > pointApp ${OWN} messages`], to: [OWN] },
		],
		[
			'a number, with nothing there',
			{},
			ON_ONE,
			null,
			{
				steps: [
					`pointApp ${OWN} calls > removeFields calls`,
					'join > leave',
					`override ${ONE} ${OWN} > override ${ONE} nowhere`,
				],
			},
		],
		[
			'a number, and the app belongs to another system that is subscribed to calls',
			{ app: app(`${FOREIGN} calls`), joined: true },
			ON_ONE,
			null,
			{ steps: [`override ${ONE} ${OWN} > override ${ONE} nowhere`] },
		],
		[
			'a number, and the app belongs to another workflow',
			{ app: app(`${SIBLING} calls`), joined: true },
			ON_ONE,
			null,
			{ steps: [`override ${ONE} ${OWN} > override ${ONE} nowhere`] },
		],
		[
			'a number that was here already, record lost',
			{ app: app(`${SIBLING} calls`), joined: true, overrides: { [ONE]: at(OWN) } },
			ON_ONE,
			null,
			{ steps: [], inherited: [`override ${ONE} nowhere`] },
		],
		[
			'a number whose former address is ours: not put back, but what the record says',
			{
				app: app(`${SIBLING} calls`),
				joined: true,
				overrides: { [ONE]: at('https://old.example/webhook/ID/webhook', { holder: 'this' }) },
			},
			{ ...ON_ONE, ...FORWARD },
			recordOf([`override ${ONE} ${FOREIGN}`], [FOREIGN]),
			{
				steps: [`override ${ONE} ${OWN} > override ${ONE} ${FOREIGN}`],
				inherited: [`override ${ONE} ${FOREIGN}`],
				to: [FOREIGN],
			},
		],
		[
			'a test of a number: production comes back, the app stays where it is',
			{ app: app(`${OWN} calls`), joined: true, overrides: { [ONE]: at(OWN) } },
			{ ...LISTEN, ...ON_ONE },
			null,
			{ steps: [`override ${ONE} ${TEST} > override ${ONE} ${OWN}`] },
		],
		[
			'the account forwards to the app that it takes the events from',
			{ app: app(`${FOREIGN} messages calls`), joined: true },
			{ ...ON_ACCOUNT, ...FORWARD },
			null,
			{
				steps: [`override businessAccount ${OWN} > override businessAccount nowhere`],
				to: [FOREIGN],
			},
		],
		[
			'a number forwards to the account, if that has an address',
			{
				app: app(`${FOREIGN} messages calls`),
				joined: true,
				overrides: { businessAccount: at(DESK) },
			},
			{ ...ON_ONE, ...FORWARD },
			null,
			{ steps: [`override ${ONE} ${OWN} > override ${ONE} nowhere`], to: [DESK] },
		],
		[
			'a number forwards to the webhook of the option, if Meta has none',
			{ joined: true },
			{ ...ON_ONE, ...FORWARD, otherWebhook: at(DESK) },
			null,
			{
				steps: [
					`pointApp ${OWN} calls > removeFields calls`,
					`override ${ONE} ${OWN} > override ${ONE} nowhere`,
				],
				to: [DESK],
			},
		],
	])(
		'The plan is right for: %s',
		(_, given, wanted, record, { steps, inherited = [], to = [] }) => {
			const planned = planRegistration(stateOf(given, wanted.url), wantedOf(wanted), record);
			if (!planned.ok) throw new Error(planned.conflict.reason);
			const { plan } = planned;
			const texts = plan.steps.map((planned) =>
				[textOf(planned.step), planned.inverse.map(textOf).join(', ')].filter(Boolean).join(' > '),
			);
			expect(texts).toEqual(steps);
			expect(plan.inherited.map(textOf)).toEqual(inherited);
			expect(plan.alsoReceives).toEqual(to);
		},
	);

	it.each<[string, Given, Partial<Wanted>, Partial<Conflict>]>([
		['another system has the app', { app: app(`${FOREIGN} calls`) }, ON_APP, { reason: 'taken' }],
		[
			'another system has the account, so that nothing of it comes to the app',
			{ overrides: { businessAccount: at(FOREIGN) } },
			ON_APP,
			{ reason: 'otherLevel', target: 'businessAccount' },
		],
		[
			'another workflow has the account, so that nothing of it comes to the app',
			{
				app: app(`${SIBLING} calls`, { holder: 'trigger' }),
				overrides: { businessAccount: at(SIBLING, { holder: 'trigger' }) },
			},
			ON_APP,
			{ reason: 'otherLevel', target: 'businessAccount' },
		],
		[
			'the published version of the trigger has the account',
			{ app: app(`${OWN} calls`), overrides: { businessAccount: at(OWN) } },
			LISTEN,
			{ reason: 'otherLevel', target: 'businessAccount' },
		],
		[
			'a trigger is left in the list of an account whose holder is gone',
			{ overrides: { businessAccount: leftAt(SIBLING, { is: 'alive' }) } },
			ON_APP,
			{ reason: 'otherLevel', target: 'businessAccount' },
		],
		[
			'a trigger that does not answer is in the list of an account whose holder is gone',
			{ overrides: { businessAccount: leftAt(SIBLING, { is: 'silent' }) } },
			ON_APP,
			{ reason: 'otherLevel', target: 'businessAccount' },
		],
		[
			'the address of the account names the webhook to put back',
			{ overrides: { businessAccount: at(TEST, { holder: 'gone', other: DESK_WEBHOOK }) } },
			ON_APP,
			{ reason: 'otherLevel', target: 'businessAccount' },
		],
		['another workflow has the app', { app: app(`${SIBLING} calls`) }, ON_APP, { reason: 'taken' }],
		[
			'a test in a copy of the workflow that has the app',
			{ app: app(`${OWN} calls`, { holder: 'workflow' }) },
			LISTEN,
			{ reason: 'taken' },
		],
		[
			'another n8n has the number',
			{
				app: app(`${FOREIGN} calls`),
				overrides: { [ONE]: at('https://two.example/webhook/ID/webhook', { holder: 'instance' }) },
			},
			ON_ONE,
			{ reason: 'taken', target: ONE },
		],
		[
			'take over without its verify token',
			{ app: app(`${FOREIGN} calls`, { isRestorable: false }) },
			FORWARD,
			{ reason: 'wrongToken' },
		],
		[
			'take over, record lost, messages there',
			{ app: app(`${OWN} messages calls`) },
			FORWARD,
			{ reason: 'receiverUnknown' },
		],
		[
			'take over, record lost, wrong token for the address in the parameter',
			{ app: app(`${OWN} messages calls`) },
			{ ...FORWARD, otherWebhook: at(FOREIGN, { isRestorable: false }) },
			{ reason: 'wrongToken' },
		],
		[
			'numbers of two other systems',
			{ app: app(`${OWN} calls`), overrides: { [ONE]: at(FOREIGN), [TWO]: at(DESK) } },
			{ ...FORWARD, targets: [ONE, TWO] },
			{ reason: 'severalReceivers', urls: [FOREIGN, DESK] },
		],
		[
			'a field that only the holder of the app can add',
			{ app: app(`${FOREIGN} messages`) },
			ON_ONE,
			{ reason: 'fieldsMissing', fields: ['calls'] },
		],
		[
			'a webhook of the app that only its holder can activate',
			{ app: app(`${FOREIGN} calls`, { active: false }) },
			ON_ONE,
			{ reason: 'fieldsMissing', fields: ['calls'] },
		],
	])('The plan is a conflict if it finds %s', (_, given, wanted, conflict) => {
		const planned = planRegistration(stateOf(given, wanted.url), wantedOf(wanted), null);
		expect(planned).toMatchObject({ ok: false, conflict });
	});

	it.each([
		[`override businessAccount ${FOREIGN}`, false],
		[`override ${ONE} ${FOREIGN}`, true],
		['override businessAccount nowhere', true],
	])(
		"The account's URL can only be removed if it was no other system's before: %s",
		(before, isRemoved) => {
			const state = stateOf({ joined: true, overrides: { businessAccount: at(OWN) } });
			const record = recordOf([...FIRST_RECORD, before, `pointApp ${FOREIGN} calls`]);
			const planned = planRegistration(state, wantedOf(), record);
			expect(planned.ok).toBe(isRemoved);
			if (!planned.ok) expect(planned.conflict.reason).toBe('otherLevel');
		},
	);
});

interface Ended {
	steps: string[];
	kept?: string[];
}

const surroundingsOf = (more: Partial<Surroundings>): Surroundings => ({
	...{ url: OWN, isTest: false, allRead: true },
	...{ onlyRecorded: false, isShared: false, isLost: false },
	...{ sharing: true, appSecret: 'secret', forwardsTo: null, tokens: new Map() },
	...more,
});

describe('planUndo', () => {
	it.each<[string, Given, string[], Address[] | null, Ended]>([
		[
			'all that was done',
			{ app: app(`${OWN} calls`) },
			FIRST_RECORD,
			[],
			{ steps: ['leave', 'removeFields calls'] },
		],
		['without a record', { app: app(`${OWN} calls`) }, [], [], { steps: ['removeFields calls'] }],
		[
			'while a test listens, or was interrupted',
			{ app: app(`${TEST} calls`) },
			FIRST_RECORD,
			[],
			{ steps: ['leave', 'removeFields calls'] },
		],
		[
			'nothing, where someone else came',
			{ app: app(`${FOREIGN} calls`) },
			FIRST_RECORD,
			[],
			{ steps: [] },
		],
		[
			'nothing, where another workflow came',
			{ app: app(`${SIBLING} calls`) },
			FIRST_RECORD,
			[],
			{ steps: [] },
		],
		['the rest, where the webhook is gone', {}, FIRST_RECORD, [], { steps: ['leave'] }],
		[
			'only our fields',
			{ app: app(`${OWN} calls security`) },
			FIRST_RECORD,
			[],
			{ steps: ['removeFields calls'] },
		],
		[
			'a take-over',
			{ app: app(`${OWN} messages calls`) },
			[`pointApp ${FOREIGN} messages`, 'removeFields calls'],
			[],
			{ steps: [`pointApp ${FOREIGN} messages`, 'removeFields calls'] },
		],
		[
			'a take-over whose fields Meta does not show: it takes no address without a field',
			{ app: app(OWN) },
			[`pointApp ${FOREIGN}`],
			[],
			{ steps: [`pointApp ${FOREIGN} calls`] },
		],
		[
			'a number and what the app got for it',
			{ app: app(`${OWN} calls`), overrides: { [ONE]: at(OWN) } },
			[`override ${ONE} nowhere`, ...FIRST_RECORD],
			[],
			{ steps: [`override ${ONE} nowhere`, 'leave', 'removeFields calls'] },
		],
		[
			'not a number that someone else has taken',
			{ app: app(`${FOREIGN} calls`), overrides: { [ONE]: at(DESK) } },
			[`override ${ONE} nowhere`],
			[],
			{ steps: [] },
		],
		[
			'not a number whose address is gone',
			{ app: app(`${FOREIGN} calls`) },
			[`override ${ONE} nowhere`],
			[],
			{ steps: [] },
		],
		[
			'the account: leaving it removes its address too',
			{ app: app(`${OWN} calls`), overrides: { businessAccount: at(OWN) } },
			['override businessAccount nowhere', ...FIRST_RECORD],
			[],
			{ steps: ['leave', 'removeFields calls'] },
		],
		[
			'but not what another trigger of ours needs: it gets the webhook of the app, before the rest is removed',
			{ app: app(`${OWN} calls`), overrides: { [ONE]: at(OWN) } },
			[`override ${ONE} nowhere`, ...FIRST_RECORD],
			[at(SIBLING, { holder: 'trigger' })],
			{ steps: [`pointApp ${SIBLING} calls`, `override ${ONE} nowhere`] },
		],
		[
			'but not what another system needs',
			{ app: app(`${OWN} calls`) },
			FIRST_RECORD,
			[at(FOREIGN, { isRestorable: false })],
			{ steps: [], kept: FIRST_RECORD },
		],
		[
			'and gives it to no other system, although that would accept it',
			{ app: app(`${OWN} calls`) },
			FIRST_RECORD,
			[at(FOREIGN, { isRestorable: true })],
			{ steps: [], kept: FIRST_RECORD },
		],
		[
			'but not what cannot be read',
			{ app: app(`${OWN} calls`) },
			FIRST_RECORD,
			null,
			{ steps: [], kept: FIRST_RECORD },
		],
		[
			'whatever addresses of this n8n are gone',
			{ app: app(`${OWN} calls`) },
			FIRST_RECORD,
			[at(SIBLING, { holder: 'gone' })],
			{ steps: ['leave', 'removeFields calls'] },
		],
	])('The undo plan covers %s', (_, given, undo, others, { steps, kept = [] }) => {
		const surroundings = surroundingsOf({ allRead: others !== null });
		const overrides = others?.map((address) => [TWO, address]) ?? [];
		const state = stateOf({
			...given,
			overrides: { ...given.overrides, ...Object.fromEntries(overrides) },
		});
		const planned = planUndo(state, undo.map(step), surroundings);
		expect(planned.steps.map(textOf)).toEqual(steps);
		expect(planned.kept.map(textOf)).toEqual(kept);
	});

	describe('an address of a number, which has room for 200 characters, that others keep', () => {
		const third = 'https://n8n.example/webhook/33333333-3333-4333-8333-333333333333/webhook';
		const second = at('https://n8n.example/webhook/22222222-2222-4222-8222-222222222222/webhook', {
			holder: 'trigger',
		});
		const others = (leavesAccount: boolean) => [
			{ ...second.members[0], leavesAccount },
			{ ...second.members[0], url: third },
		];
		const shared = (other: Address['other'], leavesAccount = false): KnownState =>
			stateOf({
				overrides: {
					[ONE]: at(OWN, {
						other,
						members: [{ ...at(OWN).members[0], is: 'this' }, ...others(leavesAccount)],
					}),
				},
			});

		it('The other webhook is given up first, and reported, if both do not fit', () => {
			const long = { url: `${FOREIGN}/${'x'.repeat(120)}`, verifyToken: '', addedFields: [] };
			const { steps, lost, heir } = planUndo(shared(long), [], surroundingsOf({}));
			expect(lost).toEqual([long.url]);
			expect(heir).toBeNull();
			const [{ url }] = steps as Array<{ url: string }>;
			expect(holderUrl(url)).toBe(second.url);
			expect(url).toContain('also=');
		});

		it('The one that gets the address without a list takes over what must be undone at the end', () => {
			const { steps, heir } = planUndo(shared(null, true), [], surroundingsOf({ sharing: false }));
			expect(steps.map(textOf)).toEqual([`override ${ONE} ${second.url}`]);
			expect(heir).toBe(second.url);
		});
	});

	it.each([
		['all that is ours there', `${OWN} calls`, true, ['leave', 'removeFields calls']],
		['not the account, where the app was not on it', `${OWN} calls`, false, ['removeFields calls']],
		[
			'not the account, where others use the app',
			`${OWN} calls security`,
			true,
			['removeFields calls'],
		],
		['nothing of others', `${FOREIGN} calls`, true, []],
	])('The undo plan without a record removes %s', (_, given, joined, expected) => {
		const surroundings = surroundingsOf({ isLost: true });
		const { steps } = planUndo(stateOf({ app: app(given), joined }), [], surroundings);
		expect(steps.map(textOf)).toEqual(expected);
		expect(planUndo(stateOf({ joined }), [], surroundings).steps).toEqual([]);
	});

	it('The fields that may belong to another webhook, whose URL is lost, are left', () => {
		const given = stateOf({ app: app(`${OWN} messages calls`) });
		const surroundings = surroundingsOf({ isShared: true });
		const { steps } = planUndo(given, [], surroundings);
		expect(steps.map(textOf)).toEqual(['removeFields calls']);
	});

	it.each<[string, Given, string[], string[]]>([
		[
			'puts production back',
			{ app: app(`${TEST} calls`) },
			[`pointApp ${OWN} calls`],
			[`pointApp ${OWN} calls`],
		],
		[
			'leaves production alone that was published meanwhile',
			{ app: app(`${OWN} calls`) },
			FIRST_RECORD,
			[],
		],
		['does nothing where production was unpublished meanwhile', {}, [`pointApp ${OWN} calls`], []],
		[
			'puts a number back',
			{ app: app(`${OWN} calls`), overrides: { [ONE]: at(TEST) } },
			[`override ${ONE} ${OWN}`],
			[`override ${ONE} ${OWN}`],
		],
	])('The end of a test %s', (_, given, undo, steps) => {
		const surroundings = surroundingsOf({ url: TEST, isTest: true });
		const planned = planUndo(stateOf(given, surroundings.url), undo.map(step), surroundings);
		expect(planned.steps.map(textOf)).toEqual(steps);
	});

	it.each<[string, Given, string[], string[]]>([
		[
			'keeps what an earlier one had registered',
			{ app: app(`${OWN} calls messages`) },
			['removeFields messages'],
			['removeFields messages'],
		],
		['leaves the account', { app: app(`${OWN} calls`) }, ['leave'], ['leave']],
	])('A failed activation %s', (_, given, undo, steps) => {
		const surroundings = surroundingsOf({ onlyRecorded: true });
		const planned = planUndo(stateOf(given, surroundings.url), undo.map(step), surroundings);
		expect(planned.steps.map(textOf)).toEqual(steps);
	});
});

describe('merge', () => {
	it('The result is one list in the order of undoing, and the first entry for a target counts', () => {
		const merged = merge(
			[
				'removeFields calls',
				`override ${ONE} ${FOREIGN}`,
				'leave',
				`pointApp ${FOREIGN} calls`,
				'removeFields messages calls',
				`override ${ONE} nowhere`,
				`override ${TWO} nowhere`,
				'leave',
				`pointApp ${DESK} calls`,
			].map(step),
		);
		expect(merged.map(textOf)).toEqual([
			`override ${ONE} ${FOREIGN}`,
			`override ${TWO} nowhere`,
			`pointApp ${FOREIGN} calls`,
			'leave',
			'removeFields calls messages',
		]);
	});
});
