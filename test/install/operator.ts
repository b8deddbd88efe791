import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';

import { closeToasts, settled, type Editor } from '../screenshots/editor';
import type { N8n } from '../support/n8n';
import { REPOSITORY } from '../support/package';

/** Where the pictures of each step are put; the folder is emptied first. */
export const PICTURES = join(REPOSITORY, '.tmp', 'install');

const WIDTH = 1440;
const HEIGHT = 900;
/** Room for the longest panel without scrolling. */
const TALL = 1500;

/** n8n's own entry in lists of resources and operations. */
const NOT_OURS = 'Custom API Call';

/** A person at the editor, who takes a picture of every step. */
export class Operator {
	private pictures = 0;

	constructor(
		private readonly n8n: N8n,
		private readonly editor: Editor,
	) {}

	static async prepare(): Promise<void> {
		await rm(PICTURES, { recursive: true, force: true });
		await mkdir(PICTURES, { recursive: true });
	}

	get page(): Page {
		return this.editor.page;
	}

	get panel(): Locator {
		return this.page.getByTestId('ndv');
	}

	get output(): Locator {
		return this.page.getByTestId('output-panel');
	}

	async picture(name: string): Promise<void> {
		this.pictures++;
		await this.page.mouse.move(5, 5);
		await settled(this.page);
		const file = `${String(this.pictures).padStart(2, '0')}-${name}.png`;
		await this.page.screenshot({ path: join(PICTURES, file), animations: 'disabled' });
	}

	/** A picture of the open panel without scrolling. */
	async pictureOfPanel(name: string): Promise<void> {
		await this.page.setViewportSize({ width: WIDTH, height: TALL });
		await this.picture(name);
		await this.page.setViewportSize({ width: WIDTH, height: HEIGHT });
	}

	async go(path: string): Promise<void> {
		await this.page.setViewportSize({ width: WIDTH, height: HEIGHT });
		await this.page.goto(`${this.n8n.url}${path}`, { waitUntil: 'commit' });
	}

	async newWorkflow(): Promise<void> {
		await this.go('/workflow/new');
		await this.page.getByTestId('canvas-add-button').waitFor();
	}

	async openWorkflow(id: string): Promise<void> {
		await this.go(`/workflow/${id}`);
		await this.page.getByTestId('canvas-node').first().waitFor();
		await settled(this.page);
	}

	/** Types into the search of the node panel, and gives what it lists. */
	async search(text: string): Promise<string[]> {
		await this.page.keyboard.press('n');
		await this.page.getByTestId('node-creator-search-bar').fill(text);
		const found = this.page.getByTestId('node-creator-item-name');
		await found
			.filter({ hasText: /whatsapp/i })
			.first()
			.waitFor();
		return (await found.allTextContents()).map((name) => name.trim());
	}

	/** Opens an entry of the node panel, and gives what it offers, by heading. */
	async openFound(name: string): Promise<void> {
		await this.page.getByTestId('node-creator-item-name').getByText(name, { exact: true }).click();
		await this.page.getByTestId('node-creator-category-item').first().waitFor();
	}

	async categories(): Promise<string[]> {
		const names = await this.page.getByTestId('node-creator-category-item').allTextContents();
		return names.map((name) => name.trim());
	}

	/** Chooses a trigger or an action in an open entry; its panel opens. */
	async add(name: string): Promise<void> {
		await this.page.getByTestId('node-creator-item-name').getByText(name, { exact: true }).click();
		await this.panelIsOpen();
	}

	async openNode(name: string): Promise<void> {
		const node = this.page.getByTestId('canvas-node').filter({ hasText: name });
		await node.first().dblclick();
		await this.panelIsOpen();
	}

	async closePanel(): Promise<void> {
		await this.page.getByTestId('ndv-close-button').click();
		await this.panel.waitFor({ state: 'hidden' });
	}

	private async panelIsOpen(): Promise<void> {
		await this.panel.waitFor();
		await this.page.getByTestId('parameter-item').first().waitFor();
		await settled(this.page);
	}

	field(name: string): Locator {
		return this.page.getByTestId(`parameter-input-${name}`);
	}

	async fill(name: string, text: string): Promise<void> {
		await this.field(name).locator('input, textarea').first().fill(text);
	}

	async choices(name: string): Promise<string[]> {
		await this.field(name).click();
		const shown = this.visibleChoices();
		await shown.first().waitFor();
		const labels = await shown.allTextContents();
		await this.page.keyboard.press('Escape');
		await shown.first().waitFor({ state: 'hidden' });
		return labels.map((label) => label.trim()).filter((label) => label !== NOT_OURS);
	}

	async choose(name: string, label: string): Promise<void> {
		await this.field(name).click();
		const choice = this.visibleChoices().getByText(label, { exact: true });
		await choice.click();
		await choice.waitFor({ state: 'hidden' });
	}

	private visibleChoices(): Locator {
		return this.page.locator('.el-select-dropdown__item:visible .option-headline');
	}

	/** Texts in the parameters of the open panel that are not shown in full. */
	async cutOff(): Promise<string[]> {
		return await this.page.getByTestId('node-parameters').evaluate((parameters) =>
			Array.from(parameters.querySelectorAll<HTMLElement>('*'))
				.filter(
					(element) =>
						element.clientWidth > 0 &&
						element.scrollWidth > element.clientWidth + 1 &&
						getComputedStyle(element).overflowX !== 'visible' &&
						!['INPUT', 'TEXTAREA'].includes(element.tagName),
				)
				.map((element) => element.innerText.trim()),
		);
	}

	async notices(): Promise<string[]> {
		return await this.page.getByTestId('node-parameters').locator('.notice').allInnerTexts();
	}

	get credentialForm(): Locator {
		return this.page.getByTestId('editCredential-modal');
	}

	async openNewCredential(): Promise<void> {
		await this.page.getByTestId('node-credentials-slot').getByRole('button').first().click();
		await this.credentialForm.waitFor();
	}

	async fillCredential(values: Record<string, string>): Promise<void> {
		for (const [name, value] of Object.entries(values)) {
			await this.credentialForm.getByTestId(`parameter-input-${name}`).locator('input').fill(value);
		}
	}

	async saveCredential(): Promise<void> {
		await this.credentialForm.getByTestId('credential-save-button').click();
	}

	/** Publishes the open workflow, and waits until n8n says so. */
	async publish(): Promise<void> {
		await this.page.getByTestId('workflow-open-publish-modal-button').click();
		await this.picture('publish');
		await this.page.getByTestId('workflow-publish-button').click();
		await this.page.getByTestId('workflow-publish-button').waitFor({ state: 'hidden' });
	}

	async show(view: 'json' | 'table' | 'schema' | 'binary'): Promise<void> {
		await this.output.getByTestId(`radio-button-${view}`).click();
		await closeToasts(this.page);
	}

	async openSettings(): Promise<void> {
		await this.go('/settings/community-nodes');
		await this.page.getByTestId('community-package-card').first().waitFor();
		await settled(this.page);
	}
}
