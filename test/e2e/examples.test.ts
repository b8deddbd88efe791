import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeHelpers, type INode, type INodeTypeDescription } from 'n8n-workflow';
import { DEFAULT_RECORDING, makeSdp, type Call, type Emulator } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { exampleFile, nodesOf } from '../support/examples';
import { appToken, graph } from '../support/graph';
import type { StoredCredential, WorkflowDefinition } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import type { Stage } from '../support/stage';
import {
	aWhileAgo,
	bytesOf,
	formOf,
	openExamples,
	ranIn,
	type Examples,
	type Installed,
	type Service,
} from './exampleStage';

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
	// At work in test/janus.
	'janus/janus',
	// At work in exampleTables.test.ts.
	'missed-call-follow-up',
	'nightly-setup-check',
	// At work in exampleTables.test.ts.
	'no-missing-recordings',
	'one-row-per-call',
	// At work in test/queue.
	'recording-in-queue-mode',
	// At work in exampleServices.test.ts.
	'recording-to-google-drive',
	'recording-to-s3',
	'recording-to-storage',
	'recording-to-transcription-service',
	// At work in exampleServices.test.ts.
	'transcript-to-summary-email',
];

let examples: Examples;
let stage: Stage;
/** Where Read/Write Files from Disk may write. */
let folder: string;
let audio: Buffer;

const meta: Examples['meta'] = async (options) => await examples.meta(options);
const service: Examples['service'] = async (answer) => await examples.service(answer);
const install: Examples['install'] = async (...wanted) => await examples.install(...wanted);

beforeAll(async () => {
	folder = await realpath(await mkdtemp(join(tmpdir(), 'examples-')));
	audio = await readFile(DEFAULT_RECORDING);
	examples = await openExamples({ N8N_RESTRICT_FILE_ACCESS_TO: folder });
	({ stage } = examples);
}, 180_000);

afterAll(async () => {
	await examples?.close();
	await rm(folder, { recursive: true, force: true });
});

it('The tests cover every example', async () => {
	const all = await readdir(join(REPOSITORY, 'examples'), { recursive: true });
	const files = all.filter((file) => file.endsWith('.json') && !/package|node_modules/.test(file));
	expect(files.sort()).toEqual(EXAMPLES.map((example) => `${example}.json`).sort());
});

/** The same look at a node that the editor takes after an import. */
/** Under which name the examples save a recording. */
const fileNameOf = (mediaId: string | undefined) => `call-recording-${mediaId}.ogg`;

