import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeHelpers, type INode, type INodeTypeDescription } from 'n8n-workflow';
import {
	DEFAULT_RECORDING,
	makeSdp,
	startEmulator,
	type Call,
	type Emulator,
	type EmulatorOptions,
} from '../../emulator';
import { appToken, graph } from '../../emulator/helpers';
import type { Execution, StoredCredential, WorkflowDefinition } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import { startStage, type Stage } from './stage';

jest.setTimeout(60_000);

const EXAMPLES = [
	// With real sound in media.test.ts.
	'agent-answers',
	'answer-and-record',
	'bring-your-own-webhook',
	// At work in test/phone.
	'browser-phone/browser-phone-team-listening',
	'browser-phone/browser-phone-team',
	'browser-phone/browser-phone',
	'call-and-record',
	'call-permission-then-call',
	'incoming-call-to-crm',
	// At work in test/janus.
	'janus/janus',
	'nightly-setup-check',
	// At work in test/queue.
	'recording-in-queue-mode',
	'recording-to-s3',
	'recording-to-storage',
	'recording-to-transcription-service',
];

const fileOf = (example: string) => join(REPOSITORY, 'examples', `${example}.json`);

let stage: Stage;
/** Where Read/Write Files from Disk may write. */
let folder: string;
let audio: Buffer;
const cleanups: Array<() => Promise<void>> = [];

beforeAll(async () => {
	folder = await realpath(await mkdtemp(join(tmpdir(), 'examples-')));
	audio = await readFile(DEFAULT_RECORDING);
	stage = await startStage({ env: { N8N_RESTRICT_FILE_ACCESS_TO: folder } });
}, 180_000);

afterAll(async () => {
	await stage?.stop();
	for (const cleanup of cleanups.reverse()) await cleanup();
	await rm(folder, { recursive: true, force: true });
});

/** A Meta of its own for an example, because a Meta app has one webhook. */
async function meta(options: EmulatorOptions = {}) {
	const emulator = await startEmulator({
		recordingDelayMs: 0,
		redeliveryDelaysMs: [],
		...options,
	});
	cleanups.push(async () => await emulator.stop());
	return { emulator, credential: await stage.credentialFor(emulator) };
}

/** A service of the operator (storage, CRM, chat ...) that keeps what it gets. */
async function service(answer: Service['answer'] = () => ({})): Promise<Service> {
	const started = await new Service(answer).start();
	cleanups.push(async () => await started.stop());
	return started;
}

interface Received {
	method: string;
	path: string;
	headers: IncomingHttpHeaders;
	raw: Buffer;
}

interface Answer {
	status?: number;
	body?: string | Record<string, unknown>;
}

class Service {
	readonly received: Received[] = [];

	private readonly server: Server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			const { method = '', url: path = '', headers } = request;
			const received = { method, path, headers, raw: Buffer.concat(chunks) };
			this.received.push(received);
			const { status = 200, body = {} } = this.answer(received);
			const type = typeof body === 'string' ? 'application/xml' : 'application/json';
			response.writeHead(status, { 'content-type': type });
			response.end(typeof body === 'string' ? body : JSON.stringify(body));
		});
	});

	constructor(readonly answer: (received: Received) => Answer) {}

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	/** The bodies so far, read as JSON. */
	get messages(): Array<Record<string, unknown>> {
		return this.received.map(({ raw }) => JSON.parse(raw.toString()) as Record<string, unknown>);
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
	}
}

interface Installed {
	id: string;
	/** The next `count` executions that were not asked for before, finished, the oldest first. */
	next(count?: number): Promise<Execution[]>;
	/** "Execute workflow" in the editor. */
	run(triggerName: string): Promise<Execution>;
	/** Fails if there were executions that nobody asked for. */
	expectNoMore(): Promise<void>;
}

/**
 * Does what an operator does with an example: imports it, chooses credentials, changes the
 * placeholders and publishes it.
 */
