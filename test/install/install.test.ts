import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

import manifest from '../../package.json';
import { makeSdp, type Emulator } from '../../emulator';
import { eventOptions } from '../../nodes/WhatsAppBusinessCalling/events/eventTypes';
import { WhatsAppBusinessCalling } from '../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCalling.node';
import { PERSON } from '../support/constants';
import { findChromium, openEditor, type Editor } from '../support/editor';
import { filesBelow } from '../support/files';
import { startN8n, type N8n } from '../support/n8n';
import { packPackage } from '../support/package';
import { poll } from '../support/processes';
import { startMeta } from '../support/stage';
import { PACKAGE } from '../support/workflow';
import { install, NODE_TYPES, tracesInDatabase } from './installer';
import { Operator, PICTURES } from './operator';
import { startRegistry, type Registry } from './registry';

/** Each step waits for what it needs; this is for a machine that does other things as well. */
jest.setTimeout(300_000);

const TRIGGER = 'WhatsApp Business Calling Trigger';
const SERVICE = 'WhatsApp Business Calling';
const TRIGGER_CLASS = 'WhatsAppBusinessCallingTrigger';
const NEXT_VERSION = '999.0.0';
const NEXT_DESCRIPTION = 'In its second version, receive recordings';
const PURPOSE = 'quality assurance';

const operations = new WhatsAppBusinessCalling().description.properties
	.filter(({ name }) => name === 'operation')
	.flatMap(({ options = [] }) => options);
const TRIGGERS = `Triggers (${eventOptions.length})`;
const ACTIONS = `Actions (${operations.length})`;

