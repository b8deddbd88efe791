import type { DeliveryRecord, Emulator } from '../../emulator';
import { NUMBER } from '../support/constants';
import type { StoredCredential } from '../support/n8n';
import { EVENTS, keysOf, newEvent, type EventName, type Sent } from '../support/callEvents';
import { TRIGGER_TYPE, using, webhookNode } from '../support/workflow';
import type { Cluster } from './cluster';
import { AT_PROCESSORS_DEATH, killProcessor, queueIsEmpty, SIZE_AT_PROCESSORS_DEATH } from './load';

/** How often each event comes to each webhook processor. */
const ROUNDS = 4;

/** Each event is wanted by several; the first trigger has the address, and is the one that downloads. */
const WANTED: EventName[][] = [
	['call_recording_available'],
	['call_recording_available', 'terminate'],
	['connect', 'terminate', 'call_permission_reply'],
	['call_transcription_available', 'call_permission_reply'],
	[...EVENTS],
];

/** An event, and what became of its delivery. */
interface Delivered extends Sent {
	delivery: DeliveryRecord;
}

/** What a workflow has got: how often, by the event's key. */
export type Counts = Record<string, number>;

/** Workflows whose triggers share the address of an app, in queue mode. */
export class Siblings {
	private constructor(
		private readonly cluster: Cluster,
		private readonly emulator: Emulator,
		private readonly ids: string[],
	) {}

	static async publish(
		cluster: Cluster,
		emulator: Emulator,
		credential: StoredCredential,
	): Promise<Siblings> {
		const ids: string[] = [];
		for (const [index, events] of WANTED.entries()) {
			const parameters = { events, downloadFile: index === 0 };
			const node = webhookNode('Trigger', TRIGGER_TYPE, 1.1, parameters, {
				credentials: using(credential),
			});
			const workflow = { name: `Sibling ${index}`, nodes: [node], connections: {} };
			const { id } = await cluster.api.createWorkflow(workflow);
			await cluster.api.activate(id);
			ids.push(id);
		}
		return new Siblings(cluster, emulator, ids);
	}

	async unpublish(): Promise<void> {
		for (const id of this.ids) await this.cluster.api.deactivate(id);
	}

	/** Each event several times at each webhook processor. */
	async deliver(): Promise<Delivered[]> {
		const sent: Array<Promise<Delivered>> = [];
		for (let round = 0; round < ROUNDS; round++) {
			for (const name of EVENTS) {
				for (const processor of this.cluster.processors.keys()) {
					sent.push(this.send(await newEvent(this.emulator, name, NUMBER), processor));
				}
			}
		}
		return await Promise.all(sent);
	}

	/** The same, and recordings that a webhook processor has in hand when it is killed. */
	async deliverWithKill(): Promise<Delivered[]> {
		const sizeBytes = SIZE_AT_PROCESSORS_DEATH;
		const recordings = await Promise.all(
			Array.from(
				{ length: AT_PROCESSORS_DEATH },
				async () =>
					await newEvent(this.emulator, 'call_recording_available', NUMBER, { sizeBytes }),
			),
		);
		let cut: Array<Promise<Delivered>> = [];
		const { cluster, emulator } = this;
		await killProcessor({ cluster, emulator }, () => {
			cut = recordings.map(async (recording) => await this.send(recording, 1));
		});
		const isBack = cluster.processors[1].restart();
		const others = this.deliver();
		await isBack;
		return [...(await Promise.all(cut)), ...(await others)];
	}

	/** By workflow: what it has got, and what it chose of what was sent. */
	async outcome(sent: Delivered[]): Promise<Array<{ got: Counts; chosen: Delivered[] }>> {
		await queueIsEmpty(this.cluster);
		const rows = await this.cluster.n8nDatabase.query<{ workflowId: string; data: string }>(
			`SELECT e."workflowId", d.data
			FROM execution_entity e JOIN execution_data d ON d."executionId" = e.id
			WHERE e."workflowId" = ANY($1) AND e.status = 'success'`,
			[this.ids],
		);
		return this.ids.map((id, index) => {
			const got: Counts = {};
			for (const { workflowId, data } of rows) {
				if (workflowId !== id) continue;
				for (const key of keysOf(data)) got[key] = (got[key] ?? 0) + 1;
			}
			return { got, chosen: sent.filter(({ name }) => WANTED[index].includes(name)) };
		});
	}

	private async send(event: Sent, processor: number): Promise<Delivered> {
		const callback = this.emulator.subscriptionState().app?.callbackUrl ?? '';
		const url = this.cluster.balancer.urlOf(processor, callback);
		const handle = this.emulator.deliver([event.update], { url });
		return { ...event, delivery: await handle.settled };
	}
}