async function install(
	example: string,
	credentials: StoredCredential[],
	placeholders: Record<string, string>,
	edit: (workflow: WorkflowDefinition) => void = () => undefined,
): Promise<Installed> {
	const { api } = stage.n8n;
	const { id } = await api.importWorkflow(fileOf(example), {
		credentials,
		edit(workflow) {
			for (const [placeholder, value] of Object.entries(placeholders)) {
				replaceInNodes(workflow, placeholder, value);
			}
			edit(workflow);
			const text = JSON.stringify(nodesOf(workflow));
			expect({ example, left: /[\w.]*example\.com/.exec(text)?.[0] }).toEqual({ example });
		},
	});
	await api.activate(id);
	let seen = 0;
	const installed: Installed = {
		id,
		async next(count = 1) {
			const all = await api.waitForExecutions(id, seen + count, { timeout: 20_000 });
			const wanted = all.slice(seen, seen + count);
			seen += count;
			return wanted;
		},
		async run(triggerName) {
			await api.request('POST', `/rest/workflows/${id}/run`, {
				workflowData: await api.workflow(id),
				triggerToStartFrom: { name: triggerName },
			});
			const [execution] = await installed.next();
			return execution!;
		},
		async expectNoMore() {
			await new Promise((resolve) => setTimeout(resolve, 300));
			expect(await api.executions(id)).toHaveLength(seen);
		},
	};
	return installed;
}

const nodesOf = ({ nodes }: WorkflowDefinition) =>
	nodes.filter(({ type }) => type !== 'n8n-nodes-base.stickyNote');

function replaceInNodes(workflow: WorkflowDefinition, placeholder: string, value: string): void {
	const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
	let found = false;
	for (const node of nodesOf(workflow)) {
		const before = JSON.stringify(node.parameters);
		const after = before.replaceAll(inJson(placeholder), inJson(value));
		found ||= before !== after;
		node.parameters = JSON.parse(after) as Record<string, unknown>;
	}
	if (!found) throw new Error(`The example "${workflow.name}" has no ${placeholder}`);
}

/** What a form that was sent as multipart/form-data holds. */
async function formOf({ raw, headers }: Received): Promise<FormData> {
	const type = headers['content-type'] ?? '';
	return await new Response(new Uint8Array(raw), { headers: { 'content-type': type } }).formData();
}

async function bytesOf(form: FormData, field: string): Promise<{ name: string; bytes: Buffer }> {
	const file = form.get(field) as File;
	return { name: file.name, bytes: Buffer.from(await file.arrayBuffer()) };
}

const ranIn = ({ nodes }: Execution) => Object.keys(nodes);

it('covers every example', async () => {
	const all = await readdir(join(REPOSITORY, 'examples'), { recursive: true });
	const files = all.filter((file) => file.endsWith('.json') && !/package|node_modules/.test(file));
	expect(files.sort()).toEqual(EXAMPLES.map((example) => `${example}.json`).sort());
});

/** The same look at a node that the editor takes after an import. */
/** Under which name the examples save a recording. */
const fileNameOf = (mediaId: string | undefined) => `call-recording-${mediaId}.ogg`;

/** An event that is old enough for a file that Meta does not have to be gone. */
const aWhileAgo = () => ({ event: { timestamp: String(Math.floor(Date.now() / 1000) - 11 * 60) } });

