import { NUMBER, PERSON } from '../support/constants';
import { answeredCall } from '../support/graph';
import type { Execution, Item } from '../support/n8n';
import { ACTION_TYPE, node, to, using } from '../support/workflow';
import { startStage, type Stage } from '../support/stage';

jest.setTimeout(180_000);

const TOOL = 'WhatsApp';
/** n8n's node that runs a tool without a language model: the editor's "Execute step" on a tool. */
const EXECUTOR = 'PartialExecutionToolExecutor';
const phoneNumberId = { __rl: true, mode: 'id', value: NUMBER };

let stage: Stage;

beforeAll(async () => {
	stage = await startStage();
});

afterAll(async () => {
	await stage?.stop();
});

beforeEach(() => stage.emulator.forget());

/** What an agent may fill in, as n8n's editor writes it into a parameter. */
const fromAi = (key: string, type = 'string') =>
	`={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('${key}', \`\`, '${type}') }}`;

/** Calls the node as a tool, with what an agent would say. */
async function callTool(
	parameters: Record<string, unknown>,
	said: Record<string, unknown> = {},
): Promise<Execution> {
	const { api } = stage.n8n;
	const workflow = await api.createWorkflow({
		name: 'Agent with a tool',
		nodes: [
			node('Start', 'n8n-nodes-base.manualTrigger', 1),
			node('Agent', '@n8n/n8n-nodes-langchain.agent', 3),
			node(TOOL, `${ACTION_TYPE}Tool`, 1, parameters, { credentials: using(stage.credential) }),
		],
		connections: {
			Start: { main: [[to('Agent')]] },
			[TOOL]: { ai_tool: [[{ node: 'Agent', type: 'ai_tool', index: 0 }]] },
		},
	});
	await api.request('POST', `/rest/workflows/${workflow.id}/run`, {
		workflowData: await api.workflow(workflow.id),
		triggerToStartFrom: { name: 'Start' },
		destinationNode: { nodeName: TOOL, mode: 'inclusive' },
		agentRequest: { query: { [TOOL]: said }, tool: { name: TOOL } },
	});
	const [execution] = await api.waitForExecutions(workflow.id, 1);
	return execution;
}

/** The text that the agent would read. */
function answerOf(execution: Execution): string {
	expect(execution.error).toBeUndefined();
	const [item] = execution.items(EXECUTOR) as Array<Omit<Item, 'json'> & { json: unknown }>;
	expect(item.binary).toBeUndefined();
	return String(item.json);
}

