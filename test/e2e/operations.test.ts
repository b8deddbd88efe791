import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { INodeTypeDescription } from 'n8n-workflow';
import { DEFAULT_RECORDING, makeSdp, type Emulator } from '../../emulator';
import { decodeAudio } from '../support/audio';
import { NUMBER, PERSON } from '../support/constants';
import { answeredCall, graph } from '../support/graph';
import {
	ACTION_TYPE,
	chain,
	CREDENTIAL_TYPE,
	credentialData,
	node,
	TRIGGER_TYPE,
	using,
	webhookNode,
} from '../support/workflow';
import { startMeta, startStage, type Stage } from '../support/stage';

jest.setTimeout(180_000);

let stage: Stage;

beforeAll(async () => {
	stage = await startStage();
});

afterAll(async () => {
	await stage?.stop();
});

it('A workflow whose switches are expressions is published, and records where they say so', async () => {
	const { api } = stage.n8n;
	const nodes = [
		webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
			httpMethod: 'POST',
			path: 'accept',
			responseMode: 'lastNode',
		}),
		node(
			'Accept',
			ACTION_TYPE,
			1,
			{
				resource: 'call',
				operation: 'accept',
				phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
				callId: '={{ $json.body.callId }}',
				sdp: '={{ $json.body.sdp }}',
				recordCall: '={{ $json.body.record }}',
				recordingPurpose: 'quality assurance',
				transcribeCall: '={{ $json.body.transcribe }}',
				options: {},
			},
			{ credentials: using(stage.credential) },
		),
	];
	const { id } = await api.createWorkflow({ name: 'Consent', nodes, connections: chain(nodes) });
	await api.activate(id);

	for (const [record, transcribe] of [
		[true, false],
		[false, false],
		[true, true],
	]) {
		const call = stage.emulator.userCalls();
		const response = await fetch(`${stage.n8n.url}/webhook/accept`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ callId: call.id, sdp: makeSdp('answer'), record, transcribe }),
		});
		expect(await response.json()).toMatchObject({ callId: call.id, preAccepted: true });
		const announced = { purpose: 'quality assurance', announcement_language: 'en_US' };
		expect(call.recording).toEqual(record ? { status: 'ENABLED', ...announced } : undefined);
		expect(call.transcription).toEqual(
			transcribe ? { status: 'ENABLED', ...announced } : undefined,
		);
		stage.emulator.hangUp(call.id);
	}
});

it.each(['26.0', 'V26.0', ' v26.0 '])(
	"The credential's test accepts the version %j, as the nodes do",
	async (apiVersion) => {
		const credential = await stage.n8n.api.createCredential({
			name: `Version ${apiVersion}`,
			type: CREDENTIAL_TYPE,
			data: { ...credentialData(stage.emulator), apiVersion },
		});
		expect(await stage.n8n.api.testCredential(credential)).toMatchObject({ status: 'OK' });
	},
);

it.each(['v99.0', '26', 'latest', 'v12.0', '20.0'])(
	"The credential's test reports the version %j, which the nodes do not accept either",
	async (apiVersion) => {
		const credential = await stage.n8n.api.createCredential({
			name: `Version ${apiVersion}`,
			type: CREDENTIAL_TYPE,
			data: { ...credentialData(stage.emulator), apiVersion },
		});
		expect(await stage.n8n.api.testCredential(credential)).toMatchObject({
			status: 'Error',
			message: expect.stringMatching(
				/does not have this API Version: it is too old, too new or mistyped\. It must look like v26\.0/,
			) as string,
		});
	},
);

it('n8n serves the output schemas of the trigger and of every operation where the editor looks for them', async () => {
	// n8n's own entry, which leads to the HTTP Request node.
	const customCall = '__CUSTOM_API_CALL__';
	const paths: string[] = [];
	for (const [name, version] of [
		[ACTION_TYPE, 1],
		[TRIGGER_TYPE, 1.1],
	] as const) {
		const type = (await stage.n8n.api.nodeType(name, version)) as INodeTypeDescription | undefined;
		const folder = `schemas/${name}/${version.toFixed(1)}.0`;
		const operations = (type?.properties ?? [])
			.filter((property) => property.name === 'operation')
			.flatMap(({ options = [], displayOptions }) =>
				(displayOptions?.show?.resource ?? []).flatMap((resource) =>
					options
						.map((option) => ('value' in option ? option.value : ''))
						.filter((operation) => operation !== customCall)
						.map((operation) => `${resource}/${operation}`),
				),
			);
		paths.push(
			...(operations.length > 0 ? operations.map((path) => `${folder}/${path}`) : [folder]),
		);
	}
	expect(paths.length).toBeGreaterThan(15);
	const answers = await Promise.all(
		paths.map(async (path) => [path, (await fetch(`${stage.n8n.url}/${path}.json`)).status]),
	);
	expect(answers).toEqual(paths.map((path) => [path, 200]));
});

