import { readFile } from 'node:fs/promises';
import { DEFAULT_RECORDING, type Emulator, type WebhookUpdate } from '../../emulator';
import { HOUR_MS, NUMBER, PERSON } from '../support/constants';
import type { StoredCredential, WorkflowDefinition } from '../support/n8n';
import { poll } from '../support/processes';
import { chain, node } from '../support/workflow';
import {
	bytesOf,
	formOf,
	openExamples,
	type Examples,
	type Installed,
	type Service,
} from './exampleStage';

jest.setTimeout(90_000);

const BUSINESS = '442079460958';

let examples: Examples;
let audio: Buffer;
let calls = 0;

beforeAll(async () => {
	audio = await readFile(DEFAULT_RECORDING);
	examples = await openExamples();
}, 180_000);

afterAll(async () => await examples?.close());

type Row = Record<string, unknown>;

/** A Data Table of n8n, as its own page shows it. */
async function table(name: string) {
	const { api } = examples.stage.n8n;
	const { id: project } = await api.request<{ id: string }>('GET', '/rest/projects/personal');
	const all = `/rest/projects/${project}/data-tables`;
	const { data } = await api.request<{ data: Array<{ id: string; name: string }> }>('GET', all);
	const found = data.find((candidate) => candidate.name === name);
	if (!found) throw new Error(`There is no table ${name}`);
	const rows = `${all}/${found.id}/rows`;
	return {
		async rowsOf(callId: string): Promise<Row[]> {
			const page = await api.request<{ data: Row[] }>('GET', `${rows}?take=200`);
			return page.data.filter((row) => row.callId === callId);
		},
		async change(callId: string, data: Row): Promise<void> {
			const filters = [{ columnName: 'callId', condition: 'eq', value: callId }];
			await api.request('PATCH', rows, { filter: { type: 'and', filters }, data });
		},
	};
}

const newCallId = () => `wacid.example-${++calls}-${Date.now()}`;

const seconds = (ms: number) => String(Math.floor(ms / 1000));

/** Events of one call, to be delivered in any order. */
function call({ id = newCallId(), from = PERSON, name = 'Ana', at = Date.now() } = {}) {
	const update = (event: Row): WebhookUpdate => ({
		phoneNumberId: NUMBER,
		field: 'calls',
		value: {
			contacts: [{ wa_id: from, profile: { name } }],
			calls: [
				{ id, from, to: BUSINESS, timestamp: seconds(at), direction: 'USER_INITIATED', ...event },
			],
		},
	});
	return {
		id,
		connect: update({ event: 'connect', session: { sdp_type: 'offer', sdp: 'v=0\r\n' } }),
		answered: (duration = 42) =>
			update({
				event: 'terminate',
				status: 'COMPLETED',
				start_time: seconds(at - duration * 1000),
				end_time: seconds(at),
				duration,
			}),
		/** In both forms in which Meta reports it. */
		missed: (status: 'COMPLETED' | 'FAILED' = 'FAILED') => update({ event: 'terminate', status }),
	};
}

/** The second of two copies of a workflow in one n8n. */
function copy({ nodes }: WorkflowDefinition): void {
	for (const node of nodes)
		if (node.webhookId) node.webhookId = node.webhookId.replace(/^..../, 'c0b1');
}

