import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Page } from 'playwright-core';
import { makeSdp, type Emulator } from '../../emulator';
import { NUMBER } from '../../test/support/constants';
import {
	startN8nWithPackage,
	type N8n,
	type StoredCredential,
	type StoredWorkflow,
} from '../../test/support/n8n';
import { REPOSITORY } from '../../test/support/package';
import { poll, runNpm, stopAll } from '../../test/support/processes';
import { startMeta } from '../../test/support/stage';
import {
	ACTION_TYPE,
	chain,
	CREDENTIAL_TYPE,
	node,
	TRIGGER_TYPE,
	using,
	webhookNode,
	type IdentifiedNode,
} from '../../test/support/workflow';
import {
	boxOf,
	canvasContent,
	closeToasts,
	findChromium,
	openEditor,
	parameterColumn,
	settled,
	type Clip,
	type Editor,
} from '../../test/support/editor';

const USAGE = `Takes the pictures in docs/images: the nodes in the editor of a real n8n, against an emulated Meta.

npm run screenshots [-- NAME ...]

  NAME   only these pictures, e.g. error`;

/** Where the window is shown in which a step failed. */
const FAILURES = join(REPOSITORY, '.tmp', 'screenshots');
const IMAGES = join(REPOSITORY, 'docs', 'images');

interface Stage {
	n8n: N8n;
	emulator: Emulator;
	editor: Editor;
	credential: StoredCredential;
}

type Picture = (stage: Stage, take: Take) => Promise<void>;
/** Writes a picture: of the whole window, or of a part of it. */
type Take = (name: string, clip?: Clip) => Promise<void>;

/** The credential as an operator makes it, from the panel of a node; every other picture uses it. */
async function createCredential(
	{ n8n, emulator, editor }: Omit<Stage, 'credential'>,
	take: Take,
): Promise<StoredCredential> {
	const { page } = editor;
	const trigger = triggerNode();
	const { id } = await addWorkflow(n8n, 'Recordings', [trigger]);
	await editor.openNode(id, trigger.id, 1200);
	await page.getByTestId('node-credentials-slot').getByRole('button').first().click();
	const modal = page.getByTestId('editCredential-modal');
	const { accessToken, businessAccountId, appId, appSecret } = emulator.account;
	const values = { accessToken, businessAccountId, appId, appSecret, baseUrl: emulator.baseUrl };
	for (const [field, value] of Object.entries(values)) {
		await modal.getByTestId(`parameter-input-${field}`).locator('input').fill(value);
	}
	await modal.getByTestId('credential-save-button').click();
	// n8n tests what it saves, and closes the form only when the test has succeeded.
	await modal.waitFor({ state: 'hidden' });
	await page.getByTestId('credential-edit-button').click();
	await modal.getByText('Connection tested successfully').waitFor();
	await settled(page);
	const { x, y, width } = await boxOf(modal);
	const lastField = await boxOf(modal.getByTestId('parameter-input-appSecret'));
	await take('credential', { x, y, width, height: lastField.y + lastField.height + 34 - y });

	const stored = await n8n.api.request<StoredCredential[]>('GET', '/rest/credentials');
	const credential = stored.find(({ type }) => type === CREDENTIAL_TYPE);
	if (!credential) throw new Error('The editor did not save the credential');
	return credential;
}