it('A sample recording needs no credential', async () => {
	const { api } = stage.n8n;
	const nodes = [
		webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
			httpMethod: 'GET',
			path: 'sample',
			responseMode: 'lastNode',
			responseData: 'firstEntryBinary',
		}),
		node('Sample', ACTION_TYPE, 1, { resource: 'setup', operation: 'getSampleRecording' }),
	];
	const { id } = await api.createWorkflow({ name: 'Sample', nodes, connections: chain(nodes) });
	await api.activate(id);

	const response = await fetch(`${stage.n8n.url}/webhook/sample`);
	expect(response.headers.get('content-type')).toBe('audio/ogg');
	const { channels } = await decodeAudio(Buffer.from(await response.arrayBuffer()));
	expect(channels).toHaveLength(2);
});

it('A workflow gets the voicemail of a rejected call, and the payload of a call that came by a button', async () => {
	const { api } = stage.n8n;
	const phoneNumberId = { __rl: true, mode: 'id', value: NUMBER };
	const action = (name: string, parameters: object) =>
		node(
			name,
			ACTION_TYPE,
			1,
			{ phoneNumberId, ...parameters },
			{
				credentials: using(stage.credential),
			},
		);
	const setUp = [
		webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
			httpMethod: 'GET',
			path: 'voicemail',
			responseMode: 'lastNode',
			responseData: 'allEntries',
		}),
		action('Greeting', { resource: 'setup', operation: 'getSampleRecording' }),
		action('Voicemail', { resource: 'phoneNumber', operation: 'updateVoicemail' }),
		action('Button', {
			resource: 'callButton',
			operation: 'send',
			to: '14085551234',
			bodyText: 'Call us',
			options: { payload: 'order 7' },
		}),
	];
	const { id } = await api.createWorkflow({
		name: 'Voicemail',
		nodes: setUp,
		connections: chain(setUp),
	});
	await api.activate(id);
	const receiving = await stage.addWorkflow({
		parameters: { events: ['terminate', 'voicemail'], registration: 'app' },
	});
	expect((await fetch(`${stage.n8n.url}/webhook/voicemail`)).status).toBe(200);

	const call = stage.emulator.userTapsCallButton();
	call.leavesVoicemail = true;
	const { status } = await graph(stage.emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		action: 'reject',
		call_id: call.id,
	});
	expect(status).toBe(200);
	const executions = await api.waitForExecutions(receiving.id, 2);
	const items = executions.map((execution) => execution.items('Trigger')[0]);
	expect(items.map(({ json }) => [json.event, json.callId])).toEqual([
		['terminate', call.id],
		['voicemail', call.id],
	]);
	const [ended, left] = items;
	expect(ended.json).toMatchObject({ ctaPayload: 'order 7', answered: false });
	expect(left.json).toMatchObject({ recording: { verified: true } });
	const { channels } = await decodeAudio(await api.download(left.binary!.data));
	expect(channels.length).toBeGreaterThan(0);
});

