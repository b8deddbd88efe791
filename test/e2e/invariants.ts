import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startEmulator, type Emulator, type EndpointKind, type FaultMatch } from '../emulator';
import { Receiver } from '../emulator/helpers';
import {
	startN8n,
	type StoredCredential,
	type StoredWorkflow,
	type WorkflowNode,
} from '../support/n8n';
import { poll, sleep } from '../support/processes';
import { TRIGGER_TYPE, using, webhookNode, type IdentifiedNode } from '../support/workflow';
import { startStage, type Stage } from './stage';

const ONE = '106000000000001';
const TWO = '106000000000002';
const ON_ONE = { registration: 'phoneNumber', phoneNumberIds: [ONE] };
const ON_TWO = { registration: 'phoneNumber', phoneNumberIds: [TWO] };
const WITHOUT_NUMBER = { registration: 'phoneNumber', phoneNumberIds: [] };

const NOTHING = {
	app: undefined,
	accountSubscribed: false,
	accountOverride: null,
	numberOverrides: {},
};

export interface Setup {
	name: string;
	version?: string;
	env?: Record<string, string>;
	/** Whether n8n publishes triggers one by one and tells the outcome of each. */
	hasStatuses: boolean;
}

/** An app at a Meta of its own. */
interface App {
	emulator: Emulator;
	credential: StoredCredential;
}

interface Published {
	id: string;
	nodes: IdentifiedNode[];
	/** Production URL of each trigger. */
	urls: string[];
}

/** How often a race is run, each time at another Meta, all at once. */
const RACES = 10;

