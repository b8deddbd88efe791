import { addressText } from '../../../nodes/WhatsAppBusinessCalling/registration/members';
import {
	isInPlace,
	planRegistration,
	type Address,
	type KnownState,
	type Wanted,
} from '../../../nodes/WhatsAppBusinessCalling/registration/plan';
import {
	planUndo,
	type Surroundings,
} from '../../../nodes/WhatsAppBusinessCalling/registration/planUndo';
import type { Step, Target } from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import {
	EVENT_BITS,
	readSharedAddress,
	siblingUrl,
} from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { membersOf, nameOf, urlOf } from './memberNotation';

const SECRET = 'secret';
const NUMBER = 'phoneNumber 1';
const FOREIGN = 'https://crm.example/whatsapp';
const DESK = 'https://desk.example/whatsapp';
const SYSTEMS: Record<string, string> = { [FOREIGN]: 'the other webhook', [DESK]: 'the desk' };

/** Such as `A T* +B`: the holder first. */
function address(text: string): Address {
	const members = membersOf(text);
	const [{ is }] = members;
	return {
		url: addressText(members, null, SECRET),
		holder: is === 'this' || is === 'gone' ? is : 'trigger',
		...{ isRestorable: true, members, other: null, isAuthentic: true },
	};
}

function textOfUrl(url: string): string {
	const { url: holder, siblings, leavesAccount, other } = readSharedAddress(url, SECRET)!;
	if (SYSTEMS[holder]) return SYSTEMS[holder];
	const listed = siblings.map((sibling) => {
		const name = nameOf(siblingUrl(holder, sibling)!);
		const isSilent = sibling.events.length === 0;
		return `${isSilent ? '-' : ''}${name}${sibling.leavesAccount ? '*' : ''}`;
	});
	const { verifyToken, addedFields } = other ?? { verifyToken: '', addedFields: [] };
	const back = verifyToken ? ` (back: ${[verifyToken, ...addedFields].join(', ')})` : '';
	const forwards = other ? ` and ${SYSTEMS[other.url]}${back}` : '';
	return [`${nameOf(holder)}${leavesAccount ? '*' : ''}`, ...listed].join(' ') + forwards;
}

function textOf(step: Step): string {
	switch (step.do) {
		case 'pointApp':
			return `app: ${textOfUrl(step.url)}`;
		case 'pointOverride':
			return `${step.target}: ${step.url === null ? 'none' : textOfUrl(step.url)}`;
		case 'removeFields':
			return 'remove fields';
		case 'leaveAddress':
			return `leave ${step.target}`;
		default:
			return step.do === 'joinAccount' ? 'join' : 'leave';
	}
}

interface Given {
	app?: string;
	account?: string;
	number?: string;
	/** Who has another number: not a trigger of this n8n. */
	elsewhere?: 'other' | 'instance';
	joined?: boolean;
	fields?: string[];
}

function stateOf({
	app,
	account,
	number,
	elsewhere,
	joined = true,
	fields = ['calls'],
}: Given): KnownState {
	const overrides: KnownState['overrides'] = new Map();
	if (account) overrides.set('businessAccount', address(account));
	if (number) overrides.set(NUMBER, address(number));
	if (elsewhere) {
		overrides.set('phoneNumber 2', {
			...{ url: FOREIGN, holder: elsewhere, isRestorable: true, members: [] },
			...{ other: null, isAuthentic: true },
		});
	}
	return {
		app: app ? { address: address(app), active: true, fields } : null,
		joined,
		overrides,
	};
}

const wantedOf = (target: Target, name: string): Wanted => ({
	...{ url: urlOf(name), isTest: name !== name.toUpperCase(), targets: [target] },
	...{ events: EVENT_BITS, fields: ['calls'], forwards: false, otherWebhook: null },
	...{ sharing: true, appSecret: SECRET },
});

