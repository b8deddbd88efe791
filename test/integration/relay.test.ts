import type { INodeParameters } from 'n8n-workflow';
import {
	formatSharedAddress,
	type SharedAddress,
} from '../../nodes/WhatsAppBusinessCalling/registration/sharedAddress';
import type { DeliveryRecord } from '../../emulator';
import { newMessage } from '../support/callEvents';
import { Receiver } from '../support/receiver';
import { poll } from '../support/processes';
import type { TriggerWorkflow } from './engine/triggerWorkflow';
import { useStage } from './engineStage';

const stage = useStage({ redeliveryDelaysMs: [10, 10, 10] });

/** A published workflow whose trigger wants these events. */
function workflow(events: string[], parameters: INodeParameters = {}): TriggerWorkflow {
	return stage.engine.trigger(stage.credential, { events, ...parameters });
}

interface Listed {
	trigger: Pick<TriggerWorkflow, 'webhookId'>;
	events: string[];
	isTest?: boolean;
}

/** Points Meta to one trigger, in whose address others are listed. */
function share(
	holder: TriggerWorkflow,
	listed: Listed[],
	more: Partial<SharedAddress> = {},
	appSecret = stage.emulator.account.appSecret,
): void {
	const siblings = listed.map(({ trigger: { webhookId }, events, isTest = false }) => ({
		...{ webhookId, events, isTest },
	}));
	const shared = {
		url: holder.url,
		siblings,
		leavesAccount: false,
		isKnownToLeave: null,
		other: null,
		...more,
	};
	stage.emulator.presetSubscription(formatSharedAddress(shared, appSecret), ['calls', 'messages']);
}

const statuses = ({ attempts }: DeliveryRecord) => attempts.map(({ status }) => status);

const eventsOf = ({ items }: TriggerWorkflow) => items.map(({ json }) => json.event);

async function deliver(
	updates: Parameters<typeof stage.emulator.deliver>[0],
): Promise<DeliveryRecord> {
	return await stage.emulator.deliver(updates).settled;
}

async function until(isTrue: () => boolean): Promise<void> {
	await poll('it to happen', 10_000, async () => isTrue() || undefined, { interval: 10 });
}

/** A place where someone waits until the test lets go. */
function gate() {
	let open = () => {};
	const opened = new Promise<void>((resolve) => (open = resolve));
	return { open, opened };
}

