import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { decodeAudio } from '../support/audio';
import { N8nClient } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import { poll, startScript, type StartedProcess } from '../support/processes';
import { Agent, launchBrowser } from '../support/phone/agent';

jest.setTimeout(120_000);

/** Building, n8n's first start and three publications, on a slow machine. */
const START_LIMIT = 300_000;
/** Root mean square of speech; silence has next to nothing. */
const SPEECH = 0.01;

let folder: string;
let demo: StartedProcess;
let output = '';
let browser: Browser;
const agents: Agent[] = [];

beforeAll(async () => {
	folder = await realpath(await mkdtemp(join(tmpdir(), 'demo-')));
	demo = startScript(
		join(REPOSITORY, 'node_modules/tsx/dist/cli.mjs'),
		[
			join(REPOSITORY, 'tools/demo/demo.ts'),
			'--keep',
			'--skip-build',
			'--out',
			join(folder, 'recordings'),
		],
		{ cwd: REPOSITORY, env: process.env, onOutput: (text) => (output += text) },
	);
	const isReady = async () => output.includes('Ctrl-C ends everything') || undefined;
	await poll('running demo', START_LIMIT, isReady, {
		giveUp: () => (demo.hasExited() ? new Error(output) : undefined),
	});
	browser = await launchBrowser(folder);
}, START_LIMIT + 30_000);

afterEach(async () => {
	for (const agent of agents.splice(0)) await agent.leave();
});

afterAll(async () => {
	await browser?.close();
	await demo?.stop();
	await rm(folder, { recursive: true, force: true });
});

/** The addresses that the demo has printed for its user, in their order. */
function printed(): string[] {
	return output.slice(output.indexOf('Everything runs')).match(/http:\/\/\S+/g) ?? [];
}

async function open(address: string): Promise<Agent> {
	const agent = await Agent.open(browser, address);
	agents.push(agent);
	return agent;
}

/** The call's tab, which a link opens. */
async function newTab({ page }: Agent, link: string): Promise<Page> {
	const opened = page.context().waitForEvent('page');
	await page.getByRole('link', { name: link }).click();
	return await opened;
}

/** Talks for some seconds that are recorded, and hangs up. */
async function talkAndHangUp(talk: Agent, phone: Page): Promise<void> {
	await phone.locator('main[data-view="talking"]').waitFor();
	const emulator = await talk.page.locator('#emulator').getAttribute('href');
	await poll('recorded seconds', 40_000, async () => {
		const answer = await fetch(`${emulator}/_emulator/calls/latest/media`);
		const { recordedSeconds } = (await answer.json()) as { recordedSeconds: number };
		return recordedSeconds > 5 || undefined;
	});
	await phone.getByRole('button', { name: 'Hang up' }).click();
	await phone.locator('main[data-view="over"]').waitFor();
	// The tab must live until n8n has the request.
	await talk.page.getByText('The call has ended').waitFor();
	await phone.close();
}

const recordings = async () =>
	(await readdir(join(folder, 'recordings'))).filter((name) => name.endsWith('.ogg'));

/** The one that was not there before, as the page plays it. */
async function newRecording({ page }: Agent, before: string[]): Promise<Buffer> {
	const name = await poll('recording', 30_000, async () =>
		(await recordings()).find((file) => !before.includes(file)),
	);
	const player = page.getByLabel(`Recording ${name}`);
	await player.waitFor();
	const address = await player.evaluate(({ src }: HTMLAudioElement) => src);
	return Buffer.from(await (await fetch(address)).arrayBuffer());
}

async function expectBothVoices(file: Buffer): Promise<void> {
	const { channels, problems } = await decodeAudio(file);
	expect(problems).toEqual([]);
	expect(channels).toHaveLength(2);
	for (const { loudness } of channels) expect(loudness).toBeGreaterThan(SPEECH);
}

it('The demo prints pages of this machine, the emulator first', async () => {
	const titles = await Promise.all(
		printed().map(async (address) => {
			expect(new URL(address).hostname).toBe('127.0.0.1');
			return /<title>(.*?)<\/title>/.exec(await (await fetch(address)).text())?.[1];
		}),
	);
	expect(titles).toEqual([
		'WhatsApp emulator',
		'Talk to a customer',
		expect.stringContaining('n8n') as string,
	]);
});

it('A person answers a customer in the browser, and the recording has both voices', async () => {
	const before = await recordings();
	const talk = await open(printed()[1]);
	await talk.picture('demo-talk-start');
	await talk.click('Let a customer call');
	await talk.page.getByRole('link', { name: 'Open the call' }).waitFor();
	await talk.picture('demo-talk-ringing');
	const phone = await newTab(talk, 'Open the call');
	await phone.getByRole('button', { name: 'Answer' }).click();
	await talk.page.getByText('You are connected.').waitFor();
	await talkAndHangUp(talk, phone);
	await expectBothVoices(await newRecording(talk, before));
	await talk.picture('demo-talk-recording');
	expect(talk.complaints).toEqual([]);
});

it('A person calls the customer', async () => {
	const before = await recordings();
	const talk = await open(printed()[1]);
	await talk.page.locator('#dial[href]').waitFor();
	const key = await talk.page.locator('#key').innerText();
	const phone = await newTab(talk, 'Call the customer yourself');
	await phone.getByLabel('Key', { exact: true }).fill(key);
	await phone.getByRole('button', { name: 'Call', exact: true }).click();
	await talkAndHangUp(talk, phone);
	await expectBothVoices(await newRecording(talk, before));
	expect(talk.complaints).toEqual([]);
});

it('The webhook is free for the first own workflow, which gets a recording from the page', async () => {
	const [emulator, , workflow] = printed();
	const { origin, pathname } = new URL(workflow);
	const api = new N8nClient(origin, { tail: () => output });
	await api.login();
	const id = pathname.split('/').at(-1)!;
	const page = await open(emulator);
	await page.click('Send recording');
	await page.page.getByText('no workflow takes it').waitFor();
	await api.activate(id);
	await page.click('Send recording');
	await page.page.getByText('A recording was sent, and n8n confirmed it.').waitFor();
	const [execution] = await api.waitForExecutions(id, 1);
	expect(execution).toMatchObject({ status: 'success' });
	await page.picture('demo-emulator');
	expect(page.complaints).toEqual([]);
});

it('The page to talk on rejects other web pages', async () => {
	const talk = printed()[1];
	const order = async (headers: Record<string, string>) =>
		(await fetch(`${talk}/calls`, { method: 'POST', headers })).status;
	expect(await order({ origin: 'https://evil.example' })).toBe(403);
	expect(await order({ origin: printed()[0] })).toBe(403);
	await writeFile(join(folder, 'recordings', 'notes.html'), 'private');
	for (const name of ['notes.html', '..%2fvoice.wav', '%2e%2e/voice.wav']) {
		expect((await fetch(`${talk}/recordings/${name}`)).status).toBe(404);
	}
});

it('The demo stops in an orderly way, and leaves the recordings', async () => {
	await demo.stop(30_000);
	expect(await demo.exited).toMatchObject({ code: 0 });
	expect(await recordings()).toHaveLength(2);
	await expect(fetch(printed()[0])).rejects.toThrow();
});