describe.each(EXAMPLES)('%s', (example) => {
	it('has only nodes and parameters that n8n knows, and none that it marks', async () => {
		const workflow = JSON.parse(await readFile(fileOf(example), 'utf8')) as WorkflowDefinition;
		for (const node of workflow.nodes as INode[]) {
			const { name, type, typeVersion, parameters } = node;
			const [description] = await stage.n8n.api.request<INodeTypeDescription[]>(
				'POST',
				'/rest/node-types',
				{ nodeInfos: [{ name: type, version: typeVersion }] },
			);
			if (!description) throw new Error(`n8n has no node type ${type}`);
			const { properties } = description;
			// Gives what the node really has: unknown and hidden parameters are left out.
			const known = NodeHelpers.getNodeParameters(
				properties,
				parameters,
				true,
				false,
				node,
				description,
			);
			expect({ name, known }).toMatchObject({ name, known: parameters });
			const issues = NodeHelpers.getNodeParametersIssues(
				properties,
				{ ...node, parameters: known ?? {} },
				description,
			);
			expect({ name, issues }).toEqual({ name, issues: null });
		}
	});

	it('explains itself in notes, and holds no secret and no ID of an installation', async () => {
		const workflow = JSON.parse(await readFile(fileOf(example), 'utf8')) as WorkflowDefinition;
		const names = workflow.nodes.map(({ name }) => name);
		expect(new Set(names).size).toBe(names.length);
		expect(names).toContain('Start here');
		for (const { credentials = {} } of nodesOf(workflow)) {
			for (const { id } of Object.values(credentials)) expect(id).toBeNull();
		}
		expect(workflow.pinData).toEqual({});
	});
});

describe('answer-and-record, at work', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let mediaServer: Service;

	beforeAll(async () => {
		const own = await meta();
		emulator = own.emulator;
		mediaServer = await service(() => ({ body: { sdp: makeSdp('answer') } }));
		workflow = await install('answer-and-record', [own.credential], {
			'https://media.example.com': mediaServer.url,
			'/home/node/.n8n-files': folder,
		});
	});

	it('accepts an incoming call with recording on, and saves the audio', async () => {
		const call = emulator.userCalls();
		const [accepting] = await workflow.next();
		expect(accepting!.status).toBe('success');
		const [asked, told] = mediaServer.received;
		expect(JSON.parse(asked!.raw.toString())).toEqual({ callId: call.id, sdp: call.sdp });
		// Only now may it send audio.
		const path = `/calls/${encodeURIComponent(call.id)}/accepted`;
		expect(told).toMatchObject({ method: 'PUT', path });
		expect(call).toMatchObject({
			state: 'inProgress',
			recording: { status: 'ENABLED', purpose: 'quality assurance' },
		});
		emulator.hangUp(call.id, { durationSeconds: 42 });
		const [ending, saving] = await workflow.next(2);
		expect([ending!.status, saving!.status]).toEqual(['success', 'success']);
		expect(mediaServer.received.at(-1)).toMatchObject({
			method: 'DELETE',
			path: `/calls/${encodeURIComponent(call.id)}`,
		});
		const saved = await readFile(join(folder, fileNameOf(call.recordingMediaId)));
		expect(saved.equals(audio)).toBe(true);
	});

	it('lets the SDP answer of a call that the business started alone', async () => {
		const asked = mediaServer.received.length;
		const [number] = emulator.account.phoneNumbers;
		const session = { sdp_type: 'answer', sdp: makeSdp('answer') };
		// As Meta sends it: without a direction.
		const connect = {
			id: 'wacid.of-a-call-of-the-business',
			event: 'connect',
			to: '14085551234',
			timestamp: '1760000000',
			session,
		};
		const delivery = emulator.deliver([
			{ phoneNumberId: number!.id, field: 'calls', value: { calls: [connect] } },
		]);
		expect((await delivery.answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution!.status).toBe('success');
		expect(ranIn(execution!)).toEqual([
			'When a call comes in or a recording is ready',
			'Which event?',
		]);
		expect(mediaServer.received).toHaveLength(asked);
	});

	it('reports a recording whose audio stays damaged', async () => {
		const recording = await emulator.createRecording();
		emulator.failNext('media', { wrongContent: true }, { times: Infinity });
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		emulator.clearFaults();
		const [execution] = await workflow.next();
		expect(execution!.status).toBe('error');
		expect(execution!.error?.message).toContain(`No audio for call ${recording.callId}: `);
		expect(await readdir(folder)).not.toContain(fileNameOf(recording.mediaId));
	});
});

