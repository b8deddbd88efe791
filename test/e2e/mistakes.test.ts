import { makeSdp, startEmulator, type Emulator } from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { N8nApiError } from '../support/n8nClient';
import {
	ACTION_TYPE,
	chain,
	credentialData,
	CREDENTIAL_TYPE,
	node,
	using,
	webhookNode,
} from '../support/workflow';
import { startStage, TRIGGER, type Stage } from '../support/stage';

jest.setTimeout(180_000);

let stage: Stage;

beforeAll(async () => {
	stage = await startStage();
});

afterAll(async () => {
	await stage?.stop();
});

/** A Meta of its own for each test, because an app has one webhook. */
async function withMeta(work: (emulator: Emulator) => Promise<void>): Promise<void> {
	const emulator = await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [] });
	try {
		await work(emulator);
	} finally {
		await emulator.stop();
	}
}

const credentialWith = async (emulator: Emulator, fields: Record<string, string>) =>
	await stage.n8n.api.createCredential({
		name: `WhatsApp ${JSON.stringify(fields)}`,
		type: CREDENTIAL_TYPE,
		data: { ...credentialData(emulator), ...fields },
	});

const AN_APP =
	/Meta did not accept the App ID and App Secret\. Copy both .*The access token is not the cause/;

interface Mistake {
	/** Of the credential. */
	fields?: Record<string, string>;
	/** Of the trigger. */
	parameters?: Record<string, unknown>;
	meta?: (emulator: Emulator) => Promise<void> | void;
	shown: RegExp;
}

const MISTAKES: Record<string, Mistake> = {
	'a wrong access token': {
		fields: { accessToken: 'EAAwrong' },
		shown: /did not accept the access token\. .*Generate a new token/,
	},
	'a wrong app secret': { fields: { appSecret: 'f'.repeat(32) }, shown: AN_APP },
	'the ID of another app': { fields: { appId: '999' }, shown: AN_APP },
	'the ID of another account': {
		fields: { businessAccountId: NUMBER },
		shown: /Meta does not know this ID, .*\. Check WhatsApp Business Account ID/,
	},
	'a typo in the API version': {
		fields: { apiVersion: 'v2 6.0' },
		shown: /Correct the WhatsApp Business Calling credential: API Version must look like v26\.0/,
	},
	'an API version that Meta no longer has': {
		fields: { apiVersion: 'v12.0' },
		shown: /API Version is too old, and Meta no longer has it: use v26\.0/,
	},
	'an API version that does not exist': {
		fields: { apiVersion: 'v99.0' },
		shown: /Check API Version in the credential/,
	},
	'no number, with the registration of numbers': {
		parameters: { registration: 'phoneNumber' },
		shown: /No phone number is chosen\. Choose at least one/,
	},
	'a number of another account': {
		parameters: { registration: 'phoneNumber', phoneNumberIds: ['999'] },
		shown: /"999" is not a phone number of this .*\. Choose another one/,
	},
	'no verify token, with manual registration': {
		parameters: { registration: 'manual' },
		shown: /Verify Token is empty\. Enter any long, random text/,
	},
	'no permission of the token': {
		meta: (emulator) => {
			emulator.account.tokenScopes = ['whatsapp_business_messaging'];
		},
		shown: /The access token lacks a permission\. Give the system user the permissions/,
	},
	'the webhook of another system': {
		meta: (emulator) => emulator.presetSubscription('https://crm.example.com/hook', ['messages']),
		shown:
			/another URL: https:\/\/crm\.example\.com\/hook\. Set the option "If Another Webhook Exists"/,
	},
	'no verify token for the webhook to take over': {
		meta: (emulator) => emulator.presetSubscription('https://crm.example.com/hook', ['messages']),
		parameters: { options: { onOtherWebhook: 'takeOverAndForward' } },
		shown:
			/token of the other webhook is missing, .* Enter it in the option "Other Webhook Verify Token"/,
	},
	'the webhook of another workflow of this n8n': {
		meta: async (emulator) => {
			const path = crypto.randomUUID();
			const other = webhookNode('Other', 'n8n-nodes-base.webhook', 2, { path });
			const { id } = await stage.n8n.api.createWorkflow({
				name: 'Another workflow',
				nodes: [other],
				connections: {},
			});
			await stage.n8n.api.activate(id);
			emulator.presetSubscription(`${stage.n8n.url}/webhook/${path}`, ['messages']);
		},
		shown:
			/another workflow in this n8n\. Unpublish that workflow, or set the option "If Another Webhook/,
	},
};

