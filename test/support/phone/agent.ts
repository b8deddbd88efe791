import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { findChromium } from '../editor';
import { REPOSITORY } from '../package';

/** Where the pictures of every state of the page are put. */
const PICTURES = join(REPOSITORY, '.tmp', 'phone');
const VOICE = join(REPOSITORY, 'examples/media-gateway/prompt.ogg');
const DESKTOP = { width: 1024, height: 768 };
const MOBILE = { width: 360, height: 740 };

/** How the surroundings of an agent's browser differ from good ones. */
export interface Surroundings {
	/** False: the agent refuses the microphone. */
	microphone?: boolean;
	/** False: nothing but TCP through a proxy leaves the network. */
	udp?: boolean;
	/** Names that the browser finds elsewhere; Chromium's `--host-resolver-rules`. */
	hosts?: string;
}

/** The agents' Chromium, whose microphone hears a file. */
export async function launchBrowser(
	folder: string,
	{ microphone = true, udp = true, hosts }: Surroundings = {},
): Promise<Browser> {
	const voice = join(folder, 'voice.wav');
	await writeFile(voice, await decodedVoice());
	await mkdir(PICTURES, { recursive: true });
	return await chromium.launch({
		executablePath: await findChromium(),
		handleSIGINT: false,
		handleSIGTERM: false,
		ignoreDefaultArgs: ['--mute-audio'],
		args: [
			...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--lang=en-GB'],
			...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
			'--use-fake-device-for-media-stream',
			`--use-file-for-fake-audio-capture=${voice}`,
			microphone ? '--use-fake-ui-for-media-stream' : '--deny-permission-prompts',
			...(udp ? [] : ['--webrtc-ip-handling-policy=disable_non_proxied_udp']),
			...(hosts === undefined ? [] : [`--host-resolver-rules=${hosts}`]),
		],
	});
}

async function decodedVoice(): Promise<Buffer> {
	const decoder = spawn(process.execPath, [join(__dirname, 'makeVoice.mjs')], {
		stdio: ['pipe', 'pipe', 'inherit'],
	});
	decoder.stdin.end(await readFile(VOICE));
	return await buffer(decoder.stdout);
}

/** An agent with the page open in a tab. */
export class Agent {
	/** What the browser complained about: errors, and what the Content-Security-Policy stopped. */
	readonly complaints: string[] = [];
	/** Every address that the page asked for. */
	readonly requests: string[] = [];

	private constructor(
		private readonly context: BrowserContext,
		readonly page: Page,
	) {}

	static async open(
		browser: Browser,
		link: string,
		prepare: (page: Page) => Promise<void> = async () => {},
	): Promise<Agent> {
		const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-GB' });
		context.setDefaultTimeout(20_000);
		await context.addInitScript(() => {
			const peers: RTCPeerConnection[] = [];
			const Original = window.RTCPeerConnection;
			class Watched extends Original {
				constructor(...given: ConstructorParameters<typeof Original>) {
					super(...given);
					peers.push(this);
				}
			}
			Object.assign(window, { RTCPeerConnection: Watched, peers });
		});
		const page = await context.newPage();
		const agent = new Agent(context, page);
		page.on('pageerror', (error) => agent.complaints.push(error.message));
		page.on('console', (message) => {
			// Refusals of n8n are shown by the page, too.
			const isRefusal = message.text().startsWith('Failed to load resource');
			if (message.type() === 'error' && !isRefusal) agent.complaints.push(message.text());
		});
		page.on('request', (request) => agent.requests.push(request.url()));
		await prepare(page);
		await page.goto(link, { waitUntil: 'load' });
		return agent;
	}

	async view(name: string, timeout = 20_000): Promise<void> {
		const wanted = this.page.locator(`main[data-view="${name}"]`);
		await wanted.waitFor({ timeout }).catch(async (error: Error) => {
			const seen = await this.page.locator('main').innerText();
			throw new Error(`${error.message}\nThe page shows:\n${seen}`);
		});
	}

	/** Waits for a view with this title; gives what else it says. */
	async ending(view: 'over' | 'problem', title: string): Promise<string> {
		await this.view(view);
		expect(await this.page.locator('h1').innerText()).toBe(title);
		return await this.page.locator('#help').innerText();
	}

	async click(button: string): Promise<void> {
		await this.page.getByRole('button', { name: button, exact: true }).click();
	}

	/** Loudness of what the speaker plays since the call began, as WebRTC's statistics have it. */
	async energyHeard(): Promise<number> {
		return await this.page.evaluate(async () => {
			let energy = 0;
			for (const peer of (window as unknown as { peers: RTCPeerConnection[] }).peers) {
				(await peer.getStats()).forEach((report: { type: string; totalAudioEnergy?: number }) => {
					if (report.type === 'inbound-rtp') energy += report.totalAudioEnergy ?? 0;
				});
			}
			return energy;
		});
	}

	/** Pictures of the state that the page is in: on a desktop and on a phone, by day and by night. */
	async picture(name: string): Promise<void> {
		const { page } = this;
		for (const [width, viewport] of Object.entries({ desktop: DESKTOP, mobile: MOBILE })) {
			await page.setViewportSize(viewport);
			for (const colorScheme of ['light', 'dark'] as const) {
				await page.emulateMedia({ colorScheme });
				const path = join(PICTURES, `${name}-${width}-${colorScheme}.png`);
				await page.screenshot({ path, animations: 'disabled' });
			}
		}
		await page.emulateMedia({ colorScheme: 'light' });
		await page.setViewportSize(DESKTOP);
	}

	/** Closes the tab as a person does: the page is told, and may not object. */
	async closeTab(): Promise<void> {
		await this.page.close({ runBeforeUnload: false });
	}

	async leave(): Promise<void> {
		await this.context.close();
	}
}
