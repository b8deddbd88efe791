import fc from 'fast-check';

import {
	merge,
	planRegistration,
	type Address,
	type KnownState,
	type Wanted,
} from '../../../nodes/WhatsAppBusinessCalling/registration/plan';
import type { Member } from '../../../nodes/WhatsAppBusinessCalling/registration/members';
import {
	planUndo,
	undoAt,
	type Surroundings,
} from '../../../nodes/WhatsAppBusinessCalling/registration/planUndo';
import type {
	OverrideTarget,
	RegistrationRecord,
	Step,
	Target,
} from '../../../nodes/WhatsAppBusinessCalling/registration/record';
import {
	EVENT_BITS,
	holderUrl,
	readSharedAddress,
	siblingUrl,
} from '../../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import { webhookFields } from '../../../nodes/WhatsAppBusinessCalling/events/eventTypes';

const SECRET = 'secret';
const FOREIGN = 'https://crm.example/hook';
const ITS_TOKEN = 'its token';
const COUNT = 5;

interface Trigger {
	id: number;
	account: 'a' | 'b';
	level: 'app' | 'businessAccount' | 'phoneNumber 1' | 'phoneNumber 2';
	events: string[];
	takesOver: boolean;
}

/** A trigger in production or as a test. */
interface Role {
	trigger: Trigger;
	isTest: boolean;
}

const urlOf = ({ trigger, isTest }: Role) =>
	`https://n8n.example/webhook${isTest ? '-test' : ''}/00000000-0000-4000-8000-00000000000${trigger.id}/webhook`;

const keyOf = (account: string, target: OverrideTarget) => `${account} ${target}`;

class Killed extends Error {}

/** Meta, an n8n with its static data, and what registration does between them. */
class World {
	app: { url: string; fields: string[] } | null = null;
	joined = new Set<string>();
	overrides = new Map<string, string>();
	/** Triggers that n8n has, by their URLs. */
	alive = new Map<string, Role>();
	records = new Map<string, RegistrationRecord>();
	/** URLs of triggers that this process of n8n has registered itself. */
	remembered = new Set<string>();
	/** Steps until n8n is killed. */
	fuse = Infinity;

	snapshot() {
		const { app, joined, overrides } = this;
		return {
			app: app && { url: app.url, fields: [...app.fields].sort() },
			joined: [...joined].sort(),
			overrides: Object.fromEntries(overrides),
		};
	}

	private address(url: string, own: Role): Address {
		const shared = readSharedAddress(url, SECRET);
		if (shared === null) throw new Error('A list that nobody can read');
		const ownUrl = urlOf(own);
		if (shared.url === FOREIGN) {
			const kind = { holder: 'other', isRestorable: true } as const;
			return { url, ...kind, members: [], other: null, isAuthentic: true };
		}
		const member = (
			of: string,
			rest: Pick<Member, 'isTest' | 'events'>,
			leavesAccount: boolean,
			told: boolean | null,
		): Member => {
			const role = this.alive.get(of);
			const record = this.remembered.has(of) ? this.records.get(of) : undefined;
			return {
				url: of,
				...rest,
				leavesAccount,
				is: of === ownUrl ? 'this' : role ? 'alive' : 'gone',
				isOfAccount: role?.trigger.account === own.trigger.account,
				isOnApp: role?.trigger.account === own.trigger.account && role.trigger.level === 'app',
				isKnownToForward: (record?.alsoReceives.length ?? 0) > 0,
				isKnownToLeave: record?.undo.some(({ do: kind }) => kind === 'leaveAccount') ?? told,
			};
		};
		const isOwn =
			holderUrl(url) === ownUrl || this.alive.get(shared.url)?.trigger.id === own.trigger.id;
		const first = member(
			shared.url,
			{ isTest: shared.url.includes('-test'), events: EVENT_BITS },
			shared.leavesAccount,
			shared.isKnownToLeave,
		);
		return {
			url,
			holder: isOwn ? 'this' : first.is === 'gone' ? 'gone' : 'trigger',
			isRestorable: true,
			members: [
				first,
				...shared.siblings.map((sibling) =>
					member(
						siblingUrl(shared.url, sibling)!,
						sibling,
						sibling.leavesAccount ?? false,
						sibling.leavesAccount ?? false,
					),
				),
			],
			other: shared.other,
			isAuthentic: true,
		};
	}

