import type { INodeTypeDescription } from 'n8n-workflow';
import { makeSdp } from '../../emulator';
import { decodeAudio } from '../support/audio';
import { NUMBER } from '../support/constants';
import { graph } from '../support/graph';
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
import { startStage, type Stage } from '../support/stage';

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

it('takes the voicemail of a rejected call, and a call that came by a button', async () => {
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
