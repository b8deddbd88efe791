import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { NUMBER, PERSON } from '../support/constants';
import { change, exampleFile } from '../support/examples';
import { startMeta, startStage, type Stage } from '../support/stage';
import { makeSdp, type Call, type Emulator } from '../../emulator';
import { graph } from '../support/graph';
import type { CallMedia } from '../../emulator/rtc/callMedia';
import { decodeAudio, packetsOf } from '../support/audio';
import type { Execution } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import { poll, sleep } from '../support/processes';
import { MEDIA_ADDRESS } from './address';
import { Janus } from './server';

jest.setTimeout(120_000);

let folder: string;
let janus: Janus;
let stage: Stage;
let emulator: Emulator;
let workflow: string;
/** Three seconds. */
let voice: Buffer[];
/** Executions before the test. */
let seen = 0;

beforeAll(async () => {
	const addresses = Object.values(networkInterfaces()).flatMap((card = []) => card);
	if (!addresses.some(({ address }) => address === MEDIA_ADDRESS)) {
		throw new Error('This suite needs a network of its own: start it with "npm run test:janus"');
	}
	folder = await realpath(await mkdtemp(join(tmpdir(), 'janus-')));
	const prompt = join(folder, 'prompt.ogg');
	await copyFile(join(REPOSITORY, 'examples/media-gateway/prompt.ogg'), prompt);
	janus = new Janus(folder);
	await janus.start();

	voice = (await packetsOf('test/fixtures/audio/user.ogg')).slice(5, 155);
	emulator = await startMeta({
		webRtc: {
			mediaAddress: MEDIA_ADDRESS,
			// A second.
			announcement: (await packetsOf('test/fixtures/audio/announcement.ogg')).slice(5, 55),
			voice,
		},
	});
	stage = await startStage({ env: { N8N_RESTRICT_FILE_ACCESS_TO: folder } });
	const { api } = stage.n8n;
	const credentials = [
		await stage.credentialFor(emulator),
		await api.createCredential({
			name: 'Janus',
			type: 'httpCustomAuth',
			data: { json: JSON.stringify({ body: { apisecret: janus.secret } }) },
		}),
		await api.createCredential({
			name: 'Janus (query)',
			type: 'httpQueryAuth',
			data: { name: 'apisecret', value: janus.secret },
		}),
	];
	const changes = {
		'106540352242922': NUMBER,
		'/home/node/.n8n-files': folder,
		'/etc/janus/prompt.ogg': prompt,
	};
	const { id } = await api.importWorkflow(exampleFile('janus/janus'), {
		credentials,
		edit(imported) {
			change(imported, changes);
			// Longer than the announcement here.
			imported.nodes.find(({ parameters }) => parameters.amount === 8)!.parameters.amount = 1.5;
		},
	});
	workflow = id;
	await api.activate(id);
}, 240_000);

afterAll(async () => {
	await stage?.stop();
	await emulator?.stop();
	await janus?.stop();
	if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
	seen = (await stage.n8n.api.executions(workflow)).length;
	emulator.clearFaults();
});

/** What a failed test has left is not the next one's. */
afterEach(async () => {
	for (const { id, state } of emulator.calls) if (state !== 'ended') emulator.hangUp(id);
	await emulator.whenIdle();
});

/** The executions of this test, once there are so many and all have finished. */
async function executions(count: number): Promise<Execution[]> {
	const all = await stage.n8n.api.waitForExecutions(workflow, seen + count, { timeout: 60_000 });
	expect(all).toHaveLength(seen + count);
	return all.slice(seen);
}

/** "Execute workflow" in the editor. */
async function run(triggerName: string): Promise<void> {
	const { api } = stage.n8n;
	await api.request('POST', `/rest/workflows/${workflow}/run`, {
		workflowData: await api.workflow(workflow),
		triggerToStartFrom: { name: triggerName },
	});
}

/** Looks often, rather than for a time: a machine that stands still is not counted. */
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
	for (let looks = 0; looks < 300; looks++) {
		if (await condition()) return;
		await sleep(100);
	}
	const { api } = stage.n8n;
	const all = (await api.executions(workflow)).slice(seen);
	const errors = await Promise.all(all.map(async ({ id }) => (await api.execution(id)).error));
	const media = emulator.calls.map(({ id }) => emulator.mediaOf(id)?.report());
	throw new Error(
		`No ${what}. Errors: ${JSON.stringify(errors)}. Calls: ${JSON.stringify(media)}\n${janus.lastWords()}`,
	);
}

const mediaOf = ({ id }: Call): CallMedia => emulator.mediaOf(id)!;

/** A call of a user, accepted by the workflow. */
async function answeredCall(): Promise<Call> {
	const call = emulator.userCalls();
	await until('Accept', () => call.state === 'inProgress');
	return call;
}

