import fc from 'fast-check';
import type { EndpointKind, FaultMatch, Variants } from '../../emulator';
import { NUMBER, SECOND_NUMBER } from '../support/constants';
import { inDatabase } from '../support/database';
import { errorOf } from '../support/failures';
import { graph } from '../support/graph';
import { EVENTS, newMessage, type EventName } from '../support/callEvents';
import { poll } from '../support/processes';
import { Family, type Member } from './family';
import { startStage, type Stage } from '../support/stage';
import { addItsWorkflow, CoexistenceStage } from './whatsAppTrigger';

jest.setTimeout(900_000);

const RECORDING = 'call_recording_available';

/** The same sequences again: SEED=<as printed>. */
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SEQUENCES = 20;

/** So many sequences are under way at a time: n8n works while others wait for it. */
const AT_ONCE = 5;

let stage: CoexistenceStage;
const families: Family[] = [];

beforeAll(async () => {
	stage = await CoexistenceStage.start({
		N8N_WORKFLOW_PUBLICATION_CONCURRENCY: '30',
		// Most of the time would go into one expression isolate for every webhook.
		N8N_EXPRESSION_ENGINE: 'legacy',
	});
}, 10 * 60_000);

afterEach(async () => {
	await Promise.all(families.splice(0).map(async ({ emulator }) => await emulator.stop()));
});

afterAll(async () => await stage?.stop());

const api = () => stage.n8n.api;

async function aFamily(parameters: Record<string, unknown> = {}, on?: Stage): Promise<Family> {
	const family = await Family.start(on ?? stage, parameters);
	families.push(family);
	return family;
}

/** Ends n8n as a crash would, and starts it again. What it was publishing it takes up at once. */
async function killAndRestart(): Promise<void> {
	await stage.n8n.kill();
	for (const { emulator } of families) emulator.clearFaults();
	await stage.n8n.restart({}, async () => {
		// Otherwise n8n waits until the process that is gone has had its time: two minutes.
		inDatabase(stage.n8n.userFolder, (database) =>
			database.exec(
				`UPDATE workflow_publication_outbox SET "updatedAt" = '2020-01-01 00:00:00.000' WHERE status = 'in_progress'`,
			),
		);
	});
	await api().login();
}

/** Waits until n8n has nothing to do with any of the workflows. */
async function atRest(members: Member[]): Promise<void> {
	for (const { id } of members) {
		await poll('end of the publications', 120_000, async () => {
			return (await api().publicationStatus(id)).status !== 'in_progress' || undefined;
		});
	}
}