describe('the example one-row-per-call', () => {
	const TABLE = 'WhatsApp calls, one row each';
	const TIMER = 'Twice an hour';
	let emulator: Emulator;
	let credential: StoredCredential;
	let workflow: Installed;
	let other: Installed;
	let crm: Service;
	let crmIsDown = false;

	/** Both copies acknowledge a delivery when they have finished. */
	const send = async (updates: WebhookUpdate[]) => {
		expect(await emulator.deliver(updates).settled).toMatchObject({ outcome: 'delivered' });
	};
	/** What the CRM knows of a call: every record that it got. */
	const recordsOf = async (callId: string) => {
		const records = await Promise.all(
			crm.received.map(async (received): Promise<Row> => {
				if (received.headers['content-type']?.includes('json')) {
					return { ...(JSON.parse(received.raw.toString()) as Row), recording: null };
				}
				const form = await formOf(received);
				const fields: Row = {};
				form.forEach((value, name) => (fields[name] = value));
				return { ...fields, recording: (await bytesOf(form, 'recording')).bytes };
			}),
		);
		return records.filter((record) => record.callId === callId);
	};
	const file = async (callId: string, transcript = false) =>
		(await emulator.createRecording({ callId, from: PERSON, transcript })).update;
	/** Runs the timer of a copy in which nothing is waited for. */
	const runTimer = async (waitHours: number) => {
		await examples.stage.n8n.api.editWorkflow(workflow.id, ({ nodes }) => {
			const { parameters } = nodes.find(({ name }) => name === 'What you request')!;
			const { assignments } = parameters.assignments as { assignments: Row[] };
			assignments.find(({ name }) => name === 'waitHours')!.value = waitHours;
		});
		return await workflow.run(TIMER);
	};

	beforeAll(async () => {
		({ emulator, credential } = await examples.meta({ redeliveryDelaysMs: [100, 100, 100] }));
		crm = await examples.service(() => ({ status: crmIsDown ? 503 : 200 }));
		const placeholders = { 'https://crm.example.com': crm.url };
		workflow = await examples.install('one-row-per-call', [credential], placeholders);
		// Every event starts both at the same time, as with two webhook processors.
		other = await examples.install('one-row-per-call', [credential], placeholders, copy);
	});

	const ORDERS = [
		'start, end, recording, transcript',
		'transcript, recording, end, start',
		'recording, start, transcript, end',
	];

	it.each(ORDERS)(
		'The workflow passes on one complete record when the events arrive as %s, some twice, in two executions at once',
		async (order) => {
			const { id, connect, answered } = call();
			const events: Record<string, WebhookUpdate> = {
				start: connect,
				end: answered(),
				recording: await file(id),
				transcript: await file(id, true),
			};
			for (const name of order.split(', ')) {
				await send([events[name]]);
				if (name === 'recording') await send([events[name]]);
			}
			const records = await recordsOf(id);
			expect(records).toHaveLength(1);
			expect(records[0]).toMatchObject({
				direction: 'incoming',
				phone: PERSON,
				contactName: 'Ana',
				businessNumber: BUSINESS,
				outcome: 'answered',
				durationSeconds: '42',
				startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
				transcript: expect.stringContaining('[Business]') as string,
				problems: '',
			});
			expect((records[0].recording as Buffer).equals(audio)).toBe(true);
			expect(await (await table(TABLE)).rowsOf(id)).toHaveLength(1);
			for (const each of [workflow, other]) {
				expect(await examples.stage.n8n.api.executions(each.id)).not.toEqual([]);
			}
		},
	);

	it('The workflow passes on all calls of one delivery, each once, and a missed call at once', async () => {
		const made = [call(), call({ from: '14085555678', name: 'Bo' })];
		const missed = call();
		await send([...made.map(({ answered }) => answered()), missed.missed()]);
		await send([
			await file(made[0].id),
			await file(made[0].id, true),
			await file(made[1].id, true),
			await file(made[1].id),
		]);
		expect((await recordsOf(missed.id)).map(({ outcome }) => outcome)).toEqual(['not answered']);
		for (const { id } of made) expect(await recordsOf(id)).toHaveLength(1);
	});

	it('The workflow passes on what it has after the wait, and again when the recording arrives later', async () => {
		const { id, answered } = call();
		await send([answered()]);
		await runTimer(2);
		expect(await recordsOf(id)).toEqual([]);
		const run = await runTimer(0);
		expect(run.error).toBeUndefined();
		expect(await recordsOf(id)).toMatchObject([
			{ recording: null, problems: 'not arrived: recording, transcript' },
		]);
		await runTimer(0);
		expect(await recordsOf(id)).toHaveLength(1);

		await send([await file(id)]);
		await send([await file(id, true)]);
		const records = await recordsOf(id);
		expect(records).toHaveLength(2);
		expect((records[1].recording as Buffer).equals(audio)).toBe(true);
	});

	it('The workflow passes on a call whose files Meta does not have, with the reason for each file', async () => {
		const { id, answered } = call();
		await send([answered()]);
		const unknown = { recordingId: '1000000000000001', transcriptId: '1000000000000002' };
		await (await table(TABLE)).change(id, unknown);
		expect((await runTimer(0)).error).toBeUndefined();
		const gone = 'The file is no longer available at Meta';
		expect(await recordsOf(id)).toMatchObject([
			{ recording: null, transcript: '', problems: `recording: ${gone}; transcript: ${gone}` },
		]);
	});

	it('The workflow tries again when the CRM was down, and takes over what a stopped n8n left behind', async () => {
		const { id, missed } = call();
		crmIsDown = true;
		const delivery = emulator.deliver([missed()]);
		expect((await delivery.answer).status).toBeGreaterThanOrEqual(500);
		crmIsDown = false;
		await delivery.settled;
		const accepted = (await recordsOf(id)).length;
		expect(accepted).toBeGreaterThanOrEqual(2);
		const own = await table(TABLE);
		await poll('the mark', 10_000, async () => {
			const [row] = await own.rowsOf(id);
			return row?.sentParts === 'end' && row.sending === null ? true : undefined;
		});

		await own.change(id, { sentParts: '', sending: new Date(Date.now() - HOUR_MS).toISOString() });
		await runTimer(2);
		await poll('another record', 20_000, async () => {
			return (await recordsOf(id)).length === accepted + 1 ? true : undefined;
		});
	});
});