describe.each(EXAMPLES)('the example %s', (example) => {
	it('The example has only nodes and parameters that n8n knows, and none that it flags', async () => {
		const workflow = JSON.parse(await readFile(exampleFile(example), 'utf8')) as WorkflowDefinition;
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

	it('The example explains itself in notes, and contains no secret and no ID of an installation', async () => {
		const workflow = JSON.parse(await readFile(exampleFile(example), 'utf8')) as WorkflowDefinition;
		const names = workflow.nodes.map(({ name }) => name);
		expect(new Set(names).size).toBe(names.length);
		expect(names).toContain('Start here');
		for (const { credentials = {} } of nodesOf(workflow)) {
			for (const { id } of Object.values(credentials)) expect(id).toBeNull();
		}
		expect(workflow.pinData).toEqual({});
	});
});

describe('the example answer-and-record', () => {
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

	it('The workflow accepts an incoming call with recording on, and saves the audio', async () => {
		const call = emulator.userCalls();
		const [accepting] = await workflow.next();
		expect(accepting.status).toBe('success');
		const [asked, told] = mediaServer.received;
		expect(JSON.parse(asked.raw.toString())).toEqual({ callId: call.id, sdp: call.sdp });
		// Only now may it send audio.
		const path = `/calls/${encodeURIComponent(call.id)}/accepted`;
		expect(told).toMatchObject({ method: 'PUT', path });
		expect(call).toMatchObject({
			state: 'inProgress',
			recording: { status: 'ENABLED', purpose: 'quality assurance' },
		});
		emulator.hangUp(call.id, { durationSeconds: 42 });
		const [ending, saving] = await workflow.next(2);
		expect([ending.status, saving.status]).toEqual(['success', 'success']);
		expect(mediaServer.received.at(-1)).toMatchObject({
			method: 'DELETE',
			path: `/calls/${encodeURIComponent(call.id)}`,
		});
		const saved = await readFile(join(folder, fileNameOf(call.recordingMediaId)));
		expect(saved.equals(audio)).toBe(true);
	});

	it('The workflow ignores the SDP answer of a call that the business started', async () => {
		const asked = mediaServer.received.length;
		const [number] = emulator.account.phoneNumbers;
		const session = { sdp_type: 'answer', sdp: makeSdp('answer') };
		// As Meta sends it: without a direction.
		const connect = {
			id: 'wacid.of-a-call-of-the-business',
			event: 'connect',
			to: PERSON,
			timestamp: '1760000000',
			session,
		};
		const delivery = emulator.deliver([
			{ phoneNumberId: number.id, field: 'calls', value: { calls: [connect] } },
		]);
		expect((await delivery.answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.status).toBe('success');
		expect(ranIn(execution)).toEqual([
			'When a call comes in or a recording is ready',
			'Which event?',
		]);
		expect(mediaServer.received).toHaveLength(asked);
	});

	it('The workflow reports a recording whose audio stays damaged', async () => {
		const recording = await emulator.createRecording();
		emulator.failNext('media', { wrongContent: true }, { times: Infinity });
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		emulator.clearFaults();
		const [execution] = await workflow.next();
		expect(execution.status).toBe('error');
		expect(execution.error?.message).toContain(`No audio for call ${recording.callId}: `);
		expect(await readdir(folder)).not.toContain(fileNameOf(recording.mediaId));
	});
});

describe('the example agent-answers', () => {
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

	it('The workflow accepts with the answer of an agent that writes three fingerprints, as aiortc does', async () => {
		const others = ['sha-384', 'sha-512'].map((hash) => `a=fingerprint:${hash} 12:34:56:78\r\n`);
		const sdp = makeSdp('answer').replace(/^a=setup/m, `${others.join('')}a=setup`);
		answer = { body: { sdp, type: 'answer', pc_id: 'SmallWebRTCConnection#0' } };
		const call = emulator.userCalls();
		const [accepting] = await workflow.next();
		expect(accepting.error).toBeUndefined();
		expect(call).toMatchObject({ state: 'inProgress', recording: { status: 'ENABLED' } });
		expect(agent.received[0].path).toBe('/api/offer');
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
	])('The workflow rejects the caller and says why when the agent %s', async (_, given, why) => {
		answer = given;
		const call = emulator.userCalls();
		const [failing] = await workflow.next();
		expect(failing.error?.message).toMatch(why);
		expect(failing.error?.message).toContain(`The agent did not take call ${call.id}: `);
		expect(call.state).toBe('ended');
	});
});

/** The examples whose trigger acknowledges when the workflow has succeeded. */
describe.each(['recording-to-storage', 'recording-to-s3'])(
	'the example %s with its storage',
	(example) => {
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

		it('The workflow stores a recording once, although the storage was down at first', async () => {
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

		it('The workflow tells the team when the audio stays damaged, and Meta does not deliver again', async () => {
			const before = uploads().length;
			const recording = await emulator.createRecording();
			emulator.failNext('media', { wrongContent: true }, { times: Infinity });
			const { attempts } = await emulator.deliver([recording]).settled;
			emulator.clearFaults();
			expect(attempts.map(({ status }) => status)).toEqual([200]);
			const [execution] = await workflow.next();
			expect(execution.status).toBe('success');
			expect(chat.messages).toEqual([
				{ text: expect.stringContaining(`No audio for call ${recording.callId}: `) as string },
			]);
			expect(chat.messages[0].text).not.toContain('undefined');
			expect(uploads()).toHaveLength(before);
		});
	},
);

describe('the example recording-to-transcription-service', () => {
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

	it('The workflow sends the audio to the service and passes the text on, each with its own call', async () => {
		const recordings = [
			await emulator.createRecording({ from: PERSON }),
			await emulator.createRecording({ from: '14085555678' }),
		];
		expect((await emulator.deliver(recordings).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.status).toBe('success');
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

	it('The workflow tells the team when there is no audio', async () => {
		const recording = await emulator.createRecording(aWhileAgo());
		emulator.deleteMedia(recording.mediaId);
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.status).toBe('success');
		expect(chat.messages).toEqual([{ text: expect.stringContaining(recording.callId) as string }]);
	});
});

describe('the example call-permission-then-call', () => {
	const START = 'Call someone now';
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
		expect(JSON.parse(asked[1].raw.toString())).toEqual({ sdp });
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
			waId: PERSON,
			permission: 'permanent',
		});
	});

	it('The workflow calls a person who may be called, and passes the SDP answer to the media server', async () => {
		await workflow.run(START);
		const [call] = callsTo(PERSON);
		expect(call).toMatchObject({ direction: 'BUSINESS_INITIATED', phoneNumberId: NUMBER });
		const [connected] = await workflow.next();
		expect(connected.status).toBe('success');
		expectAnswer('session 1', call);
		emulator.hangUp(call.id);
	});

	it('The workflow asks a person who has not agreed, and calls when the consent arrives', async () => {
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
		expect(ranIn(refused)).toEqual(['When a person answers', 'Which event?']);

		const yes = emulator.userAnswersPermissionRequest({ from: waId, accept: true });
		expect((await yes.answer).status).toBe(200);
		// The reply, and then the SDP answer of the call.
		for (const execution of await workflow.next(2)) expect(execution.status).toBe('success');
		const [call] = callsTo(waId);
		expectAnswer('session 2', call);
		emulator.hangUp(call.id);
		await workflow.expectNoMore();
	});
});

describe('the example nightly-setup-check', () => {
	it('The workflow sends one message with everything that is wrong, and none when all is well', async () => {
		const triggerUrl = 'https://n8n.example.net/webhook/1/webhook';
		const { emulator, credential } = await meta();
		const chat = await service();
		emulator.presetSubscription(triggerUrl);
		const workflow = await install(
			'nightly-setup-check',
			[credential],
			{ 'https://chat.example.com': chat.url, '106540352242922': NUMBER },
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

		emulator.account.phoneNumbers[0].callingEnabled = false;
		emulator.presetSubscription('https://other.example.net/');
		const bad = await workflow.run('Every night');
		expect(bad.status).toBe('success');
		expect(chat.messages).toHaveLength(1);
		const lines = String(chat.messages[0].text).split('\n');
		expect(lines[0]).toBe('WhatsApp calling needs attention:');
		expect(lines.slice(1)).toEqual([
			expect.stringMatching(/^- Calling turned on: off\. Turn calling on/),
			expect.stringMatching(
				/^- Calls reach this workflow: https:\/\/other\.example\.net\/\. Unpublish/,
			),
		]);
	});
});

describe('the example bring-your-own-webhook', () => {
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

	it("Meta's check of the URL passes with the verify token only", async () => {
		await graph(emulator, 'POST', `${emulator.account.businessAccountId}/subscribed_apps`);
		expect((await subscribe('another token')).status).toBe(400);
		expect(await subscribe('the token of this test')).toMatchObject({
			status: 200,
			body: { success: true },
		});
		const checks = await workflow.next(2);
		expect(checks.map(({ status }) => status)).toEqual(['success', 'success']);
	});

	it('The workflow stores the audio of each recording of a delivery, and a duplicate overwrites the same files', async () => {
		const recordings = [await emulator.createRecording(), await emulator.createRecording()];
		const paths = recordings.map(({ mediaId }) => `/recordings/${fileNameOf(mediaId)}`);
		for (const times of [1, 2]) {
			expect((await emulator.deliver(recordings).answer).status).toBe(200);
			const [execution] = await workflow.next();
			expect(execution.error).toBeUndefined();
			expect(stored().sort()).toEqual(Array<string[]>(times).fill(paths).flat().sort());
		}
		expect(storage.received.every(({ raw }) => raw.equals(audio))).toBe(true);
	});

	it('The workflow fails for what Meta did not sign, and stores nothing', async () => {
		const before = stored().length;
		const forged = await emulator.createRecording();
		expect((await emulator.deliver([forged], { signature: 'wrong' }).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.error?.message).toContain('The signature does not match the body');
		expect(stored()).toHaveLength(before);
	});

	it('The workflow notifies the team of a recording that is gone', async () => {
		const gone = await emulator.createRecording(aWhileAgo());
		emulator.deleteMedia(gone.mediaId);
		expect((await emulator.deliver([gone]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.status).toBe('success');
		expect(chat.messages).toEqual([
			{ text: expect.stringContaining(`No audio for call ${gone.callId}: `) as string },
		]);
	});

	it('The workflow fails for a recording that is not available yet, and a retry of the execution stores it', async () => {
		const late = await emulator.createRecording();
		emulator.failNext('media', { status: 401 }, { times: Infinity });
		expect((await emulator.deliver([late]).answer).status).toBe(200);
		const [failed] = await workflow.next();
		expect(failed.error?.message).toContain('Meta refused access to the file');
		emulator.clearFaults();
		await stage.n8n.api.request('POST', `/rest/executions/${failed.id}/retry`, {
			loadWorkflow: false,
		});
		const [retried] = await workflow.next();
		expect(retried.error).toBeUndefined();
		expect(stored().at(-1)).toBe(`/recordings/${fileNameOf(late.mediaId)}`);
	});
});