const PICTURES: Record<string, Picture> = {
	'trigger-panel': async ({ n8n, editor, credential }, take) => {
		const trigger = triggerNode(credential);
		const { id } = await addWorkflow(n8n, 'Recordings', [trigger]);
		await editor.openNode(id, trigger.id);
		await take('trigger-panel');
	},

	'trigger-panel-dark': async ({ n8n, editor, credential }, take) => {
		const trigger = triggerNode(credential);
		const { id } = await addWorkflow(n8n, 'Recordings', [trigger]);
		await editor.useTheme('dark');
		await editor.openNode(id, trigger.id);
		await take('trigger-panel-dark');
		await editor.useTheme('light');
	},

	'trigger-options': async ({ n8n, editor, credential }, take) => {
		const trigger = triggerNode(credential, {
			options: {
				acknowledge: 'finished',
				onOtherWebhook: 'stop',
				onFileUnavailable: 'retry',
				retryFor: 1,
				maxFileSize: 100,
				maxConcurrentDownloads: 4,
				timeBudget: 15,
				binaryPropertyName: 'data',
				maxConcurrentDeliveries: 32,
				includeRawEvent: true,
			},
		});
		const { id } = await addWorkflow(n8n, 'Recordings', [trigger]);
		await editor.openNode(id, trigger.id, 1500);
		await take('trigger-options', await parameterColumn(editor.page));
	},

	'trigger-output': async ({ n8n, emulator, editor, credential }, take) => {
		const { page } = editor;
		const trigger = triggerNode(credential);
		const { id } = await addWorkflow(n8n, 'Recordings', [trigger]);
		await editor.openNode(id, trigger.id);
		await page.getByTestId('trigger-execute-button').click();
		await poll('subscription of the test URL', 30_000, async () =>
			JSON.stringify(emulator.subscriptionState()).includes('/webhook-test/') ? true : undefined,
		);
		await settled(page);
		await take('trigger-listening');
		emulator.deliver([await emulator.createRecording()]);
		const output = page.getByTestId('output-panel');
		await output.getByTestId('radio-button-json').click();
		await closeToasts(page);
		// n8n's hint that such an item cannot be pinned goes by itself.
		await page.getByText('Pin Data is disabled').waitFor({ state: 'hidden' });
		await take('trigger-output');
		await output.getByTestId('radio-button-binary').click();
		await settled(page);
		await take('trigger-binary', { ...(await boxOf(output)), height: 340 });
	},

	'action-start': async ({ n8n, editor, credential }, take) => {
		const start = callNode(credential, {
			phoneNumberId: listedNumber,
			to: '+1 408 555 1234',
			sdp: makeSdp('offer'),
			recordCall: true,
			recordingPurpose: 'quality assurance',
		});
		const { id } = await addWorkflow(n8n, 'Call a customer', [manualTrigger(), start]);
		await editor.openNode(id, start.id, 1450);
		await take('action-start', await parameterColumn(editor.page));
	},

	'action-accept': async ({ n8n, emulator, editor, credential }, take) => {
		const accept = callNode(credential, {
			operation: 'accept',
			phoneNumberId: { __rl: true, mode: 'id', value: '={{ $json.phoneNumberId }}' },
			callId: '={{ $json.callId }}',
			sdp: '={{ $json.sdp }}',
			recordCall: true,
			recordingPurpose: 'quality assurance',
			transcribeCall: true,
		});
		const source = manualTrigger('Ask the media server');
		const { id } = await addWorkflow(n8n, 'Answer calls', [source, accept], {
			[source.name]: [
				{
					json: {
						callId: emulator.userCalls().id,
						phoneNumberId: emulator.account.phoneNumbers[0]?.id,
						sdp: makeSdp('answer'),
					},
				},
			],
		});
		await editor.openNode(id, accept.id, 1300);
		await take('action-accept', await parameterColumn(editor.page));
	},

	error: async ({ n8n, editor, credential }, take) => {
		const { page } = editor;
		const start = callNode(credential, {
			phoneNumberId: listedNumber,
			to: '+1 408 555 1234',
			sdp: makeSdp('offer'),
			recordCall: true,
			recordingPurpose: '={{ $json.purpose }}',
		});
		const source = manualTrigger('Next customer');
		const { id } = await addWorkflow(n8n, 'Call a customer', [source, start], {
			[source.name]: [{ json: { customer: 'Ana Söderström', purpose: '' } }],
		});
		await editor.openNode(id, start.id);
		await page.getByTestId('node-execute-button').click();
		await page.getByTestId('node-error-message').waitFor();
		await settled(page);
		await closeToasts(page);
		await take('error', { ...(await boxOf(page.getByTestId('ndv'))), height: 440 });
	},

	'example-recording-to-google-drive': async (stage, take) =>
		await takeExample(stage, take, 'recording-to-google-drive'),

	'setup-check': async ({ n8n, emulator, editor, credential }, take) => {
		const { page } = editor;
		const { account } = emulator;
		const { primaryFundingId } = account;
		account.primaryFundingId = undefined;
		const trigger = triggerNode(credential);
		await addWorkflow(n8n, 'Recordings', [trigger]);
		const check = callNode(credential, {
			resource: 'setup',
			operation: 'check',
			phoneNumberId: listedNumber,
			triggerUrl: n8n.api.webhookUrl(trigger),
		});
		const { id } = await addWorkflow(n8n, 'Check the setup', [manualTrigger(), check]);
		await editor.openNode(id, check.id);
		await page.getByTestId('node-execute-button').click();
		await page.getByText('need attention').waitFor();
		await page.getByTestId('output-panel').getByTestId('radio-button-table').click();
		await settled(page);
		await closeToasts(page);
		await take('setup-check', await boxOf(page.getByTestId('ndv')));
		account.primaryFundingId = primaryFundingId;
	},

	'example-browser-phone': async (stage, take) =>
		await takeExample(stage, take, 'browser-phone/browser-phone'),

	'example-browser-phone-team': async (stage, take) =>
		await takeExample(stage, take, 'browser-phone/browser-phone-team'),

	'example-browser-phone-team-listening': async (stage, take) =>
		await takeExample(stage, take, 'browser-phone/browser-phone-team-listening'),
};