describe('the action node as a tool of an agent', () => {
	it('n8n offers the action node as a tool, and not the trigger', async () => {
		const names = await stage.n8n.api.nodeTypeNames();
		const ours = names.filter((name) => name.startsWith('n8n-nodes-whatsapp-business-calling.'));
		expect(ours.toSorted()).toEqual([
			'n8n-nodes-whatsapp-business-calling.whatsAppBusinessCalling',
			'n8n-nodes-whatsapp-business-calling.whatsAppBusinessCallingTool',
			'n8n-nodes-whatsapp-business-calling.whatsAppBusinessCallingTrigger',
		]);
	});

	it('The tool answers whether the person that the agent names may be called', async () => {
		const execution = await callTool(
			{ resource: 'permission', operation: 'get', phoneNumberId, to: fromAi('To') },
			{ To: '+1 408 555 1234' },
		);
		const answer = JSON.parse(answerOf(execution)) as object[];
		expect(answer).toMatchObject([{ to: PERSON, status: 'permanent', canCall: true }]);
		expect(stage.emulator.requests).toMatchObject([{ query: { user_wa_id: PERSON } }]);
	});

	it('The tool lists the numbers and checks the setup in a few hundred characters each', async () => {
		const numbers = answerOf(await callTool({ resource: 'phoneNumber', operation: 'getMany' }));
		expect(JSON.parse(numbers)).toHaveLength(4);
		const check = answerOf(
			await callTool({ resource: 'setup', operation: 'check', phoneNumberId }),
		);
		expect(JSON.parse(check)).toContainEqual(
			expect.objectContaining({ id: 'token', status: 'ok' }),
		);
		expect(numbers.length + check.length).toBeLessThan(8_000);
	});

	it('The tool downloads a recording of megabytes, and describes it in a few words without its bytes', async () => {
		const recording = await stage.emulator.createRecording({ sizeBytes: 3_000_000 });
		const execution = await callTool(
			{ resource: 'recording', operation: 'download', mediaId: fromAi('Media_ID') },
			{ Media_ID: recording.mediaId },
		);
		const answer = answerOf(execution);
		expect(JSON.parse(answer)).toEqual([
			expect.objectContaining({
				mediaId: recording.mediaId,
				sizeBytes: 3_000_000,
				sha256: recording.media.sha256Base64,
				verified: true,
			}),
		]);
		expect(answer.length).toBeLessThan(1_000);
	});

	it('The tool gives the text of a transcript', async () => {
		const { mediaId } = await stage.emulator.createRecording({ transcript: true });
		const answer = answerOf(
			await callTool({ resource: 'transcription', operation: 'download', mediaId }),
		);
		const [{ transcript }] = JSON.parse(answer) as Array<{ transcript: { text: string } }>;
		expect(transcript.text).toContain('[Business]');
	});

	it("The tool sends a call button with the agent's text, and creates a link", async () => {
		const sent = await callTool(
			{
				resource: 'callButton',
				operation: 'send',
				phoneNumberId,
				to: fromAi('To'),
				bodyText: fromAi('Message'),
				options: { payload: fromAi('Payload') },
			},
			{ To: PERSON, Message: 'Call us', Payload: 'order 7' },
		);
		expect(JSON.parse(answerOf(sent))).toMatchObject([{ to: PERSON, payload: 'order 7' }]);
		expect(stage.emulator.userTapsCallButton()).toMatchObject({ ctaPayload: 'order 7' });

		const made = await callTool(
			{ resource: 'callButton', operation: 'getLink', phoneNumber: fromAi('Phone_Number') },
			{ Phone_Number: '+44 20 7946 0958' },
		);
		expect(JSON.parse(answerOf(made))).toMatchObject([{ link: 'https://wa.me/call/442079460958' }]);
	});

	it('The tool asks for permission with a template, for which the agent chooses the values', async () => {
		const execution = await callTool(
			{
				resource: 'permission',
				operation: 'request',
				phoneNumberId,
				to: fromAi('To'),
				sendAs: 'template',
				templateName: 'call_permission',
				templateParameters: {
					parameter: [
						{ part: 'body', value: fromAi('First_Name') },
						{ part: 'body', value: fromAi('Order') },
					],
				},
			},
			{ To: '14085555678', First_Name: 'Ben', Order: '7' },
		);
		expect(JSON.parse(answerOf(execution))).toMatchObject([{ to: '14085555678' }]);
		const [{ body }] = stage.emulator.requests;
		expect(body).toMatchObject({
			template: { components: [{ parameters: [{ text: 'Ben' }, { text: '7' }] }] },
		});
	});

	it('The tool counts the calls of a period, and turns voicemail off', async () => {
		await answeredCall(stage.emulator, 30, { from: '14085555678' });
		const counted = await callTool(
			{
				resource: 'phoneNumber',
				operation: 'getCallStatistics',
				from: fromAi('From'),
				granularity: 'MONTHLY',
			},
			{ From: '2026-01-01' },
		);
		expect(JSON.parse(answerOf(counted))).toMatchObject([
			{ direction: 'USER_INITIATED', calls: 1, averageDurationSeconds: 30 },
		]);
		const off = await callTool({
			resource: 'phoneNumber',
			operation: 'updateVoicemail',
			phoneNumberId,
			status: 'DISABLED',
		});
		expect(JSON.parse(answerOf(off))).toMatchObject([{ voicemail: { status: 'DISABLED' } }]);
	});

	it('The tool tells the agent what went wrong and what to do', async () => {
		const { error } = await callTool(
			{ resource: 'permission', operation: 'get', phoneNumberId, to: fromAi('To') },
			{ To: 'Ana' },
		);
		expect(error?.message).toContain('"Ana" is not a phone number');
		expect(error?.message).toContain('country code');
		expect(stage.emulator.requests).toEqual([]);
	});

	it('The tool tells the agent what Meta said, without token or secret', async () => {
		const { accessToken, appSecret } = stage.emulator.account;
		stage.emulator.failNext('messages', { errorCode: 138009 });
		const execution = await callTool({
			resource: 'permission',
			operation: 'request',
			phoneNumberId,
			to: PERSON,
		});
		expect(execution.error?.message).toContain('Too many call permission requests to this person');
		const everything = JSON.stringify(execution.nodes) + JSON.stringify(execution.error);
		expect(everything).not.toContain(accessToken);
		expect(everything).not.toContain(appSecret);
	});
});