describe('agent-answers, at work', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let agent: Service;
	let answer: ReturnType<Service['answer']>;

	beforeAll(async () => {
		const own = await meta();
		emulator = own.emulator;
		agent = await service(() => answer);
		workflow = await install('agent-answers', [own.credential], {
			'https://agent.example.com': agent.url,
			'/home/node/.n8n-files': folder,
		});
	});

	it('accepts with the answer of an agent that writes three fingerprints, as aiortc does', async () => {
		const others = ['sha-384', 'sha-512'].map((hash) => `a=fingerprint:${hash} 12:34:56:78\r\n`);
		const sdp = makeSdp('answer').replace(/^a=setup/m, `${others.join('')}a=setup`);
		answer = { body: { sdp, type: 'answer', pc_id: 'SmallWebRTCConnection#0' } };
		const call = emulator.userCalls();
		const [accepting] = await workflow.next();
		expect(accepting!.error).toBeUndefined();
		expect(call).toMatchObject({ state: 'inProgress', recording: { status: 'ENABLED' } });
		expect(agent.received[0]!.path).toBe('/api/offer');
		expect(agent.messages[0]).toMatchObject({
			sdp: call.sdp,
			type: 'offer',
			request_data: { callId: call.id, from: call.user.waId },
		});
		emulator.hangUp(call.id);
		await workflow.next();
	});

	it.each<[string, typeof answer, RegExp]>([
		['is down', { status: 503, body: { detail: 'busy' } }, /503/],
		['gives no answer', { body: { detail: 'no bot' } }, /SDP/],
	])('rejects the caller when the agent %s, and says why', async (_, given, why) => {
		answer = given;
		const call = emulator.userCalls();
		const [failing] = await workflow.next();
		expect(failing!.error?.message).toMatch(why);
		expect(failing!.error?.message).toContain(`The agent did not take call ${call.id}: `);
		expect(call.state).toBe('ended');
	});
});

/** The examples whose trigger acknowledges when the workflow has succeeded. */
describe.each(['recording-to-storage', 'recording-to-s3'])('%s, at work', (example) => {
	let emulator: Emulator;
	let workflow: Installed;
	let storage: Service;
	let chat: Service;
	let storageIsDown = false;

	const pathOf = (mediaId: string) =>
		`/${example === 'recording-to-s3' ? 'my-recordings' : 'recordings'}/${fileNameOf(mediaId)}`;
	const uploads = () => storage.received.filter(({ method }) => method === 'PUT');

	beforeAll(async () => {
		const own = await meta({ redeliveryDelaysMs: [100, 100, 100] });
		emulator = own.emulator;
		chat = await service();
		storage = await service(({ method }) => {
			if (method === 'GET') {
				const xmlns = 'http://s3.amazonaws.com/doc/2006-03-01/';
				return {
					body: `<LocationConstraint xmlns="${xmlns}">eu-central-1</LocationConstraint>`,
				};
			}
			const status = storageIsDown ? 503 : 200;
			storageIsDown = false;
			return { status, body: '' };
		});
		const s3 = await stage.n8n.api.createCredential({
			name: 'S3',
			type: 's3',
			data: {
				endpoint: storage.url,
				region: 'eu-central-1',
				accessKeyId: 'KEY',
				secretAccessKey: 'not a secret',
				forcePathStyle: true,
				ignoreSSLIssues: false,
			},
		});
		const place: Record<string, string> =
			example === 'recording-to-s3'
				? { 'call-recordings': 'my-recordings' }
				: { 'https://storage.example.com': storage.url };
		workflow = await install(example, [own.credential, s3], {
			...place,
			'https://chat.example.com': chat.url,
		});
	});

	it('stores a recording once, though the storage was down at first', async () => {
		const recording = await emulator.createRecording();
		storageIsDown = true;
		const { attempts } = await emulator.deliver([recording]).settled;
		expect(attempts.map(({ status }) => status)).toEqual([500, 200]);
		const executions = await workflow.next(2);
		expect(executions.map(({ status }) => status)).toEqual(['error', 'success']);
		expect(uploads().map(({ path }) => path.replace(/\?$/, ''))).toEqual([
			pathOf(recording.mediaId),
			pathOf(recording.mediaId),
		]);
		expect(uploads().every(({ raw }) => raw.equals(audio))).toBe(true);
		// A copy that comes later changes nothing.
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		await workflow.expectNoMore();
		expect(uploads()).toHaveLength(2);
		expect(chat.received).toHaveLength(0);
	});

	it('tells the team when the audio stays damaged, and is not asked again', async () => {
		const before = uploads().length;
		const recording = await emulator.createRecording();
		emulator.failNext('media', { wrongContent: true }, { times: Infinity });
		const { attempts } = await emulator.deliver([recording]).settled;
		emulator.clearFaults();
		expect(attempts.map(({ status }) => status)).toEqual([200]);
		const [execution] = await workflow.next();
		expect(execution!.status).toBe('success');
		expect(chat.messages).toEqual([
			{ text: expect.stringContaining(`No audio for call ${recording.callId}: `) as string },
		]);
		expect(chat.messages[0]!.text).not.toContain('undefined');
		expect(uploads()).toHaveLength(before);
	});
});

