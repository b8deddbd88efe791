import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, selectors, type BrowserContext, type Locator, type Page } from 'playwright-core';
import type { N8n } from './n8n';

const WIDTH = 1440;
const HEIGHT = 900;
/** Large enough for the text of notes on a canvas. */
const CANVAS_WIDTH = 1700;
const CANVAS_HEIGHT = 1200;
/** Generous: the editor is a few hundred files, and the machine may be busy. */
const TIMEOUT = 60_000;
const CHROMIUM = '/usr/bin/chromium';

selectors.setTestIdAttribute('data-test-id');

/** Rectangle of a picture, in CSS pixels. */
export interface Clip {
	x: number;
	y: number;
	width: number;
	height: number;
}

/** n8n's editor in a headless Chromium, signed in as the owner. */
export interface Editor {
	readonly page: Page;
	openWorkflow(workflowId: string): Promise<void>;
	/** Opens the panel of a node; `height` is that of the window, in pixels. */
	openNode(workflowId: string, nodeId: string, height?: number): Promise<void>;
	/** The theme of pages that are opened from now on. */
	useTheme(theme: 'light' | 'dark'): Promise<void>;
	close(): Promise<void>;
}

/** Path of the browser. Rejects with what to do when there is none. */
export async function findChromium(): Promise<string> {
	const path = process.env.CHROMIUM_PATH ?? CHROMIUM;
	await access(path).catch(() => {
		throw new Error(
			`There is no Chromium at ${path}. Install it ("apt-get install -y --no-install-recommends chromium" on Debian), or set CHROMIUM_PATH to the executable of a Chromium or Chrome.`,
		);
	});
	return path;
}

export async function openEditor(n8n: N8n, executablePath: string): Promise<Editor> {
	const profile = await mkdtemp(join(tmpdir(), 'screenshots-profile-'));
	const removeProfile = async () =>
		await rm(profile, { recursive: true, force: true, maxRetries: 5 });
	let context: BrowserContext;
	try {
		context = await chromium.launchPersistentContext(profile, {
			executablePath,
			handleSIGINT: false,
			handleSIGTERM: false,
			args: ['--no-sandbox', '--disable-gpu', '--lang=en-GB'],
			viewport: { width: WIDTH, height: HEIGHT },
			deviceScaleFactor: 1,
			locale: 'en-GB',
			colorScheme: 'light',
			reducedMotion: 'reduce',
		});
	} catch (error) {
		await removeProfile();
		throw error;
	}
	const close = async () => {
		await context.close();
		await removeProfile();
	};
	try {
		context.setDefaultTimeout(TIMEOUT);
		const { email, password } = n8n.login;
		const signIn = await context.request.post(`${n8n.url}/rest/login`, {
			data: { emailOrLdapLoginId: email, password },
		});
		if (!signIn.ok()) throw new Error(`n8n answered the sign-in with ${signIn.status()}`);
		const page = context.pages()[0] ?? (await context.newPage());
		const go = async (path: string, height: number, width = WIDTH) => {
			await page.setViewportSize({ width, height });
			await page.goto(`${n8n.url}${path}`, { waitUntil: 'commit' });
		};
		return {
			page,
			async openWorkflow(workflowId) {
				await go(`/workflow/${workflowId}`, CANVAS_HEIGHT, CANVAS_WIDTH);
				await page.getByTestId('canvas-node').first().waitFor();
			},
			async openNode(workflowId, nodeId, height = HEIGHT) {
				await go(`/workflow/${workflowId}/${nodeId}`, height);
				await page.getByTestId('ndv-close-button').waitFor();
				await page.getByTestId('parameter-item').first().waitFor();
				await settled(page);
			},
			useTheme: async (theme) => await page.emulateMedia({ colorScheme: theme }),
			close,
		};
	} catch (error) {
		await close();
		throw error;
	}
}

/** Waits until nothing is loaded any more and transitions are over. */
export async function settled(page: Page): Promise<void> {
	await page.waitForLoadState('networkidle').catch(() => undefined);
	await page.evaluate(async () => await document.fonts.ready);
	await page.waitForTimeout(700);
}

/** Closes n8n's messages in the corner. */
export async function closeToasts(page: Page): Promise<void> {
	for (const button of await page.locator('.el-notification__closeBtn').all()) await button.click();
	await settled(page);
}

/** The column of the open node with its parameters, from the title of the node to the last field. */
export async function parameterColumn(page: Page): Promise<Clip> {
	const parameters = page.getByTestId('node-parameters');
	const dialog = await boxOf(page.getByTestId('ndv'));
	const column = await boxOf(parameters);
	const bottom = await parameters.evaluate((element) => {
		const fields = Array.from(element.querySelectorAll('.parameter-item, .notice, [data-test-id]'));
		const ends = fields
			.filter((field) => !field.closest('[data-test-id="node-feature-request"]'))
			.map((field) => field.getBoundingClientRect().bottom);
		return Math.max(...ends);
	});
	const margin = 18;
	const end = Math.min(bottom + margin, dialog.y + dialog.height);
	return {
		x: column.x,
		y: dialog.y + 42,
		width: column.width,
		height: end - dialog.y - 42,
	};
}

/** The nodes and notes on the canvas. */
export async function canvasContent(page: Page): Promise<Clip> {
	const nodes = await page.locator('.vue-flow__node').all();
	const boxes = await Promise.all(nodes.map(boxOf));
	const margin = 16;
	const x = Math.min(...boxes.map((box) => box.x)) - margin;
	const y = Math.min(...boxes.map((box) => box.y)) - margin;
	const right = Math.max(...boxes.map((box) => box.x + box.width)) + margin;
	// The names of nodes are below them.
	const names = 24;
	const bottom = Math.max(...boxes.map((box) => box.y + box.height)) + names + margin;
	return { x, y, width: right - x, height: bottom - y };
}

export async function boxOf(locator: Locator): Promise<Clip> {
	const box = await locator.boundingBox();
	if (!box) throw new Error(`Not on the screen: ${String(locator)}`);
	return box;
}