/** A call of the business, whose phone rings. */
async function ringingCall(): Promise<Call> {
	const before = emulator.calls.length;
	await run('Call someone now');
	await until('Start', () => emulator.calls.length > before);
	return emulator.calls.at(-1)!;
}

/** Janus keeps what it hears of the person. The file's name. */
async function listen(call: Call): Promise<string> {
	const filename = join(folder, `heard-${emulator.calls.length}`);
	await janus.message(call.bizOpaqueCallbackData!, {
		request: 'configure',
		record: true,
		filename,
	});
	return `${filename}-audio.mjr`;
}

/** Until the person has said everything, and has heard the whole prompt. */
async function talk(call: Call): Promise<void> {
	await Promise.all([
		mediaOf(call).said,
		until('end of the prompt', () => {
			const room = call.bizOpaqueCallbackData!.split('/')[1];
			return new RegExp(`${room}.*Announcement (ended|stopped)`).test(janus.log());
		}),
	]);
}

async function hangUpAsBusiness({ id }: Call): Promise<void> {
	const action = { messaging_product: 'whatsapp', call_id: id, action: 'terminate' };
	const { status } = await graph(emulator, 'POST', `${NUMBER}/calls`, action);
	expect(status).toBe(200);
}

const hangUps: Array<[string, (call: Call) => void | Promise<void>]> = [
	['the person hangs up', ({ id }) => void emulator.hangUp(id)],
	['the business hangs up', hangUpAsBusiness],
];

/** Janus holds nothing of any call. */
async function expectNothingLeft(): Promise<void> {
	const left = await poll('end of the sessions', 10_000, async () => {
		const [sessions, rooms] = [await janus.sessions(), await janus.rooms()];
		return sessions.length + rooms.length === 0 || undefined;
	}).catch(async () => ({ sessions: await janus.sessions(), rooms: await janus.rooms() }));
	expect(left).toBe(true);
}

/** Both sides were heard, by the other and in the file that n8n has saved. */
async function expectSound(call: Call, heard: string, recording: Execution): Promise<void> {
	expect(mediaOf(call).report()).toMatchObject({ packetsRefused: 0, warnings: [] });
	// Packet by packet, what the person said. The first may come before Janus listens.
	const atJanus = await readFile(heard);
	const missing = voice.filter((packet) => !atJanus.includes(packet));
	expect(missing.length).toBeLessThan(voice.length / 10);

	const [item] = recording.items('Save the recording');
	const facts = item.json.recording as Record<string, unknown>;
	expect(facts).toMatchObject({ mediaId: call.recordingMediaId, verified: true });
	const file = await readFile(join(folder, facts.fileName as string));
	expect(createHash('sha256').update(file).digest('base64')).toBe(facts.sha256);
	const { channels, problems } = await decodeAudio(file);
	expect(problems).toEqual([]);
	// The business, which is Janus with its prompt, and the person.
	expect(channels).toHaveLength(2);
	for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.015);
}

describe.each(hangUps)('an incoming call until %s', (_, hangUp) => {
	it('The call is answered, prompted and recorded, and leaves nothing behind', async () => {
		const call = await answeredCall();
		const heard = await listen(call);
		await talk(call);
		await hangUp(call);
		const [answering, ending, recording] = await executions(3);
		expect(answering.error).toBeUndefined();
		expect(ending.error).toBeUndefined();
		await expectSound(call, heard, recording);
		await expectNothingLeft();
	});
});

describe.each(hangUps)('a call from the business until %s', (_, hangUp) => {
	it('The call is started, prompted and recorded, and leaves nothing behind', async () => {
		const call = await ringingCall();
		await mediaOf(call).connected;
		expect(await janus.rooms()).toHaveLength(1);
		emulator.userPicksUp(call.id);
		const heard = await listen(call);
		await talk(call);
		await hangUp(call);
		// Started, ringing, answered (SDP), picked up, ended, recorded.
		const all = await executions(6);
		for (const { error } of all) expect(error).toBeUndefined();
		await expectSound(call, heard, all[5]);
		await expectNothingLeft();
	});
});

it('Two calls at the same time stay separate', async () => {
	const calls = [PERSON, '14085555678'].map((from) => emulator.userCalls({ from }));
	await until('Accept of both', () => calls.every(({ state }) => state === 'inProgress'));
	expect(await janus.rooms()).toMatchObject([{ num_participants: 1 }, { num_participants: 1 }]);
	const [first, second] = calls.map(({ bizOpaqueCallbackData }) => bizOpaqueCallbackData);
	emulator.hangUp(calls[0].id);
	const remaining = Number(second!.split('/')[1]);
	await until('end of one', async () => (await janus.sessions()).join() === String(remaining));
	expect(await janus.rooms()).toMatchObject([{ room: remaining, num_participants: 1 }]);
	emulator.hangUp(calls[1].id);
	for (const { error } of await executions(4)) expect(error).toBeUndefined();
	expect(first).not.toBe(second);
	await expectNothingLeft();
});