describe('recording-to-transcription-service, at work', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let transcription: Service;
	let crm: Service;
	let chat: Service;

	beforeAll(async () => {
		const own = await meta();
		emulator = own.emulator;
		transcription = await service(() => ({ body: { text: 'Good morning, how can I help?' } }));
		crm = await service();
		chat = await service();
		const key = await stage.n8n.api.createCredential({
			name: 'Transcription service',
			type: 'httpHeaderAuth',
			data: { name: 'Authorization', value: 'Bearer a-key' },
		});
		workflow = await install('recording-to-transcription-service', [own.credential, key], {
			'https://transcription.example.com': transcription.url,
			'https://crm.example.com': crm.url,
			'https://chat.example.com': chat.url,
		});
	});

	it('sends the audio to the service and the text onward, each with its own call', async () => {
		const recordings = [
			await emulator.createRecording({ from: '14085551234' }),
			await emulator.createRecording({ from: '14085555678' }),
		];
		expect((await emulator.deliver(recordings).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution!.status).toBe('success');
		expect(transcription.received).toHaveLength(2);
		for (const received of transcription.received) {
			expect(received).toMatchObject({ method: 'POST', path: '/v1/audio/transcriptions' });
			expect(received.headers.authorization).toBe('Bearer a-key');
			const form = await formOf(received);
			expect(form.get('model')).toBe('whisper-1');
			const file = await bytesOf(form, 'file');
			// Such services tell the format by the file's name.
			expect(file.name).toMatch(/\.ogg$/);
			expect(file.bytes.equals(audio)).toBe(true);
		}
		const text = 'Good morning, how can I help?';
		expect(crm.messages).toEqual(
			expect.arrayContaining(
				recordings.map(({ callId, mediaId, event }) => ({
					callId,
					mediaId,
					person: event.from,
					text,
				})),
			),
		);
	});

	it('tells the team when there is no audio', async () => {
		const recording = await emulator.createRecording(aWhileAgo());
		emulator.deleteMedia(recording.mediaId);
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution!.status).toBe('success');
		expect(chat.messages).toEqual([{ text: expect.stringContaining(recording.callId) as string }]);
	});
});