describe('the plan where other triggers of this n8n receive', () => {
	it.each<[string, Target, string, Given, string[], string[]]>([
		['joins', 'app', 'T', { app: 'A' }, ['app: A T > leave app'], []],
		[
			'puts the app on the account, and its entry says that it takes it off',
			'app',
			'T',
			{ app: 'A', joined: false },
			['app: A T* > leave app', 'join > leave'],
			[],
		],
		[
			'takes over from one that is gone what it has to undo',
			'app',
			'T',
			{ app: 'A +B*' },
			['app: A T* > leave app'],
			[],
		],
		[
			'replaces a holder that is gone',
			'app',
			'T',
			{ app: '+A B' },
			['app: T B > leave app'],
			['remove fields'],
		],
		[
			'replaces a holder that is gone and had to take the app off the account',
			'app',
			'T',
			{ app: '+A* B' },
			['app: T B > leave app'],
			['leave', 'remove fields'],
		],
		['changes nothing where it is listed', 'app', 'T', { app: 'A T* B' }, [], []],
		['changes nothing where it is the holder', 'app', 'T', { app: 'T A' }, [], ['remove fields']],
		[
			'drops one that is gone from its own list',
			'app',
			'T',
			{ app: 'T +A' },
			['app: T'],
			['remove fields'],
		],
		[
			'replaces a test, which may be killed, and undoes what that has to',
			'app',
			'T',
			{ app: 'a*' },
			['app: T a* > leave app'],
			['leave'],
		],
		[
			'replaces a test of another account, which undoes that itself',
			'app',
			'T',
			{ app: 'a#*' },
			['app: T a* > leave app'],
			[],
		],
		[
			'joins a test that forwards to another webhook',
			'app',
			'T',
			{ app: 'a>' },
			['app: a T > leave app'],
			[],
		],
		[
			'replaces a test of which it is not known what that has to undo',
			'app',
			'T',
			{ app: 'a~' },
			['app: T a > leave app'],
			['leave'],
		],
		[
			'replaces a holder that is gone, of which it is not known what that had to undo',
			'app',
			'T',
			{ app: '+A~ B' },
			['app: T B > leave app'],
			['leave', 'remove fields'],
		],
		['is a test, and joins', 'app', 't', { app: 'A B' }, ['app: A B t > leave app'], []],
		['is a test, and joins another test', 'app', 't', { app: 'a' }, ['app: a t > leave app'], []],
		[
			"on a number leaves the app's URL to another trigger",
			NUMBER,
			'T',
			{ app: 'A' },
			['phoneNumber 1: T > phoneNumber 1: none'],
			[],
		],
		[
			'on a number is listed without events where all others are of another account',
			NUMBER,
			'T',
			{ app: 'A# +B' },
			['app: A -T > leave app', 'phoneNumber 1: T > phoneNumber 1: none'],
			[],
		],
		[
			'on a number is listed without events where it is not known of which account another one is',
			NUMBER,
			'T',
			{ app: 'A# ?B' },
			['app: A B -T > leave app', 'phoneNumber 1: T > phoneNumber 1: none'],
			[],
		],
		[
			'on a number is not listed where another one is of its account',
			NUMBER,
			'T',
			{ app: 'A# B' },
			['phoneNumber 1: T > phoneNumber 1: none'],
			[],
		],
		[
			"on a number stays in the list of the app's URL",
			NUMBER,
			'T',
			{ app: 'A# T' },
			['phoneNumber 1: T > phoneNumber 1: none'],
			[],
		],
		[
			"on a number takes the app's URL from a test",
			NUMBER,
			'T',
			{ app: 'a' },
			['app: T a > leave app', 'phoneNumber 1: T > phoneNumber 1: none'],
			[],
		],
		[
			"on a number leaves the app's URL to a test that forwards to another webhook",
			NUMBER,
			'T',
			{ app: 'a>' },
			['phoneNumber 1: T > phoneNumber 1: none'],
			[],
		],
		[
			"on a number takes the app's URL from a holder that is gone",
			NUMBER,
			'T',
			{ app: '+A B' },
			['app: T B > leave app', 'phoneNumber 1: T > phoneNumber 1: none'],
			['remove fields'],
		],
		[
			"on a number is a test, and leaves the app's URL to another test",
			NUMBER,
			't',
			{ app: 'a' },
			['phoneNumber 1: t > phoneNumber 1: none'],
			[],
		],
		[
			'joins at the number',
			NUMBER,
			'T',
			{ app: 'A', number: 'B C' },
			['phoneNumber 1: B C T > leave phoneNumber 1'],
			[],
		],
		[
			'changes nothing where it is listed at the number',
			NUMBER,
			'T',
			{ app: 'A', number: 'B C T' },
			[],
			['leave phoneNumber 1'],
		],
		[
			'changes nothing where it has the number',
			NUMBER,
			'T',
			{ app: 'A', number: 'T' },
			[],
			['phoneNumber 1: none'],
		],
		[
			'takes the account where one on the app is gone',
			'businessAccount',
			'T',
			{ app: 'A +B@' },
			['businessAccount: T > businessAccount: none'],
			[],
		],
	])('The trigger %s', (_, target, name, given, steps, inherited) => {
		const planned = planRegistration(stateOf(given), wantedOf(target, name), null);
		if (!planned.ok) throw new Error(planned.conflict.reason);
		const texts = planned.plan.steps.map(({ step, inverse }) =>
			[textOf(step), inverse.map(textOf).join(', ')].filter(Boolean).join(' > '),
		);
		expect(texts).toEqual(steps);
		expect(planned.plan.inherited.map(textOf)).toEqual(inherited);
	});

	it.each<[Given, boolean]>([
		[{ app: 'A T' }, true],
		[{ app: 'A T +B' }, false],
		[{ app: 'A' }, false],
		[{ app: 'T A', number: 'A' }, true],
	])('The others are asked only if a URL is to be changed: %j', (given, expected) => {
		const state = stateOf(given);
		expect(isInPlace(state.app!.address, state, wantedOf('app', 'T'))).toBe(expected);
	});
});

