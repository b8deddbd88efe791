import { createHash } from 'node:crypto';
import { mkdtemp, realpath, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { NUMBER } from '../constants';
import type { Call, Emulator } from '../../../emulator';
import type { CallMedia } from '../../../emulator/rtc/callMedia';
import type { WebRtcOptions } from '../../../emulator/rtc';
import { decodeAudio, packetsOf } from '../audio';
import { change, exampleFile } from '../examples';
import {
	startN8nWithPackage,
	type Execution,
	type N8n,
	type StartOptions,
	type StoredCredential,
	type WorkflowNode,
} from '../n8n';
import { poll, sleep } from '../processes';
import { credentialData, CREDENTIAL_TYPE, using } from '../workflow';
import { startMeta } from '../stage';
import { Agent, launchBrowser, type Surroundings } from './agent';
import { TryOut } from './tryOut';

/** Each side of these short calls has one or two seconds of speech; silence, noise and a tick have none. */
const SPEECH_SECONDS = 0.3;
export const KEY = 'the key of the agents';

/** What stands in the example for things of the operator. */
type Changes = Record<string, string>;

/** What else is changed; `key` is how a node refers to the credential with the agents' key. */
export type Edit = (nodes: WorkflowNode[], key: WorkflowNode['credentials']) => void;

/** The n8n that the example runs in. Its webhooks are below `url`. */
export interface Host extends Pick<N8n, 'api' | 'log' | 'stop' | 'url'> {
	/** Where phone.html is, unless it has a web space of its own. */
	pageUrl?: string;
}

/** A single process of n8n, whose workflows may write to the folder. */
export async function startHost(
	folder: string,
	options: Pick<StartOptions, 'version' | 'env'> = {},
): Promise<Host> {
	return await startN8nWithPackage({ ...options, allowedFolders: [folder] });
}

/** What the README says for an n8n whose addresses of waiting executions can be guessed. */
export const withKey: Edit = (nodes, key) => {
	for (const node of nodes) {
		const { name, parameters, type } = node;
		const isWait = type === 'n8n-nodes-base.wait';
		if (isWait) parameters.incomingAuthentication = 'headerAuth';
		if (name === 'Pass it on') {
			Object.assign(parameters, {
				authentication: 'genericCredentialType',
				genericAuthType: 'httpHeaderAuth',
			});
		}
		if (isWait || name === 'Pass it on') node.credentials = key;
	}
};

/** A real n8n with the example, the emulator as WhatsApp, the agents' chat, and a web space with the page. */
export class PhoneStage {
	/** Where recordings are saved. */
	folder!: string;
	voice!: Buffer[];
	emulator!: Emulator;
	workflow!: string;
	dialUrl!: string;
	n8n!: Host;
	private tryOut!: TryOut;
	private credentials!: StoredCredential[];
	private readonly browsers: Browser[] = [];
	private readonly agents: Agent[] = [];

	/** @param parent folder that the workflows may write to */
	constructor(private readonly parent = tmpdir()) {}

	async start(start: (folder: string) => Promise<Host> = startHost): Promise<void> {
		this.folder = await realpath(await mkdtemp(join(this.parent, 'phone-')));
		this.tryOut = await TryOut.start();
		this.n8n = await start(this.folder);
		this.dialUrl = `${this.n8n.url}/webhook/call-from-browser`;
		await this.startMeta();
	}

	get pageUrl(): string {
		return this.n8n.pageUrl ?? this.tryOut.pageUrl;
	}

	/** A WhatsApp, and the example published for it. */
	async startMeta(webRtc: WebRtcOptions = {}, edit: Edit = () => {}): Promise<void> {
		await this.startWhatsApp(webRtc);
		this.workflow = await this.publish(
			exampleFile('browser-phone/browser-phone'),
			{ ...this.changes, ...this.chatChanges },
			edit,
		);
	}

	private get chatChanges(): Changes {
		return {
			'https://phone.example.com/phone.html': this.pageUrl,
			'https://chat.example.com/your-webhook': this.tryOut.chatUrl,
		};
	}

	/** What an operator changes in each example that places and records calls. */
	protected get changes(): Changes {
		return { '/home/node/.n8n-files': this.folder, '106540352242922': NUMBER };
	}

	protected async startWhatsApp(webRtc: WebRtcOptions = {}): Promise<void> {
		// A second of announcement and three of talk.
		const announcement = (await packetsOf('test/fixtures/audio/announcement.ogg')).slice(5, 55);
		this.voice = (await packetsOf('test/fixtures/audio/user.ogg')).slice(5, 155);
		this.emulator = await startMeta({
			webRtc: { announcement, voice: this.voice, ...webRtc },
		});
		const key = await this.n8n.api.createCredential({
			name: 'Browser phone key',
			type: 'httpHeaderAuth',
			data: { name: 'X-Phone-Key', value: KEY },
		});
		const whatsApp = await this.n8n.api.createCredential({
			name: `WhatsApp ${this.emulator.baseUrl}`,
			type: CREDENTIAL_TYPE,
			data: credentialData(this.emulator),
		});
		this.credentials = [whatsApp, key];
	}

	/** Imports an example, changes what is the operator's, and publishes it; gives the workflow's ID. */
	protected async publish(file: string, changes: Changes, edit: Edit = () => {}): Promise<string> {
		const { api } = this.n8n;
		const key = this.credentials[1];
		const { id } = await api.importWorkflow(file, {
			credentials: this.credentials,
			edit: (workflow) => {
				change(workflow, changes);
				edit(workflow.nodes, using(key, key.type));
			},
		});
		await api.activate(id);
		return id;
	}

	async stopMeta(): Promise<void> {
		await this.n8n.api.deactivate(this.workflow);
		await this.emulator.stop();
	}

	async stop(): Promise<void> {
		for (const browser of this.browsers) await browser.close();
		await this.n8n?.stop();
		await this.emulator?.stop();
		await this.tryOut?.stop();
		await rm(this.folder, { recursive: true, force: true });
	}

	/** A browser that agents share. */
	async browser(surroundings?: Surroundings): Promise<Browser> {
		const browser = await launchBrowser(this.folder, surroundings);
		this.browsers.push(browser);
		return browser;
	}

	async agent(
		browser: Browser,
		link: string,
		prepare?: (page: Page) => Promise<void>,
	): Promise<Agent> {
		const agent = await Agent.open(browser, link, prepare);
		this.agents.push(agent);
		return agent;
	}

	/** Ends what a test has left. */
	async tidyUp(): Promise<void> {
		for (const agent of this.agents.splice(0)) await agent.leave();
		for (const call of this.emulator.calls) {
			if (call.state !== 'ended') this.emulator.hangUp(call.id);
		}
		await this.emulator.whenIdle();
	}

	/** Someone calls: gives the call, and the link that the agents get. */
	async incomingCall(): Promise<{ call: Call; link: string }> {
		const call = this.emulator.userCalls();
		const message = await this.tryOut.nextMessage();
		const link = /https?:\S+$/.exec(message)?.[0];
		if (link === undefined) throw new Error(`The message has no link: ${message}`);
		return { call, link };
	}

	dialLink(more = ''): string {
		return `${this.pageUrl}#dial=${encodeURIComponent(this.dialUrl)}${more}`;
	}

	mediaOf({ id }: Call): CallMedia {
		return this.emulator.mediaOf(id)!;
	}

	/** The executions of the example but for those that are known. */
	async executions(known: Set<string>): Promise<Execution[]> {
		const { api } = this.n8n;
		const all = await api.executions(this.workflow);
		const ours = all.filter(({ id }) => !known.has(id));
		return await Promise.all(ours.map(async ({ id }) => await api.execution(id)));
	}

	/** All executions but the known ones have succeeded, none is left waiting; gives their number. */
	async allDone(known: Set<string>): Promise<number> {
		return await poll('end of all executions', 20_000, async () => {
			const all = await this.executions(known);
			return all.every(({ status }) => status === 'success') ? all.length : undefined;
		}).catch(async (error: Error) => {
			const seen = (await this.executions(known)).map(({ id, status, nodes, error: failure }) =>
				[id, status, Object.keys(nodes).at(-1), failure?.message].join(' '),
			);
			throw new Error(`${error.message}\n${seen.join('\n')}`);
		});
	}

	/**
	 * The recording of a call has arrived in the folder, verified, with speech of the agent on the left and of the
	 * user on the right; gives how many seconds of it.
	 */
	async expectRecording(call: Call, known: Set<string>): Promise<number[]> {
		await this.until('recording', () => call.recordingMediaId !== undefined);
		const item = await poll('saved recording', 20_000, async () =>
			(await this.executions(known))
				.flatMap((execution) => execution.items('Save the recording'))
				.find(({ json }) => json.callId === call.id),
		);
		const recording = item.json.recording as Record<string, unknown>;
		expect(recording).toMatchObject({ mediaId: call.recordingMediaId, verified: true });
		const file = await readFile(join(this.folder, `call-recording-${call.recordingMediaId}.ogg`));
		expect(createHash('sha256').update(file).digest('base64')).toBe(recording.sha256);
		const { channels, problems } = await decodeAudio(file);
		expect(problems).toEqual([]);
		const speech = channels.map(({ speechSeconds }) => speechSeconds);
		expect(speech).toHaveLength(2);
		for (const seconds of speech) expect(seconds).toBeGreaterThan(SPEECH_SECONDS);
		return speech;
	}

	/** Looks often, rather than for a time: a machine that stands still is not counted. */
	async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
		for (let looks = 0; looks < 2_000; looks++) {
			if (await condition()) return;
			await sleep(20);
		}
		const media = this.emulator.calls.map(({ id }) => this.emulator.mediaOf(id)?.report());
		throw new Error(`No ${what}. Calls: ${JSON.stringify(media)}\n${this.n8n.log.tail(20)}`);
	}

	async ended(call: Call): Promise<void> {
		await this.until('end of the call', () => call.state === 'ended');
	}
}