describe('the text that n8n shows about a mistake', () => {
	it.each(Object.entries(MISTAKES))('The text about %s says what to do', async (_, mistake) => {
		await withMeta(async (emulator) => {
			const { fields = {}, parameters = {}, meta, shown } = mistake;
			const credential = await credentialWith(emulator, fields);
			await meta?.(emulator);
			const { id } = await stage.addWorkflow({ credential, parameters, activate: false });

			// Publishing: the only text that the editor has is the trigger's `errorMessage`.
			await expect(stage.n8n.api.activate(id)).rejects.toThrow(shown);
			const { triggers } = await stage.n8n.api.publicationStatus(id);
			expect(triggers.map(({ errorMessage }) => errorMessage)).toEqual([
				expect.stringMatching(shown),
			]);

			// Execute step: the toast shows the message of the answer.
			const answer = await stage.n8n.api
				.listenForTestEvent(id, TRIGGER)
				.catch((error: N8nApiError) => error.message);
			expect(answer).toContain(JSON.stringify(triggers[0].errorMessage).slice(1, 200));
		});
	});
});

interface ActionMistake {
	resource: string;
	operation: string;
	parameters?: Record<string, unknown>;
	/** Prepares Meta; gives parameters that depend on it. */
	meta?: (emulator: Emulator) => Record<string, unknown> | void;
	/** Title and text of the error, with a line break between them. */
	shown: RegExp;
}

const START = { resource: 'call', operation: 'start' };
const ACCEPT = { resource: 'call', operation: 'accept' };

const ACTION_MISTAKES: Record<string, ActionMistake> = {
	"WhatsApp's offer, pasted as the answer": {
		...ACCEPT,
		meta: (emulator) => {
			const { id, sdp } = emulator.userCalls();
			return { callId: id, sdp };
		},
		shown: /^This is WhatsApp's own offer, not an answer\n.*enter the answer that it returns/,
	},
	'something else than an SDP': {
		...START,
		parameters: { sdp: 'sip:agent@example.com' },
		shown: /^The SDP offer cannot be used\n.*starts with v=0/,
	},
	'a person who did not allow calls': {
		...START,
		meta: (emulator) => void emulator.setPermission(PERSON, 'no_permission'),
		shown: /^This person has not given permission to be called\nAsk for permission first/,
	},
	'a number without its country code': {
		...START,
		parameters: { to: '(408) 555-1234' },
		shown: /\n.*country code/,
	},
	'no person to call': { ...START, parameters: { to: '' }, shown: /^No recipient: fill in To or/ },
	'a business number that cannot start calls': {
		...START,
		meta: (emulator) => {
			emulator.account.phoneNumbers[0].displayPhoneNumber = '+1 408 555 0100';
		},
		shown: /^This phone number cannot start calls\n.*country code.*invite people to call you/,
	},
	'a number with calling turned off': {
		...START,
		meta: (emulator) => {
			emulator.account.phoneNumbers[0].callingEnabled = false;
		},
		shown: /^Calling is not turned on for this phone number\nTurn on calling in WhatsApp Manager/,
	},
	'a recorded call without a purpose': {
		...START,
		parameters: { recordCall: true, recordingPurpose: '' },
		shown: /purpose.*\n.*[Ee]nter/i,
	},
	'a call that does not exist': {
		...ACCEPT,
		parameters: { callId: 'wacid.HBgLMTQwODU1NTEyMzQA', sdp: makeSdp('answer') },
		shown: /\n.*take the call ID and the phone number from the same event/i,
	},
	'a call ID that is none': {
		...ACCEPT,
		parameters: { callId: 'abc', sdp: makeSdp('answer') },
		shown: /^"abc" is not a call ID\nCall IDs start with "wacid\."/,
	},
	'a media ID that is none': {
		resource: 'recording',
		operation: 'download',
		parameters: { mediaId: 'abc' },
		shown: /^"abc" is not a media ID\nMedia IDs are long numbers.* Take the ID from the trigger's/,
	},
	'a file that Meta has deleted': {
		resource: 'recording',
		operation: 'download',
		parameters: { mediaId: '123456789012345' },
		shown: /^The file is no longer available at Meta\n.*7 days/,
	},
	'a permission request after the 24 hours': {
		resource: 'permission',
		operation: 'request',
		parameters: { messageText: 'May we call you?' },
		meta: (emulator) => void emulator.failNext('messages', { errorCode: 131047 }),
		shown: /^The 24-hour window .* is closed\nWait until .*set Send As to Template/,
	},
	'a test recording without the URL of a trigger': {
		resource: 'setup',
		operation: 'sendTestRecording',
		shown: /^The URL of the trigger is missing\nCopy it from the trigger/,
	},
};