	private state(own: Role): KnownState {
		const { account } = own.trigger;
		return {
			app: this.app && {
				address: this.address(this.app.url, own),
				active: true,
				fields: [...this.app.fields],
			},
			joined: this.joined.has(account),
			overrides: new Map(
				(['businessAccount', 'phoneNumber 1', 'phoneNumber 2'] as const).flatMap((target) => {
					const url = this.overrides.get(keyOf(account, target));
					return url === undefined ? [] : [[target, this.address(url, own)] as const];
				}),
			),
		};
	}

	private execute(step: Step, account: string): void {
		if (this.fuse-- <= 0) throw new Killed();
		switch (step.do) {
			case 'pointApp':
				this.app = {
					url: step.url,
					fields: [...new Set([...(this.app?.fields ?? []), ...step.fields])],
				};
				return;
			case 'removeFields': {
				const fields = this.app!.fields.filter((field) => !step.fields.includes(field));
				this.app = fields.length === 0 ? null : { ...this.app!, fields };
				return;
			}
			case 'joinAccount':
				this.joined.add(account);
				return;
			case 'leaveAccount':
				this.joined.delete(account);
				this.overrides.delete(keyOf(account, 'businessAccount'));
				return;
			case 'pointOverride':
				if (step.url === null) this.overrides.delete(keyOf(account, step.target));
				else this.overrides.set(keyOf(account, step.target), step.url);
				return;
			case 'leaveAddress':
		}
	}

	activate(role: Role): void {
		const { trigger, isTest } = role;
		const url = urlOf(role);
		this.alive.set(url, role);
		const record = this.records.get(url) ?? null;
		const wanted: Wanted = {
			...{ url, isTest, targets: [trigger.level], events: trigger.events },
			...{ fields: webhookFields(trigger.events), forwards: trigger.takesOver },
			...{ otherWebhook: null, sharing: true, appSecret: SECRET },
		};
		const planned = planRegistration(this.state(role), wanted, record);
		if (!planned.ok) {
			// An override has room for the holder and four others.
			if (planned.conflict.reason !== 'otherLevel') {
				expect(planned.conflict).toMatchObject({ reason: 'tooLong', count: 6 });
			}
			this.alive.delete(url);
			return;
		}
		const { steps, inherited, alsoReceives } = planned.plan;
		const undo: Step[] = [];
		for (const { step, inverse } of steps) {
			this.execute(step, trigger.account);
			undo.unshift(...inverse);
		}
		this.remembered.add(url);
		this.records.set(url, {
			...{ instanceId: '', workflowId: '', appId: '', businessAccountId: trigger.account },
			...{ url, isTest, undo: merge([...undo, ...inherited]), alsoReceives },
		});
	}

	deactivate(role: Role): void {
		const { trigger, isTest } = role;
		const url = urlOf(role);
		const record = this.records.get(url) ?? null;
		const state = this.state(role);
		const surroundings: Surroundings = {
			...{ url, isTest, allRead: true, onlyRecorded: false, isLost: record === null },
			...{ isShared: false, sharing: true, appSecret: SECRET },
			forwardsTo: record?.alsoReceives[0] ?? null,
			tokens: new Map([[FOREIGN, ITS_TOKEN]]),
		};
		const possible = merge([...(record?.undo ?? []), ...undoAt(state, surroundings)]);
		const { steps, kept, heir, lost } = planUndo(state, possible, surroundings);
		try {
			for (const step of steps) this.execute(step, trigger.account);
		} finally {
			this.alive.delete(url);
		}
		expect({ kept, heir, lost }).toEqual({ kept: [], heir: null, lost: [] });
		this.records.delete(url);
	}

	/** Events that arrive at each trigger for a target, by the trigger's URL. */
	receivers(account: string, target: Target): Map<string, string[]> {
		const url = target === 'app' ? this.app?.url : this.overrides.get(keyOf(account, target));
		const found = new Map<string, string[]>();
		if (url === undefined || !this.joined.has(account)) return found;
		const { url: holder, siblings } = readSharedAddress(url, SECRET)!;
		const fields = this.app?.fields ?? [];
		const role = this.alive.get(holder);
		if (role === undefined) return found;
		found.set(holder, role.trigger.events);
		for (const sibling of siblings) found.set(siblingUrl(holder, sibling)!, sibling.events);
		return fields.includes('calls') ? found : new Map();
	}

