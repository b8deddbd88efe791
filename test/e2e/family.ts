import type { Emulator } from '../../emulator';
import { keysOf, newEvent, type EventName, type Sent } from '../support/callEvents';
import { NUMBER } from '../support/constants';
import { inDatabase } from '../support/database';
import type { N8n, StoredCredential, WorkflowNode } from '../support/n8n';
import { poll } from '../support/processes';
import { TRIGGER_TYPE, using, webhookNode } from '../support/workflow';
import { startMeta, type Stage } from '../support/stage';

/** Long enough for a trigger that is being registered at the moment. */
const REDELIVERY_DELAYS_MS = [200, 300, 500, 1_000, 1_000, 2_000, 2_000, 4_000, 8_000];

/** A workflow with one trigger. */
export interface Member {
	/** Of the workflow. */
	id: string;
	/** As saved; they count from the next publication. */
	events: EventName[];
	phoneNumberIds: string[];
	isPublished: boolean;
}

/** Keys of the events that each workflow has got, after `test ` where it listened for a test event. */
type Items = Record<string, string[]>;

/** The triggers of one app at a Meta of its own. */
export class Family {
	readonly members: Member[] = [];

	/** The last execution that was looked at. */
	private seen = 0;

	private constructor(
		private readonly stage: Stage,
		readonly emulator: Emulator,
		readonly credential: StoredCredential,
		private readonly parameters: Record<string, unknown>,
	) {}

	static async start(stage: Stage, parameters: Record<string, unknown> = {}): Promise<Family> {
		const emulator = await startMeta({ redeliveryDelaysMs: REDELIVERY_DELAYS_MS });
		const credential = await stage.credentialFor(emulator);
		return new Family(stage, emulator, credential, parameters);
	}

	private get api() {
		return this.stage.n8n.api;
	}

	state() {
		return this.emulator.subscriptionState();
	}

	/** What happened at Meta last, for the report of a failure. */
	history(): string {
		const requests = this.emulator.requests
			.slice(-40)
			.map(({ time, method, path, status, body }) => {
				const callback = (body as Record<string, string> | undefined)?.callback_url ?? '';
				return `${time} ${method} ${path} ${status} ${callback}`;
			});
		const deliveries = this.emulator.deliveries.slice(-5).map(({ summary, attempts }) => {
			return `${summary}: ${attempts.map(({ time, status }) => `${time} ${status}`).join(', ')}`;
		});
		return [JSON.stringify(this.state()), ...requests, ...deliveries].join('\n');
	}

	async add(events: EventName[], parameters: Record<string, unknown> = {}): Promise<Member> {
		const all: Record<string, unknown> = {
			downloadFile: false,
			events,
			...this.parameters,
			...parameters,
		};
		const trigger = webhookNode('Trigger', TRIGGER_TYPE, 1.1, all, {
			credentials: using(this.credential),
		});
		const workflow = { name: 'Sibling', nodes: [trigger], connections: {} };
		const { id } = await this.api.createWorkflow(workflow);
		const phoneNumberIds = (all.phoneNumberIds ?? []) as string[];
		const member = { id, events, phoneNumberIds, isPublished: false };
		this.members.push(member);
		return member;
	}

	/** A copy of a workflow, which has the webhook ID of the original. */
	async copy({ id, events, phoneNumberIds }: Member): Promise<Member> {
		const { nodes } = await this.api.workflow(id);
		const [node] = nodes;
		const copied = await this.api.createWorkflow({
			name: 'Copy',
			nodes: [{ ...node, id: crypto.randomUUID() }],
			connections: {},
		});
		const member = { id: copied.id, events, phoneNumberIds, isPublished: false };
		this.members.push(member);
		return member;
	}

	async publish(...members: Member[]): Promise<void> {
		for (const member of members) member.isPublished = true;
		await Promise.all(members.map(async ({ id }) => await this.api.activate(id)));
	}

	async unpublish(...members: Member[]): Promise<void> {
		for (const member of members) {
			member.isPublished = false;
			await this.api.deactivate(member.id);
		}
	}

	/** Saves a change, and publishes it. */
	async change(member: Member, edit: (node: WorkflowNode) => void): Promise<void> {
		member.isPublished = true;
		await this.api.editWorkflow(member.id, ({ nodes: [node] }) => {
			edit(node);
			member.events = node.parameters.events as EventName[];
		});
		await this.api.activate(member.id);
	}

