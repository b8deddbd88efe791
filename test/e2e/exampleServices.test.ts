import { readFile } from 'node:fs/promises';
import { DEFAULT_RECORDING, type Emulator } from '../../emulator';
import type { StoredCredential } from '../support/n8n';
import {
	aWhileAgo,
	openExamples,
	type Examples,
	type Installed,
	type Service,
} from './exampleStage';
import { MailServer } from './mailServer';
import { WebHosts } from './webHosts';

jest.setTimeout(60_000);

const SAMPLE = 'Try it with a sample';

let hosts: WebHosts;
let examples: Examples;
let audio: Buffer;

beforeAll(async () => {
	audio = await readFile(DEFAULT_RECORDING);
	hosts = await WebHosts.start();
	examples = await openExamples({
		...hosts.env,
		N8N_SKIP_AUTH_ON_OAUTH_CALLBACK: 'true',
	});
}, 180_000);

afterAll(async () => {
	await examples?.close();
	await hosts?.stop();
});

/** What an operator does in the window that "Sign in with Google" opens. */
async function signIn(credential: StoredCredential): Promise<void> {
	const { api, url } = examples.stage.n8n;
	const page = await api.request<string>('GET', `/rest/oauth2-credential/auth?id=${credential.id}`);
	const state = new URL(page).searchParams.get('state') ?? '';
	const query = new URLSearchParams({ code: 'a-code', state });
	const response = await fetch(`${url}/rest/oauth2-credential/callback?${query.toString()}`);
	expect({ status: response.status, body: await response.text() }).toMatchObject({ status: 200 });
}

describe('the example recording-to-google-drive', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let google: Service;
	let drive: Service;
	let slack: Service;
	let slackIsDown = false;
	let driveIsDown = false;

	const uploads = () => drive.received.filter(({ method }) => method === 'PUT');
	/** Names and folders of the files, as they were announced. */
	const files = () =>
		drive.received
			.filter(({ method, path }) => method === 'POST' && path.includes('uploadType=resumable'))
			.map(({ raw }) => JSON.parse(raw.toString()) as Record<string, unknown>);
	const messages = () => slack.messages.map(({ channel, text }) => ({ channel, text }));

	beforeAll(async () => {
		const own = await examples.meta({ redeliveryDelaysMs: [100, 100, 100] });
		emulator = own.emulator;
		google = await examples.service(() => ({
			body: { access_token: 'a-token', token_type: 'Bearer', expires_in: 3600, refresh_token: 'r' },
		}));
		drive = await examples.service(({ method }) => {
			if (method === 'POST' && driveIsDown) return { status: 503 };
			const headers = { location: 'https://www.googleapis.com/upload/session' };
			return method === 'POST' ? { headers } : { body: { id: 'file-1' } };
		});
		slack = await examples.service(() =>
			slackIsDown ? { status: 503 } : { body: { ok: true, ts: '1.1', channel: 'C1' } },
		);
		Object.assign(hosts.services, {
			'oauth2.googleapis.com': google,
			'www.googleapis.com': drive,
			'slack.com': slack,
		});
		const { api } = examples.stage.n8n;
		const driveAccount = await api.createCredential({
			name: 'Google Drive',
			type: 'googleDriveOAuth2Api',
			data: { clientId: 'client', clientSecret: 'not a secret' },
		});
		await signIn(driveAccount);
		const slackAccount = await api.createCredential({
			name: 'Slack',
			type: 'slackApi',
			data: { accessToken: 'xoxb-not-a-token' },
		});
		workflow = await examples.install(
			'recording-to-google-drive',
			[own.credential, driveAccount, slackAccount],
			{ '#call-recordings': '#recordings' },
		);
	});

	it('The workflow stores a recording under the name in its item, and tells the team without markup and links from outside', async () => {
		const recording = await emulator.createRecording();
		recording.update.value.contacts = [
			{ wa_id: recording.event.from, profile: { name: '<!channel> https://bit.ly/x Ana' } },
		];
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.error).toBeUndefined();
		const [item] = execution.items('When a recording is ready');
		const { fileName } = item.json.recording as { fileName: string };
		expect(files()).toEqual([expect.objectContaining({ name: fileName, parents: ['root'] })]);
		expect(uploads().map(({ raw }) => raw.equals(audio))).toEqual([true]);
		expect(drive.received.map(({ headers }) => headers.authorization)).toContain('Bearer a-token');
		expect(messages()).toEqual([
			{
				channel: '#recordings',
				text: expect.stringMatching(
					/^New call recording: !channel Ana, \d+ seconds\nhttps:\/\/drive.google.com\/file\/d\/file-1\/view$/,
				) as string,
			},
		]);
		expect(slack.received[0].headers.authorization).toBe('Bearer xoxb-not-a-token');
	});

	it('The workflow stores a recording only once although Slack is down, and again after Google Drive was down', async () => {
		const before = uploads().length;
		slackIsDown = true;
		const first = await emulator.deliver([await emulator.createRecording()]).settled;
		slackIsDown = false;
		expect(first.attempts.map(({ status }) => status)).toEqual([200]);
		const [stored] = await workflow.next();
		expect(stored.status).toBe('success');
		expect(uploads()).toHaveLength(before + 1);

		driveIsDown = true;
		const delivery = emulator.deliver([await emulator.createRecording()]);
		expect((await delivery.answer).status).toBe(500);
		driveIsDown = false;
		await delivery.settled;
		const [failed, repeated] = await workflow.next(2);
		expect([failed.status, repeated.status]).toEqual(['error', 'success']);
		expect(uploads()).toHaveLength(before + 2);
	});

	it('The workflow tells the team why there is no audio', async () => {
		const before = uploads().length;
		const recording = await emulator.createRecording(aWhileAgo());
		emulator.deleteMedia(recording.mediaId);
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.status).toBe('success');
		expect(messages().at(-1)!.text).toContain(`(${recording.callId}): `);
		expect(uploads()).toHaveLength(before);
	});

	it('The workflow can be tried with a sample, without a call', async () => {
		const before = uploads().length;
		const execution = await workflow.run(SAMPLE);
		expect(execution.error).toBeUndefined();
		const [upload] = uploads().slice(before);
		expect(upload.raw.subarray(0, 4).toString()).toBe('OggS');
		expect(messages().at(-1)!.text).toContain('New call recording: Sample Person');
	});
});