	/** Such as `0(1,2t*)`: holder, siblings, tests, and a star for who takes the app off its account. */
	describe(): string {
		const text = (url: string) => {
			const { url: holder, siblings, leavesAccount, other } = readSharedAddress(url, SECRET)!;
			const name = (of: string, leaves?: boolean) =>
				`${of.at(-9)}${of.includes('-test') ? 't' : ''}${leaves ? '*' : ''}`;
			const list = siblings.map((one) => name(siblingUrl(holder, one)!, one.leavesAccount));
			return `${name(holder, leavesAccount)}(${list.join()})${other ? '+' : ''}`;
		};
		const overrides = [...this.overrides].map(([target, url]) => `${target}=${text(url)}`);
		const app = this.app ? `${text(this.app.url)} ${this.app.fields.join()}` : 'none';
		return [`app=${app}`, ...this.joined, ...overrides].join(' ');
	}

	/** Each trigger gets all that it wants, and no trigger is named twice. */
	expectAllServed(): void {
		for (const role of this.alive.values()) {
			const { trigger } = role;
			const events = this.receivers(trigger.account, trigger.level).get(urlOf(role));
			expect(events ?? []).toEqual(expect.arrayContaining(trigger.events));
			// Otherwise nothing of the account would come to the app's address.
			const account = this.overrides.get(keyOf(trigger.account, 'businessAccount'));
			if (trigger.level === 'app') expect(account).toBe(undefined);
			expect(this.app?.fields).toEqual(expect.arrayContaining(webhookFields(trigger.events)));
		}
		for (const url of [this.app?.url, ...this.overrides.values()]) {
			const { siblings = [] } = url ? readSharedAddress(url, SECRET)! : {};
			const named = siblings.map(({ webhookId, isTest }) => `${webhookId} ${isTest}`);
			expect(new Set(named).size).toBe(named.length);
		}
	}
}

const triggers = (
	levels: Array<Trigger['level']>,
	accounts: Array<Trigger['account']>,
	takesOver = false,
) =>
	fc.tuple(
		...Array.from({ length: COUNT }, (_, id) =>
			fc.record<Trigger>({
				id: fc.constant(id),
				account: fc.constantFrom(...accounts),
				level: fc.constantFrom(...levels),
				events: fc.constantFrom(
					['connect'],
					['terminate', 'other'],
					['call_recording_available'],
					['call_permission_reply'],
				),
				takesOver: fc.constant(takesOver),
			}),
		),
	);

/** One thing that an operator does, or n8n itself. */
interface Action {
	who: number;
	isTest: boolean;
	fuse: number;
	restarts: number[];
	/** Its level from now on, if it is published by this; null for as it was. */
	level: Trigger['level'] | null;
}

const EVERYWHERE: Array<Trigger['level']> = [
	'app',
	'businessAccount',
	'phoneNumber 1',
	'phoneNumber 2',
];

const action = fc.record<Action>({
	who: fc.nat(COUNT - 1),
	isTest: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, fc.boolean()),
	/** After so many changes at Meta n8n is killed; above 4 it is not. */
	fuse: fc.nat(12),
	restarts: fc.array(fc.nat(100), { minLength: COUNT, maxLength: COUNT }),
	level: fc.constant(null),
});
const movingAction = fc
	.tuple(action, fc.constantFrom(...EVERYWHERE))
	.map(([one, level]): Action => ({ ...one, level }));

interface Course {
	triggers: Trigger[];
	actions: Action[];
	end: number[];
	before: (world: World) => unknown;
	kills: boolean;
	/** Whether a restart of n8n calls no trigger. */
	staysPublished?: boolean;
	/** Whether n8n closes the webhooks of all triggers before it calls the first of them. */
	together?: boolean;
}

function run(course: Course): void {
	const { triggers: all, actions, end, before, kills } = course;
	const { staysPublished = false, together = false } = course;
	const world = new World();
	before(world);
	const trace: string[] = [];
	try {
		follow();
	} catch (error) {
		throw new Error(`${(error as Error).message}\n${trace.join('\n')}`);
	}
	function note(what: string) {
		trace.push(`${what}: ${world.describe()}`);
	}
	function follow() {
		const start = world.snapshot();
		for (const { who, isTest, fuse, restarts, level } of actions) {
			const published = world.alive.get(urlOf({ trigger: all[who], isTest }));
			const isThere = published !== undefined;
			const trigger = { ...all[who], ...(level !== null && { level }) };
			const role = published ?? { trigger, isTest };
			world.fuse = kills && fuse <= 4 ? fuse : Infinity;
			try {
				if (isThere) world.deactivate(role);
				else world.activate(role);
			} catch (error) {
				if (!(error instanceof Killed)) throw error;
				world.fuse = Infinity;
				world.remembered.clear();
				// Tests end with n8n; it activates what is published once more, or not.
				for (const [url, one] of world.alive) {
					if (one.isTest) {
						world.alive.delete(url);
						world.records.delete(url);
					}
				}
				const order = [...world.alive.values()].sort(
					(one, other) => restarts[one.trigger.id] - restarts[other.trigger.id],
				);
				// With its publication service, n8n does not activate again what it takes for published.
				if (!staysPublished) for (const one of order) world.activate(one);
				// What was unpublished in that moment is published and unpublished again.
				if (isThere && !isTest) {
					world.activate(role);
					world.expectAllServed();
					world.deactivate(role);
				}
			}
			world.fuse = Infinity;
			note(`${isThere ? '-' : '+'}${who}${isTest ? 't' : ''} ${kills ? fuse : ''}`);
			world.expectAllServed();
		}
		const left = [...world.alive.values()].sort(
			(one, other) => end[one.trigger.id] - end[other.trigger.id],
		);
		if (together) world.alive.clear();
		for (const role of left) {
			world.deactivate(role);
			note(`end -${role.trigger.id}${role.isTest ? 't' : ''}`);
			world.expectAllServed();
		}
		if (kills && left.every(({ isTest }) => isTest)) {
			// Tests do not clean up after a test that was killed.
			const role = { trigger: all[0], isTest: false };
			world.activate(role);
			world.deactivate(role);
		}
		expect(world.snapshot()).toEqual(start);
	}
}

