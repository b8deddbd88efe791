import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointKind, FaultMatch } from '../../emulator';
import { newMessage } from '../support/callEvents';
import { NUMBER, SECOND_NUMBER } from '../support/constants';
import { errorOf } from '../support/failures';
import { Receiver } from '../support/receiver';
import type { StoredWorkflow, WorkflowNode } from '../support/n8n';
import { poll, sleep } from '../support/processes';
import { credentialData, CREDENTIAL_TYPE, using } from '../support/workflow';
import { InvariantStage, state, type App, type Published, type Setup } from './invariantStage';

const ON_ACCOUNT = { registration: 'businessAccount' };
const ON_FIRST = { registration: 'phoneNumber', phoneNumberIds: [NUMBER] };
const ON_SECOND = { registration: 'phoneNumber', phoneNumberIds: [SECOND_NUMBER] };
const WITHOUT_NUMBER = { registration: 'phoneNumber', phoneNumberIds: [] };

const NOTHING = {
	app: undefined,
	accountSubscribed: false,
	accountOverride: null,
	numberOverrides: {},
};

/** How often a race is run, one after the other at the same Meta. */
const RACES = 10;

const PREPARATION_TIMEOUT = 30 * 60_000;

/** What registration promises, in a real n8n; in several at the same time, which do not know each other. */
export function describeInvariants(setups: Setup[]): void {
	const stages = setups.map((setup) => new InvariantStage(setup));
	const seconds = new Map<string, number[]>();

	async function onEach(title: string, run: (n8n: InvariantStage) => Promise<void>): Promise<void> {
		const results = await Promise.allSettled(
			stages.map(async (n8n) => {
				const startedAt = Date.now();
				await run(n8n).finally(() => {
					const all = seconds.get(title) ?? [];
					seconds.set(title, [...all, Math.round((Date.now() - startedAt) / 1_000)]);
				});
			}),
		);
		const failures = results.flatMap((result, index) =>
			result.status === 'rejected'
				? [`${setups[index].name}: ${(result.reason as Error).stack}`]
				: [],
		);
		if (failures.length > 0) throw new Error(failures.join('\n\n'));
	}

	function invariant(title: string, run: (n8n: InvariantStage) => Promise<void>): void {
		it(title, async () => await onEach(title, run));
	}

	describe(setups.map(({ name }) => name).join(' and '), () => {
		beforeAll(async () => {
			await onEach('(start)', async (n8n) => await n8n.start());
		}, PREPARATION_TIMEOUT);

		afterEach(async () => {
			await Promise.all(stages.map(async (n8n) => await n8n.stopApps()));
		});

		afterAll(async () => {
			await Promise.all(stages.map(async (n8n) => await n8n.stop()));
			const rows = [...seconds].map(([title, each]) => `${each.join(' / ').padStart(9)}  ${title}`);
			console.log(`Seconds in ${setups.map(({ name }) => name).join(' / ')}:\n${rows.join('\n')}`);
		});

		describe('1. triggers of one app that are published at the same moment', () => {
			/**
			 * In a row: each race begins with what the one before has left in n8n and at Meta.
			 *
			 * @param runs of each workflow, for a recording of each of the two numbers
			 */
			async function races(
				n8n: InvariantStage,
				triggers: Array<Array<Record<string, unknown>>>,
				runs: number[],
			): Promise<void> {
				const app = await n8n.anApp();
				const workflows: Published[] = [];
				for (const each of triggers) workflows.push(await n8n.add(app, ...each));
				const urls = workflows.flatMap((workflow) => workflow.urls);
				const all = async (work: (workflow: Published) => Promise<void>) =>
					await Promise.all(workflows.map(work));
				for (let race = 1; race <= RACES; race++) {
					await all(async ({ id }) => await n8n.api.activate(id));
					expect(await n8n.shownAsPublished(...workflows)).toEqual(urls);
					expect(await n8n.receives(app, NUMBER)).toBe(200);
					expect(await n8n.receives(app, SECOND_NUMBER)).toBe(200);
					await n8n.hasRun(
						runs.map((count) => count * race),
						...workflows,
					);
					// The first one first, the other one first, both at the same moment.
					if (race % 3 === 2) await all(async ({ id }) => await n8n.api.deactivate(id));
					else await n8n.unpublish(...(race % 3 === 1 ? workflows.toReversed() : workflows));
					expect(state(app)).toEqual(NOTHING);
				}
			}

			invariant(
				'All triggers are published, and each gets each event once, whichever is unpublished first, ten times',
				async (n8n) => {
					const kinds: Array<Parameters<typeof races>> = [
						[n8n, [[{}, {}]], [4]],
						[n8n, [[{}], [{}]], [2, 2]],
						// What comes for a number with an address of its own comes only there.
						[n8n, [[ON_FIRST], [{}, ON_FIRST]], [1, 2]],
					];
					await Promise.all(
						kinds.map(async (kind) => await n8n.atOnce(async () => await races(...kind))),
					);
				},
			);
		});

		describe('2. what Meta keeps after the last trigger is removed', () => {
			type Case = (n8n: InvariantStage, app: App) => Promise<void>;

			/** A published trigger that is changed and published again works, until it is unpublished. */
			const changed =
				(change: (node: WorkflowNode) => void): Case =>
				async (n8n, app) => {
					const workflow = await n8n.addPublished(app, {});
					await n8n.edit(workflow, ([node]) => change(node));
					await n8n.publish(workflow);
					expect(await n8n.receives(app)).toBe(200);
					await n8n.unpublish(workflow);
				};

			const CASES: Array<[string, Case]> = [
				[
					'Nothing is left when another trigger of the workflow could not be activated',
					async (n8n, app) => {
						const workflow = await n8n.add(app, {}, WITHOUT_NUMBER);
						expect(await errorOf(n8n.api.activate(workflow.id))).toContain('No phone number');
						if (!n8n.setup.hasStatuses) expect(state(app)).toEqual(NOTHING);
						await n8n.edit(workflow, (nodes) => void nodes.pop());
						await n8n.publish(workflow);
						expect(await n8n.receives(app)).toBe(200);
						await n8n.unpublish(workflow);
					},
				],
				[
					'Nothing is left when the node was renamed',
					changed((node) => void (node.name = 'Another name')),
				],
				[
					'Nothing is left when the node was replaced by a new one',
					changed((node) => {
						Object.assign(node, { id: crypto.randomUUID(), webhookId: crypto.randomUUID() });
					}),
				],
				[
					'Nothing is left when the node was cut and pasted',
					changed((node) => void (node.id = crypto.randomUUID())),
				],
				[
					'Nothing is left when the credential was changed to another app',
					async (n8n, app) => {
						const other = await n8n.anApp();
						const workflow = await n8n.addPublished(app, {});
						const { account, baseUrl } = other.emulator;
						await n8n.api.updateCredential(app.credential.id, {
							name: app.credential.name,
							type: app.credential.type,
							data: { ...account, apiVersion: 'v26.0', baseUrl, appId: '999' },
						});
						await n8n.unpublish(workflow);
						expect(state(other)).toEqual(NOTHING);
					},
				],
				[
					'Nothing is left when the node got the credential of another app',
					async (n8n, app) => {
						const other = await n8n.anApp();
						const workflow = await n8n.addPublished(app, {});
						await n8n.edit(workflow, ([node]) => {
							node.credentials = using(other.credential);
						});
						await n8n.publish(workflow);
						expect(state(app)).toEqual(NOTHING);
						expect(await n8n.receives(other)).toBe(200);
						await n8n.unpublish(workflow);
						expect(state(other)).toEqual(NOTHING);
					},
				],
				[
					'Nothing is left when the first of two triggers on numbers is unpublished first',
					async (n8n, app) => {
						const one = await n8n.addPublished(app, ON_FIRST);
						const two = await n8n.addPublished(app, ON_SECOND);
						await n8n.unpublish(one);
						expect(await n8n.receives(app, SECOND_NUMBER)).toBe(200);
						await n8n.unpublish(two);
					},
				],
				[
					'Nothing is left when a test ran meanwhile, before and after publishing',
					async (n8n, app) => {
						const workflow = await n8n.add(app, {});
						await n8n.api.listenForTestEvent(workflow.id, 'Trigger 0');
						await n8n.api.activate(workflow.id);
						await n8n.api.stopListening(workflow.id);
						await poll('the end of the test', 20_000, async () => {
							return state(app).app?.callbackUrl === workflow.urls[0] || undefined;
						});
						expect(await n8n.receives(app)).toBe(200);
						await n8n.unpublish(workflow);
					},
				],
			];

			for (const [title, run] of CASES) {
				invariant(title, async (n8n) => {
					const app = await n8n.anApp();
					await run(n8n, app);
					expect(state(app)).toEqual(NOTHING);
				});
			}
		});

		describe('3. the configuration of other systems', () => {
			let folder: string;
			let other: Receiver;

			beforeEach(async () => {
				folder = await mkdtemp(join(tmpdir(), 'n8n-export-'));
				other = await new Receiver().start();
			});

			afterEach(async () => {
				await other.stop();
				await rm(folder, { recursive: true, force: true });
			});

			/** What n8n's own export gives for some workflows, their static data included. */
			async function exported(
				n8n: InvariantStage,
				name: string,
				...workflows: Published[]
			): Promise<string> {
				const file = join(folder, `${n8n.n8n.pid()} ${name}.json`);
				await n8n.n8n.run('export:workflow', '--all', `--output=${file}`);
				const all = JSON.parse(await readFile(file, 'utf8')) as StoredWorkflow[];
				const wanted = all.filter(({ id }) => workflows.some((workflow) => workflow.id === id));
				expect(wanted).toHaveLength(workflows.length);
				for (const { staticData } of wanted) expect(JSON.stringify(staticData)).toContain('undo');
				await writeFile(file, JSON.stringify(wanted));
				return file;
			}

			/** Another system has the app's webhook, and the address of a number. */
			function otherSystemRegisters({ emulator }: App) {
				emulator.presetSubscription(other.url, ['messages', 'calls']);
				emulator.presetOverride(other.url, SECOND_NUMBER);
				return emulator.subscriptionState();
			}

			/** The workflow can neither be published nor, by an unpublishing, remove what is there. */
			async function isRefused(n8n: InvariantStage, app: App, workflow: Published): Promise<void> {
				const before = state(app);
				// n8n 2.41 shows as published what a backup calls that, and asks the trigger again for a change.
				const rename = ([node]: WorkflowNode[]) => void (node.name = 'Changed');
				const error =
					(await errorOf(n8n.edit(workflow, rename))) || (await errorOf(n8n.publish(workflow)));
				expect(error).toContain(other.url);
				await n8n.unpublish(workflow);
				expect(state(app)).toEqual(before);
			}

			invariant(
				'It stays when another n8n, started from a backup or importing an export, publishes the workflow',
				async (n8n) => {
					const apps = await n8n.someApps(2);
					const workflows = await Promise.all(
						apps.map(async (app) => await n8n.addPublished(app, {})),
					);
					const before = apps.map(state);
					const file = await exported(n8n, 'both', ...workflows);
					const use = async (app: App, workflow: Published, isAnother: boolean) => {
						// Its start activates both workflows again.
						const copy = await n8n.startCopy(isAnother);
						try {
							if (isAnother) await copy.run('import:workflow', `--input=${file}`);
							const credential = await copy.api.createCredential({
								name: 'Of the copy',
								type: CREDENTIAL_TYPE,
								data: credentialData(app.emulator),
							});
							const change = ([node]: WorkflowNode[]) => {
								Object.assign(node, { name: 'Copied', credentials: using(credential) });
							};
							const error =
								(await errorOf(n8n.edit(workflow, change, copy))) ||
								(await errorOf(copy.api.activate(workflow.id)));
							expect(error).toContain('a trigger of this package in another n8n');
							await copy.api.deactivate(workflow.id);
						} finally {
							await copy.stop();
						}
					};
					await Promise.all([use(apps[0], workflows[0], false), use(apps[1], workflows[1], true)]);
					expect(apps.map(state)).toEqual(before);
					for (const [index, app] of apps.entries()) {
						expect(await n8n.receives(app)).toBe(200);
						await n8n.unpublish(workflows[index]);
						expect(state(app)).toEqual(NOTHING);
					}
				},
			);

			invariant(
				'It stays when an old export is imported over the workflow in the same n8n',
				async (n8n) => {
					const [taken, own] = [await n8n.anApp(), await n8n.anApp()];
					const before = await n8n.addPublished(taken, {});
					const live = await n8n.addPublished(own, {});
					const file = await exported(n8n, 'old', before, live);
					await n8n.unpublish(before);
					const theirs = otherSystemRegisters(taken);
					await n8n.n8n.run('import:workflow', `--input=${file}`);
					await isRefused(n8n, taken, before);
					expect(state(taken)).toEqual(theirs);
					await n8n.api.activate(live.id);
					expect(await n8n.receives(own)).toBe(200);
					await n8n.unpublish(live);
					expect(state(own)).toEqual(NOTHING);
				},
			);

			invariant('It stays when a backup of the database is restored', async (n8n) => {
				const [taken, own] = [await n8n.anApp(), await n8n.anApp()];
				const before = await n8n.addPublished(taken, {});
				const later = await n8n.add(own, {});
				const file = join(folder, `${n8n.n8n.pid()}.sqlite`);
				n8n.backUp(file);
				await n8n.unpublish(before);
				const theirs = otherSystemRegisters(taken);
				await n8n.api.activate(later.id);
				// As it starts, n8n activates what had been published.
				await n8n.n8n.restart({}, async () => await n8n.restore(file));
				await n8n.api.login();
				await isRefused(n8n, taken, before);
				expect(state(taken)).toEqual(theirs);
				// Of this one, the backup does not know that it was published.
				expect(state(own).app?.callbackUrl).toBe(later.urls[0]);
				await n8n.api.activate(later.id);
				expect(await n8n.receives(own)).toBe(200);
				await n8n.unpublish(later);
				expect(state(own)).toEqual(NOTHING);
			});
		});

		describe('4. listening for a test event', () => {
			/** Production and the test each get one recording; after the test, Meta is as it was. */
			async function bothReceive(
				n8n: InvariantStage,
				app: App,
				production: Published,
				tested: Published,
			) {
				const before = state(app);
				const { pathname } = new URL(production.urls[0]);
				await n8n.api.listenForTestEvent(tested.id, 'Trigger 0');
				expect(new URL(state(app).app!.callbackUrl).pathname).toBe(pathname);
				expect(await n8n.receives(app)).toBe(200);
				// n8n ends a test with its first event.
				await poll('the end of the test', 20_000, async () => {
					return state(app).app?.callbackUrl === before.app!.callbackUrl || undefined;
				});
				expect(state(app)).toEqual(before);
				await n8n.api.waitForExecutions(tested.id, tested.id === production.id ? 2 : 1);
				const modes = (await n8n.api.executions(production.id)).map(({ mode }) => mode);
				expect(modes.filter((mode) => mode === 'webhook')).toHaveLength(1);
			}

			invariant('Both get the event when a copy of the workflow listens', async (n8n) => {
				const app = await n8n.anApp();
				const workflow = await n8n.addPublished(app, {});
				const [node] = workflow.nodes;
				const { id } = await n8n.api.createWorkflow({
					name: 'Copy',
					nodes: [{ ...node, id: crypto.randomUUID() }],
					connections: {},
				});
				await bothReceive(n8n, app, workflow, { ...workflow, id });
				await n8n.unpublish(workflow);
				expect(state(app)).toEqual(NOTHING);
			});

			invariant(
				'Both get the event when a trigger that was cut and pasted listens',
				async (n8n) => {
					const app = await n8n.anApp();
					const workflow = await n8n.addPublished(app, {});
					// Before version 2, n8n publishes every change as it is saved.
					await n8n.edit(workflow, ([node]) => void (node.id = crypto.randomUUID()));
					await bothReceive(n8n, app, workflow, workflow);
					await n8n.unpublish(workflow);
					expect(state(app)).toEqual(NOTHING);
				},
			);

			invariant('A test that cannot be ended at Meta silences no trigger', async (n8n) => {
				const app = await n8n.anApp();
				const workflow = await n8n.addPublished(app, {});
				await n8n.api.listenForTestEvent(workflow.id, 'Trigger 0');
				const always = { method: 'POST', times: Infinity };
				app.emulator.failNext('subscriptions', { errorCode: 100 }, always);
				await n8n.api.stopListening(workflow.id);
				await poll('the word in the log', 20_000, async () => {
					return n8n.n8n.log.text().includes(`could not be`) || undefined;
				});
				expect(await n8n.receives(app)).toBe(200);
				app.emulator.clearFaults();
				await n8n.unpublish(workflow);
				expect(state(app)).toEqual(NOTHING);
			});
		});

		describe('6. forwarding', () => {
			let others: Map<InvariantStage, Receiver>;

			beforeEach(async () => {
				others = new Map();
				for (const n8n of stages) others.set(n8n, await new Receiver().start());
			});

			afterEach(async () => {
				for (const other of others.values()) await other.stop();
			});

			const take = (other: Receiver) => ({
				options: {
					onOtherWebhook: 'takeOverAndForward',
					otherVerifyToken: other.verifyToken,
				},
			});

			async function answerTo({ emulator }: App, id: string): Promise<number> {
				return (await emulator.deliver([newMessage({ id })], { redeliver: false }).answer).status;
			}

			invariant(
				'No message is acknowledged that was not forwarded, whatever is done meanwhile',
				async (n8n) => {
					const other = others.get(n8n)!;
					const app = await n8n.anApp();
					app.emulator.presetSubscription(other.url, ['messages']);
					const before = state(app);
					const workflow = await n8n.add(app, take(other));
					const acknowledged: string[] = [];
					let isDone = false;
					const flood = async () => {
						for (let sent = 0; sent < 500 || !isDone; sent++) {
							const id = `wamid.${sent}`;
							const answer = answerTo(app, id);
							void answer.then((status) => {
								if (status === 200) acknowledged.push(id);
							});
							if (sent % 10 === 9) await answer;
							await sleep(isDone ? 5 : 25);
						}
					};
					const operate = async () => {
						await n8n.api.activate(workflow.id);
						await n8n.edit(workflow, ([node]) => {
							node.parameters = { ...node.parameters, downloadFile: false };
						});
						await n8n.publish(workflow);
						await n8n.api.listenForTestEvent(workflow.id, 'Trigger 0');
						await sleep(500);
						await n8n.api.stopListening(workflow.id);
						await sleep(1_000);
						await n8n.unpublish(workflow);
						isDone = true;
					};
					await Promise.all([flood(), operate()]);
					await app.emulator.whenIdle();
					const forwarded = new Set(other.events.map(({ id }) => String(id)));
					expect(acknowledged.filter((id) => !forwarded.has(id))).toEqual([]);
					expect(acknowledged.length).toBeGreaterThan(300);
					expect(state(app)).toEqual(before);
				},
			);

			invariant(
				'The second of two triggers still forwards when the first one is unpublished',
				async (n8n) => {
					const other = others.get(n8n)!;
					const app = await n8n.anApp();
					app.emulator.presetSubscription(other.url, ['messages']);
					const before = state(app);
					const first = await n8n.addPublished(app, take(other));
					const second = await n8n.addPublished(app, take(other));
					expect(await answerTo(app, 'wamid.both')).toBe(200);
					await n8n.unpublish(first);
					expect(await answerTo(app, 'wamid.second')).toBe(200);
					expect(other.events.map(({ id }) => id)).toEqual(['wamid.both', 'wamid.second']);
					expect(await n8n.receives(app)).toBe(200);
					await n8n.hasRun([0, 1], first, second);
					await n8n.unpublish(second);
					expect(state(app)).toEqual(before);
				},
			);

			invariant(
				'A message that cannot be forwarded, because the record was lost, is not acknowledged',
				async (n8n) => {
					const other = others.get(n8n)!;
					const app = await n8n.anApp();
					app.emulator.presetSubscription(other.url, ['messages']);
					const before = state(app);
					const workflow = await n8n.addPublished(app, take(other));
					await n8n.n8n.restart({}, async () => {
						n8n.changeDatabase('UPDATE workflow_entity SET staticData = NULL WHERE active = 1');
					});
					await n8n.api.login();
					// Where n8n activates triggers at its start, it has removed this one by then: 404.
					expect([404, 503]).toContain(await answerTo(app, 'wamid.held'));
					await n8n.edit(workflow, ([node]) => {
						Object.assign(node.parameters.options as object, { otherWebhookUrl: other.url });
					});
					// Without its publication service, n8n retries since its start, and removes what others register.
					await poll('publication', 60_000, async () => {
						return (await errorOf(n8n.publish(workflow))) === '' || undefined;
					});
					expect(await answerTo(app, 'wamid.again')).toBe(200);
					expect(other.events.map(({ id }) => id)).toEqual(['wamid.again']);
					await n8n.unpublish(workflow);
					expect(state(app).app).toEqual(before.app);
				},
			);
		});

		describe('7. an App and a Phone Number trigger in one workflow', () => {
			const REQUESTS: Array<[EndpointKind, FaultMatch]> = [
				['phoneNumbers', { method: 'GET' }],
				['subscriptions', { method: 'GET' }],
				['subscriptions', { method: 'GET', after: 1 }],
				['subscribedApps', { method: 'GET' }],
				['subscribedApps', { method: 'GET', after: 1 }],
				['subscriptions', { method: 'POST' }],
				['subscribedApps', { method: 'POST' }],
				['phoneNumber', { method: 'POST' }],
				['phoneNumber', { method: 'GET' }],
			];

			invariant(
				'Each trigger gets what it is for, with each request delayed in turn',
				async (n8n) => {
					const apps = await n8n.someApps(REQUESTS.length);
					const published = await Promise.all(
						apps.map(async (app, index) => {
							const [kind, match] = REQUESTS[index];
							const delay = app.emulator.failNext(kind, { delayMs: 1_000 }, match);
							const order = index % 2 === 0 ? [{}, ON_FIRST] : [ON_FIRST, {}];
							const workflow = await n8n.addPublished(app, ...order);
							expect(delay.hits()).toBe(1);
							return { workflow, ofNumber: workflow.urls[order.indexOf(ON_FIRST)] };
						}),
					);
					for (const [index, app] of apps.entries()) {
						const { workflow, ofNumber } = published[index];
						expect(await n8n.shownAsPublished(workflow)).toEqual(workflow.urls);
						expect(state(app).numberOverrides).toEqual({ [NUMBER]: ofNumber });
						// A recording of the other number is for the App trigger, one of this number for both or one.
						expect(await n8n.receives(app, SECOND_NUMBER)).toBe(200);
						await n8n.hasRun([1], workflow);
						expect(await n8n.receives(app, NUMBER)).toBe(200);
						await n8n.hasRun([2], workflow);
						await n8n.unpublish(workflow);
						expect(state(app)).toEqual(NOTHING);
					}
				},
			);
		});

		describe('8. the requests to Meta', () => {
			// Why it cannot be less: docs/architecture.md, "Registration".
			const MOST: Array<[Record<string, unknown>, number]> = [
				[{}, 5],
				[{ phoneNumberIds: [NUMBER] }, 6],
				[ON_ACCOUNT, 6],
				[ON_FIRST, 7],
			];

			invariant(
				'The first activation takes 5 to 7 requests, the deactivation at most 5',
				async (n8n) => {
					for (const [parameters, most] of MOST) {
						const app = await n8n.anApp();
						const workflow = await n8n.addPublished(app, parameters);
						expect(app.emulator.requests.length).toBeLessThanOrEqual(most);
						app.emulator.forget();
						await n8n.unpublish(workflow);
						expect(app.emulator.requests.length).toBeLessThanOrEqual(5);
						expect(state(app)).toEqual(NOTHING);
					}
				},
			);

			invariant(
				'Changing a published trigger without a subscription takes four requests',
				async (n8n) => {
					const app = await n8n.anApp();
					const workflow = await n8n.addPublished(app, {});
					for (const kind of ['subscriptions', 'subscribedApps', 'phoneNumbers'] as const) {
						app.emulator.failNext(kind, { delayMs: 300 }, { times: Infinity });
					}
					app.emulator.forget();
					await n8n.edit(workflow, ([node]) => {
						node.parameters = { ...node.parameters, downloadFile: false };
					});
					await n8n.publish(workflow);
					const { requests } = app.emulator;
					const first = requests.findIndex(({ method }) => method === 'DELETE');
					const last = requests.findLastIndex(({ method }) => method === 'POST');
					// The two reads are sent at the same time.
					expect(last - first).toBeLessThanOrEqual(5);
					const gap = requests[last].time + 300 - (requests[first].time + 300);
					expect(gap).toBeLessThan(5_000);
					await n8n.unpublish(workflow);
					expect(state(app)).toEqual(NOTHING);
				},
			);

			invariant(
				'Activation stops early where Meta cannot reach the URL, and names the cause',
				async (n8n) => {
					const app = await n8n.anApp();
					const workflow = await n8n.add(app, {});
					const always = { method: 'POST', times: Infinity };
					app.emulator.failNext('subscriptions', { errorCode: 2200 }, always);
					const startedAt = Date.now();
					const error = await errorOf(n8n.api.activate(workflow.id));
					expect(error).toContain(`Meta could not verify the webhook URL ${workflow.urls[0]}`);
					expect(Date.now() - startedAt).toBeLessThan(30_000);
				},
			);

			invariant('Activation reports the first cause, although n8n tries again', async (n8n) => {
				const app = await n8n.anApp();
				const workflow = await n8n.add(app, {
					...ON_FIRST,
					phoneNumberIds: [NUMBER, SECOND_NUMBER],
				});
				const second = { method: 'POST', phoneNumberId: SECOND_NUMBER, times: Infinity };
				app.emulator.failNext('phoneNumber', { errorCode: 200 }, second);
				expect(await errorOf(n8n.api.activate(workflow.id))).toContain('lacks a permission');
				expect(state(app)).toEqual(NOTHING);
			});
		});

		describe('5. a killed n8n', () => {
			/** Where a trigger is registered, and which ones share its address: published before it, or after. */
			interface Level {
				own: Record<string, unknown>;
				before?: Array<Record<string, unknown>>;
				after?: Array<Record<string, unknown>>;
			}

			const LEVELS: Level[] = [
				{ own: {} },
				{ own: ON_ACCOUNT },
				{ own: ON_FIRST },
				{ own: {}, before: [{}] },
				{ own: {}, after: [{}] },
			];

			type Action = 'activate' | 'deactivate';

			interface Held {
				level: Level;
				action: Action;
				kind: EndpointKind;
				match: FaultMatch;
				/** A change that has taken effect at Meta, though n8n did not learn it. */
				takesEffect: boolean;
			}

			/** A trigger just before the action, with the others that share its address. */
			async function prepare(n8n: InvariantStage, level: Level, action: Action) {
				const app = await n8n.anApp();
				const publishOthers = async (of: Array<Record<string, unknown>> = []) => {
					const added: Published[] = [];
					for (const parameters of of) added.push(await n8n.addPublished(app, parameters));
					return added;
				};
				const before = await publishOthers(level.before);
				const own = await n8n.add(app, level.own);
				if (action === 'activate') return { app, own, others: before };
				await n8n.atOnce(async () => await n8n.api.activate(own.id));
				const after = await publishOthers(level.after);
				app.emulator.forget();
				return { app, own, others: [...before, ...after] };
			}

			/** Every request of an action, as it is sent where nothing disturbs it. */
			async function requestsOf(
				n8n: InvariantStage,
				level: Level,
				action: Action,
			): Promise<Held[]> {
				const { app, own, others } = await prepare(n8n, level, action);
				app.emulator.forget();
				await n8n.atOnce(async () => await n8n.api[action](own.id));
				const sent = app.emulator.requests.map(({ kind, method }) => ({ kind, method }));
				await n8n.atOnce(async () => await n8n.unpublish(own, ...others));
				return sent.flatMap(({ kind, method }, index) => {
					const same = sent
						.slice(0, index)
						.filter((earlier) => earlier.kind === kind && earlier.method === method);
					const held = { level, action, kind, match: { method, after: same.length } };
					const effects = method === 'GET' ? [false] : [false, true];
					return effects.map((takesEffect) => ({ ...held, takesEffect }));
				});
			}

			interface Case {
				app: App;
				workflows: Published[];
			}

			/**
			 * Without its publication service, n8n activates the published workflows one by one after it has
			 * started, also one that is unpublished meanwhile: it would then stay registered.
			 */
			async function activatedAtStart(n8n: InvariantStage, cases: Case[]): Promise<void> {
				if (n8n.api.activation === 'publication') return;
				const isQuiet = async ({ app: { emulator }, workflows }: Case) => {
					const found = await Promise.all(
						workflows.map(async ({ id }) => (await n8n.api.workflow(id)).active),
					);
					const { requests } = emulator;
					const latest = Math.max(0, ...requests.map(({ time }) => time));
					// Each of them reads two things at least.
					const isComplete = requests.length >= 2 * found.filter(Boolean).length;
					return isComplete && Date.now() - latest > 1_000;
				};
				await poll(
					'activation of the published workflows',
					150_000,
					async () => (await Promise.all(cases.map(isQuiet))).every(Boolean) || undefined,
					{ interval: 1_000 },
				);
			}

			invariant(
				'Publishing and unpublishing repairs everything after a kill at any request, and while it listens',
				async (n8n) => {
					const recorded = await Promise.all(
						LEVELS.flatMap((level) => [
							...(level.after ? [] : [requestsOf(n8n, level, 'activate')]),
							requestsOf(n8n, level, 'deactivate'),
						]),
					);
					await n8n.stopApps();
					const all = recorded.flat();
					const held = await Promise.all(
						all.map(async ({ level, action, kind, match, takesEffect }) => {
							const { app, own, others } = await prepare(n8n, level, action);
							const fault = app.emulator.failNext(kind, { hang: true, takesEffect }, match);
							return { app, own, workflows: [own, ...others], action, fault };
						}),
					);
					const live = await n8n.anApp();
					const lonely = await n8n.anApp();
					const listening = [
						{ app: live, workflows: [await n8n.addPublished(live, {})] },
						{ app: lonely, workflows: [await n8n.add(lonely, {})] },
					];
					for (const { workflows } of listening) {
						await n8n.api.listenForTestEvent(workflows[0].id, 'Trigger 0');
					}
					for (const { own, action } of held) void n8n.api[action](own.id).catch(() => {});
					await poll('held requests', 60_000, async () => {
						return held.every(({ fault }) => fault.hits() > 0) || undefined;
					});
					await n8n.n8n.kill();
					for (const { emulator } of n8n.apps) {
						emulator.clearFaults();
						emulator.forget();
					}
					await n8n.n8n.restart({}, async () => {
						if (n8n.api.activation !== 'publication') return;
						// n8n takes up a publication again when its lease has run out: 2 minutes.
						n8n.changeDatabase(
							"UPDATE workflow_publication_outbox SET updatedAt = '2020-01-01 00:00:00.000' WHERE status = 'in_progress'",
						);
					});
					await n8n.api.login();
					const cases: Case[] = [...held, ...listening];
					await activatedAtStart(n8n, cases);
					const repair = async ({ app, workflows: [own, ...others] }: Case) => {
						const options = { timeout: 120_000 };
						await n8n.api.deactivate(own.id, options);
						await n8n.api.activate(own.id, options);
						expect(await n8n.receives(app)).toBe(200);
						await n8n.hasRun(
							[own, ...others].map(() => 1),
							own,
							...others,
						);
						for (const { id } of [own, ...others]) await n8n.api.deactivate(id, options);
					};
					const waiting = cases.values();
					const repairOthers = async () => {
						for (const one of waiting) await repair(one);
					};
					const atOnce = n8n.publishesSaved ? 1 : 8;
					await Promise.all(Array.from({ length: atOnce }, repairOthers));
					expect(cases.map(({ app }) => state(app))).toEqual(cases.map(() => NOTHING));
				},
			);
		});
	});
}
