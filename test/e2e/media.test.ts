import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Call, Emulator, Variants } from '../../emulator';
import type { CallMedia } from '../../emulator/rtc/callMedia';
import { readOpusFile } from '../../emulator/rtc/opusFile';
import { decodeAudio, packetsOf } from '../support/audio';
import { NUMBER } from '../support/constants';
import { change, exampleFile } from '../support/examples';
import { startGateway, type Gateway } from '../support/gateway';
import type { StoredCredential, WorkflowDefinition, WorkflowNode } from '../support/n8n';
import { sleep } from '../support/processes';
import { ACTION_TYPE, chain, node, TRIGGER_TYPE, using, webhookNode } from '../support/workflow';
import { startMeta, startStage, type Stage } from '../support/stage';

jest.setTimeout(240_000);

let stage: Stage;
let gateway: Gateway;
/** Where the examples may save recordings. */
let folder: string;
let announcement: Buffer[];
let voice: Buffer[];
let prompt: Buffer[];
let emulator: Emulator;
let credential: StoredCredential;
const workflows: string[] = [];

beforeAll(async () => {
	folder = await realpath(await mkdtemp(join(tmpdir(), 'media-')));
	// A second of announcement and three of talk; the gateway speaks after the announcement.
	announcement = (await packetsOf('test/fixtures/audio/announcement.ogg')).slice(5, 55);
	voice = (await packetsOf('test/fixtures/audio/user.ogg')).slice(5, 155);
	prompt = await packetsOf('examples/media-gateway/prompt.ogg');
	// It speaks first only if the workflow tells it that the call is accepted.
	gateway = await startGateway({ args: ['--prompt-delay', '1.5', '--assume-accepted', '600'] });
	stage = await startStage({ env: { N8N_RESTRICT_FILE_ACCESS_TO: folder } });
});

afterAll(async () => {
	await stage?.stop();
	await gateway?.stop();
	await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
	for (const id of workflows.splice(0)) await stage.n8n.api.deactivate(id);
	await emulator.stop();
});

/** A Meta of its own for each test, because a Meta app has one webhook. */
async function startWhatsApp(noMediaAtStartMs = 60_000, variants: Partial<Variants> = {}) {
	emulator = await startMeta({
		...variants,
		webRtc: { announcement, voice, noMediaAtStartMs, noMediaLaterMs: 60_000 },
	});
	credential = await stage.credentialFor(emulator);
}

/** Text of an example, or of a workflow, and what stands in its place. */
type Changes = Record<string, string>;

async function publish(workflow: WorkflowDefinition): Promise<string> {
	const { id } = await stage.n8n.api.createWorkflow(workflow);
	workflows.push(id);
	await stage.n8n.api.activate(id);
	return id;
}

/** The gateway as the media server of an example. */
const withGateway = (more: Changes = {}): Changes => ({
	'https://media.example.com': gateway.url,
	...more,
});

async function publishExample(name: string, changes: Changes): Promise<string> {
	const { id } = await stage.n8n.api.importWorkflow(exampleFile(name), {
		credentials: [credential],
		edit: (workflow) => change(workflow, { '/home/node/.n8n-files': folder, ...changes }),
	});
	workflows.push(id);
	await stage.n8n.api.activate(id);
	return id;
}

/** Looks often, rather than for a time: a machine that stands still is not counted. */
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
	for (let looks = 0; looks < 600; looks++) {
		if (await condition()) return;
		await sleep(100);
	}
	const media = emulator.calls.map(({ id }) => emulator.mediaOf(id)?.report());
	throw new Error(`No ${what}. Calls: ${JSON.stringify(media)}\n${stage.n8n.log.tail(10)}`);
}

const mediaOf = ({ id }: Call): CallMedia => emulator.mediaOf(id)!;

const executionsOf = async (workflowId: string, count: number) =>
	await stage.n8n.api.waitForExecutions(workflowId, count, { timeout: 120_000 });