describe('the example no-missing-recordings', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let storage: Service;
	let chat: Service;
	let storageIsDown = false;

	/** What a workflow does after Accept or Start. */
	const expectRecording = async (callId: string, recordCall = true) => {
		const start = node('Start', 'n8n-nodes-base.manualTrigger', 1);
		const accepted = node('Accepted', 'n8n-nodes-base.set', 3.4, {
			assignments: {
				assignments: [
					{ id: '1', name: 'callId', value: callId, type: 'string' },
					{ id: '2', name: 'recordCall', value: recordCall, type: 'boolean' },
				],
			},
			options: {},
		});
		const execute = node('Expect', 'n8n-nodes-base.executeWorkflow', 1.2, {
			workflowId: { __rl: true, mode: 'id', value: workflow.id },
			workflowInputs: { mappingMode: 'defineBelow', value: {} },
			options: {},
		});
		const nodes = [start, accepted, execute];
		const { api } = examples.stage.n8n;
		const { id } = await api.createWorkflow({ name: 'Accept', nodes, connections: chain(nodes) });
		await api.request('POST', `/rest/workflows/${id}/run`, {
			workflowData: await api.workflow(id),
			triggerToStartFrom: { name: 'Start' },
		});
		const [execution] = await api.waitForExecutions(id, 1);
		expect(execution.error).toBeUndefined();
		await workflow.next();
	};
	const run = async (timer: string, waitHours: number) => {
		await examples.stage.n8n.api.editWorkflow(workflow.id, ({ nodes }) => {
			const { parameters } = nodes.find(({ name }) => name === 'What to expect')!;
			const { assignments } = parameters.assignments as { assignments: Row[] };
			assignments.find(({ name }) => name === 'waitHours')!.value = waitHours;
		});
		const execution = await workflow.run(timer);
		expect(execution.error).toBeUndefined();
	};
	const texts = () => chat.messages.map(({ text }) => String(text));

	beforeAll(async () => {
		const own = await examples.meta();
		emulator = own.emulator;
		storage = await examples.service(() => ({ status: storageIsDown ? 503 : 200 }));
		chat = await examples.service();
		workflow = await examples.install('no-missing-recordings', [own.credential], {
			'https://storage.example.com': storage.url,
			'https://chat.example.com': chat.url,
		});
	});

	it('The workflow shows that every recording is stored, and reports each missing one once and every night', async () => {
		const kept = call();
		const lost = call();
		const unanswered = call();
		const short = call();
		const damaged = call();
		const failed = call();
		for (const { id } of [kept, lost, unanswered, short, damaged, failed]) {
			await expectRecording(id);
		}
		// Without recording, nothing is expected.
		await expectRecording(call().id, false);

		await run('Four times an hour', 2);
		expect(texts()).toEqual([]);

		const deliver = async (...updates: WebhookUpdate[]) => {
			await emulator.deliver(updates).settled;
			await workflow.next();
		};
		await deliver(kept.answered(), damaged.answered(), failed.answered(), unanswered.missed());
		await deliver(short.answered(6));
		// In the other order: the recording before the end would be the same row.
		await deliver((await emulator.createRecording({ callId: kept.id })).update);
		emulator.failNext('media', { wrongContent: true }, { times: Infinity });
		const wrong = await emulator.createRecording({ callId: damaged.id });
		await deliver(wrong.update);
		emulator.clearFaults();
		storageIsDown = true;
		const notStored = await emulator.createRecording({ callId: failed.id });
		await deliver(notStored.update);
		storageIsDown = false;
		expect(storage.received.some(({ raw }) => raw.equals(audio))).toBe(true);

		await run('Four times an hour', 0);
		expect(texts()).toHaveLength(1);
		const [title, ...lines] = texts()[0].split('\n');
		expect(title).toBe('4 recording(s) missing:');
		const lineOf = (id: string) => lines.find((line) => line.includes(id));
		expect(lineOf(kept.id)).toBeUndefined();
		expect(lineOf(unanswered.id)).toBeUndefined();
		expect(lineOf(lost.id)).toContain('neither the end of the call nor a recording arrived');
		expect(lineOf(short.id)).toContain('probably not recorded: the call took 6 seconds');
		expect(lineOf(damaged.id)).toContain('its file could not be downloaded');
		expect(lineOf(damaged.id)).toMatch(
			new RegExp(`Download it by media ID ${wrong.mediaId} until 20`),
		);
		expect(lineOf(failed.id)).toContain('arrived, but it was not stored');
		expect(lineOf(failed.id)).toContain(`media ID ${notStored.mediaId}`);

		await run('Four times an hour', 0);
		expect(texts()).toHaveLength(1);
		await run('Every night', 0);
		expect(texts()).toHaveLength(2);
		expect(texts()[1]).toContain('1 of 5 stored. Missing in the last 7 days: 4.\n- ');
	});

	it('The workflow keeps one row for a recording that arrives before the end, and twice', async () => {
		const { id, answered } = call();
		await expectRecording(id);
		const { update } = await emulator.createRecording({ callId: id });
		for (const updates of [[update], [update], [answered()]])
			await emulator.deliver(updates).settled;
		await workflow.next(2);
		const rows = await (await table('WhatsApp recordings to expect')).rowsOf(id);
		expect(rows).toHaveLength(1);
		expect(rows[0]).toMatchObject({ answered: true, durationSeconds: 42 });
		expect(rows[0].storedAt).not.toBeNull();
	});
});

