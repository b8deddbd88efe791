import type { Locator, Page } from 'playwright-core';
import { findChromium, openEditor, type Editor } from '../support/editor';
import { startN8nWithPackage, type N8n } from '../support/n8n';

/** For a machine that does other things as well. */
jest.setTimeout(180_000);

const SERVICE = 'WhatsApp Business Calling';

/** A person who looks for half a second before each step, and types five letters a second. */
const LOOK_MS = 500;
const KEY_MS = 200;

class Newcomer {
	clicks = 0;

	keys = 0;

	constructor(private readonly page: Page) {}

	async click(target: Locator): Promise<void> {
		await target.waitFor();
		await this.page.waitForTimeout(LOOK_MS);
		await target.click();
		this.clicks++;
	}

	async type(text: string): Promise<void> {
		await this.page.waitForTimeout(LOOK_MS);
		await this.page.keyboard.type(text, { delay: KEY_MS });
		this.keys += text.length;
	}
}

let n8n: N8n;
let editor: Editor;

beforeAll(async () => {
	const chromium = await findChromium();
	n8n = await startN8nWithPackage();
	editor = await openEditor(n8n, chromium);
});

afterAll(async () => {
	await editor?.close();
	await n8n?.stop();
});

it('A newcomer has a recording in an empty n8n after six clicks, without a credential', async () => {
	const { page } = editor;
	const newcomer = new Newcomer(page);
	const entry = page.getByTestId('node-creator-item-name');
	const output = page.getByTestId('output-panel');
	await page.goto(`${n8n.url}/home/workflows`);
	const start = page.getByText('Build a workflow', { exact: true });
	await start.waitFor();

	const startedAt = Date.now();
	await newcomer.click(start);
	await newcomer.click(page.getByTestId('canvas-add-button'));
	await page.getByTestId('node-creator-search-bar').waitFor();
	await newcomer.type('whatsapp call');
	await newcomer.click(entry.getByText(SERVICE, { exact: true }));
	await newcomer.click(page.getByTestId('node-creator-category-item').getByText('Actions'));
	await newcomer.click(entry.getByText('Get sample recording', { exact: true }));
	expect(await page.getByTestId('node-credentials-slot').count()).toBe(0);
	await newcomer.click(page.getByTestId('node-execute-button'));
	await output.getByText('audio/ogg').waitFor();
	const { clicks, keys } = newcomer;
	console.log(`${(Date.now() - startedAt) / 1000} s, ${clicks} clicks, ${keys} keys`);
	expect({ clicks, keys }).toEqual({ clicks: 6, keys: 13 });

	await output.getByTestId('radio-button-json').click();
	for (const text of ['call_recording_available', '"verified":', '"durationSeconds":']) {
		await output.getByText(text).first().waitFor();
	}
});