describe('a call that does not connect', () => {
	const failure = (execution: Execution) => execution.error?.message;

	it('Nothing is left when the caller hangs up before the answer', async () => {
		const call = emulator.userCalls();
		emulator.hangUp(call.id);
		const [answering, ending] = await executions(2);
		expect(failure(answering)).toMatch(/^The call failed: /);
		expect(ending.error).toBeUndefined();
		await expectNothingLeft();
	});

	it('Nothing is left when the person declines', async () => {
		const call = await ringingCall();
		emulator.userRejects(call.id);
		// Started, ringing, answered (SDP), declined, ended.
		const all = await executions(5);
		for (const execution of all) expect(failure(execution)).toBeUndefined();
		await expectNothingLeft();
	});

	it('Nothing is left when WhatsApp rejects Accept, and the caller need not wait', async () => {
		emulator.failNext('calls', { errorCode: 100 }, { action: 'accept' });
		const call = emulator.userCalls();
		const [answering] = await executions(2);
		expect(failure(answering)).toMatch(/^The call failed: /);
		expect(call).toMatchObject({ state: 'ended' });
		await expectNothingLeft();
	});

	it('Nothing is left when WhatsApp rejects Start', async () => {
		emulator.failNext('calls', { errorCode: 138006 }, { action: 'connect' });
		await run('Call someone now');
		const [starting] = await executions(1);
		expect(failure(starting)).toMatch(/^The call failed: .*permission/);
		await expectNothingLeft();
	});

	it('Nothing is left when Janus does not understand the offer', async () => {
		const number = emulator.account.phoneNumbers[0];
		const connect = {
			id: 'wacid.with-an-odd-offer',
			event: 'connect',
			from: PERSON,
			timestamp: '1760000000',
			session: { sdp_type: 'offer', sdp: 'v=0\r\nnothing else\r\n' },
		};
		emulator.deliver([{ phoneNumberId: number.id, field: 'calls', value: { calls: [connect] } }]);
		const [answering] = await executions(1);
		expect(failure(answering)).toMatch(/^The call failed: Invalid line/);
		await expectNothingLeft();
	});

	it('Nothing is left when the session is gone before WhatsApp answers, and the call ends', async () => {
		// Of a workflow that was stopped, and of a Janus that was started again.
		const { status } = await graph(emulator, 'POST', `${NUMBER}/calls`, {
			messaging_product: 'whatsapp',
			to: PERSON,
			action: 'connect',
			session: { sdp_type: 'offer', sdp: makeSdp('offer') },
			biz_opaque_callback_data: 'janus/1/2',
		});
		expect(status).toBe(200);
		const call = emulator.calls.at(-1)!;
		await until('end of the call', () => call.state === 'ended');
		// Ringing, answered (SDP), ended.
		const all = await executions(3);
		expect(all.map(failure)).toContainEqual(
			expect.stringMatching(/^Janus refused the SDP answer: No such session/),
		);
		await expectNothingLeft();
	});
});

it('The nightly cleanup removes rooms that were left over, and no others', async () => {
	const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
	const keep = [`WhatsApp call since ${minutesAgo(1)}`, 'Staff meeting'];
	for (const description of [...keep, `WhatsApp call since ${minutesAgo(30)}`]) {
		await janus.makeRoom(description);
	}
	await run('Every night');
	const [cleaning] = await executions(1);
	expect(cleaning.error).toBeUndefined();
	const rooms = await janus.rooms();
	expect(rooms.map(({ description }) => description).sort()).toEqual([...keep].sort());
	expect(await janus.sessions()).toEqual([]);
});

describe('a program that is down', () => {
	it('The caller is rejected at once when Janus is down, and the execution says why', async () => {
		await janus.stop();
		const call = emulator.userCalls();
		const [answering] = await executions(2);
		expect(answering.error?.message).toBe(
			'The call failed: Janus does not answer at 127.0.0.1:8088',
		);
		expect(call.state).toBe('ended');
		// What n8n keeps of failed requests is without the secret.
		expect(JSON.stringify(answering.nodes)).not.toContain(janus.secret);
	});

	it('Janus ends the session by itself when n8n is down, and the room waits for the night', async () => {
		// Seconds instead of hours.
		await janus.start({ 'session_timeout = 14400': 'session_timeout = 2' });
		const call = await answeredCall();
		await mediaOf(call).connected;
		await until('end of the session', async () => (await janus.sessions()).length === 0);
		expect(call.state).toBe('inProgress');
		expect(await janus.rooms()).toMatchObject([{ num_participants: 0 }]);
	});
});