/** A call that the business has started. */
async function startedCall(workflowId: string): Promise<Call> {
	const { api } = stage.n8n;
	await api.request('POST', `/rest/workflows/${workflowId}/run`, {
		workflowData: await api.workflow(workflowId),
		triggerToStartFrom: { name: 'Call someone now' },
	});
	await until('call', () => emulator.calls.length > 0);
	return emulator.calls[0];
}

/** The saved file is what was said in the call: verified, as long as the talk, and to be heard. */
async function expectRecording(call: Call, items: Array<{ json: Record<string, unknown> }>) {
	expect(items).toHaveLength(1);
	const recording = items[0].json.recording as Record<string, unknown>;
	expect(recording).toMatchObject({ mediaId: call.recordingMediaId, verified: true });
	const file = await readFile(join(folder, `call-recording-${call.recordingMediaId}.ogg`));
	expect(createHash('sha256').update(file).digest('base64')).toBe(recording.sha256);

	const { seconds, channels, problems } = await decodeAudio(file);
	expect(Math.abs(seconds - voice.length * 0.02)).toBeLessThan(0.5);
	for (const { loudness } of channels) expect(loudness).toBeGreaterThan(0.02);
	expect(problems).toEqual([]);

	// Both sides byte for byte, as their peers sent them through the encryption.
	const [business = [], user = []] = readOpusFile(file).streams;
	expect(Buffer.concat(user.slice(0, voice.length)).equals(Buffer.concat(voice))).toBe(true);
	const sent = new Set(prompt.map((packet) => packet.toString('hex')));
	const heard = business.filter((packet) => sent.has(packet.toString('hex')));
	expect(heard.length).toBeGreaterThan(50);
}

/** The gateway knows a call of the business by its own ID, which is the callback data of the call. */
const gatewayReport = async ({ id, bizOpaqueCallbackData: own }: Call) =>
	(await (await fetch(`${gateway.url}/calls/${encodeURIComponent(own ?? id)}`)).json()) as {
		state: string;
		reason: string | null;
	};

describe('audio of calls whose SDPs n8n passes on', () => {
	it('Audio flows in an incoming call with the example "Answer and record"', async () => {
		await startWhatsApp(20_000, { silentUntilHeard: 'yes' });
		const workflow = await publishExample('answer-and-record', withGateway());
		const call = emulator.userCalls();
		await mediaOf(call).said;
		expect(await gatewayReport(call)).toMatchObject({ state: 'connected' });
		emulator.hangUp(call.id);
		const executions = await executionsOf(workflow, 3);
		expect(executions.map(({ status }) => status)).toEqual(['success', 'success', 'success']);
		await expectRecording(call, executions[2].items('Save the recording'));
		expect(mediaOf(call).report()).toMatchObject({ packetsTooEarly: 0, packetsRefused: 0 });
		// The workflow has told the gateway.
		expect(await gatewayReport(call)).toMatchObject({ state: 'ended', reason: 'hung up' });
	});

	it('Audio flows in an incoming call with the example "Agent answers" and the gateway as the agent', async () => {
		await startWhatsApp();
		const workflow = await publishExample('agent-answers', {
			'https://agent.example.com/api/offer': `${gateway.url}/answer`,
		});
		const call = emulator.userCalls();
		await mediaOf(call).said;
		emulator.hangUp(call.id);
		const executions = await executionsOf(workflow, 2);
		expect(executions.map(({ status }) => status)).toEqual(['success', 'success']);
		await expectRecording(call, executions[1].items('Save the recording'));
	});

	it('Audio flows in a call that the business starts with the example "Call and record"', async () => {
		await startWhatsApp(20_000, { silentUntilHeard: 'yes' });
		const workflow = await publishExample(
			'call-and-record',
			withGateway({ '106540352242922': NUMBER }),
		);
		const call = await startedCall(workflow);
		await mediaOf(call).connected;
		expect(mediaOf(call).report()).toMatchObject({ packetsSent: 0, packetsReceived: 0 });
		emulator.userPicksUp(call.id);
		await mediaOf(call).said;
		emulator.hangUp(call.id);
		// Started, answered, ended, recorded.
		const executions = await executionsOf(workflow, 4);
		expect(executions.map(({ status }) => status)).toEqual(Array<string>(4).fill('success'));
		await expectRecording(call, executions[3].items('Save the recording'));
		expect(await gatewayReport(call)).toMatchObject({ state: 'ended', reason: 'hung up' });
	});
});