/** The steps of a stranger who installs the package and works with it; each builds on those before. */
describe('a new user with n8n and a browser', () => {
	let registry: Registry;
	let emulator: Emulator;
	let n8n: N8n;
	let editor: Editor;
	let operator: Operator;
	let packed: Awaited<ReturnType<typeof packPackage>>;
	/** The workflow that the operator builds. */
	let workflowId: string;
	let productionUrl: string;

	beforeAll(async () => {
		const chromium = await findChromium();
		await Operator.prepare();
		registry = await startRegistry();
		packed = await packPackage();
		await registry.publish(packed.tarball);
		emulator = await startMeta();
		n8n = await startN8n({
			beforeStart: async (folder) => void (await install(registry.url, manifest.version, folder)),
			// For the question whether there is something newer; n8n asks it with the npm of its surroundings.
			env: { npm_config_registry: registry.url },
		});
		editor = await openEditor(n8n, chromium);
		operator = new Operator(n8n, editor);
	});

	afterAll(async () => {
		await editor?.close();
		await n8n?.stop();
		await emulator?.stop();
		await packed?.remove();
		await registry?.stop();
		console.log(`Pictures of each step: ${PICTURES}`);
	});

	const callback = () => emulator.subscriptionState().app?.callbackUrl;
	const folderOfPackage = () => join(n8n.userFolder, '.n8n', 'nodes', 'node_modules', PACKAGE);

	it('The user installs what was packed, and nothing else', async () => {
		const { stdout } = await promisify(execFile)('tar', ['-tzf', packed.tarball]);
		const files = stdout
			.trim()
			.split('\n')
			.map((path) => path.replace('package/', ''));
		const folder = folderOfPackage();
		const installed = (await filesBelow(folder)).map((path) => relative(folder, path));
		expect(installed.sort()).toEqual(files.sort());
		expect(await readdir(join(n8n.userFolder, '.n8n', 'nodes'))).toEqual(
			expect.arrayContaining(['node_modules', 'package.json']),
		);
		expect(await n8n.api.nodeTypeNames()).toEqual(expect.arrayContaining(NODE_TYPES));
		expect(complaintsIn(n8n.log.text())).toEqual([]);
	});

	it('The user finds both nodes by typing "whatsapp call"', async () => {
		await operator.newWorkflow();
		expect(await operator.search('whatsapp call')).toContain(SERVICE);
		await operator.picture('search');
		await operator.openFound(SERVICE);
		expect(await operator.categories()).toEqual([TRIGGERS, ACTIONS]);
		await operator.picture('found');
	});

	it('The user adds the trigger, and reads its panel', async () => {
		await operator.add('On call recording available');
		await operator.pictureOfPanel('trigger');
		expect(await operator.cutOff()).toEqual([]);
	});

	it('The user learns when the token is wrong, and when the ID belongs to something else', async () => {
		const { accessToken, businessAccountId, appId, appSecret } = emulator.account;
		await operator.openNewCredential();
		await operator.picture('credential-empty');
		await operator.fillCredential({
			accessToken: `${accessToken}x`,
			businessAccountId,
			appId,
			appSecret,
			baseUrl: emulator.baseUrl,
		});
		await operator.saveCredential();
		await operator.credentialForm.getByText('More details').click();
		await operator.credentialForm.getByText('did not accept the access token').waitFor();
		await operator.picture('credential-wrong-token');

		await operator.fillCredential({ accessToken, businessAccountId: appId });
		await operator.saveCredential();
		await operator.credentialForm.getByText('no WhatsApp Business account with this ID').waitFor();
		await operator.picture('credential-wrong-id');
	});

	it('The user saves a correct credential, and it is green', async () => {
		const { businessAccountId } = emulator.account;
		await operator.fillCredential({ businessAccountId });
		await operator.saveCredential();
		await operator.credentialForm.waitFor({ state: 'hidden' });
		await operator.openSavedCredential();
		await operator.credentialForm.getByText('Connection tested successfully').waitFor();
		await operator.picture('credential-right');
		await operator.closeCredential();
	});

	it('The user sees every way to register the trigger, with nothing cut off', async () => {
		await operator.addOption('If Another Webhook Exists');
		for (const way of await operator.choices('registration')) {
			await operator.choose('registration', way);
			if (way !== 'Manual') await operator.choose('onOtherWebhook', 'Take Over and Forward');
			await operator.pictureOfPanel(`trigger-${way}`);
			expect({ way, cutOff: await operator.cutOff() }).toEqual({ way, cutOff: [] });
		}
		await operator.choose('registration', 'App (Automatic)');
		// The editor drops an option that Manual hides; without it, publishing stops with an error.
		await operator.openHelp();
		await operator.picture('trigger-help');
		await operator.closePanel();
	});

	it('The user adds the action node, and opens every operation, with nothing cut off', async () => {
		await operator.search('whatsapp call');
		await operator.openFound(SERVICE);
		await operator.picture('found-actions');
		await operator.add('Start call');
		for (const resource of await operator.choices('resource')) {
			await operator.choose('resource', resource);
			for (const operation of await operator.choices('operation')) {
				await operator.choose('operation', operation);
				const panel = `${resource} ${operation}`;
				await operator.pictureOfPanel(panel);
				expect({ panel, cutOff: await operator.cutOff() }).toEqual({ panel, cutOff: [] });
			}
		}
	});

	it('The user reads the announcement in each language before the call', async () => {
		await operator.choose('resource', 'Call');
		await operator.choose('operation', 'Start');
		await operator.switchOn('recordCall');
		const spoken = new Set<string>();
		for (const language of await operator.choices('recordingLanguage')) {
			await operator.choose('recordingLanguage', language);
			const [announcement] = await operator.announcements();
			spoken.add(announcement);
		}
		expect(spoken.size).toBe(12);
		await operator.choose('recordingLanguage', 'German');
		await operator.pictureOfPanel('start-recorded-in-German');
		await operator.switchOn('transcribeCall');
		expect(await operator.announcements()).toEqual([expect.stringContaining('und transkribiert')]);
		await operator.pictureOfPanel('start-recorded-and-transcribed');
		await operator.closePanel();
	});

	it('The user publishes the workflow, and Meta sends to it', async () => {
		await operator.removeNode('Start call');
		await operator.publish();
		workflowId = operator.openWorkflowId();
		await poll('registration', 30_000, async () => callback());
		productionUrl = callback()!;
		expect(productionUrl).toContain(`${n8n.url}/webhook/`);
		await operator.picture('published');
		await deliverToProduction();
	});

	it('The user listens for a test event, and sees the recording with its audio player', async () => {
		const before = emulator.subscriptionState();
		await operator.openWorkflow(workflowId);
		await operator.openNode(TRIGGER);
		await operator.listen();
		// The test joins the published workflow, which goes on receiving.
		await poll(
			'the test in the list of the address at Meta',
			30_000,
			async () => callback()?.startsWith(`${productionUrl}?`) || undefined,
		);
		await operator.picture('listening');
		const recording = await emulator.createRecording();
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		await operator.show('json', recording.callId);
		await operator.picture('recording-json');
		await operator.show('binary', recording.mediaId);
		await operator.picture('recording-file');
		const player = await operator.play();
		expect(player).toEqual({ canPlay: true, type: 'audio/ogg' });
		await operator.picture('recording-player');
		await operator.closePanel();

		await poll(
			'the address without the test at Meta',
			30_000,
			async () => callback() === productionUrl || undefined,
		);
		expect(emulator.subscriptionState()).toEqual(before);
		await deliverToProduction();
	});

	it('The user starts a call with recording, and sees what both sides hear', async () => {
		await operator.newWorkflow();
		await operator.search('whatsapp call');
		await operator.openFound(SERVICE);
		await operator.unfold(ACTIONS);
		await operator.add('Start call');
		await operator.chooseFromList('phoneNumberId', 'Emulated Support');
		await operator.picture('number-chosen');
		await operator.fill('to', '+1 408 555 1234');
		await operator.fill('sdp', makeSdp('offer'));
		await operator.switchOn('recordCall');
		await operator.fill('recordingPurpose', PURPOSE);
		await operator.pictureOfPanel('start-filled');
		emulator.forget();
		await operator.execute();
		await operator.show(
			'json',
			`The audio of this call will be recorded for the following purpose: ${PURPOSE}`,
		);
		await operator.picture('call-started');
		const [request] = emulator.requests.filter(({ kind }) => kind === 'calls');
		expect(request?.body).toMatchObject({
			action: 'connect',
			to: PERSON,
			recording: { status: 'ENABLED', purpose: PURPOSE, announcement_language: 'en_US' },
		});
	});

	it('The user learns what to do when the call is rejected', async () => {
		emulator.setPermission(PERSON, 'no_permission');
		await operator.execute({ fails: true });
		await operator.picture('call-refused');
		const shown = await operator.output.innerText();
		expect(shown).toContain('permission');
		emulator.setPermission(PERSON, 'permanent');
		await operator.closePanel();
	});

	it('The user updates the package, with everything as it was', async () => {
		const before = emulator.subscriptionState();
		const workflow = await n8n.api.workflow(workflowId);
		const next = await nextVersion(packed.tarball);
		try {
			await registry.publish(next.tarball);
		} finally {
			await next.remove();
		}
		await operator.openSettings();
		await operator.page.getByText('Update', { exact: true }).waitFor();
		await operator.picture('settings-update-available');

		await n8n.restart({}, async () => {
			await install(registry.url, NEXT_VERSION, n8n.userFolder);
		});
		await n8n.api.login();
		await operator.openSettings();
		await operator.page.getByText(`v${NEXT_VERSION}`).waitFor();
		await operator.picture('settings-updated');
		expect(complaintsIn(n8n.log.text())).toEqual([]);
		const types = await Promise.all(NODE_TYPES.map(async (name) => await n8n.api.nodeType(name)));
		expect(types.map((type) => type?.description)).toContainEqual(
			expect.stringContaining(NEXT_DESCRIPTION),
		);
		expect(emulator.subscriptionState()).toEqual(before);
		expect((await n8n.api.workflow(workflowId)).nodes).toEqual(workflow.nodes);
		await poll(
			'n8n to listen again',
			30_000,
			async () => (await fetch(productionUrl, { method: 'POST' })).status === 401 || undefined,
		);
		await deliverToProduction();
		await operator.openWorkflow(workflowId);
		await operator.openNode(TRIGGER);
		await operator.picture('after-update');
		await operator.closePanel();
	});

	it('The user removes the package without a trace', async () => {
		await n8n.api.deactivate(workflowId);
		expect(emulator.subscriptionState()).toMatchObject({ accountSubscribed: false });
		expect(callback()).toBeUndefined();
		await operator.openSettings();
		await operator.uninstall(async () => await operator.picture('uninstall'));
		await operator.picture('uninstalled');

		const names = await n8n.api.nodeTypeNames();
		expect(names.filter((name) => name.startsWith(PACKAGE))).toEqual([]);
		const left = await filesBelow(join(n8n.userFolder, '.n8n', 'nodes'));
		expect(left.filter((path) => path.includes('whatsapp'))).toEqual([]);
		const list = await readFile(join(n8n.userFolder, '.n8n', 'nodes', 'package.json'), 'utf8');
		expect(list).not.toContain(PACKAGE);
		await n8n.restart({}, async () => {
			expect(tracesInDatabase(n8n.userFolder)).toEqual({
				installed_packages: 0,
				installed_nodes: 0,
			});
		});
		await n8n.api.login();
		expect((await n8n.api.nodeTypeNames()).filter((name) => name.startsWith(PACKAGE))).toEqual([]);
		await operator.openWorkflow(workflowId);
		await operator.picture('after-uninstall');
	});

	async function deliverToProduction(): Promise<void> {
		const { length } = await n8n.api.executions(workflowId);
		const recording = await emulator.createRecording();
		expect((await emulator.deliver([recording]).answer).status).toBe(200);
		const runs = await n8n.api.waitForExecutions(workflowId, length + 1);
		const [item] = runs.at(-1)!.items(TRIGGER);
		expect(item?.json).toMatchObject({
			recording: { mediaId: recording.mediaId, verified: true },
		});
	}
});

/** The package as it is, with another version and another description of the trigger. */
async function nextVersion(tarball: string): ReturnType<typeof packPackage> {
	const folder = await mkdtemp(join(tmpdir(), 'next-version-'));
	try {
		await promisify(execFile)('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
		const file = join(folder, 'package.json');
		const next = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
		await writeFile(file, JSON.stringify({ ...next, version: NEXT_VERSION }, null, 2));
		const code = join(
			folder,
			'dist',
			'nodes',
			'WhatsAppBusinessCalling',
			`${TRIGGER_CLASS}.node.js`,
		);
		const text = await readFile(code, 'utf8');
		await writeFile(code, text.replace('Receive recordings', NEXT_DESCRIPTION));
		return await packPackage(folder);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** Lines of n8n's log that are about this package and no good news. */
function complaintsIn(log: string): string[] {
	return log
		.split('\n')
		.filter((line) => line.includes(PACKAGE) && /error|warn|fail|missing/i.test(line));
}