describe('triggers that share a webhook URL', () => {
	it('Each trigger gets each event that it chose once, and nothing else', async () => {
		const holder = workflow(['connect']);
		const reports = workflow(['terminate', 'connect']);
		const recordings = workflow(['call_recording_available']);
		const transcripts = workflow(['call_transcription_available']);
		share(holder, [
			{ trigger: reports, events: ['terminate', 'connect'] },
			{ trigger: recordings, events: ['call_recording_available'] },
			{ trigger: transcripts, events: ['call_transcription_available'] },
		]);
		const { id } = stage.emulator.userCalls();
		stage.emulator.hangUp(id);
		await stage.emulator.whenIdle();
		expect(statuses(await deliver([await stage.emulator.createRecording()]))).toEqual([200]);

		expect(eventsOf(holder)).toEqual(['connect']);
		expect(eventsOf(reports)).toEqual(['connect', 'terminate']);
		expect(recordings.items).toMatchObject([{ json: { recording: { verified: true } } }]);
		// Nothing was for it, so nothing was sent to it.
		expect(transcripts.answers).toEqual([]);
	});

	it('Triggers that have accepted are not asked again, until all have', async () => {
		const holder = workflow(['terminate']);
		const [fails, works] = [workflow(['terminate']), workflow(['terminate'])];
		share(holder, [
			{ trigger: fails, events: ['terminate'] },
			{ trigger: works, events: ['terminate'] },
		]);
		let failures = 2;
		fails.beforeStoring = () => {
			if (failures-- > 0) throw new Error('the database is away');
		};
		const { id } = stage.emulator.userCalls();
		stage.emulator.hangUp(id);
		await stage.emulator.whenIdle();
		const ended = stage.emulator.deliveries.find(({ summary }) => summary === 'terminate');
		expect(ended && statuses(ended)).toEqual([503, 503, 200]);
		expect(fails.answers).toEqual([500, 500, 200]);
		expect(works.answers).toEqual([200]);
		for (const trigger of [holder, fails, works]) expect(eventsOf(trigger)).toEqual(['terminate']);
	});

	it('Copies at once arrive once, and all are acknowledged', async () => {
		const events = ['call_recording_available'];
		const holder = workflow(events);
		const sibling = workflow(events);
		share(holder, [{ trigger: sibling, events }]);
		const recording = await stage.emulator.createRecording();
		const copies = await Promise.all(
			Array.from({ length: 5 }, async () => await deliver([recording])),
		);
		expect(copies.map(statuses)).toEqual(Array(5).fill([200]));
		expect([holder.items.length, sibling.items.length]).toEqual([1, 1]);
		expect(sibling.answers).toEqual([200]);
	});

	it('The holder does not wait: its execution starts, and only the answer waits', async () => {
		const events = ['call_recording_available'];
		const holder = workflow(events, { downloadFile: false });
		const slow = workflow(events);
		const { open, opened } = gate();
		slow.beforeStoring = async () => await opened;
		share(holder, [{ trigger: slow, events }]);
		const delivery = stage.emulator.deliver([await stage.emulator.createRecording()]);
		await until(() => holder.items.length === 1);
		expect(holder.answers).toEqual([]);
		open();
		expect(statuses(await delivery.settled)).toEqual([200]);
		expect([holder.items.length, slow.items.length]).toEqual([1, 1]);
	});

	it("A ringing call arrives at once, and Meta's answer after 5 seconds, although another trigger hangs", async () => {
		const holder = workflow(['connect']);
		const hangs = workflow(['connect']);
		const { open, opened } = gate();
		hangs.beforeStoring = async () => await opened;
		share(holder, [{ trigger: hangs, events: ['connect'] }]);
		stage.emulator.userCalls();
		await until(() => holder.items.length === 1);
		expect(holder.answers).toEqual([]);
		await until(() => holder.answers.length === 1);
		expect(holder.answers).toEqual([503]);
		open();
		await stage.emulator.whenIdle();
		expect(holder.answers.at(-1)).toBe(200);
		expect([eventsOf(holder), eventsOf(hangs)]).toEqual([['connect'], ['connect']]);
		expect(hangs.answers).toEqual([200]);
	});

	it('Triggers that are missing are waited for', async () => {
		const events = ['call_recording_available'];
		const holder = workflow(events);
		const gone = { webhookId: crypto.randomUUID() };
		share(holder, [{ trigger: gone, events }]);
		const delivery = await deliver([await stage.emulator.createRecording()]);
		expect(statuses(delivery)).toEqual([503, 503, 503, 503]);
		expect(holder.items).toHaveLength(1);
		expect(stage.engine.logs.at(-1)).toContain(`webhook ID ${gone.webhookId}`);
	});
});

describe('odd responses of a listed trigger', () => {
	const events = ['call_recording_available'];

	type Answer = NonNullable<TriggerWorkflow['beforeStoring']>;

	it.each<[string, number, Answer]>([
		['says nothing', 503, async () => await new Promise(() => {})],
		['closes the connection', 503, (response) => void response.destroy()],
		[
			'redirects to another trigger',
			503,
			(response) => void response.writeHead(307, { location: '../../other/webhook' }).end(),
		],
		[
			'refuses and never ends',
			503,
			(response) => void response.writeHead(404).write('{"code":404,"message":"'),
		],
		[
			'refuses without an end',
			503,
			(response) => {
				response.writeHead(404);
				const timer = setInterval(() => response.write('x'.repeat(100_000)), 1);
				response.once('close', () => clearInterval(timer));
			},
		],
		['accepts and never ends', 200, (response) => void response.writeHead(200).write('{')],
	])('A listed trigger that %s does not hold up the others', async (_, status, answer) => {
		const holder = workflow(events, { options: { timeBudget: 1 } });
		const [odd, good] = [workflow(events), workflow(events)];
		odd.beforeStoring = async (response) => {
			await answer(response);
			await new Promise(() => {});
		};
		share(holder, [
			{ trigger: odd, events },
			{ trigger: good, events },
		]);
		const updates = [await stage.emulator.createRecording()];
		const { attempts } = await stage.emulator.deliver(updates, { redeliver: false }).settled;
		expect(attempts.map((attempt) => attempt.status)).toEqual([status]);
		expect([holder.items.length, good.items.length]).toEqual([1, 1]);
	});
});