describe('five triggers of one app', () => {
	const eventNames = fc.subarray([...EVENTS], { minLength: 1 });

	const step = fc.record({
		action: fc.constantFrom('toggle', 'together', 'rename', 'change', 'replace', 'paste'),
		who: fc.nat(4),
		/** What the trigger waits for after a `change`. */
		events: eventNames,
		/** What Meta delivers meanwhile, and afterwards. */
		meanwhile: fc.constantFrom(...EVENTS),
		afterwards: fc.subarray([...EVENTS], { minLength: 1, maxLength: 2 }),
	});

	type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

	const REQUESTS: Array<[EndpointKind, FaultMatch]> = [
		['subscriptions', { method: 'GET' }],
		['subscriptions', { method: 'GET', after: 1 }],
		['subscriptions', { method: 'POST' }],
		['subscriptions', { method: 'DELETE' }],
		['subscribedApps', { method: 'GET' }],
		['subscribedApps', { method: 'POST' }],
		['subscribedApps', { method: 'DELETE' }],
		['phoneNumbers', { method: 'GET' }],
	];

	const sequence = fc.record({
		wasSubscribed: fc.boolean(),
		events: fc.array(eventNames, { minLength: 5, maxLength: 5 }),
		publishedTogether: fc.boolean(),
		steps: fc.array(step, { minLength: 2, maxLength: 4 }),
		killed: fc.record({
			step,
			request: fc.constantFrom(...REQUESTS),
			takesEffect: fc.boolean(),
		}),
		later: fc.array(step, { minLength: 1, maxLength: 2 }),
		order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
	});

	/** What a step does, and to whom. */
	function workOf(family: Family, { action, who, events }: Step): [Member[], () => Promise<void>] {
		const member = family.members[who];
		const change = (edit: Parameters<Family['change']>[1]): [Member[], () => Promise<void>] => [
			[member],
			async () => await family.change(member, edit),
		];
		switch (action) {
			case 'toggle':
				return member.isPublished
					? [[member], async () => await family.unpublish(member)]
					: [[member], async () => await family.publish(member)];
			case 'together': {
				const waiting = family.members.filter(({ isPublished }) => !isPublished);
				return waiting.length > 0
					? [waiting, async () => await family.publish(...waiting)]
					: [
							family.members,
							async () =>
								void (await Promise.all(
									family.members.map(async (one) => await family.unpublish(one)),
								)),
						];
			}
			case 'rename':
				return change((node) => void (node.name += ' again'));
			case 'change':
				return change((node) => void (node.parameters = { ...node.parameters, events }));
			case 'replace':
				return change((node) => {
					node.id = crypto.randomUUID();
					node.webhookId = crypto.randomUUID();
				});
			default:
				return change((node) => void (node.id = crypto.randomUUID()));
		}
	}

	async function take(family: Family, one: Step): Promise<void> {
		const [changed, work] = workOf(family, one);
		await family.during(one.meanwhile, changed, work);
		await family.expectEach(one.afterwards);
	}

	it(`Each trigger gets what it chose once, in ${SEQUENCES} random sequences with a kill of n8n (SEED=${SEED})`, async () => {
		const runs = fc.sample(sequence, { numRuns: SEQUENCES, seed: SEED }).map((order, index) => ({
			order,
			index,
			family: undefined as Family | undefined,
			before: undefined as ReturnType<Family['state']> | undefined,
			/** The triggers that were being published or unpublished when n8n was killed. */
			changed: [] as Member[],
			/** Whether n8n cannot know any more whether the app was on the account: see docs/reliability.md. */
			isUncertain: false,
			done: [] as string[],
			failure: undefined as string | undefined,
		}));

		/** Does something in each sequence that has not failed. */
		const inEach = async (
			atOnce: number,
			part: (
				run: (typeof runs)[number] & { family: Family },
				note: (what: string) => void,
			) => Promise<void>,
		) => {
			const waiting = runs.filter(({ failure }) => failure === undefined).values();
			const work = async () => {
				for (const run of waiting) {
					try {
						run.family ??= await aFamily();
						await part(run as typeof run & { family: Family }, (what) => void run.done.push(what));
					} catch (error) {
						run.failure = [(error as Error).message, run.family?.history()].join('\n');
					}
				}
			};
			await Promise.all(Array.from({ length: atOnce }, work));
		};

		const startedAt = Date.now();
		const took = (what: string) =>
			process.stdout.write(`${what} after ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);

		await inEach(AT_ONCE, async (run, note) => {
			const { order, family } = run;
			const { businessAccountId } = family.emulator.account;
			if (order.wasSubscribed) {
				await graph(family.emulator, 'POST', `${businessAccountId}/subscribed_apps`);
			}
			run.before = family.state();
			for (const events of order.events) await family.add(events);
			if (order.publishedTogether) {
				note('all are published');
				await family.publish(...family.members);
			} else {
				for (const [index, member] of family.members.entries()) {
					note(`${index} is published`);
					await family.publish(member);
				}
			}
			await family.expectEach(EVENTS);
			for (const one of order.steps) {
				note(JSON.stringify(one));
				await take(family, one);
			}
		});
		took('Steps');

		await inEach(SEQUENCES, async (run, note) => {
			const {
				order: { killed },
				family,
			} = run;
			const { step: one, request, takesEffect } = killed;
			note(`killed: ${JSON.stringify(killed)}`);
			const [kind, match] = request;
			const fault = family.emulator.failNext(kind, { hang: true, takesEffect }, match);
			const [changed, work] = workOf(family, one);
			run.changed = changed;
			let isOver = false;
			void work()
				.catch(() => {})
				.finally(() => (isOver = true));
			await poll('held request', 60_000, async () => isOver || fault.hits() > 0 || undefined);
		});
		for (const run of runs) {
			const { family, changed } = run;
			// Nobody has saved a record, and the URL has no list that could tell.
			const url = family?.state().app?.callbackUrl;
			const saved = family?.members.filter((one) => one.isPublished && !changed.includes(one));
			run.isUncertain = url !== undefined && !url.includes('?') && saved?.length === 0;
		}
		took('Requests held');
		await killAndRestart();
		took('Restart');
		await inEach(AT_ONCE, async ({ order, family, changed }, note) => {
			note('restarted');
			await atRest(family.members);
			await family.expectEach(EVENTS, { uncertain: changed });
			note('repaired');
			// n8n takes a trigger for registered that was being registered when n8n was killed.
			for (const member of changed.filter(({ isPublished }) => isPublished)) {
				await family.unpublish(member);
				await family.publish(member);
			}
			await family.expectEach(EVENTS);
			for (const one of order.later) {
				note(JSON.stringify(one));
				await take(family, one);
			}
		});
		took('Later steps');
		await inEach(AT_ONCE, async ({ order, family, before, isUncertain }, note) => {
			for (const index of order.order) {
				note(`${index} is unpublished`);
				await family.unpublish(family.members[index]);
				await family.expectEach([RECORDING]);
			}
			const { accountSubscribed } = family.state();
			expect(family.state()).toEqual({ ...before, ...(isUncertain && { accountSubscribed }) });
		});
		took('End');

		const failures = runs.filter(({ failure }) => failure !== undefined);
		const report = failures.map(({ index, order, done, failure }) =>
			[`Sequence ${index}:`, JSON.stringify(order), ...done, failure].join('\n'),
		);
		expect(report.join('\n\n')).toBe('');
	});
});

describe('triggers on an account and on numbers', () => {
	it('Triggers on an account share its URL in the same way, as long as their list fits', async () => {
		const account = await aFamily({ registration: 'businessAccount' });
		const before = account.state();
		for (const name of [...EVENTS.slice(0, 4), RECORDING] as EventName[]) {
			await account.publish(await account.add([name, RECORDING]));
		}
		await account.expectEach(EVENTS);
		const sixth = await account.add([RECORDING]);
		const full = account.state();
		const error = await errorOf(account.publish(sixth));
		expect(error).toContain('one more workflow does not fit into that URL');
		sixth.isPublished = false;
		expect(account.state()).toEqual(full);
		await account.expectEach(EVENTS);
		await account.unpublish(sixth, account.members[0]);
		await account.expectEach([RECORDING, 'connect']);
		await account.unpublish(account.members[3]);
		await account.publish(sixth);
		await account.expectEach([RECORDING, 'terminate']);
		await account.unpublish(...account.members.filter(({ isPublished }) => isPublished));
		expect(account.state()).toEqual(before);
	});

	it('Each number has its own list', async () => {
		const numbers = await aFamily({ registration: 'phoneNumber' });
		const before = numbers.state();
		const expectBoth = async () => {
			for (const number of [NUMBER, SECOND_NUMBER]) {
				await numbers.expectEach([RECORDING, 'terminate'], { phoneNumberId: number });
			}
		};
		const [one, both, two] = [
			await numbers.add([RECORDING], { phoneNumberIds: [NUMBER] }),
			await numbers.add([RECORDING, 'terminate'], { phoneNumberIds: [NUMBER, SECOND_NUMBER] }),
			await numbers.add(['terminate'], { phoneNumberIds: [SECOND_NUMBER] }),
		];
		await numbers.publish(one, both, two);
		await expectBoth();
		both.phoneNumberIds = [SECOND_NUMBER];
		await numbers.change(both, (node) => void (node.parameters.phoneNumberIds = [SECOND_NUMBER]));
		await expectBoth();
		await numbers.unpublish(one);
		both.phoneNumberIds = [NUMBER, SECOND_NUMBER];
		await numbers.change(
			both,
			(node) => void (node.parameters.phoneNumberIds = [NUMBER, SECOND_NUMBER]),
		);
		await expectBoth();
		await numbers.unpublish(two);
		await expectBoth();
		await numbers.unpublish(both);
		expect(numbers.state()).toEqual(before);
	});
});

describe('n8n that listens for a test event', () => {
	const listen = async ({ id }: Member) => await api().listenForTestEvent(id, 'Trigger');

	async function twoAndCopies(): Promise<[Family, Member[]]> {
		const family = await aFamily();
		const [holder, sibling] = [
			await family.add([RECORDING]),
			await family.add([RECORDING, 'connect']),
		];
		await family.publish(holder);
		await family.publish(sibling);
		return [family, [holder, sibling, await family.copy(holder), await family.copy(sibling)]];
	}

	it('Production loses nothing, and the test gets a copy, also in a copy of the workflow', async () => {
		const [family, listeners] = await twoAndCopies();
		const before = family.state();
		for (const listener of listeners) {
			await family.during(RECORDING, [listener], async () => await listen(listener));
			await family.expectEach([RECORDING], { listening: listener });
			// n8n ends the test with its first event.
			await restored(family, before);
			await family.during(RECORDING, [listener], async () => {
				await listen(listener);
				await api().stopListening(listener.id);
				await restored(family, before);
			});
			await family.expectEach(['connect', RECORDING]);
		}
		await family.unpublish(listeners[1], listeners[0]);
	});

	it('Production loses nothing when n8n is killed while it listens, and nothing is left at the end', async () => {
		const all = await Promise.all([0, 1, 2, 3].map(async () => await twoAndCopies()));
		for (const [index, [, listeners]] of all.entries()) await listen(listeners[index]);
		await killAndRestart();
		for (const [family, listeners] of all) {
			await family.expectEach([RECORDING, 'connect']);
			await family.unpublish(listeners[0]);
			await family.expectEach([RECORDING]);
			await family.unpublish(listeners[1]);
			expect(family.state()).toMatchObject({ app: undefined, accountSubscribed: false });
		}
	});

	async function restored(family: Family, before: ReturnType<Family['state']>): Promise<void> {
		await poll('end of the test', 20_000, async () => {
			expect(family.state()).toEqual(before);
			return true;
		});
	}
});

describe("triggers next to n8n's own WhatsApp Trigger", () => {
	it.each([
		['the one that took over', 0],
		['the other one', 1],
	])(
		"Two triggers receive calls while n8n's own gets its messages; %s leaves first",
		async (_, first) => {
			const family = await aFamily();
			await stage.chooseMeta(family.emulator);
			const its = await addItsWorkflow(stage, family.emulator);
			const before = family.state();
			let messagesOfIts = 0;
			const expectAll = async () => {
				const { outcome } = await family.emulator.deliver([newMessage()]).settled;
				expect(outcome).toBe('delivered');
				messagesOfIts++;
				await family.expectEach([RECORDING, 'connect']);
				const all = await api().waitForExecutions(its.id, messagesOfIts);
				expect(all).toHaveLength(messagesOfIts);
			};
			await family.publish(
				await family.add([RECORDING], {
					options: {
						onOtherWebhook: 'takeOverAndForward',
						otherVerifyToken: its.nodeId,
					},
				}),
			);
			await family.publish(await family.add([RECORDING, 'connect']));
			await expectAll();
			await family.unpublish(family.members[first]);
			await expectAll();
			await family.unpublish(family.members[1 - first]);
			expect(family.state()).toEqual(before);
			await expectAll();
			await api().deactivate(its.id);
		},
	);
});

describe('webhook URLs whose query Meta does not keep', () => {
	const CASES: Array<[Record<string, unknown>, Variants['callbackQuery']]> = [
		[{}, 'refused'],
		[{}, 'droppedWhenStored'],
		[{}, 'droppedWhenCalled'],
		[{ registration: 'businessAccount' }, 'droppedWhenStored'],
		[{ registration: 'phoneNumber', phoneNumberIds: [NUMBER] }, 'droppedWhenCalled'],
	];

	it('The second trigger is refused with the URL of the first, which still receives', async () => {
		const refuse = async ([parameters, callbackQuery]: (typeof CASES)[number]) => {
			const family = await aFamily(parameters);
			family.emulator.variants.callbackQuery = callbackQuery;
			const nothing = family.state();
			const [first, second] = [await family.add([RECORDING]), await family.add([RECORDING])];
			await family.publish(first);
			const before = family.state();
			await family.during(RECORDING, [second], async () => {
				expect(await errorOf(family.publish(second))).toMatch(
					/already sends its webhooks to another workflow in this n8n\. Unpublish/,
				);
			});
			second.isPublished = false;
			expect(family.state()).toEqual(before);
			await family.expectEach([RECORDING]);
			await family.unpublish(second, first);
			expect(family.state()).toEqual(nothing);
		};
		// n8n tries each publication five times: all at once.
		await Promise.all(CASES.map(refuse));
	});
});

describe('n8n that publishes everything again when it starts', () => {
	let former: Stage;

	beforeAll(async () => {
		former = await startStage({
			env: { N8N_USE_WORKFLOW_PUBLICATION_SERVICE: 'false', N8N_EXPRESSION_ENGINE: 'legacy' },
		});
	}, 120_000);

	afterAll(async () => await former?.stop());

	it('Five triggers receive what comes while n8n starts after a kill, and afterwards', async () => {
		const family = await aFamily({}, former);
		const before = family.state();
		for (const name of EVENTS) {
			await family.publish(await family.add([...new Set<EventName>([name, RECORDING])]));
		}
		await former.n8n.kill();
		family.emulator.forget();
		await former.n8n.restart();
		await former.n8n.api.login();
		await family.during(RECORDING, [], async () => await quiet(family));
		await family.expectEach(EVENTS);
		await family.unpublish(...family.members);
		expect(family.state()).toEqual(before);
	});

	/** Waits until n8n has registered the triggers, one after another. */
	async function quiet({ emulator, members }: Family): Promise<void> {
		await poll('end of the registrations', 120_000, async () => {
			const reads = emulator.requests.filter(
				({ kind, method }) => kind === 'subscriptions' && method === 'GET',
			);
			const last = emulator.requests.at(-1);
			const isQuiet = last?.status !== undefined && emulator.clock.now() - last.time > 2_000;
			return (reads.length >= members.length && isQuiet) || undefined;
		});
	}
});
