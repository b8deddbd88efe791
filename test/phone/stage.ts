import { mkdtemp, realpath, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startEmulator, type Call, type Emulator } from '../emulator';
import type { CallMedia } from '../emulator/rtc/callMedia';
import { readOpusFile } from '../emulator/rtc/opusFile';
import type { WebRtcOptions } from '../emulator/rtc';
import type { WorkflowDefinition, WorkflowNode } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import { sleep } from '../support/processes';
import { using } from '../support/workflow';
import { startStage, type Stage } from '../e2e/stage';
import { Agent, launchBrowser, type Surroundings } from './browser';
import { TryOut } from './servers';

const NUMBER = '106000000000001';
export const KEY = 'the key of the agents';
const EXAMPLE = join(REPOSITORY, 'examples/browser-phone/browser-phone.json');

const packetsOf = async (path: string) =>
	readOpusFile(await readFile(join(REPOSITORY, path))).streams[0]!;

/** What stands in the example for things of the operator. */
type Changes = Record<string, string>;

/** A real n8n with the example, the emulator as WhatsApp, the agents' chat, and a web space with the page. */
export class PhoneStage {
	/** Where recordings are saved. */
	folder!: string;
	voice!: Buffer[];
	emulator!: Emulator;
	workflow!: string;
	dialUrl!: string;
	private stage!: Stage;
	private tryOut!: TryOut;
	private readonly browsers: Browser[] = [];
	private readonly agents: Agent[] = [];

	async start(): Promise<void> {
		this.folder = await realpath(await mkdtemp(join(tmpdir(), 'phone-')));
		this.tryOut = await TryOut.start();
		this.stage = await startStage({ env: { N8N_RESTRICT_FILE_ACCESS_TO: this.folder } });
		this.dialUrl = `${this.n8n.url}/webhook/call-from-browser`;
		await this.startMeta();
	}

	get pageUrl(): string {
		return this.tryOut.pageUrl;
	}

	get n8n(): Stage['n8n'] {
		return this.stage.n8n;
	}

	/** A WhatsApp, and the example published for it. */
	async startMeta(
		webRtc: WebRtcOptions = {},
		edit: (nodes: WorkflowNode[], key: WorkflowNode['credentials']) => void = () => {},
	): Promise<void> {
		// A second of announcement and three of talk.
		const announcement = (await packetsOf('test/fixtures/audio/announcement.ogg')).slice(5, 55);
		this.voice = (await packetsOf('test/fixtures/audio/user.ogg')).slice(5, 155);
		this.emulator = await startEmulator({
			recordingDelayMs: 0,
			redeliveryDelaysMs: [],
			webRtc: { announcement, voice: this.voice, ...webRtc },
		});
		const { api } = this.n8n;
		const key = await api.createCredential({
			name: 'Browser phone key',
			type: 'httpHeaderAuth',
			data: { name: 'X-Phone-Key', value: KEY },
		});
		const { id } = await api.importWorkflow(EXAMPLE, {
			credentials: [await this.stage.credentialFor(this.emulator), key],
			edit: (workflow) => {
				change(workflow, {
					'https://phone.example.com/phone.html': this.pageUrl,
					'https://chat.example.com/your-webhook': this.tryOut.chatUrl,
					'/home/node/.n8n-files': this.folder,
					'106540352242922': NUMBER,
				});
				edit(workflow.nodes, using(key, key.type));
			},
		});
		this.workflow = id;
		await api.activate(id);
	}

	async stopMeta(): Promise<void> {
		await this.n8n.api.deactivate(this.workflow);
		await this.emulator.stop();
	}

	async stop(): Promise<void> {
		for (const browser of this.browsers) await browser.close();
		await this.stage?.stop();
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

function change(workflow: WorkflowDefinition, changes: Changes): void {
	let text = JSON.stringify(workflow.nodes);
	for (const [from, to] of Object.entries(changes)) {
		if (!text.includes(from)) throw new Error(`The example has no ${from}`);
		text = text.replaceAll(from, to);
	}
	workflow.nodes = JSON.parse(text) as WorkflowNode[];
}