describe('incoming-call-to-crm, at work', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let crm: Service;
	let crmIsDown = false;

	/** What the media server of the operator does: the workflow does not accept calls. */
	const accept = async (call: Call) => {
		const { status } = await graph(emulator, 'POST', `${call.phoneNumberId}/calls`, {
			messaging_product: 'whatsapp',
			call_id: call.id,
			action: 'accept',
			session: { sdp_type: 'answer', sdp: makeSdp('answer') },
			recording: { status: 'ENABLED', purpose: 'training', announcement_language: 'en_US' },
		});
		expect(status).toBe(200);
	};

	beforeAll(async () => {
		const own = await meta({ redeliveryDelaysMs: [100, 100, 100] });
		emulator = own.emulator;
		crm = await service(() => {
			const status = crmIsDown ? 503 : 200;
			crmIsDown = false;
			return { status };
		});
		workflow = await install('incoming-call-to-crm', [own.credential], {
			'https://crm.example.com': crm.url,
		});
	});

	it('joins what was known during the call with its recording, for calls at the same time', async () => {
		// Both find no table yet.
		const calls = ['14085551234', '14085555678'].map((from) => emulator.userCalls({ from }));
		for (const execution of await workflow.next(2)) expect(execution.status).toBe('success');
		for (const call of calls) await accept(call);
		calls.forEach((call, index) => emulator.hangUp(call.id, { durationSeconds: 40 + index }));
		for (const execution of await workflow.next(4)) expect(execution.status).toBe('success');
		expect(crm.received).toHaveLength(2);
		const forms = await Promise.all(crm.received.map(formOf));
		for (const [index, call] of calls.entries()) {
			const form = forms.find((candidate) => candidate.get('callId') === call.id)!;
			const fields: Record<string, unknown> = {};
			form.forEach((value, name) => {
				if (typeof value === 'string') fields[name] = value;
			});
			expect(fields).toEqual({
				callId: call.id,
				mediaId: call.recordingMediaId,
				phone: call.user.waId,
				userId: call.user.userId,
				contactName: call.user.name,
				direction: 'incoming',
				startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
				durationSeconds: String(40 + index),
			});
			const file = await bytesOf(form, 'recording');
			expect(file.bytes.equals(audio)).toBe(true);
		}
	});

	it('hands on a recording whose call it does not know, after the CRM was down', async () => {
		const before = crm.received.length;
		const recording = await emulator.createRecording();
		crmIsDown = true;
		const { attempts } = await emulator.deliver([recording]).settled;
		expect(attempts.map(({ status }) => status)).toEqual([500, 200]);
		const executions = await workflow.next(2);
		expect(executions.map(({ status }) => status)).toEqual(['error', 'success']);
		expect(crm.received).toHaveLength(before + 2);
		const form = await formOf(crm.received.at(-1)!);
		expect(form.get('mediaId')).toBe(recording.mediaId);
		expect(form.get('direction')).toBe('');
		expect((await bytesOf(form, 'recording')).bytes.equals(audio)).toBe(true);
	});

	it('notes a call without audio, and keeps apart what came in one delivery', async () => {
		const before = crm.received.length;
		const gone = await emulator.createRecording(aWhileAgo());
		const there = await emulator.createRecording();
		emulator.deleteMedia(gone.mediaId);
		expect((await emulator.deliver([gone, there]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution!.status).toBe('success');
		const received = crm.received.slice(before);
		expect(received).toHaveLength(2);
		const noted = received.find(({ headers }) => headers['content-type']?.includes('json'))!;
		expect(JSON.parse(noted.raw.toString())).toMatchObject({
			callId: gone.callId,
			mediaId: gone.mediaId,
			problem: expect.stringMatching(/./) as string,
		});
		const form = await formOf(received.find((one) => one !== noted)!);
		expect(form.get('callId')).toBe(there.callId);
	});
});

describe('call-permission-then-call, at work', () => {
	const START = 'Call someone now';
	const NUMBER = '106000000000001';
	let emulator: Emulator;
	let credential: StoredCredential;
	let mediaServer: Service;
	let workflow: Installed;

	const callsTo = (waId: string) => emulator.calls.filter(({ user }) => user.waId === waId);
	/** The media server learns by its own ID of the call what WhatsApp answered. */
	const expectAnswer = (id: string, { sdp }: Call) => {
		const asked = mediaServer.received.splice(0);
		expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
			'POST /offer',
			`PUT /calls/${encodeURIComponent(id)}/answer`,
		]);
		expect(JSON.parse(asked[1]!.raw.toString())).toEqual({ sdp });
	};
	const changePerson = async (waId: string) => {
		const { api } = stage.n8n;
		const stored = await api.workflow(workflow.id);
		const { parameters } = stored.nodes.find(({ name }) => name === 'Whom to call')!;
		const { assignments } = parameters.assignments as {
			assignments: Array<{ name: string; value: string }>;
		};
		assignments.find(({ name }) => name === 'to')!.value = `+${waId}`;
		await api.request('PATCH', `/rest/workflows/${workflow.id}`, {
			nodes: stored.nodes,
			connections: stored.connections,
			versionId: stored.versionId,
		});
	};

	beforeAll(async () => {
		({ emulator, credential } = await meta());
		let sessions = 0;
		mediaServer = await service(({ path }) =>
			path === '/offer' ? { body: { id: `session ${++sessions}`, sdp: makeSdp('offer') } } : {},
		);
		workflow = await install('call-permission-then-call', [credential], {
			'https://media.example.com': mediaServer.url,
			'106540352242922': NUMBER,
		});
		// The person in the example.
		expect(emulator.account.users[0]).toMatchObject({
			waId: '14085551234',
			permission: 'permanent',
		});
	});

	it('calls a person who may be called, and hands the SDP answer to the media server', async () => {
		await workflow.run(START);
		const [call] = callsTo('14085551234');
		expect(call).toMatchObject({ direction: 'BUSINESS_INITIATED', phoneNumberId: NUMBER });
		const [connected] = await workflow.next();
		expect(connected!.status).toBe('success');
		expectAnswer('session 1', call!);
		emulator.hangUp(call!.id);
	});

	it('asks a person who has not agreed, and calls when the yes arrives', async () => {
		const waId = '14085555678';
		await changePerson(waId);
		const asking = await workflow.run(START);
		expect(asking.status).toBe('success');
		expect(asking.items('Ask for permission')).toHaveLength(1);
		expect(callsTo(waId)).toHaveLength(0);

		// Asked today already.
		const again = await workflow.run(START);
		expect(again.status).toBe('error');
		expect(again.error?.message).toMatch(/may not be called now.*before \d{4}-\d\d-\d\dT/);

		const no = emulator.userAnswersPermissionRequest({ from: waId, accept: false });
		expect((await no.answer).status).toBe(200);
		const [refused] = await workflow.next();
		expect(ranIn(refused!)).toEqual(['When a person answers', 'Which event?']);

		const yes = emulator.userAnswersPermissionRequest({ from: waId, accept: true });
		expect((await yes.answer).status).toBe(200);
		// The reply, and then the SDP answer of the call.
		for (const execution of await workflow.next(2)) expect(execution.status).toBe('success');
		const [call] = callsTo(waId);
		expectAnswer('session 2', call!);
		emulator.hangUp(call!.id);
		await workflow.expectNoMore();
	});
});