describe('a trigger that listens for a test event', () => {
	const events = ['call_recording_available'];

	it('The test gets a copy of what production gets, its own workflow included', async () => {
		const holder = workflow(events);
		share(holder, [{ trigger: holder, events, isTest: true }]);
		const recording = await stage.emulator.createRecording();
		expect(statuses(await deliver([recording]))).toEqual([200]);
		await until(() => holder.executions.length === 2);
		expect(holder.executions.map(({ mode }) => mode).sort()).toEqual(['manual', 'webhook']);
		// Again, as an operator does who tests with one recording until it works.
		expect(statuses(await deliver([recording]))).toEqual([200]);
		await until(() => holder.executions.length === 3);
		expect(holder.executions.map(({ mode }) => mode).sort()).toEqual([
			...['manual', 'manual', 'webhook'],
		]);
	});

	it('A test that is gone does not matter to Meta', async () => {
		const holder = workflow(events);
		share(holder, [{ trigger: { webhookId: crypto.randomUUID() }, events, isTest: true }]);
		expect(statuses(await deliver([await stage.emulator.createRecording()]))).toEqual([200]);
		expect(holder.items).toHaveLength(1);
	});

	it('A test that holds the URL passes on to production', async () => {
		const [test, production] = [workflow(events), workflow(events)];
		const address = { url: test.testUrl };
		share(test, [{ trigger: production, events }], address);
		expect(statuses(await deliver([await stage.emulator.createRecording()]))).toEqual([200]);
		expect(test.executions.map(({ mode }) => mode)).toEqual(['manual']);
		expect(production.items).toHaveLength(1);
	});
});

describe('the previous webhook', () => {
	let other: Receiver;
	beforeEach(async () => (other = await new Receiver().start()));
	afterEach(async () => await other.stop());

	const sealed = () => ({
		other: { url: other.url, verifyToken: other.verifyToken, addedFields: [] },
	});

	it('The holder forwards what is not about calls, if the URL names the previous webhook', async () => {
		const holder = workflow(['terminate']);
		const sibling = workflow(['call_permission_reply']);
		share(holder, [{ trigger: sibling, events: ['call_permission_reply'] }], sealed());
		stage.emulator.userAnswersPermissionRequest({ accept: true });
		await stage.emulator.whenIdle();
		await deliver([newMessage()]);
		expect(eventsOf(sibling)).toEqual(['call_permission_reply']);
		expect(other.webhooks).toHaveLength(2);
		expect(holder.items).toEqual([]);
	});

	it('Nothing is sent twice if a listed trigger has Take Over and Forward itself', async () => {
		const holder = workflow(['terminate']);
		const sibling = workflow(['call_permission_reply'], {
			options: {
				onOtherWebhook: 'takeOverAndForward',
				otherWebhookUrl: other.url,
			},
		});
		share(holder, [{ trigger: sibling, events: ['call_permission_reply'] }], sealed());
		stage.emulator.userAnswersPermissionRequest({ accept: true });
		await stage.emulator.whenIdle();
		expect(eventsOf(sibling)).toEqual(['call_permission_reply']);
		expect(other.webhooks).toHaveLength(1);
		expect(other.webhooks[0].headers).not.toHaveProperty('x-whatsapp-business-calling-relay');
	});
});

describe('a list that cannot be verified', () => {
	it('The log says so once, our own events come, and Meta delivers again', async () => {
		const events = ['call_recording_available'];
		const [holder, sibling] = [workflow(events), workflow(events)];
		share(holder, [{ trigger: sibling, events }], {}, 'the secret of before');
		const before = stage.engine.logs.length;
		for (let times = 0; times < 2; times++) {
			const delivery = await deliver([await stage.emulator.createRecording()]);
			expect(statuses(delivery)).toEqual([503, 503, 503, 503]);
		}
		expect([holder.items.length, sibling.answers]).toEqual([2, []]);
		const said = stage.engine.logs
			.slice(before)
			.filter((line) => line.includes('cannot be verified'));
		expect(said).toHaveLength(1);
		// What cannot be for any trigger is not asked for again.
		expect(statuses(await deliver([newMessage()]))).toEqual([200]);
	});
});