describe('the text that the panel of the action node shows about a mistake', () => {
	/** Runs one operation, and gives what the editor shows. */
	async function run(
		emulator: Emulator,
		{ resource, operation, parameters, meta }: Omit<ActionMistake, 'shown'>,
	) {
		const { api } = stage.n8n;
		const start = node('Start', 'n8n-nodes-base.manualTrigger', 1);
		const defaults = {
			phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
			...(resource !== 'recording' && { to: PERSON }),
			...(operation === 'start' && { sdp: makeSdp('offer') }),
		};
		const action = node(
			'Action',
			ACTION_TYPE,
			1,
			{ resource, operation, ...defaults, ...parameters, ...meta?.(emulator) },
			{ credentials: using(await stage.credentialFor(emulator)) },
		);
		const { id } = await api.createWorkflow({
			name: `${resource} ${operation}`,
			nodes: [start, action],
			connections: chain([start, action]),
		});
		await api.request('POST', `/rest/workflows/${id}/run`, {
			workflowData: await api.workflow(id),
			triggerToStartFrom: { name: 'Start' },
		});
		const [execution] = await api.waitForExecutions(id, 1);
		return execution.nodes.Action[0];
	}

	it.each(Object.entries(ACTION_MISTAKES))(
		'The title and text about %s say what to do',
		async (_, { shown, ...mistake }) => {
			await withMeta(async (emulator) => {
				const { error } = await run(emulator, mistake);
				expect(`${error?.message}\n${error?.description}`).toMatch(shown);
			});
		},
	);

	it('Setup > Check names the test URL before everything else, although the app has no webhook', async () => {
		await withMeta(async (emulator) => {
			const { data } = await run(emulator, {
				resource: 'setup',
				operation: 'check',
				parameters: { triggerUrl: `${stage.n8n.url}/webhook-test/${crypto.randomUUID()}/webhook` },
			});
			const [first, second] = data!.main![0]!.map(({ json }) => json);
			expect(first).toMatchObject({
				name: 'Calls reach this workflow',
				found: expect.stringContaining('is a test URL') as string,
				whatToDo: expect.stringMatching(/^Replace it .*Production URL\.$/) as string,
			});
			expect(second).toMatchObject({ found: 'The app has no webhook' });
		});
	});
});