describe('nightly-setup-check, at work', () => {
	it('sends one message with everything that is wrong, and none when all is well', async () => {
		const triggerUrl = 'https://n8n.example.net/webhook/1/webhook';
		const { emulator, credential } = await meta();
		const chat = await service();
		emulator.presetSubscription(triggerUrl);
		const workflow = await install(
			'nightly-setup-check',
			[credential],
			{ 'https://chat.example.com': chat.url, '106540352242922': '106000000000001' },
			({ nodes }) => {
				const check = nodes.find(({ name }) => name === 'Check the setup')!;
				check.parameters.triggerUrl = triggerUrl;
			},
		);

		const good = await workflow.run('Every night');
		expect(good.status).toBe('success');
		expect(good.items('Check the setup').map(({ json }) => json.status)).not.toContain(
			'needs attention',
		);
		expect(chat.received).toHaveLength(0);

		emulator.account.phoneNumbers[0]!.callingEnabled = false;
		emulator.presetSubscription('https://other.example.net/');
		const bad = await workflow.run('Every night');
		expect(bad.status).toBe('success');
		expect(chat.messages).toHaveLength(1);
		const lines = String(chat.messages[0]!.text).split('\n');
		expect(lines[0]).toBe('WhatsApp calling needs attention:');
		expect(lines.slice(1)).toEqual([
			expect.stringMatching(/^- Calling turned on: off\. Turn calling on/),
			expect.stringMatching(
				/^- Calls reach this workflow: https:\/\/other\.example\.net\/\. Unpublish/,
			),
		]);
	});
});

