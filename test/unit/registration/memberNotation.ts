import type { Member } from '../../../nodes/WhatsAppBusinessCalling/registration/members';
import { EVENT_BITS } from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';

/** The names of triggers: their webhook IDs have them as the last digit. */
const NAMES = 'TABCDEF';

export function urlOf(name: string): string {
	const isTest = name !== name.toUpperCase();
	const digit = NAMES.indexOf(name.toUpperCase());
	return `https://n8n.example/webhook${isTest ? '-test' : ''}/00000000-0000-4000-8000-00000000000${digit}/webhook`;
}

export function nameOf(url: string): string {
	const name = NAMES[Number(url.split('/').at(-2)?.at(-1))];
	return url.includes('-test/') ? name.toLowerCase() : name;
}

const MARKS: Record<string, Member['is']> = { '+': 'gone', '?': 'silent', '!': 'refusing' };

/**
 * `T` is the trigger itself; small letters are tests; `+` gone, `?` silent, `!` refusing; after the name `*` takes the app off the
 * account, `~` may do so (its record is not known), `#` of another account, `>` forwards, `@` has Registration set to App.
 */
export function member(text: string): Member {
	const name = /[A-Za-z]/.exec(text)![0];
	return {
		...{ url: urlOf(name), isTest: name !== name.toUpperCase(), events: EVENT_BITS },
		is: name.toUpperCase() === 'T' ? 'this' : (MARKS[text[0]] ?? 'alive'),
		isOfAccount: !text.includes('#'),
		isOnApp: text.includes('@'),
		leavesAccount: text.includes('*'),
		isKnownToLeave: text.includes('~') ? null : text.includes('*'),
		isKnownToForward: text.includes('>'),
	};
}

/** Such as `A T* +B`: the holder first. */
export const membersOf = (text: string) => text.split(' ').filter(Boolean).map(member);