	/** An event of its own in a delivery of its own, as often as Meta repeats it. */
	async send(name: EventName, phoneNumberId = NUMBER) {
		const sent = await newEvent(this.emulator, name, phoneNumberId);
		return { sent, phoneNumberId, delivery: this.emulator.deliver([sent.update]) };
	}

	/**
	 * Has Meta deliver events, all at once: each is acknowledged, each published trigger that chose it has
	 * it once, and nobody else has anything.
	 *
	 * @param listening has the (only) event as a test event, too
	 * @param uncertain of them nothing is known but that they have nothing twice
	 */
	async expectEach(
		names: readonly EventName[],
		{
			phoneNumberId = NUMBER,
			listening,
			uncertain = [],
		}: { phoneNumberId?: string; listening?: Member; uncertain?: Member[] } = {},
	): Promise<void> {
		const all = await Promise.all(names.map(async (name) => await this.send(name, phoneNumberId)));
		await Promise.all(all.map(async ({ delivery }) => await delivery.settled));
		const expected = Object.fromEntries(
			this.members.map((member) => [
				member.id,
				[
					...all.filter(({ sent }) => this.wants(member, sent.name, phoneNumberId)).map(keyOf),
					...(member === listening ? all.map((one) => `test ${keyOf(one)}`) : []),
				].sort(),
			]),
		);
		const items = await this.newItems();
		for (const { id } of uncertain) {
			expect(new Set(items[id]).size).toBe(items[id].length);
			delete items[id];
			delete expected[id];
		}
		expect(items).toEqual(expected);
		const wanted = all.filter((one) => Object.values(expected).flat().includes(keyOf(one)));
		expect(wanted.map(({ delivery }) => delivery.record.outcome)).toEqual(
			wanted.map(() => 'delivered'),
		);
	}

	/**
	 * Has Meta deliver an event while some triggers are being changed: each other published one that chose
	 * it has it once.
	 */
	async during(name: EventName, changed: Member[], work: () => Promise<void>): Promise<void> {
		const others = this.members.filter(
			(member) => !changed.includes(member) && this.wants(member, name, NUMBER),
		);
		if (others.length === 0) return await work();
		const one = await this.send(name);
		await work();
		await one.delivery.settled;
		const items = await this.newItems();
		expect(others.map(({ id }) => items[id])).toEqual(others.map(() => [keyOf(one)]));
	}

	/** Items of all workflows since the last time, when all of their executions have ended. */
	async newItems(): Promise<Items> {
		const items: Items = Object.fromEntries(this.members.map(({ id }) => [id, []]));
		const rows = await poll('end of the executions', 30_000, async () => {
			const found = executionsSince(this.stage.n8n, Object.keys(items), this.seen);
			return found.every(({ status }) => status === 'success') ? found : undefined;
		});
		for (const { id, workflowId, mode, data } of rows) {
			this.seen = Math.max(this.seen, id);
			const keys = keysOf(data);
			items[workflowId].push(...keys.map((key) => (mode === 'manual' ? `test ${key}` : key)));
		}
		for (const list of Object.values(items)) list.sort();
		return items;
	}

	private wants(
		{ isPublished, events, phoneNumberIds }: Member,
		name: EventName,
		phoneNumberId: string,
	): boolean {
		const isOfNumber = phoneNumberIds.length === 0 || phoneNumberIds.includes(phoneNumberId);
		return isPublished && events.includes(name) && isOfNumber;
	}
}

const keyOf = ({ sent }: { sent: Sent }) => sent.key;

interface Row {
	id: number;
	workflowId: string;
	mode: string;
	status: string;
	data: string;
}

/** From n8n's database: its REST interface has no request for the data of several executions. */
function executionsSince(n8n: N8n, workflowIds: string[], since: number): Row[] {
	const marks = workflowIds.map(() => '?').join(', ');
	const rows = inDatabase(n8n.userFolder, (database) =>
		database
			.prepare(
				`SELECT e.id, e."workflowId", e.mode, e.status, d.data
				FROM execution_entity e LEFT JOIN execution_data d ON d."executionId" = e.id
				WHERE e.id > ? AND e."workflowId" IN (${marks})`,
			)
			.all(since, ...workflowIds),
	);
	return rows as unknown as Row[];
}
