import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';

import { closeToasts, settled, type Editor } from '../support/editor';
import type { N8n } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import { poll } from '../support/processes';
import { PACKAGE } from '../support/workflow';

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
	) {
		// The question whether a page with changes is to be left; n8n saves them by itself.
		editor.page.on('dialog', (dialog) => void dialog.accept());
	}

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

	/** Shows what is under a heading of an open entry. */
	async unfold(category: string): Promise<void> {
		await this.page.getByTestId('node-creator-category-item').getByText(category).click();
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

	/** Adds an option under Options. */
	async addOption(label: string): Promise<void> {
		await this.page.getByTestId('collection-parameter-add').click();
		const option = this.page.getByTestId('collection-parameter-option');
		await option.getByText(label, { exact: true }).click();
		await settled(this.page);
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

	/** The notices of the open panel that tell what both sides of a call hear. */
	async announcements(): Promise<string[]> {
		const notices = this.page.getByTestId('node-parameters').locator('.notice');
		return await notices.filter({ hasText: 'Both sides hear' }).allInnerTexts();
	}

	get credentialForm(): Locator {
		return this.page.getByTestId('editCredential-modal');
	}

	async openNewCredential(): Promise<void> {
		await this.page.getByTestId('node-credentials-slot').getByRole('button').first().click();
		await this.credentialForm.waitFor();
	}

	async openSavedCredential(): Promise<void> {
		await this.page.getByTestId('credential-edit-button').click();
		await this.credentialForm.waitFor();
	}

	/** Not with the key Escape, which would close the panel of the node as well. */
	async closeCredential(): Promise<void> {
		await this.credentialForm.getByRole('button', { name: 'Close this dialog' }).click();
		await this.credentialForm.waitFor({ state: 'hidden' });
	}

	async fillCredential(values: Record<string, string>): Promise<void> {
		for (const [name, value] of Object.entries(values)) {
			await this.credentialForm.getByTestId(`parameter-input-${name}`).locator('input').fill(value);
		}
	}

	/** Saves the credential; n8n tests it then. */
	async saveCredential(): Promise<void> {
		const tested = this.page.waitForResponse((response) =>
			response.url().endsWith('/rest/credentials/test'),
		);
		await this.credentialForm.getByTestId('credential-save-button').click();
		await tested;
		await closeToasts(this.page);
	}

	async switchOn(name: string): Promise<void> {
		await this.field(name).locator('.el-switch').click();
		await settled(this.page);
	}

	async chooseFromList(name: string, text: string): Promise<void> {
		await this.page.getByTestId(`resource-locator-${name}`).getByTestId('rlc-input').click();
		await this.page.getByTestId('rlc-item').filter({ hasText: text }).first().click();
	}

	/** Removes a node of the open workflow. */
	async removeNode(name: string): Promise<void> {
		await this.page.getByTestId('canvas-node').filter({ hasText: name }).first().click();
		await this.page.keyboard.press('Delete');
		await this.page
			.getByTestId('canvas-node')
			.filter({ hasText: name })
			.first()
			.waitFor({ state: 'hidden' });
	}

	/** The help of a trigger: when it starts the workflow. */
	async openHelp(): Promise<void> {
		await this.page.getByText('When will this node trigger my flow?').click();
		await settled(this.page);
	}

	/** Publishes the open workflow. */
	async publish(): Promise<void> {
		await closeToasts(this.page);
		await this.page.getByTestId('workflow-open-publish-modal-button').click();
		await this.page.getByTestId('workflow-publish-button').waitFor();
		await this.picture('publish');
		await this.page.getByTestId('workflow-publish-button').click();
		const done = this.page.getByTestId('activation-modal');
		await done.waitFor();
		await done.getByRole('button', { name: 'Got it' }).click();
	}

	/** ID of the workflow on the canvas, once it is saved. */
	openWorkflowId(): string {
		const id = /\/workflow\/([A-Za-z0-9]+)/.exec(this.page.url())?.[1];
		if (!id || id === 'new') throw new Error(`No saved workflow is open: ${this.page.url()}`);
		return id;
	}

	async listen(): Promise<void> {
		await this.page.getByTestId('trigger-execute-button').click();
	}

	/** Executes the open node, and waits until its output or its error is there. */
	async execute({ fails = false } = {}): Promise<void> {
		await this.page.getByTestId('node-execute-button').click();
		const end = fails
			? this.page.getByTestId('node-error-message')
			: this.output.getByTestId('radio-button-json');
		await end.waitFor();
		await closeToasts(this.page);
	}

	/**
	 * Chooses a view of the output, until it shows a text: the editor chooses one by itself when the data
	 * comes in, which may be after the click.
	 */
	async show(view: 'json' | 'binary', text: string): Promise<void> {
		await poll(`${text} in the output`, 30_000, async () => {
			await this.output.getByTestId(`radio-button-${view}`).click();
			return (await this.output.innerText()).includes(text) || undefined;
		});
		await closeToasts(this.page);
	}

	/** Opens the file in the output, and tells what the browser's player makes of it. */
	async play(): Promise<{ canPlay: boolean; type: string | null }> {
		await this.page.getByTestId('ndv-view-binary-data').click();
		const player = this.output.locator('audio');
		await player.waitFor();
		return await player.evaluate(async (element) => {
			const audio = element as HTMLAudioElement;
			const source = audio.querySelector('source');
			const canPlay = await new Promise<boolean>((resolve) => {
				if (audio.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) resolve(true);
				audio.addEventListener('canplay', () => resolve(true));
				source?.addEventListener('error', () => resolve(false));
			});
			return { canPlay, type: source?.getAttribute('type') ?? null };
		});
	}

	/** n8n's list of installed packages. */
	async openSettings(): Promise<void> {
		await this.go('/settings/community-nodes');
		await this.page.getByTestId('community-package-card').getByText(PACKAGE).waitFor();
		await settled(this.page);
	}

	/** Uninstalls the only package in the list. */
	async uninstall(beforeConfirmation: () => Promise<void>): Promise<void> {
		const card = this.page.getByTestId('community-package-card');
		await card.getByTestId('action-toggle').click();
		await this.page.getByText('Uninstall package', { exact: true }).click();
		const confirm = this.page.getByRole('button', { name: 'Confirm uninstall' });
		await confirm.waitFor();
		await beforeConfirmation();
		await confirm.click();
		await card.waitFor({ state: 'hidden' });
	}
}