describe('bring-your-own-webhook, at work', () => {
	const READ = 'Read the delivery';
	let emulator: Emulator;
	let workflow: Installed;
	let storage: Service;
	let chat: Service;
	let url: string;

	const stored = () => storage.received.map(({ path }) => path);

	/** What the operator enters in Meta's app dashboard. */
	const subscribe = async (verifyToken: string) =>
		await graph(
			emulator,
			'POST',
			`${emulator.account.appId}/subscriptions`,
			{
				object: 'whatsapp_business_account',
				callback_url: url,
				verify_token: verifyToken,
				fields: 'calls',
				include_values: true,
			},
			appToken(emulator),
		);

	beforeAll(async () => {
		const own = await meta();
		emulator = own.emulator;
		[storage, chat] = [await service(), await service()];
		url = `${stage.n8n.url}/webhook/whatsapp-calls`;
		workflow = await install(
			'bring-your-own-webhook',
			[own.credential],
			{
				'https://storage.example.com': storage.url,
				'https://chat.example.com': chat.url,
				'a-long-random-text': 'the token of this test',
			},
			({ nodes }) => {
				nodes.find(({ name }) => name === READ)!.waitBetweenTries = 100;
			},
		);
	});

	it("passes Meta's check of the URL with the verify token only", async () => {
		await graph(emulator, 'POST', `${emulator.account.businessAccountId}/subscribed_apps`);
		expect((await subscribe('another token')).status).toBe(400);
		expect(await subscribe('the token of this test')).toMatchObject({
			status: 200,
			body: { success: true },
		});
		const checks = await workflow.next(2);
		expect(checks.map(({ status }) => status)).toEqual(['success', 'success']);
	});

	it('stores the audio of each recording of a delivery; a duplicate overwrites the same files', async () => {
		const recordings = [await emulator.createRecording(), await emulator.createRecording()];
		const paths = recordings.map(({ mediaId }) => `/recordings/${fileNameOf(mediaId)}`);
		for (const times of [1, 2]) {
			expect((await emulator.deliver(recordings).answer).status).toBe(200);
			const [execution] = await workflow.next();
			expect(execution!.error).toBeUndefined();
			expect(stored().sort()).toEqual(Array<string[]>(times).fill(paths).flat().sort());
		}
		expect(storage.received.every(({ raw }) => raw.equals(audio))).toBe(true);
	});

	it('fails for what Meta did not sign, and stores nothing', async () => {
		const before = stored().length;
		const forged = await emulator.createRecording();
		expect((await emulator.deliver([forged], { signature: 'wrong' }).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution!.error?.message).toContain('The signature does not match the body');
		expect(stored()).toHaveLength(before);
	});

	it('notifies the team of a recording that is gone', async () => {
		const gone = await emulator.createRecording(aWhileAgo());
		emulator.deleteMedia(gone.mediaId);
		expect((await emulator.deliver([gone]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution!.status).toBe('success');
		expect(chat.messages).toEqual([
			{ text: expect.stringContaining(`No audio for call ${gone.callId}: `) as string },
		]);
	});

	it('fails when a recording cannot be had for the moment, and a retry of the execution stores it', async () => {
		const late = await emulator.createRecording();
		emulator.failNext('media', { status: 401 }, { times: Infinity });
		expect((await emulator.deliver([late]).answer).status).toBe(200);
		const [failed] = await workflow.next();
		expect(failed!.error?.message).toContain('Meta refused access to the file');
		emulator.clearFaults();
		await stage.n8n.api.request('POST', `/rest/executions/${failed!.id}/retry`, {
			loadWorkflow: false,
		});
		const [retried] = await workflow.next();
		expect(retried!.error).toBeUndefined();
		expect(stored().at(-1)).toBe(`/recordings/${fileNameOf(late.mediaId)}`);
	});
});