describe('the example transcript-to-summary-email', () => {
	let emulator: Emulator;
	let workflow: Installed;
	let openAi: Service;
	let mail: MailServer;
	let modelIsDown = false;

	/** The text of a message, as people read it. */
	const textOf = (message: string) =>
		message
			.replace(/=\r\n/g, '')
			.replace(/((?:=[0-9A-F]{2})+)/g, (bytes) =>
				Buffer.from(bytes.replaceAll('=', ''), 'hex').toString(),
			);

	beforeAll(async () => {
		const own = await examples.meta({ redeliveryDelaysMs: [100, 100, 100] });
		emulator = own.emulator;
		mail = await new MailServer().start();
		openAi = await examples.service(() => {
			const status = modelIsDown ? 503 : 200;
			modelIsDown = false;
			const content = [{ type: 'output_text', text: '- They agreed on Tuesday.' }];
			return { status, body: { output: [{ type: 'message', role: 'assistant', content }] } };
		});
		const { api } = examples.stage.n8n;
		const openAiAccount = await api.createCredential({
			name: 'OpenAI',
			type: 'openAiApi',
			data: { apiKey: 'a-key', url: `${openAi.url}/v1`, header: false },
		});
		const mailAccount = await api.createCredential({
			name: 'Mail',
			type: 'smtp',
			data: {
				user: '',
				password: '',
				host: '127.0.0.1',
				port: mail.port,
				secure: false,
				disableStartTls: true,
				hostName: '',
			},
		});
		workflow = await examples.install(
			'transcript-to-summary-email',
			[own.credential, openAiAccount, mailAccount],
			{ 'calls@example.com': 'calls@shop.test', 'team@example.com': 'team@shop.test' },
		);
	});

	afterAll(async () => await mail?.stop());

	it('The workflow sends one email with the summary and the transcript, although the model failed at first', async () => {
		const transcript = await emulator.createRecording({ transcript: true });
		modelIsDown = true;
		const { attempts } = await emulator.deliver([transcript]).settled;
		expect(attempts.map(({ status }) => status)).toEqual([500, 200]);
		const [failed, execution] = await workflow.next(2);
		expect([failed.status, execution.status]).toEqual(['error', 'success']);
		const [item] = execution.items('When a transcript is ready');
		const { text } = (item.json.transcription as { transcript: { text: string } }).transcript;

		const request = openAi.messages.at(-1)!;
		expect(openAi.received.at(-1)).toMatchObject({ method: 'POST', path: '/v1/responses' });
		expect(openAi.received.at(-1)!.headers.authorization).toBe('Bearer a-key');
		const [instructions, prompt] = request.input as Array<Record<string, unknown>>;
		expect(instructions.role).toBe('system');
		expect(JSON.stringify(instructions)).not.toContain(text);
		expect(JSON.stringify(prompt)).toContain(JSON.stringify(text).slice(1, -1));

		expect(mail.messages).toHaveLength(1);
		const message = textOf(mail.messages[0]);
		expect(message).toContain('From: calls@shop.test');
		expect(message).toContain('To: team@shop.test');
		expect(message).toContain('- They agreed on Tuesday.');
		expect(message).toContain(transcript.callId);
		expect(message.replace(/\s+/g, ' ')).toContain(text.replace(/\s+/g, ' '));
	});

	it('The workflow reports a transcript that cannot be had', async () => {
		const before = openAi.received.length;
		const transcript = await emulator.createRecording({ transcript: true, ...aWhileAgo() });
		emulator.deleteMedia(transcript.mediaId);
		expect((await emulator.deliver([transcript]).answer).status).toBe(200);
		const [execution] = await workflow.next();
		expect(execution.error).toBeUndefined();
		expect(openAi.received).toHaveLength(before);
		expect(textOf(mail.messages.at(-1)!)).toContain('Subject: No transcript of the call with');
	});

	it('The workflow can be tried with a sample, without a call', async () => {
		const execution = await workflow.run(SAMPLE);
		expect(execution.error).toBeUndefined();
		const message = textOf(mail.messages.at(-1)!);
		expect(message).toContain('Subject: Call with Sample Person');
		expect(message).toContain('this is a sample recording');
	});
});