async function takeExample({ n8n, editor, credential }: Stage, take: Take, name: string) {
	const { page } = editor;
	const file = join(REPOSITORY, 'examples', `${name}.json`);
	const { id } = await n8n.api.importWorkflow(file, { credentials: [credential] });
	await editor.openWorkflow(id);
	await page.getByTestId('zoom-to-fit').click();
	await settled(page);
	await take(`example-${basename(name)}`, await canvasContent(page));
}

const listedNumber = {
	__rl: true,
	mode: 'list',
	value: NUMBER,
	cachedResultName: 'Emulated Support · +44 20 7946 0958',
};

const triggerNode = (credential?: StoredCredential, parameters: Record<string, unknown> = {}) =>
	webhookNode('When a recording is ready', TRIGGER_TYPE, 1.1, parameters, {
		credentials: credential && using(credential),
	});

const callNode = (credential: StoredCredential, parameters: Record<string, unknown>) =>
	node('WhatsApp Business Calling', ACTION_TYPE, 1, parameters, {
		credentials: using(credential),
		position: [240, 0],
	});

const manualTrigger = (name = 'When clicking ‘Execute workflow’') =>
	node(name, 'n8n-nodes-base.manualTrigger', 1);

/** Nodes in a row, with the items that are pinned to them. */
async function addWorkflow(
	n8n: N8n,
	name: string,
	nodes: IdentifiedNode[],
	pinData: Record<string, Array<{ json: Record<string, unknown> }>> = {},
): Promise<StoredWorkflow> {
	return await n8n.api.request<StoredWorkflow>('POST', '/rest/workflows', {
		name,
		nodes,
		connections: chain(nodes),
		pinData,
		settings: { executionOrder: 'v1' },
		active: false,
	});
}

/** Takes what can be taken, and rejects with everything that failed. */
async function takePictures(stage: Stage, take: Take, wanted: string[]) {
	const failures: Error[] = [];
	for (const [name, picture] of Object.entries(PICTURES)) {
		if (wanted.length > 0 && !wanted.includes(name)) continue;
		try {
			await picture(stage, take);
		} catch (error) {
			const path = join(FAILURES, `${name}.png`);
			await stage.editor.page.screenshot({ path }).catch(() => undefined);
			failures.push(new Error(`${name} (the editor showed ${path})`, { cause: error }));
		}
	}
	if (failures.length > 0) throw new AggregateError(failures, 'Some pictures could not be taken');
}

const takeFrom =
	(page: Page, folder: string): Take =>
	async (name, clip) => {
		await page.mouse.move(5, 5);
		await page.screenshot({ path: join(folder, `${name}.png`), clip, animations: 'disabled' });
		console.log(`docs/images/${name}.png`);
	};

const cleanups: Array<() => Promise<void>> = [];

let cleaning: Promise<void> | undefined;
let interrupted = false;

/** Stops and removes everything, the last first. */
async function cleanUp(): Promise<void> {
	cleaning ??= (async () => {
		for (const cleanup of cleanups.reverse()) await cleanup().catch(() => undefined);
	})();
	await cleaning;
}

async function main(): Promise<void> {
	const wanted = process.argv.slice(2);
	if (wanted.some((name) => name.startsWith('-') || !(name in PICTURES))) {
		console.log(`${USAGE}\n\n${Object.keys(PICTURES).join('\n')}`);
		return;
	}
	try {
		const chromium = await findChromium();
		await runNpm(['run', 'build'], { cwd: REPOSITORY });
		await mkdir(IMAGES, { recursive: true });
		const emulator = await startMeta();
		cleanups.push(async () => await emulator.stop());
		const n8n = await startN8nWithPackage();
		cleanups.push(async () => await n8n.stop());
		const editor = await openEditor(n8n, chromium);
		cleanups.push(async () => await editor.close());
		const take = takeFrom(editor.page, IMAGES);
		const credential = await createCredential({ n8n, emulator, editor }, take);
		await takePictures({ n8n, emulator, editor, credential }, take, wanted);
	} finally {
		await cleanUp();
	}
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
	process.once(signal, () => {
		interrupted = true;
		void cleanUp().then(() => {
			stopAll();
			process.exit(130);
		});
	});
}

main().then(
	() => process.exit(0),
	(error: unknown) => {
		if (!interrupted) console.error(error);
		process.exit(interrupted ? 130 : 1);
	},
);