/** What registration promises, in a real n8n. */
export function describeInvariants({ name, version, env, hasStatuses }: Setup): void {
	describe(name, () => {
		let stage: Stage;
		const apps: App[] = [];

		beforeAll(async () => {
			stage = await startStage({
				version,
				env: {
					N8N_WORKFLOW_PUBLICATION_CONCURRENCY: '30',
					// After a kill, n8n takes up a publication again when its lease has run out.
					N8N_WORKFLOW_PUBLICATION_OUTBOX_LEASE_SECONDS: '60',
					...env,
				},
			});
		}, 30 * 60_000);

		afterEach(async () => {
			await Promise.all(apps.splice(0).map(async ({ emulator }) => await emulator.stop()));
		});

		afterAll(async () => await stage?.stop());

		const api = () => stage.n8n.api;

		let lastWrite: Promise<unknown> = Promise.resolve();

		/** n8n 1 on SQLite cannot write two things at once. */
		async function inTurn<T>(write: () => Promise<T>): Promise<T> {
			const own = lastWrite.then(write, write);
			lastWrite = own;
			return await own;
		}

		/** n8n 1 publishes what is saved in a published workflow. */
		const publishesSaved = version?.startsWith('1.') === true;

		async function anApp(): Promise<App> {
			const emulator = await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [] });
			const credential = await inTurn(async () => await stage.credentialFor(emulator));
			const app = { emulator, credential };
			apps.push(app);
			return app;
		}

		const someApps = async (count: number) =>
			await Promise.all(Array.from({ length: count }, async () => await anApp()));

		const state = ({ emulator }: App) => emulator.subscriptionState();

		async function add(
			{ credential }: App,
			...triggers: Array<Record<string, unknown>>
		): Promise<Published> {
			const nodes = triggers.map((parameters, index) =>
				webhookNode(`Trigger ${index}`, TRIGGER_TYPE, 1.1, parameters, {
					credentials: using(credential),
				}),
			);
			const workflow = { name: 'Invariant', nodes, connections: {} };
			const { id } = await inTurn(async () => await api().createWorkflow(workflow));
			return { id, nodes, urls: nodes.map((node) => api().webhookUrl(node)) };
		}

		async function addPublished(app: App, ...triggers: Array<Record<string, unknown>>) {
			const workflow = await add(app, ...triggers);
			await api().activate(workflow.id);
			return workflow;
		}

		const errorOf = async (work: Promise<unknown>): Promise<string> =>
			await work.then(
				() => '',
				(error: Error) => error.message,
			);

		async function publish(id: string): Promise<void> {
			const { active } = await api().workflow(id);
			if (!active || !publishesSaved) await api().activate(id);
		}

		/** Saves a change as the editor does; it counts when it is published. */
		async function edit(
			id: string,
			change: (nodes: WorkflowNode[]) => void,
			client = api(),
		): Promise<void> {
			const { nodes, connections, versionId, name: title } = await client.workflow(id);
			change(nodes);
			await client.request<StoredWorkflow>('PATCH', `/rest/workflows/${id}`, {
				name: title,
				nodes,
				connections,
				versionId,
			});
		}

		async function receives({ emulator }: App, phoneNumberId = ONE): Promise<number> {
			const recording = await emulator.createRecording({ phoneNumberId });
			return (await emulator.deliver([recording]).answer).status;
		}

		/** URLs of the triggers that n8n shows as published. */
		async function shownAsPublished(...workflows: Published[]): Promise<string[]> {
			const found = await Promise.all(
				workflows.map(async ({ id, nodes, urls }) => {
					if (!hasStatuses) return (await api().workflow(id)).active ? urls : [];
					const { triggers } = await api().publicationStatus(id);
					return urls.filter((_, index) =>
						triggers.some(
							({ nodeId, status }) => nodeId === nodes[index]!.id && status === 'activated',
						),
					);
				}),
			);
			return found.flat();
		}

		async function unpublish(...workflows: Published[]): Promise<void> {
			for (const { id } of workflows) await api().deactivate(id);
		}

		describe('1. Triggers of one app', () => {
			it.each<[string, (app: App) => Promise<Published[]>]>([
				['in one workflow', async (app) => [await add(app, {}, { events: ['terminate'] })]],
				['in two workflows', async (app) => [await add(app, {}), await add(app, {})]],
			])(
				'%s that are published at the same moment: one has the address, the other one names it',
				async (_, prepare) => {
					const started = await someApps(RACES);
					const workflows = await Promise.all(started.map(prepare));
					const race = async (list: Published[]) => {
						const all = list.map(async ({ id }) => await errorOf(api().activate(id)));
						return (await Promise.all(all)).join('');
					};
					const errors = await Promise.all(
						workflows.map(async (list) =>
							publishesSaved ? await inTurn(async () => await race(list)) : await race(list),
						),
					);
					for (const [index, app] of started.entries()) {
						const list = workflows[index]!;
						const owner = state(app).app?.callbackUrl;
						const shown = await shownAsPublished(...list);
						expect(shown).toEqual(owner === undefined ? [] : [owner]);
						// n8n before 2.41 publishes a workflow only with all of its triggers.
						expect(shown).toHaveLength(hasStatuses || list.length > 1 ? 1 : 0);
						expect(errors[index]).toMatch(/another workflow in this n8n: http\S+\. Unpublish/);
						if (owner !== undefined) {
							expect(errors[index]).toContain(owner);
							expect(await receives(app)).toBe(200);
						}
						await unpublish(...list);
						expect(state(app)).toEqual(NOTHING);
					}
				},
			);
		});

		describe('2. After the last trigger is removed, nothing is left', () => {
			type Case = (app: App) => Promise<void>;

			it.each<[string, Case]>([
				[
					'when another trigger of the workflow could not be activated',
					async (app) => {
						const workflow = await add(app, {}, WITHOUT_NUMBER);
						expect(await errorOf(api().activate(workflow.id))).toContain('No phone number');
						if (!hasStatuses) expect(state(app)).toEqual(NOTHING);
						await edit(workflow.id, (nodes) => void nodes.pop());
						await publish(workflow.id);
						expect(await receives(app)).toBe(200);
						await unpublish(workflow);
					},
				],
				[
					'when the node was renamed',
					async (app) => {
						const workflow = await addPublished(app, {});
						await edit(workflow.id, ([node]) => void (node!.name = 'Another name'));
						await publish(workflow.id);
						expect(await receives(app)).toBe(200);
						await unpublish(workflow);
					},
				],
				[
					'when the node was replaced by a new one',
					async (app) => {
						const workflow = await addPublished(app, {});
						await edit(workflow.id, ([node]) => {
							Object.assign(node!, { id: crypto.randomUUID(), webhookId: crypto.randomUUID() });
						});
						await publish(workflow.id);
						expect(await receives(app)).toBe(200);
						await unpublish(workflow);
					},
				],
				[
					'when the node was cut and pasted',
					async (app) => {
						const workflow = await addPublished(app, {});
						await edit(workflow.id, ([node]) => void (node!.id = crypto.randomUUID()));
						await publish(workflow.id);
						expect(await receives(app)).toBe(200);
						await unpublish(workflow);
					},
				],
				[
					'when the credential was changed to another app',
					async (app) => {
						const other = await anApp();
						const workflow = await addPublished(app, {});
						const { account, baseUrl } = other.emulator;
						await api().updateCredential(app.credential.id, {
							name: app.credential.name,
							type: app.credential.type,
							data: { ...account, apiVersion: 'v26.0', baseUrl, appId: '999' },
						});
						await unpublish(workflow);
						expect(state(other)).toEqual(NOTHING);
					},
				],
				[
					'when the node got the credential of another app',
					async (app) => {
						const other = await anApp();
						const workflow = await addPublished(app, {});
						await edit(workflow.id, ([node]) => {
							node!.credentials = using(other.credential);
						});
						await publish(workflow.id);
						expect(state(app)).toEqual(NOTHING);
						expect(await receives(other)).toBe(200);
						await unpublish(workflow);
						expect(state(other)).toEqual(NOTHING);
					},
				],
				[
					'when the first of two triggers on numbers goes first',
					async (app) => {
						const [one, two] = [await addPublished(app, ON_ONE), await addPublished(app, ON_TWO)];
						await unpublish(one);
						expect(await receives(app, TWO)).toBe(200);
						await unpublish(two);
					},
				],
				[
					'when a test ran meanwhile, before and after publishing',
					async (app) => {
						const workflow = await add(app, {});
						await api().listenForTestEvent(workflow.id, 'Trigger 0');
						await api().activate(workflow.id);
						await api().stopListening(workflow.id);
						await sleep(1_000);
						expect(state(app).app?.callbackUrl).toBe(workflow.urls[0]);
						expect(await receives(app)).toBe(200);
						await unpublish(workflow);
					},
				],
			])('%s', async (_, run) => {
				const app = await anApp();
				await run(app);
				expect(state(app)).toEqual(NOTHING);
			});
		});

		describe('3. Configuration of others', () => {
			it('stays when a restored copy of this n8n publishes, changes and unpublishes', async () => {
				const app = await anApp();
				const workflow = await addPublished(app, {});
				const before = state(app);
				const folder = await mkdtemp(join(tmpdir(), 'n8n-copy-'));
				const { userFolder } = stage.n8n;
				try {
					await cp(userFolder, folder, {
						recursive: true,
						filter: (path) => !/\.sqlite|\.cache|\/tmp\b/.test(path.slice(userFolder.length)),
					});
					const database = (of: string) => join(of, '.n8n', 'database.sqlite');
					const original = new DatabaseSync(database(userFolder), { readOnly: true });
					original.exec(`VACUUM INTO '${database(folder)}'`);
					original.close();
					const copy = await startN8n({ userFolder: folder, version, env });
					try {
						const rename = ([node]: WorkflowNode[]) => void (node!.name = 'Copied');
						const error =
							(await errorOf(edit(workflow.id, rename, copy.api))) ||
							(await errorOf(copy.api.activate(workflow.id)));
						expect(error).toContain('a trigger of this package in another n8n');
						await copy.api.deactivate(workflow.id);
					} finally {
						await copy.stop();
					}
				} finally {
					await rm(folder, { recursive: true, force: true });
				}
				expect(state(app)).toEqual(before);
				expect(await receives(app)).toBe(200);
				await unpublish(workflow);
				expect(state(app)).toEqual(NOTHING);
			});
		});

		describe('4. Listening for a test event', () => {
			it('in a copy of the workflow is refused, and production goes on', async () => {
				const app = await anApp();
				const workflow = await addPublished(app, {});
				const before = state(app);
				const [node] = workflow.nodes;
				const { id } = await api().createWorkflow({
					name: 'Copy',
					nodes: [{ ...node!, id: crypto.randomUUID() }],
					connections: {},
				});
				const error = await errorOf(api().listenForTestEvent(id, node!.name));
				expect(error).toContain('another workflow in this n8n');
				expect(state(app)).toEqual(before);
				expect(await receives(app)).toBe(200);
				await api().waitForExecutions(workflow.id, 1);
				await unpublish(workflow);
			});

			it('on a trigger that was cut and pasted gives production its address back', async () => {
				const app = await anApp();
				const workflow = await addPublished(app, {});
				const before = state(app);
				// Before version 2, n8n publishes every change as it is saved.
				await edit(workflow.id, ([node]) => void (node!.id = crypto.randomUUID()));
				await api().listenForTestEvent(workflow.id, 'Trigger 0');
				expect(state(app).app?.callbackUrl).toContain('/webhook-test/');
				await api().stopListening(workflow.id);
				await poll('production', 20_000, async () => {
					return state(app).app?.callbackUrl === workflow.urls[0] || undefined;
				});
				expect(state(app)).toEqual(before);
				expect(await receives(app)).toBe(200);
				const [execution] = await api().waitForExecutions(workflow.id, 1);
				expect(execution!.mode).toBe('webhook');
				await unpublish(workflow);
			});

			it('that cannot give the address back acknowledges nothing for production, and says so', async () => {
				const app = await anApp();
				const workflow = await addPublished(app, {});
				await api().listenForTestEvent(workflow.id, 'Trigger 0');
				const always = { method: 'POST', times: Infinity };
				app.emulator.failNext('subscriptions', { errorCode: 100 }, always);
				await api().stopListening(workflow.id);
				await poll('the word in the log', 20_000, async () => {
					return stage.n8n.log.text().includes('could not be pointed back') || undefined;
				});
				expect(await receives(app)).toBe(404);
				app.emulator.clearFaults();
				await unpublish(workflow);
				expect(state(app)).toEqual(NOTHING);
			});
		});

		describe('6. Forwarding', () => {
			let other: Receiver;

			beforeEach(async () => void (other = await new Receiver().start()));
			afterEach(async () => await other.stop());

			const take = () => ({
				onOtherWebhook: 'takeOverAndForward',
				otherVerifyToken: other.verifyToken,
			});

			const message = (id: string) => ({
				phoneNumberId: ONE,
				field: 'messages',
				value: { messages: [{ id, from: '14085551234', type: 'text', text: { body: 'Hi' } }] },
			});

			it('acknowledges no message that was not forwarded, whatever is done meanwhile', async () => {
				const app = await anApp();
				app.emulator.presetSubscription(other.url, ['messages']);
				const before = state(app);
				const workflow = await add(app, take());
				const acknowledged: string[] = [];
				let isDone = false;
				const flood = async () => {
					for (let sent = 0; sent < 500 || !isDone; sent++) {
						const id = `wamid.${sent}`;
						const { answer } = app.emulator.deliver([message(id)], { redeliver: false });
						void answer.then(({ status }) => {
							if (status === 200) acknowledged.push(id);
						});
						if (sent % 10 === 9) await answer;
						await sleep(isDone ? 5 : 40);
					}
				};
				const operate = async () => {
					await api().activate(workflow.id);
					await edit(workflow.id, ([node]) => {
						node!.parameters = { ...node!.parameters, downloadFile: false };
					});
					await publish(workflow.id);
					await api().listenForTestEvent(workflow.id, 'Trigger 0');
					await sleep(500);
					await api().stopListening(workflow.id);
					await sleep(1_000);
					await unpublish(workflow);
					isDone = true;
				};
				await Promise.all([flood(), operate()]);
				await app.emulator.whenIdle();
				const forwarded = new Set(other.events.map(({ id }) => String(id)));
				expect(acknowledged.filter((id) => !forwarded.has(id))).toEqual([]);
				expect(acknowledged.length).toBeGreaterThan(300);
				expect(state(app)).toEqual(before);
			});

			it('of two chained triggers, the first one unpublished: not acknowledged, and said so', async () => {
				const app = await anApp();
				app.emulator.presetSubscription(other.url, ['messages']);
				const before = state(app);
				const first = await addPublished(app, take());
				const second = await addPublished(app, { ...take(), registration: 'businessAccount' });
				expect((await app.emulator.deliver([message('wamid.chain')]).answer).status).toBe(200);
				expect(other.events).toHaveLength(1);
				await unpublish(first);
				expect((await app.emulator.deliver([message('wamid.lost')]).answer).status).toBe(503);
				expect(stage.n8n.log.text()).toContain('publish this workflow again');
				await unpublish(second);
				expect(state(app)).toEqual(before);
			});

			it('does not acknowledge what it cannot forward, because its record was lost', async () => {
				const app = await anApp();
				app.emulator.presetSubscription(other.url, ['messages']);
				const before = state(app);
				const workflow = await addPublished(app, take());
				await stage.n8n.restart({}, async () => {
					const database = new DatabaseSync(join(stage.n8n.userFolder, '.n8n', 'database.sqlite'));
					database.exec('UPDATE workflow_entity SET staticData = NULL WHERE active = 1');
					database.close();
				});
				await api().login();
				// Where n8n activates triggers at its start, it has removed this one by then: 404.
				const held = await app.emulator.deliver([message('wamid.held')]).answer;
				expect([404, 503]).toContain(held.status);
				await edit(workflow.id, ([node]) => {
					node!.parameters = { ...node!.parameters, otherWebhookUrl: other.url };
				});
				// Without its publication service, n8n retries since its start, and removes what others register.
				await poll('publication', 60_000, async () => {
					return (await errorOf(publish(workflow.id))) === '' || undefined;
				});
				expect(await app.emulator.deliver([message('wamid.again')]).answer).toMatchObject({
					status: 200,
				});
				expect(other.events.map(({ id }) => id)).toEqual(['wamid.again']);
				await unpublish(workflow);
				expect(state(app).app).toEqual(before.app);
			});
		});

		describe('7. An App and a Phone Number trigger in one workflow', () => {
			const REQUESTS: Array<[EndpointKind, FaultMatch]> = [
				['subscriptions', { method: 'GET' }],
				['subscriptions', { method: 'GET', after: 1 }],
				['subscribedApps', { method: 'GET' }],
				['subscribedApps', { method: 'GET', after: 1 }],
				['phoneNumber', { method: 'GET' }],
				['subscriptions', { method: 'POST' }],
				['subscribedApps', { method: 'POST' }],
				['phoneNumber', { method: 'POST' }],
			];

			it('with each request delayed in turn: the number leaves the address of the app alone', async () => {
				const started = await someApps(REQUESTS.length);
				const workflows = await Promise.all(
					started.map(async (app, index) => {
						const [kind, match] = REQUESTS[index]!;
						app.emulator.failNext(kind, { delayMs: 1_500 }, match);
						const order = index % 2 === 0 ? [{}, ON_ONE] : [ON_ONE, {}];
						const workflow = await add(app, ...order);
						const activate = async () => await errorOf(api().activate(workflow.id));
						const error = publishesSaved ? await inTurn(activate) : await activate();
						return { ...workflow, error, app: order.indexOf(ON_ONE) === 1 ? 0 : 1 };
					}),
				);
				for (const [index, app] of started.entries()) {
					const { urls, error, app: place } = workflows[index]!;
					const shown = await shownAsPublished(workflows[index]!);
					const { app: webhook, numberOverrides } = state(app);
					// A number that comes first gives the app its address; then the other one is refused.
					const isNumberFirst = webhook?.callbackUrl === urls[1 - place];
					if (isNumberFirst) {
						expect(error).toContain(urls[1 - place]);
						expect(shown).toEqual([urls[1 - place]]);
					} else if (shown.length > 0) {
						expect(shown).toEqual(urls);
						expect(webhook?.callbackUrl).toBe(urls[place]);
						expect(numberOverrides).toEqual({ [ONE]: urls[1 - place] });
						expect(await receives(app, TWO)).toBe(200);
					}
					await unpublish(workflows[index]!);
					expect(state(app)).toEqual(NOTHING);
				}
			});
		});

		describe('8. The requests to Meta', () => {
			it('are at most 6 for the first activation and 5 for the deactivation', async () => {
				for (const parameters of [{}, { registration: 'businessAccount' }]) {
					const app = await anApp();
					const workflow = await addPublished(app, parameters);
					expect(app.emulator.requests.length).toBeLessThanOrEqual(6);
					app.emulator.forget();
					await unpublish(workflow);
					expect(app.emulator.requests.length).toBeLessThanOrEqual(5);
					expect(state(app)).toEqual(NOTHING);
				}
			});

			it('leave a published trigger that is changed without a subscription for four requests', async () => {
				const app = await anApp();
				const workflow = await addPublished(app, {});
				for (const kind of ['subscriptions', 'subscribedApps', 'phoneNumbers'] as const) {
					app.emulator.failNext(kind, { delayMs: 300 }, { times: Infinity });
				}
				app.emulator.forget();
				await edit(workflow.id, ([node]) => {
					node!.parameters = { ...node!.parameters, downloadFile: false };
				});
				await publish(workflow.id);
				const { requests } = app.emulator;
				const first = requests.findIndex(({ method }) => method === 'DELETE');
				const last = requests.findLastIndex(({ method }) => method === 'POST');
				// The two reads are sent at the same time.
				expect(last - first).toBeLessThanOrEqual(5);
				const gap = requests[last]!.time + 300 - (requests[first]!.time + 300);
				expect(gap).toBeLessThan(5_000);
				await unpublish(workflow);
				expect(state(app)).toEqual(NOTHING);
			});

			it('give up soon where Meta cannot reach the address, and tell the cause', async () => {
				const app = await anApp();
				const workflow = await add(app, {});
				const always = { method: 'POST', times: Infinity };
				app.emulator.failNext('subscriptions', { errorCode: 2200 }, always);
				const startedAt = Date.now();
				const error = await errorOf(api().activate(workflow.id));
				expect(error).toContain(`Meta could not verify the webhook address ${workflow.urls[0]}`);
				expect(Date.now() - startedAt).toBeLessThan(30_000);
			});

			it('fail with the first cause, though n8n tries again', async () => {
				const app = await anApp();
				const workflow = await add(app, { ...ON_ONE, phoneNumberIds: [ONE, TWO] });
				const second = { method: 'POST', phoneNumberId: TWO, times: Infinity };
				app.emulator.failNext('phoneNumber', { errorCode: 200 }, second);
				expect(await errorOf(api().activate(workflow.id))).toContain('lacks a permission');
				expect(state(app)).toEqual(NOTHING);
			});
		});

		/**
		 * Without its publication service, n8n activates the published workflows one by one after it has
		 * started, also one that is unpublished meanwhile: it would then stay registered.
		 */
		async function activatedAtStart(all: Array<{ app: App; workflow: Published }>): Promise<void> {
			if (api().activation === 'publication') return;
			await poll('activation of the published workflows', 120_000, async () => {
				const done = await Promise.all(
					all.map(async ({ app, workflow }) => {
						const { active } = await api().workflow(workflow.id);
						const isRegistered = state(app).app?.callbackUrl === workflow.urls[0];
						return !active || (isRegistered && app.emulator.requests.length >= 2);
					}),
				);
				return done.every(Boolean) || undefined;
			});
		}

		describe('5. n8n is killed', () => {
			const HELD: Array<['activate' | 'deactivate', EndpointKind, FaultMatch]> = [
				['activate', 'subscriptions', { method: 'GET' }],
				['activate', 'subscribedApps', { method: 'GET' }],
				['activate', 'subscriptions', { method: 'POST' }],
				['activate', 'subscribedApps', { method: 'POST' }],
				['activate', 'subscriptions', { method: 'GET', after: 1 }],
				['deactivate', 'subscriptions', { method: 'GET' }],
				['deactivate', 'phoneNumbers', { method: 'GET' }],
				['deactivate', 'subscribedApps', { method: 'DELETE' }],
				['deactivate', 'subscriptions', { method: 'DELETE' }],
			];

			it('at every request, and while it listens: publishing and unpublishing repairs everything', async () => {
				// Before a change takes effect at Meta, and after it.
				const cases = HELD.flatMap((held) => {
					const isChange = held[2].method !== 'GET';
					return (isChange ? [false, true] : [false]).map((takesEffect) => ({ held, takesEffect }));
				});
				const prepared = await Promise.all(
					cases.map(async ({ held: [action, kind, match], takesEffect }) => {
						const app = await anApp();
						const workflow = await add(app, {});
						if (action === 'deactivate') {
							await inTurn(async () => await api().activate(workflow.id));
						}
						const fault = app.emulator.failNext(kind, { hang: true, takesEffect }, match);
						return { app, workflow, action, fault };
					}),
				);
				const live = await anApp();
				const lonely = await anApp();
				const listening = [await addPublished(live, {}), await add(lonely, {})];
				for (const { id } of listening) await api().listenForTestEvent(id, 'Trigger 0');
				for (const { workflow, action } of prepared) {
					void api()
						[action](workflow.id)
						.catch(() => {});
				}
				await poll('held requests', 60_000, async () => {
					return prepared.every(({ fault }) => fault.hits() > 0) || undefined;
				});
				await stage.n8n.kill();
				for (const { emulator } of apps) {
					emulator.clearFaults();
					emulator.forget();
				}
				await stage.n8n.restart();
				await api().login();
				const all = [
					...prepared.map(({ app, workflow }) => ({ app, workflow })),
					{ app: live, workflow: listening[0]! },
					{ app: lonely, workflow: listening[1]! },
				];
				await activatedAtStart(all);
				const repair = async ({ app, workflow }: (typeof all)[number]) => {
					await api().deactivate(workflow.id, { timeout: 120_000 });
					await api().activate(workflow.id, { timeout: 120_000 });
					expect(state(app).app?.callbackUrl).toBe(workflow.urls[0]);
					await api().deactivate(workflow.id, { timeout: 120_000 });
				};
				const waiting = all.values();
				const repairOthers = async () => {
					for (const one of waiting) await repair(one);
				};
				await Promise.all(Array.from({ length: publishesSaved ? 1 : 5 }, repairOthers));
				expect(all.map(({ app }) => state(app))).toEqual(all.map(() => NOTHING));
			});
		});
	});
}
