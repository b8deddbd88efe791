import { randomBytes } from 'node:crypto';
import { startEmulator, type Emulator } from '../../emulator';
import type { N8n, StoredCredential, StoredWorkflow } from '../../test/support/n8n';
import {
	credentialData,
	CREDENTIAL_TYPE,
	TRIGGER_TYPE,
	using,
	webhookNode,
} from '../../test/support/workflow';
import { example, EXAMPLE_FOLDER, EXAMPLE_NUMBER, replaceInParameters } from './examples';
import type { Step } from './steps';
import { TalkServer } from './talkServer';

const EXAMPLE_PAGE = 'https://phone.example.com/phone.html';
const EXAMPLE_CHAT = 'https://chat.example.com/your-webhook';
/** Of the node that takes calls of agents. */
const DIAL_TRIGGER = 'When an agent dials';

export interface TalkOptions {
	n8n: N8n;
	/** For recordings. */
	folder: string;
	/** Credential of the emulator that is left to the user. */
	credential: StoredCredential;
	/** IPv4 address of this machine for the sound of calls; undefined for 127.0.0.1. */
	mediaAddress: string | undefined;
	/** Takes what ends what was started. */
	onStarted(stop: () => Promise<void>): void;
}

/**
 * A published workflow that rings in a browser, and the page to talk on. It has an emulator, and so a Meta
 * app, of its own: an app has one webhook, and that of the other emulator stays free for the user.
 */
export class Talk {
	private emulator!: Emulator;
	private server!: TalkServer;
	private first!: StoredWorkflow;

	constructor(private readonly options: TalkOptions) {}

	get url(): string {
		return this.server.url;
	}

	/** The workflow that a newcomer begins with, in the editor. */
	get firstWorkflowUrl(): string {
		return `${this.options.n8n.url}/workflow/${this.first.id}`;
	}

	steps(): Step[] {
		return [
			{
				title: 'Start the page to talk on',
				limit: 30,
				run: async ({ result }) => {
					await this.startServers();
					result(`Page to talk to a customer at ${this.server.url}`);
				},
			},
			{
				title: 'Publish the workflow that rings in your browser',
				limit: 60,
				run: async ({ result }) => {
					const { name } = await this.publishPhone();
					result(`"${name}" is published`);
				},
			},
			{
				title: 'Create your first workflow',
				limit: 30,
				run: async ({ result }) => {
					this.first = await this.createFirst();
					result(`"${this.first.name}" is there, and not published: it is yours`);
				},
			},
		];
	}

	private readonly key = randomBytes(9).toString('base64url');

	private async startServers(): Promise<void> {
		const { folder, mediaAddress, onStarted } = this.options;
		this.emulator = await startEmulator({
			account: { appId: '670000000000002', appName: 'App of the demo' },
			recordingDelayMs: 1_000,
			pickUpAfterMs: 4_000,
			webRtc: { ...(mediaAddress !== undefined && { mediaAddress }) },
		});
		onStarted(async () => await this.emulator.stop());
		const { emulator, key } = this;
		this.server = await TalkServer.start({ emulator, folder, key, mediaAddress });
		onStarted(async () => await this.server.stop());
	}

	private async publishPhone(): Promise<StoredWorkflow> {
		const { n8n, folder } = this.options;
		const { api } = n8n;
		const credentials = [
			await api.createCredential({
				name: 'WhatsApp of the page to talk on',
				type: CREDENTIAL_TYPE,
				data: credentialData(this.emulator),
			}),
			await api.createCredential({
				name: 'Key of the page to talk on',
				type: 'httpHeaderAuth',
				data: { name: 'X-Phone-Key', value: this.key },
			}),
		];
		const [number] = this.emulator.account.phoneNumbers;
		const workflow = await api.importWorkflow(example('browser-phone/browser-phone.json'), {
			credentials,
			edit: (imported) => {
				replaceInParameters(imported, EXAMPLE_PAGE, this.server.phoneUrl);
				replaceInParameters(imported, EXAMPLE_CHAT, this.server.chatUrl);
				replaceInParameters(imported, EXAMPLE_FOLDER, folder);
				replaceInParameters(imported, EXAMPLE_NUMBER, number.id);
			},
		});
		await api.activate(workflow.id);
		const dial = workflow.nodes.find(({ name }) => name === DIAL_TRIGGER)?.parameters.path;
		if (typeof dial !== 'string') throw new Error(`The example has no node "${DIAL_TRIGGER}"`);
		this.server.connect({
			executions: `${n8n.url}/workflow/${workflow.id}/executions`,
			dial: `${n8n.url}/webhook/${dial}`,
		});
		return workflow;
	}

	private async createFirst(): Promise<StoredWorkflow> {
		const { n8n, credential } = this.options;
		const trigger = webhookNode(
			'WhatsApp Business Calling Trigger',
			TRIGGER_TYPE,
			1.1,
			{},
			{ credentials: using(credential) },
		);
		return await n8n.api.createWorkflow({
			name: 'My first recording',
			nodes: [trigger],
			connections: {},
		});
	}
}