describe('an SDP with one changed character', () => {
	/** An expression that changes the character after a certain text. */
	const changed = (sdp: string, before: string) =>
		`={{ ${sdp}.replace(/(${before})(.)/, (all, start, one) => start + (one === 'A' ? 'B' : 'A')) }}`;
	const PASSWORD = 'a=ice-pwd:';
	const FINGERPRINT = 'a=fingerprint:sha-256 ';
	/** The parameter in the examples that holds the SDP of the one or the other. */
	const WHATSAPPS = '$json.session.sdp';
	const GATEWAYS = '$json.sdp';
	const changeOf = (sdp: string, before: string): Changes => ({
		[`={{ ${sdp} }}`]: changed(sdp, before),
	});

	/** Nothing connects, WhatsApp ends the call, and there is no recording. */
	async function expectNothing(call: Call, workflow: string, executions: number) {
		const before = await readdir(folder);
		await until('end of the call', () => call.state === 'ended');
		await emulator.whenIdle();
		const finished = await executionsOf(workflow, executions);
		const events = finished.flatMap(({ nodes }) =>
			Object.entries(nodes).flatMap(([name, [run]]) =>
				name.startsWith('When ') ? (run?.data?.main?.[0] ?? []).map(({ json }) => json) : [],
			),
		);
		expect(events.map(({ event }) => event)).toEqual(['connect', 'terminate']);
		const { status, errors } = events[1] as { status: string; errors: Array<{ code: number }> };
		expect(status).toBe('FAILED');
		expect([138021, 138023]).toContain(errors[0].code);
		expect(mediaOf(call).report().recordedSeconds).toBe(0);
		await expect(mediaOf(call).talking).rejects.toThrow('ended before');
		expect(call.recordingMediaId).toBeUndefined();
		expect(await readdir(folder)).toEqual(before);
	}

	it.each([
		["WhatsApp's password", changeOf(WHATSAPPS, PASSWORD)],
		["WhatsApp's fingerprint", changeOf(WHATSAPPS, FINGERPRINT)],
		["the gateway's fingerprint", changeOf(GATEWAYS, FINGERPRINT)],
	])('An incoming call does not connect with a changed character in %s', async (_, changes) => {
		await startWhatsApp(3_000);
		const workflow = await publishExample('answer-and-record', withGateway(changes));
		const call = emulator.userCalls();
		await expectNothing(call, workflow, 2);
	});

	it.each([
		["the gateway's fingerprint", changeOf(GATEWAYS, FINGERPRINT)],
		["WhatsApp's fingerprint", changeOf(WHATSAPPS, FINGERPRINT)],
		["WhatsApp's password", changeOf(WHATSAPPS, PASSWORD)],
	])(
		'A call from the business does not connect with a changed character in %s',
		async (_, changes) => {
			await startWhatsApp(3_000);
			const workflow = await publishExample(
				'call-and-record',
				withGateway({
					'106540352242922': NUMBER,
					...changes,
				}),
			);
			const call = await startedCall(workflow);
			await until('answer at the gateway', async () => {
				const { state } = await gatewayReport(call);
				return state !== 'offered';
			});
			emulator.userPicksUp(call.id);
			await expectNothing(call, workflow, 3);
		},
	);
});