const actions = fc.array(action, { minLength: 1, maxLength: 12 });
const movingActions = fc.array(movingAction, { minLength: 1, maxLength: 12 });
const order = fc.array(fc.nat(100), { minLength: COUNT, maxLength: COUNT });
const runs = { numRuns: Number(process.env.RUNS ?? 60) };

describe('triggers that share addresses, in any order', () => {
	it.each<[string, Array<Trigger['level']>, Array<Trigger['account']>, boolean]>([
		['on the app', ['app'], ['a'], false],
		['on the app, n8n being killed', ['app'], ['a'], true],
		['on the app, for two accounts', ['app'], ['a', 'b'], false],
		['on one number, n8n being killed', ['phoneNumber 1'], ['a'], true],
		['on one account, n8n being killed', ['businessAccount'], ['a'], true],
		['on all levels', EVERYWHERE, ['a'], false],
		['on all levels, n8n being killed', EVERYWHERE, ['a'], true],
		['on all levels, for two accounts', EVERYWHERE, ['a', 'b'], false],
	])(
		'Triggers %s all get their events, and Meta is as before at the end',
		(_, levels, accounts, kills) => {
			fc.assert(
				fc.property(triggers(levels, accounts), actions, order, (all, list, end) =>
					run({ triggers: all, actions: list, end, before: () => {}, kills }),
				),
				runs,
			);
		},
	);

	it.each([false, true])(
		'Triggers whose level changes all get their events, and Meta is as before at the end, n8n being killed: %s',
		(kills) => {
			fc.assert(
				fc.property(triggers(EVERYWHERE, ['a']), movingActions, order, (all, list, end) =>
					run({ triggers: all, actions: list, end, before: () => {}, kills }),
				),
				runs,
			);
		},
	);

	it.each([
		['one by one', false],
		['together', true],
	])(
		'Triggers unpublished %s leave the app on an account on which it was before',
		(_, together) => {
			fc.assert(
				fc.property(triggers(['app'], ['a']), actions, order, (all, list, end) =>
					run({
						...{ triggers: all, actions: list, end, kills: false, together },
						before: ({ joined }) => joined.add('a'),
					}),
				),
				runs,
			);
		},
	);

	it('Triggers unpublished together after a restart leave the app on an account on which it was before', () => {
		fc.assert(
			fc.property(triggers(['app'], ['a']), order, (all, end) => {
				const world = new World();
				world.joined.add('a');
				const start = world.snapshot();
				const roles = all.map((trigger) => ({ trigger, isTest: false }));
				for (const role of roles) world.activate(role);
				world.remembered.clear();
				world.alive.clear();
				roles.sort((one, other) => end[one.trigger.id] - end[other.trigger.id]);
				for (const role of roles) world.deactivate(role);
				expect(world.snapshot()).toEqual(start);
			}),
			runs,
		);
	});

	it.each([['messages'], ['security'], ['messages', 'calls']])(
		'Another system that has the app with %s gets its webhook back',
		(...fields) => {
			fc.assert(
				fc.property(triggers(['app'], ['a'], true), actions, order, (all, list, end) =>
					run({
						...{ triggers: all, actions: list, end, kills: false },
						before: (world) => {
							world.app = { url: FOREIGN, fields };
							world.joined.add('a');
						},
					}),
				),
				runs,
			);
		},
	);
});
