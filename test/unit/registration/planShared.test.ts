import { addressText } from '../../../nodes/WhatsAppBusinessCalling/registration/members';
import {
	isInPlace,
	planRegistration,
	type Address,
	type KnownState,
	type Wanted,
} from '../../../nodes/WhatsAppBusinessCalling/registration/plan';
import type { Step, Target } from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import {
	EVENT_BITS,
	readSharedAddress,
	siblingUrl,
} from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { membersOf, nameOf, urlOf } from './memberNotation';

const SECRET = 'secret';
const NUMBER = 'phoneNumber 1';

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
	const { url: holder, siblings, leavesAccount } = readSharedAddress(url, SECRET)!;
	const listed = siblings.map((sibling) => {
		const name = nameOf(siblingUrl(holder, sibling)!);
		const isSilent = sibling.events.length === 0;
		return `${isSilent ? '-' : ''}${name}${sibling.leavesAccount ? '*' : ''}`;
	});
	return [`${nameOf(holder)}${leavesAccount ? '*' : ''}`, ...listed].join(' ');
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
	joined?: boolean;
}

function stateOf({ app, account, number, joined = true }: Given): KnownState {
	const overrides: KnownState['overrides'] = new Map();
	if (account) overrides.set('businessAccount', address(account));
	if (number) overrides.set(NUMBER, address(number));
	return {
		app: app ? { address: address(app), active: true, fields: ['calls'] } : null,
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