describe('the operations for missed calls, invitations, statistics and deliveries', () => {
	const START = Date.parse('2026-11-10T12:00:00Z');
	const USER_ID = 'US.13491208655302741918';
	const phoneNumberId = { __rl: true, mode: 'id', value: NUMBER };
	let meta: Emulator;
	let credential: Awaited<ReturnType<Stage['credentialFor']>>;
	let workflows = 0;

	beforeAll(async () => {
		meta = await startMeta({ clockStart: START });
		credential = await stage.credentialFor(meta);
	});

	afterAll(async () => await meta?.stop());

	type Json = Record<string, unknown>;

	interface Input {
		body?: string;
		headers?: Record<string, string>;
	}

	/** Publishes a workflow that is one operation, sends a request to it, and gives its items. */
	async function run(parameters: Json, { body = '{}', headers }: Input = {}): Promise<Json[]> {
		const { api, url } = stage.n8n;
		const path = `operation-${++workflows}`;
		const file = parameters.operation === 'updateVoicemail';
		const nodes = [
			webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
				httpMethod: 'POST',
				path,
				responseMode: 'lastNode',
				responseData: 'allEntries',
				options: { rawBody: true },
			}),
			...(file
				? [node('File', ACTION_TYPE, 1, { resource: 'setup', operation: 'getSampleRecording' })]
				: []),
			node('Operation', ACTION_TYPE, 1, parameters, {
				onError: 'continueRegularOutput',
				credentials: using(credential),
			}),
		];
		const { id } = await api.createWorkflow({ name: path, nodes, connections: chain(nodes) });
		await api.activate(id);
		const response = await fetch(`${url}/webhook/${path}`, {
			method: 'POST',
			headers: { 'content-type': 'application/json', ...headers },
			body,
		});
		expect(response.status).toBe(200);
		return (await response.json()) as Json[];
	}

	/** As Meta signs it, sent nowhere. */
	function delivery(...updates: Parameters<Emulator['deliver']>[0]): Required<Input> {
		const options = { url: 'http://127.0.0.1:9/', redeliver: false };
		const { body, headers } = meta.deliver(updates, options).record;
		return { body, headers };
	}

	const button = (more: Json = {}) => ({
		resource: 'callButton',
		operation: 'send',
		phoneNumberId,
		to: '+1 408 555 1234',
		bodyText: 'Questions about your order?',
		buttonText: 'Call Us',
		options: { payload: 'order 7', ttlMinutes: 1440 },
		...more,
	});
	const link = (phoneNumber: string) => ({
		resource: 'callButton',
		operation: 'getLink',
		phoneNumber,
		payload: 'flyer 7',
	});
	const request = (more: Json = {}) => ({
		resource: 'permission',
		operation: 'request',
		phoneNumberId,
		to: '14085555678',
		...more,
	});
	const byTemplate = (templateName: string) =>
		request({
			sendAs: 'template',
			templateName,
			templateParameters: {
				parameter: [
					{ name: 'order', part: 'header', value: '7' },
					{ name: 'first_name', part: 'body', value: 'Ben' },
				],
			},
		});
	const statistics = (more: Json = {}) => ({
		resource: 'phoneNumber',
		operation: 'getCallStatistics',
		from: '2026-11-01T00:00:00Z',
		to: '2026-12-01T00:00:00Z',
		...more,
	});
	const voicemail = (more: Json = {}) => ({
		resource: 'phoneNumber',
		operation: 'updateVoicemail',
		phoneNumberId,
		...more,
	});
	const read = { resource: 'delivery', operation: 'read' };
	const messageId = expect.stringMatching(/^wamid\./) as string;

	it.each<[string, Json, Json]>([
		[
			'Call Button > Send',
			button(),
			{ to: PERSON, userId: USER_ID, messageId, phoneNumberId: NUMBER, payload: 'order 7' },
		],
		[
			'Call Button > Get Link',
			link('+44 20 7946 0958'),
			{
				link: 'https://wa.me/call/442079460958?biz_payload=flyer%207',
				phoneNumber: '442079460958',
				payload: 'flyer 7',
			},
		],
		[
			'Permission > Request, by template',
			byTemplate('call_permission_named'),
			{
				to: '14085555678',
				userId: 'US.20762481193605518247',
				messageId,
				phoneNumberId: NUMBER,
			},
		],
		[
			'Phone Number > Update Voicemail',
			voicemail({ triggers: ['TIMEOUT'], timeoutSeconds: 10 }),
			{
				phoneNumberId: NUMBER,
				success: true,
				voicemail: {
					status: 'ENABLED',
					triggers: ['TIMEOUT'],
					timeoutSeconds: 10,
					announcementMediaId: expect.stringMatching(/^\d+$/) as string,
				},
			},
		],
		[
			'Phone Number > Update Voicemail, to turn it off',
			voicemail({ status: 'DISABLED' }),
			{
				phoneNumberId: NUMBER,
				success: true,
				voicemail: {
					status: 'DISABLED',
					triggers: null,
					timeoutSeconds: null,
					announcementMediaId: null,
				},
			},
		],
	])('%s has the documented output', async (_, parameters, expected) => {
		expect(await run(parameters)).toEqual([expected]);
	});

	it('Phone Number > Get Call Statistics has the documented output', async () => {
		await answeredCall(meta, 30);
		expect(await run(statistics())).toEqual([
			{
				start: '2026-11-10T00:00:00.000Z',
				end: '2026-11-11T00:00:00.000Z',
				direction: 'USER_INITIATED',
				phoneNumber: null,
				country: null,
				calls: 1,
				averageDurationSeconds: 30,
				cost: 0,
				currency: 'EUR',
			},
		]);
	});

	it('Delivery > Read has the documented output', async () => {
		const audio = await readFile(DEFAULT_RECORDING);
		const recording = await meta.createRecording({
			mediaId: '1002764438271669',
			event: { timestamp: String(START / 1000) },
		});
		expect(await run(read, delivery(recording))).toEqual([
			{
				event: 'call_recording_available',
				timestamp: '2026-11-10T12:00:00.000Z',
				from: PERSON,
				to: null,
				contactName: null,
				displayPhoneNumber: '442079460958',
				recording: {
					durationSeconds: 20.605,
					channels: 2,
					fileName: 'call-recording-1002764438271669.ogg',
					sizeBytes: audio.length,
					mimeType: 'audio/ogg; codecs=opus',
					verified: true,
					availableUntil: '2026-11-17T12:00:00.000Z',
					mediaId: '1002764438271669',
					sha256: createHash('sha256').update(audio).digest('base64'),
				},
				direction: null,
				bizOpaqueCallbackData: null,
				contactUsername: null,
				callId: recording.callId,
				userId: USER_ID,
				parentUserId: 'US.ENT.11815799212886844830',
				phoneNumberId: NUMBER,
				businessAccountId: meta.account.businessAccountId,
			},
		]);
	});

	describe('the errors', () => {
		async function errorOf(parameters: Json, input?: Input): Promise<Json> {
			const [item, ...others] = await run(parameters, input);
			expect(others).toEqual([]);
			expect(Object.keys(item)).toEqual(['error']);
			return item.error as Json;
		}

		const CLOSED = 'The 24-hour window for messages to this person is closed';
		const BY_TEMPLATE = 'set Send As to Template in Permission > Request';
		const fail = (kind: 'account' | 'calls' | 'messages', errorCode: number) => () =>
			void meta.failNext(kind, { errorCode });

		it.each<[string, () => void, Json, string, string]>([
			['Call Button > Send', fail('messages', 131047), button(), CLOSED, BY_TEMPLATE],
			['Permission > Request', fail('messages', 131047), request(), CLOSED, BY_TEMPLATE],
			[
				'Permission > Request, by template',
				() => undefined,
				byTemplate('call_permission_plain'),
				'The parameters do not fit the message template',
				'one parameter for each placeholder',
			],
			[
				'Call > Start',
				fail('calls', 138013),
				{
					resource: 'call',
					operation: 'start',
					phoneNumberId,
					to: PERSON,
					sdp: makeSdp('offer'),
				},
				'This phone number cannot start calls',
				'operations Call Button > Send and Call Button > Get Link',
			],
			[
				'Phone Number > Update Voicemail',
				() => (meta.variants.voicemailAccess = 'none'),
				voicemail(),
				'WhatsApp did not accept the voicemail settings',
				'this account has no access to it yet: ask for it in the app dashboard',
			],
			[
				'Phone Number > Get Call Statistics',
				fail('account', 200),
				statistics(),
				'The access token lacks a permission',
				'whatsapp_business_management',
			],
			[
				'Call Button > Get Link',
				() => undefined,
				link(NUMBER),
				`"${NUMBER}" is a phone number ID, not a phone number`,
				'{{ $json.displayPhoneNumber }}',
			],
		])('%s says what went wrong, and what to do', async (_, arrange, parameters, title, remedy) => {
			arrange();
			const { message, description } = await errorOf(parameters);
			expect(message).toBe(title);
			expect(description).toContain(remedy);
		});

		it('Delivery > Read says what went wrong, and what to do', async () => {
			const { body, headers } = delivery(await meta.createRecording());
			const { message, description, reason } = await errorOf(read, { body: `${body}\n`, headers });
			expect([message, reason]).toEqual([
				'The signature does not match the body',
				'signatureInvalid',
			]);
			expect(description).toContain('nothing changes the body on its way');
		});
	});
});