/** As `textOf` writes it, with nothing or the other webhook as the URL. */
function stepOf(text: string): Step {
	const [what, url] = text.split(': ');
	if (what === 'leave') return { do: 'leaveAccount' };
	if (what === 'app') return { do: 'pointApp', url: FOREIGN, fields: ['calls'] };
	if (what === 'remove fields') return { do: 'removeFields', fields: ['calls'] };
	const target = what.replace('leave ', '') as 'businessAccount';
	if (what !== target) return { do: 'leaveAddress', target };
	return { do: 'pointOverride', target, url: url === 'none' ? null : FOREIGN };
}

describe('the undo where other triggers of this n8n receive', () => {
	const FORWARDS = {
		forwardsTo: DESK,
		tokens: new Map([[FOREIGN, 'its token']]),
	};
	const FAILED = { onlyRecorded: true };

	it.each<[string, string, Given, string[], Partial<Surroundings>, string[], string[]?]>([
		['leaves the list', 'T', { app: 'A T' }, [], {}, ['app: A']],
		['gives the URL to the next one', 'T', { app: 'T A B' }, [], {}, ['app: A B']],
		['gives the URL to a published one before a test', 'T', { app: 'T a B' }, [], {}, ['app: B a']],
		['leaves out those that are gone', 'T', { app: 'T +A B' }, [], {}, ['app: B']],
		['leaves the account to another one', 'T', { app: 'A T*' }, ['leave'], {}, ['app: A*']],
		[
			'leaves the account to a published one before a test',
			'T',
			{ app: 'a B T*' },
			['leave'],
			{},
			['app: a B*'],
		],
		[
			'leaves the account to a test, where no other is',
			'T',
			{ app: 'a T*' },
			['leave'],
			{},
			['app: a*'],
		],
		['tells no one what the next one knows', 'T', { app: 'A* T*' }, ['leave'], {}, ['app: A*']],
		[
			'takes the app off the account where all others are of another account',
			'T',
			{ app: 'A# T*' },
			['leave'],
			{},
			['app: A', 'leave'],
		],
		[
			'takes the app off the account although it is not in its record, if its entry says so',
			'T',
			{ app: 'A# T*' },
			[],
			{},
			['app: A', 'leave'],
		],
		['does what one that is gone had to do', 'T', { app: 'A# T +B*' }, [], {}, ['app: A', 'leave']],
		[
			'keeps the account while it is not known who needs it',
			'T',
			{ app: 'A# T*' },
			[],
			{ allRead: false },
			['app: A'],
			['leave'],
		],
		[
			'takes the number off',
			'T',
			{ app: 'A', number: 'T' },
			['phoneNumber 1: none'],
			{},
			['phoneNumber 1: none'],
		],
		[
			'leaves the list of the number',
			'T',
			{ app: 'A', number: 'B T' },
			[],
			{},
			['phoneNumber 1: B'],
		],
		[
			'gives the app to the trigger of a number',
			'T',
			{ app: 'T', number: 'A' },
			['leave', 'remove fields'],
			{},
			['app: A*'],
		],
		[
			'gives the app to a published trigger of the number before a test',
			'T',
			{ app: 'T', number: 'a B' },
			['remove fields'],
			{},
			['app: B'],
		],
		[
			'gives the app to a test at the number, where no other is',
			'T',
			{ app: 'T', number: 'a' },
			['remove fields'],
			{},
			['app: a'],
		],
		[
			'keeps the fields for one at the number that does not answer',
			'T',
			{ app: 'T', number: '?A' },
			['leave', 'remove fields'],
			{},
			[],
			['leave', 'remove fields'],
		],
		[
			'writes first who takes the app off the account',
			'T',
			{ app: 'T A', number: 'T B' },
			['leave'],
			{},
			['app: A*', 'phoneNumber 1: B'],
		],
		[
			'writes first who takes the app off the account, also at a number',
			'T',
			{ app: 'T A', number: 'T B*' },
			['leave'],
			{},
			['phoneNumber 1: B*', 'app: A'],
		],
		[
			'lists one of the number without events, where the others cannot know of it',
			'T',
			{ app: 'A# T', number: 'T B' },
			[],
			{},
			['phoneNumber 1: B', 'app: A -B'],
		],
		[
			'does not list one of the number where another one of its account is',
			'T',
			{ app: 'A T', number: 'T B' },
			[],
			{},
			['phoneNumber 1: B', 'app: A'],
		],
		[
			'of a failed activation leaves what an earlier one had joined',
			'T',
			{ app: 'A T' },
			[],
			FAILED,
			[],
		],
		[
			'of a failed activation leaves the list that it had joined',
			'T',
			{ app: 'A T' },
			['leave app'],
			FAILED,
			['app: A'],
		],
		[
			'of a failed activation leaves the one list that it had joined',
			'T',
			{ app: 'A T', number: 'B T' },
			['leave phoneNumber 1'],
			FAILED,
			['phoneNumber 1: B'],
		],
		[
			'of a failed activation removes the fields that it has added',
			'T',
			{ app: 'A T' },
			['leave app', 'remove fields'],
			FAILED,
			['app: A', 'remove fields'],
		],
		[
			'keeps the app on the account for a number of another system',
			'T',
			{ app: 'A# T*', elsewhere: 'other' },
			['leave'],
			{},
			['app: A'],
		],
		[
			'keeps the app on the account where it is subscribed to more',
			'T',
			{ app: 'A# T*', fields: ['calls', 'security'] },
			['leave'],
			{},
			['app: A'],
		],
		[
			'leaves the number, and takes the app off the account, where the app has no webhook',
			'T',
			{ number: 'A# T*' },
			['leave'],
			{},
			['phoneNumber 1: A', 'leave'],
		],
		[
			'does the same where not all could be read',
			'T',
			{ number: 'A# T*' },
			['leave'],
			{ allRead: false },
			['phoneNumber 1: A', 'leave'],
		],
		[
			'at a number removes what one on the app had to that is gone',
			'T',
			{ app: '+A*', number: 'T' },
			['phoneNumber 1: none'],
			{},
			['phoneNumber 1: none', 'leave', 'remove fields'],
		],
		[
			'at a number removes the same, if it is not known',
			'T',
			{ app: '+A~', number: 'T' },
			['phoneNumber 1: none'],
			{},
			['phoneNumber 1: none', 'leave', 'remove fields'],
		],
		[
			'at a number leaves the account where one that is gone on the app had not put the app on it',
			'T',
			{ app: '+A', number: 'T' },
			['phoneNumber 1: none'],
			{},
			['phoneNumber 1: none', 'remove fields'],
		],
		[
			'at a number leaves the account where the app is subscribed to more',
			'T',
			{ app: '+A~', number: 'T', fields: ['calls', 'security'] },
			['phoneNumber 1: none'],
			{},
			['phoneNumber 1: none', 'remove fields'],
		],
		[
			'of a test at a number leaves alone what is gone on the app',
			't',
			{ app: '+A', number: 't' },
			['phoneNumber 1: none', 'leave'],
			{},
			['phoneNumber 1: none'],
		],
		[
			'off the account needs not remove the URL of the account',
			'T',
			{ app: 'A#', account: 'T', number: 'T' },
			['businessAccount: none', 'phoneNumber 1: none', 'leave'],
			{},
			['phoneNumber 1: none', 'leave'],
		],
		[
			'gives the URL of the account back, although it leaves the account',
			'T',
			{ app: 'A#', account: 'T' },
			['businessAccount: back', 'leave'],
			{},
			['businessAccount: the other webhook', 'leave'],
		],
		[
			'gives the app to a trigger in another n8n that has a number',
			'T',
			{ app: 'T', elsewhere: 'instance' },
			['remove fields'],
			{},
			['app: the other webhook'],
		],
		[
			'keeps the fields for a number of another system',
			'T',
			{ app: 'T', elsewhere: 'other' },
			['remove fields'],
			{},
			[],
			['remove fields'],
		],
		[
			'of a failed activation removes the fields that no one can need yet',
			'T',
			{ app: 'T', number: 'A' },
			['remove fields'],
			FAILED,
			['remove fields'],
		],
		[
			'of a failed activation takes the app off the account, where it has just put it',
			'T',
			{ app: 'A# T', elsewhere: 'other' },
			['leave app', 'leave'],
			FAILED,
			['app: A', 'leave'],
		],
		[
			'removes nothing where it has no fields',
			'T',
			{ app: 'T', number: 'A', fields: ['security'] },
			['leave'],
			{},
			[],
		],
		['of a test leaves the list', 't', { app: 'A t' }, [], {}, ['app: A']],
		[
			'leaves the other webhook to the next one',
			'T',
			{ app: 'T A' },
			['app: back', 'remove fields'],
			FORWARDS,
			['app: A and the other webhook (back: its token, calls)'],
		],
		[
			'reports that the other webhook of the account gets nothing more, for which the URL has no room',
			'T',
			{ app: 'A', account: 'T B' },
			['businessAccount: back', 'remove fields'],
			FORWARDS,
			['businessAccount: B', 'lost: the other webhook'],
		],
		[
			'leaves the other webhook to the next one, without its token',
			'T',
			{ app: 'T A' },
			[],
			FORWARDS,
			['app: A and the desk'],
		],
		[
			'leaves the other webhook, if another target is to be put back',
			'T',
			{ app: 'T A' },
			['businessAccount: back'],
			FORWARDS,
			['app: A and the desk'],
		],
		[
			'leaves no other webhook where it is not the holder',
			'T',
			{ app: 'A T' },
			[],
			FORWARDS,
			['app: A'],
		],
		[
			'of a failed activation leaves no other webhook',
			'T',
			{ app: 'T A' },
			['leave app'],
			{ ...FORWARDS, ...FAILED },
			['app: A'],
		],
	])('The trigger %s', (_, name, given, undo, more, steps, kept = []) => {
		const planned = planUndo(stateOf(given), undo.map(stepOf), {
			...{ url: urlOf(name), isTest: name !== name.toUpperCase(), allRead: true, sharing: true },
			...{ onlyRecorded: false, isLost: false, isShared: false, appSecret: SECRET },
			...{ forwardsTo: null, tokens: new Map(), ...more },
		});
		const lost = planned.lost.map((url) => `lost: ${textOfUrl(url)}`);
		expect([...planned.steps.map(textOf), ...lost]).toEqual(steps);
		expect(planned.kept.map(textOf)).toEqual(kept);
	});
});