describe("the credential's test", () => {
	it.each<[string, Record<string, string>, RegExp]>([
		['a wrong access token', { accessToken: 'EAAwrong' }, /access token\. Generate/],
		[
			'a wrong app secret',
			{ appSecret: 'f'.repeat(32) },
			/App Secret for this access token\. Copy/,
		],
		['a number as the account', { businessAccountId: NUMBER }, /no WhatsApp Business account/],
		[
			'an API version that Meta no longer has',
			{ apiVersion: 'v12.0' },
			/API Version: it is too old/,
		],
		['no answer of the Graph API', { baseUrl: 'http://127.0.0.1:9' }, /ECONNREFUSED/],
	])("The credential's test names %s", async (_, fields, message) => {
		const credential = await credentialWith(stage.emulator, fields);
		expect(await stage.n8n.api.testCredential(credential)).toEqual({
			status: 'Error',
			message: expect.stringMatching(message) as string,
		});
	});

	it("The credential's test names a missing permission, and does not take a proxy's page for a success", async () => {
		await withMeta(async (emulator) => {
			const credential = await stage.credentialFor(emulator);
			emulator.failNext('phoneNumbers', { status: 200, body: '<html>' });
			expect(await stage.n8n.api.testCredential(credential)).toMatchObject({
				status: 'Error',
				message: expect.stringContaining('Check Base URL') as string,
			});
			emulator.account.tokenScopes = [];
			expect(await stage.n8n.api.testCredential(credential)).toMatchObject({
				status: 'Error',
				message: expect.stringContaining('lacks a permission') as string,
			});
		});
	});

	it("The credential's test passes for an app that requires a proof of the app secret, and so do publishing and receiving", async () => {
		await withMeta(async (emulator) => {
			emulator.account.requiresAppSecret = true;
			const credential = await stage.credentialFor(emulator);
			expect(await stage.n8n.api.testCredential(credential)).toMatchObject({ status: 'OK' });
			const { id } = await stage.addWorkflow({ credential });
			await emulator.deliver([await emulator.createRecording({})]).answer;
			const [execution] = await stage.n8n.api.waitForExecutions(id, 1);
			expect(execution.items(TRIGGER)[0].json).toMatchObject({ recording: { verified: true } });
			await stage.n8n.api.deactivate(id);
		});
	});
});

describe('Send Test Recording', () => {
	/** A workflow that runs the operation whenever it is called, and gives its item. */
	async function sender(emulator: Emulator): Promise<(triggerUrl: string) => Promise<unknown>> {
		const path = crypto.randomUUID();
		const nodes = [
			webhookNode('Webhook', 'n8n-nodes-base.webhook', 2, {
				httpMethod: 'POST',
				path,
				responseMode: 'lastNode',
			}),
			node(
				'Send',
				ACTION_TYPE,
				1,
				{
					resource: 'setup',
					operation: 'sendTestRecording',
					phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
					triggerUrl: '={{ $json.body.url }}',
				},
				{ credentials: using(await stage.credentialFor(emulator)) },
			),
		];
		const { id } = await stage.n8n.api.createWorkflow({
			name: path,
			nodes,
			connections: chain(nodes),
		});
		await stage.n8n.api.activate(id);
		return async (url) => {
			const response = await fetch(`${stage.n8n.url}/webhook/${path}`, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ url }),
			});
			return await response.json();
		};
	}

	it('A test recording goes through Meta to a published trigger, and to one that listens', async () => {
		await withMeta(async (emulator) => {
			const send = await sender(emulator);
			const credential = await stage.credentialFor(emulator);
			const workflow = await stage.addWorkflow({ credential });
			const result = (await send(workflow.url)) as Record<string, unknown>;
			expect(result).toMatchObject({ status: 'ok', httpStatus: 200 });
			const [execution] = await stage.n8n.api.waitForExecutions(workflow.id, 1);
			const [item] = execution.items(TRIGGER);
			expect(item.json).toMatchObject({
				callId: result.callId,
				bizOpaqueCallbackData: 'test recording',
				recording: { verified: true, mediaId: result.mediaId, sizeBytes: result.sizeBytes },
			});
			expect((await stage.n8n.api.download(item.binary!.data)).length).toBe(result.sizeBytes);

			await stage.n8n.api.listenForTestEvent(workflow.id, TRIGGER);
			expect(await send(workflow.testUrl)).toMatchObject({ status: 'ok' });
			await stage.n8n.api.waitForExecutions(workflow.id, 2);

			await stage.n8n.api.deactivate(workflow.id);
			expect(await send(workflow.url)).toMatchObject({
				status: 'needs attention',
				found: expect.stringContaining('404') as string,
				whatToDo: expect.stringMatching(/^Publish the workflow/) as string,
			});
			expect(await send(workflow.testUrl)).toMatchObject({ status: 'needs attention' });
		});
	});
});