describe('actions on calls with audio', () => {
	const trigger = () =>
		webhookNode(
			'When a call comes in',
			TRIGGER_TYPE,
			1,
			{ events: ['connect'], registration: 'app' },
			{ credentials: using(credential) },
		);
	const action = (name: string, parameters: Record<string, unknown>) =>
		node(
			name,
			ACTION_TYPE,
			1,
			{
				resource: 'call',
				phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
				callId: `={{ $('When a call comes in').item.json.callId }}`,
				...parameters,
			},
			{ credentials: using(credential) },
		);
	const askGateway = () =>
		node('Ask the gateway', 'n8n-nodes-base.httpRequest', 4.2, {
			method: 'POST',
			url: `${gateway.url}/answer`,
			sendBody: true,
			bodyParameters: {
				parameters: [
					{ name: 'callId', value: '={{ $json.callId }}' },
					{ name: 'sdp', value: '={{ $json.session.sdp }}' },
				],
			},
			options: {},
		});
	/** A workflow whose nodes follow one another. */
	const inARow = (...nodes: WorkflowNode[]): WorkflowDefinition => ({
		name: 'Actions',
		nodes,
		connections: chain(nodes),
	});
	const SDP = `={{ $('Ask the gateway').item.json.sdp }}`;
	const recorded = {
		recordCall: true,
		recordingPurpose: 'quality assurance',
		recordingLanguage: 'en_US',
	};

	it('Pre-Accept connects, Accept with the same answer starts the audio, Terminate ends it', async () => {
		await startWhatsApp();
		const workflow = await publish(
			inARow(
				trigger(),
				askGateway(),
				action('Pre-accept', { operation: 'preAccept', sdp: SDP }),
				action('Accept', { operation: 'accept', sdp: SDP, ...recorded }),
			),
		);
		const call = emulator.userCalls();
		const [accepting] = await executionsOf(workflow, 1);
		expect(accepting.error).toBeUndefined();
		await mediaOf(call).said;

		const terminating = await stage.n8n.api.createWorkflow(
			inARow(
				node('Now', 'n8n-nodes-base.manualTrigger', 1),
				action('Terminate', { operation: 'terminate', callId: call.id }),
			),
		);
		await stage.n8n.api.request('POST', `/rest/workflows/${terminating.id}/run`, {
			workflowData: await stage.n8n.api.workflow(terminating.id),
			triggerToStartFrom: { name: 'Now' },
		});
		await until('recording', () => call.recordingMediaId !== undefined);
		expect(mediaOf(call).report()).toMatchObject({ phase: 'ended', packetsTooEarly: 0 });
		expect(mediaOf(call).report().recordedSeconds).toBeGreaterThanOrEqual(voice.length * 0.02);
	});

	it('Accept with another answer than that of Pre-Accept is rejected, and the error says so', async () => {
		await startWhatsApp();
		const other = `={{ $('Ask the gateway').item.json.sdp.replace('a=ice-ufrag:', 'a=ice-ufrag:x') }}`;
		const workflow = await publish(
			inARow(
				trigger(),
				askGateway(),
				action('Pre-accept', { operation: 'preAccept', sdp: SDP }),
				action('Accept', { operation: 'accept', sdp: other, ...recorded }),
			),
		);
		const call = emulator.userCalls();
		const [execution] = await executionsOf(workflow, 1);
		expect(execution.status).toBe('error');
		const { message, description } = execution.error!;
		expect(`${message} ${description ?? ''}`).toMatch(/must equal the one of pre_accept/);
		expect(call.state).toBe('preAccepted');
		await mediaOf(call).connected;
		expect(mediaOf(call).report().packetsSent).toBe(0);
	});

	it('Reject leaves no audio behind', async () => {
		await startWhatsApp();
		const workflow = await publish(inARow(trigger(), action('Reject', { operation: 'reject' })));
		const call = emulator.userCalls();
		const [execution] = await executionsOf(workflow, 1);
		expect(execution.status).toBe('success');
		expect(call.state).toBe('ended');
		expect(mediaOf(call).phase).toBe('ended');
	});
});