describe('the example missed-call-follow-up', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let other: Installed;

	/** To whom buttons went. */
	const buttons = () =>
		emulator.requests
			.filter(({ kind, status }) => kind === 'messages' && status === 200)
			.map(({ body }) => body as Row);
	/** Both copies acknowledge a delivery when they have finished. */
	const deliver = async (...updates: WebhookUpdate[]) => await emulator.deliver(updates).settled;

	beforeAll(async () => {
		const own = await examples.meta({ redeliveryDelaysMs: [100, 100, 100] });
		emulator = own.emulator;
		workflow = await examples.install('missed-call-follow-up', [own.credential], {});
		other = await examples.install('missed-call-follow-up', [own.credential], {}, copy);
	});

	it('The workflow replies once to a person who calls twice, although two executions run at the same time', async () => {
		await deliver(call().missed('FAILED'), call().missed('COMPLETED'));
		await deliver(call().missed());
		expect(buttons()).toEqual([
			expect.objectContaining({
				to: PERSON,
				interactive: expect.objectContaining({
					type: 'voice_call',
					action: {
						name: 'voice_call',
						parameters: {
							display_text: 'Call us again',
							ttl_minutes: 1440,
							payload: 'missed-call',
						},
					},
				}) as unknown,
			}),
		]);
	});

	it('The workflow does not reply to an answered call, to a call of the business, or after the window', async () => {
		const before = buttons().length;
		const from = '14085550001';
		const outgoing = call({ from }).missed();
		(outgoing.value.calls as Row[])[0].direction = 'BUSINESS_INITIATED';
		await deliver(call({ from }).answered(), outgoing);
		await deliver(call({ from, at: Date.now() - 24 * HOUR_MS }).missed());
		expect(buttons()).toHaveLength(before);
	});

	it('The workflow tries again when the reply failed, and the failed execution has the reason', async () => {
		const before = buttons().length;
		const missed = call({ from: '14085555678' });
		emulator.failNext('messages', { errorCode: 131009 });
		const { attempts } = await deliver(missed.missed());
		expect(attempts.at(-1)!.status).toBe(200);
		expect(attempts.length).toBeGreaterThan(1);
		expect(buttons().slice(before)).toEqual([expect.objectContaining({ to: '14085555678' })]);

		const { api } = examples.stage.n8n;
		const error = await poll('the failed execution', 20_000, async () => {
			// Either of the two copies can be the one that replied first.
			const copies = [workflow, other].map(async ({ id }) => await api.waitForExecutions(id, 1));
			return (await Promise.all(copies)).flat().find((execution) => execution.error)?.error;
		});
		expect(error.message).toBe(
			`No reply to call ${missed.id}: WhatsApp did not accept a value in the request`,
		);
	});
});
