import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { makeSdp, startEmulator, type Emulator } from '../../emulator';
import { NUMBER, PERSON, SECOND_NUMBER } from '../support/constants';
import { graph } from '../support/graph';
import { Receiver } from '../support/receiver';
import { Agent, launchBrowser } from '../support/phone/agent';

/** What would run if a name became part of the page. */
const HOSTILE = '<img src=x onerror="alert(1)">&amp;</script><b>Eve';

let folder: string;
let browser: Browser;
let receiver: Receiver;
let emulator: Emulator;
let page: Agent;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'emulator-page-'));
	browser = await launchBrowser(folder);
});

afterAll(async () => {
	await browser?.close();
	await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
	receiver = await new Receiver().start();
	emulator = await startEmulator({
		recordingDelayMs: 0,
		redeliveryDelaysMs: [60_000],
		account: { appName: HOSTILE },
	});
	emulator.account.users[0].name = HOSTILE;
	page = await Agent.open(browser, emulator.baseUrl);
	await page.page.getByRole('button', { name: 'Copy Base URL' }).waitFor();
});

afterEach(async () => {
	expect(page.complaints).toEqual([]);
	await page.leave();
	await emulator.stop();
	await receiver.stop();
});

/** Clicks, and waits for what the page says near the button. */
async function click(button: string, expected: RegExp): Promise<void> {
	await page.click(button);
	await page.page.locator('.result').getByText(expected).waitFor();
}

/** An entry of the list, with its outcome. */
const happened = async (title: string, outcome: string) =>
	await page.page
		.locator('#happened li')
		.filter({ has: page.page.getByText(title, { exact: true }) })
		.filter({ hasText: outcome })
		.first()
		.waitFor();

it('The page has the values of the credential to copy', async () => {
	await page.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
	const { accessToken, businessAccountId, appId, appSecret } = emulator.account;
	const values = {
		'Access Token': accessToken,
		'WhatsApp Business Account ID': businessAccountId,
		'App ID': appId,
		'App Secret': appSecret,
		'API Version': 'v26.0',
		'Base URL': emulator.baseUrl,
	};
	for (const [name, value] of Object.entries(values)) {
		await page.click(`Copy ${name}`);
		await page.page.getByText(`${name} copied`).waitFor();
		expect(await page.page.evaluate(() => navigator.clipboard.readText())).toBe(value);
	}
});

it('The page says what to do when nothing receives the webhooks', async () => {
	await page.page.locator('#webhook').getByText('No workflow takes webhooks yet').waitFor();
	await click('Send recording', /no workflow takes it.*Execute step/);
	await happened('A recording is ready', 'not sent: no workflow takes this event');
	await click('Customer calls', /no workflow takes calls/);
	await page.picture('emulator-nobody');
});

it('The page sends what customers do, and shows where it arrived', async () => {
	emulator.presetSubscription(receiver.url, ['calls', 'messages']);
	await page.page.locator('#webhook').getByText(receiver.url).waitFor();
	await click('Send recording', /^A recording was sent/);
	await click('Send transcript', /^A transcript was sent/);
	await click('Send voicemail', /^A voicemail was sent/);
	await click('Allow calls', /^Permission to call was sent/);
	await click('Refuse calls', /^A refusal was sent/);
	await happened('A voicemail', `delivered to ${receiver.url}`);
	expect(receiver.events).toHaveLength(5);

	receiver.replies.push({ status: 500 });
	await click('Send recording', /n8n answered with status 500/);
	await happened('A recording is ready', 'it will be sent again (1 attempt so far)');
	await graph(emulator, 'GET', NUMBER);
	await happened('Read a phone number', 'answered with 200');
	await page.page.locator('#happened summary').first().click();
	await page.picture('emulator-full');

	await page.click('Clear list');
	await page.page.getByText('Nothing yet.').waitFor();
});

it('The page places an incoming call, and picks up or declines an outgoing one', async () => {
	emulator.presetSubscription(receiver.url);
	const call = page.page.locator('#call');
	await page.page.getByLabel('Your business number').selectOption(SECOND_NUMBER);
	await click('Customer calls', /It rings/);
	await call.getByText(/calls Emulated Sales: ringing/).waitFor();
	// Text of a customer stays text.
	expect(await call.innerText()).toContain(HOSTILE);
	expect(await page.page.locator('main img, main b b').count()).toBe(0);
	await click('Hang up', /hung up/);
	await call.getByText(/ended/).waitFor();
	expect(await page.page.getByRole('button', { name: 'Hang up' }).isDisabled()).toBe(true);

	for (const [button, state] of [
		['Pick up', /talking, recorded/],
		['Decline', /ended/],
	] as const) {
		const started = await graph(emulator, 'POST', `${NUMBER}/calls`, {
			messaging_product: 'whatsapp',
			to: PERSON,
			action: 'connect',
			session: { sdp_type: 'offer', sdp: makeSdp('offer') },
			recording: { status: 'ENABLED', purpose: 'quality', announcement_language: 'en' },
		});
		expect(started.status).toBe(200);
		await call.getByText(/Emulated Support calls .*: ringing/).waitFor();
		await page.click(button);
		await call.getByText(state).waitFor();
		if (button === 'Pick up') await page.click('Hang up');
	}
});

it('The page breaks the next download, or all, until they are repaired', async () => {
	const { media } = await emulator.createRecording();
	const status = async () => {
		const { body } = await graph(emulator, 'GET', media.id);
		const headers = { authorization: `Bearer ${emulator.account.accessToken}` };
		return (await fetch(String(body.url), { headers })).status;
	};
	await click('Break next download', /The next download fails/);
	expect([await status(), await status()]).toEqual([503, 200]);
	await happened('Download a file', 'refused with 503, broken by your order');
	await click('Break all downloads', /All downloads fail/);
	expect([await status(), await status()]).toEqual([503, 503]);
	await click('Repair downloads', /work again/);
	expect(await status()).toBe(200);
});

it('The page says that the emulator is gone', async () => {
	await emulator.stop();
	await page.page.getByText('The emulator does not answer').waitFor();
	await page.page.goto('about:blank');
	// The browser's own words about the requests that failed.
	page.complaints.length = 0;
});
