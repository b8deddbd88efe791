import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, realpath, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
	contentOfFile,
	DEFAULT_RECORDING,
	startEmulator,
	type Call,
	type Emulator,
} from '../emulator';
import {
	startN8n,
	type Execution,
	type N8n,
	type StoredCredential,
	type StoredWorkflow,
	type WorkflowDefinition,
} from '../support/n8n';
import { ensureN8n, N8N_VERSION } from '../support/n8n-install';
import { packPackage, REPOSITORY } from '../support/package';
import { runNpm, stopAll } from '../support/processes';
import { startMediaServer, type MediaServer } from './media-server';
import { Interrupted, StepFailed, StepRunner, type Step } from './steps';

const USAGE = `Shows one recorded call from the ring to the audio file, in a real n8n against an emulated Meta.

npm run demo [-- --out DIR] [-- --keep]

  --out DIR   folder for the recording (default: a new one in the system's folder for temporary files)
  --keep      leave n8n and the emulator running until Ctrl-C`;

const PACKAGE = 'n8n-nodes-whatsapp-business-calling';
const NODES = ['whatsAppBusinessCalling', 'whatsAppBusinessCallingTrigger'];
const CREDENTIAL_TYPE = 'whatsAppBusinessCallingApi';

/** What an operator changes in the example after the import. */
const EXAMPLE_FOLDER = '/home/node/.n8n-files';
const EXAMPLE_MEDIA_SERVER = 'https://media.example.com/answer';

const CALL_WORKFLOW = 'answer-and-record.json';
const STORAGE_WORKFLOW = 'recording-to-storage.json';
const ACCEPT_NODE = 'Accept and record';
const SAVE_NODE = 'Save the recording';

interface Stage {
	outFolder: string;
	tarball: string;
	emulator: Emulator;
	mediaServer: MediaServer;
	n8n: N8n;
	credential: StoredCredential;
	workflow: StoredWorkflow;
}

const cleanups: Array<() => Promise<void>> = [];

async function cleanUp(): Promise<void> {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch(() => undefined);
}

const seconds = (milliseconds: number) => `${Math.round(milliseconds / 1_000)} s`;

/** Everything up to the moment at which the number can be called. */
function preparation(stage: Partial<Stage>, out: string | undefined): Step[] {
	return [
		{
			title: 'Check Node.js',
			limit: 5,
			async run({ result }) {
				const [major = 0] = process.versions.node.split('.').map(Number);
				if (major < 24) {
					throw new Error(
						`This is Node.js ${process.versions.node}. Run it as "npm run demo" after "npm ci": the package brings Node.js 24 along.`,
					);
				}
				stage.outFolder = await outFolder(out);
				result(`Node.js ${process.versions.node}`);
			},
		},
		{
			title: 'Build and pack the package',
			limit: 180,
			async run({ progress, result }) {
				progress('npm run build');
				await runNpm(['run', 'build'], { cwd: REPOSITORY });
				progress('npm pack');
				const { tarball, remove } = await packPackage();
				cleanups.push(remove);
				stage.tarball = tarball;
				result(`Built and packed ${tarball.split('/').at(-1)}`);
			},
		},
		{
			title: `Get n8n ${N8N_VERSION}`,
			limit: 1_800,
			async run({ progress, result }) {
				const start = Date.now();
				const { installed } = await ensureN8n({
					onProgress: ({ phase, elapsed, packages }) =>
						progress(
							`${phase}, ${seconds(elapsed)}${packages ? `, ${packages} of about 1500 packages` : ''} (once; takes about 5 minutes and 2.9 GB)`,
						),
				});
				result(
					`n8n ${N8N_VERSION} ${installed ? `installed in ${seconds(Date.now() - start)}` : 'is in the cache'}`,
				);
			},
		},
		{
			title: 'Start the Meta emulator and a stand-in for the media server',
			limit: 20,
			async run({ result }) {
				stage.emulator = await startEmulator({ recordingDelayMs: 1_000 });
				cleanups.push(async () => await stage.emulator?.stop());
				stage.mediaServer = await startMediaServer();
				cleanups.push(async () => await stage.mediaServer?.stop());
				result(
					`Meta emulator at ${stage.emulator.baseUrl}, media server at ${stage.mediaServer.url}`,
				);
			},
		},
		{
			title: 'Start n8n with the packed package',
			limit: 300,
			async run({ progress, result }) {
				const start = Date.now();
				const { tarball, outFolder: folder = '' } = stage;
				progress('n8n starts; the first time, it prepares its database');
				stage.n8n = await startN8n({ tarball, allowedFolders: [folder] });
				cleanups.push(async () => await stage.n8n?.stop());
				const titles: string[] = [];
				for (const name of NODES) {
					const type = await stage.n8n.api.nodeType(`${PACKAGE}.${name}`);
					if (!type) throw new Error(`n8n did not load the node ${name}`);
					titles.push(`"${type.displayName}"`);
				}
				result(
					`n8n at ${stage.n8n.url} with ${titles.join(' and ')} (${seconds(Date.now() - start)})`,
				);
			},
		},
		{
			title: 'Create the credential and test it',
			limit: 30,
			async run({ result }) {
				const { n8n, emulator } = complete(stage, 'n8n', 'emulator');
				const { accessToken, businessAccountId, appId, appSecret } = emulator.account;
				stage.credential = await n8n.api.createCredential({
					name: 'WhatsApp Business Calling account',
					type: CREDENTIAL_TYPE,
					data: {
						accessToken,
						businessAccountId,
						appId,
						appSecret,
						apiVersion: 'v26.0',
						baseUrl: emulator.baseUrl,
					},
				});
				const { status, message } = await n8n.api.testCredential(stage.credential);
				if (status !== 'OK') throw new Error(`n8n's test of the credential failed: ${message}`);
				result(`Credential "${stage.credential.name}" works: ${message}`);
			},
		},
		{
			title: 'Import the example workflows',
			limit: 30,
			async run({ result }) {
				const {
					n8n,
					credential,
					outFolder: folder,
					mediaServer,
				} = complete(stage, 'n8n', 'credential', 'outFolder', 'mediaServer');
				const credentials = [credential];
				stage.workflow = await n8n.api.importWorkflow(example(CALL_WORKFLOW), {
					credentials,
					edit: (workflow) => {
						replaceInParameters(workflow, EXAMPLE_FOLDER, folder);
						replaceInParameters(workflow, EXAMPLE_MEDIA_SERVER, mediaServer.url);
					},
				});
				const storage = await n8n.api.importWorkflow(example(STORAGE_WORKFLOW), { credentials });
				result(`Imported "${stage.workflow.name}" and "${storage.name}"`);
			},
		},
		{
			title: 'Activate the workflow: it registers itself with Meta',
			limit: 60,
			async run({ result }) {
				const { n8n, workflow } = complete(stage, 'n8n', 'workflow');
				await n8n.api.activate(workflow.id);
				result(`"${workflow.name}" is active; Meta has checked its webhook`);
			},
		},
	];
}

/** One call, from the ring to the file. */
function call(stage: Stage): Step[] {
	const { emulator, n8n, workflow } = stage;
	let current: Call;
	let executionsBefore = 0;
	let announcement = '';
	let saved = '';

	const nextExecution = async (number: number): Promise<Execution> => {
		const finished = await n8n.api.waitForExecutions(workflow.id, executionsBefore + number);
		const execution = finished[executionsBefore + number - 1]!;
		if (execution.status !== 'success') {
			throw new Error(
				`The workflow failed: ${execution.error?.message ?? execution.status} (execution ${execution.id})`,
			);
		}
		return execution;
	};

	return [
		{
			title: 'A customer calls the business number',
			limit: 30,
			async run({ result }) {
				executionsBefore = (await n8n.api.executions(workflow.id)).length;
				current = emulator.userCalls();
				const { name, waId } = current.user;
				result(`${name} (+${waId}) calls: ${current.id}`);
			},
		},
		{
			title: 'The workflow accepts the call with recording on',
			limit: 60,
			async run({ result }) {
				const execution = await nextExecution(1);
				const [accepted] = execution.items(ACCEPT_NODE);
				if (!accepted) throw new Error(`"${ACCEPT_NODE}" did not run`);
				if (current.state !== 'inProgress') throw new Error(`The call is ${current.state}`);
				if (!current.recording) throw new Error('The call was accepted without recording');
				announcement = String(accepted.json.announcement);
				const { purpose, announcement_language: language } = current.recording;
				result(
					`The workflow accepted the call with recording on (purpose "${purpose}", ${language})`,
				);
			},
		},
		{
			title: 'Both sides hear the announcement',
			limit: 5,
			async run({ result }) {
				const { purpose = '' } = current.recording ?? {};
				if (!announcement.includes(purpose)) {
					throw new Error(`The announcement does not name the purpose: ${announcement}`);
				}
				result(`Both sides hear: "${announcement}"`);
			},
		},
		{
			title: 'The customer hangs up',
			limit: 20,
			async run({ result }) {
				emulator.hangUp(current.id, { by: 'user', durationSeconds: 42 });
				result('The customer hangs up after 42 seconds');
			},
		},
		{
			title: 'Meta announces the recording, and the workflow saves it',
			limit: 60,
			async run({ result }) {
				const execution = await nextExecution(2);
				const [item] = execution.items(SAVE_NODE);
				if (!item) throw new Error(`"${SAVE_NODE}" did not run`);
				saved = String(item.json.fileName);
				const { mediaId } = item.json.recording as { mediaId: string };
				result(`The recording ${mediaId} is saved`);
			},
		},
		{
			title: "Compare the file with the one at Meta's end",
			limit: 20,
			async run({ result }) {
				const file = await readFile(saved);
				const sha256 = createHash('sha256').update(file).digest('hex');
				const { sha256Hex } = await contentOfFile(DEFAULT_RECORDING);
				if (sha256 !== sha256Hex) {
					throw new Error(`The SHA-256 of ${saved} is ${sha256}, and should be ${sha256Hex}`);
				}
				result(`${file.length} bytes, SHA-256 ${sha256}: equal to Meta's`);
			},
		},
	];
}

const example = (file: string) => join(REPOSITORY, 'examples', file);

async function outFolder(chosen: string | undefined): Promise<string> {
	if (chosen === undefined) {
		const folder = await realpath(await mkdtemp(join(tmpdir(), 'recordings-')));
		// Fails, as it should, when there is a recording in it.
		cleanups.push(async () => await rmdir(folder));
		return folder;
	}
	await mkdir(resolve(chosen), { recursive: true });
	return await realpath(chosen);
}

function replaceInParameters(workflow: WorkflowDefinition, placeholder: string, value: string) {
	let found = false;
	for (const node of workflow.nodes) {
		for (const [name, parameter] of Object.entries(node.parameters)) {
			if (typeof parameter !== 'string' || !parameter.includes(placeholder)) continue;
			node.parameters[name] = parameter.replaceAll(placeholder, value);
			found = true;
		}
	}
	if (!found) throw new Error(`The example "${workflow.name}" no longer contains ${placeholder}`);
}

function complete<K extends keyof Stage>(stage: Partial<Stage>, ...keys: K[]): Pick<Stage, K> {
	const missing = keys.find((key) => stage[key] === undefined);
	if (missing !== undefined) throw new Error(`An earlier step has not prepared "${missing}"`);
	return stage as Pick<Stage, K>;
}

function describe({ n8n, emulator, workflow, outFolder: folder }: Stage): string {
	const orders = `${emulator.baseUrl}/_emulator`;
	return `
n8n           ${n8n.url}/workflow/${workflow.id}
sign in with  ${n8n.login.email} / ${n8n.login.password}
recordings    ${folder}
emulator      ${emulator.baseUrl}
  a user calls        curl -X POST ${orders}/calls
  the user hangs up   curl -X POST ${orders}/calls/CALL_ID/hang-up
  a recording only    curl -X POST ${orders}/recordings
  what has happened   curl ${orders}/state

Ctrl-C ends everything.`;
}

function report(error: unknown, n8n: N8n | undefined): void {
	const step = error instanceof StepFailed ? `Failed: ${error.step}\n` : '';
	console.error(`\n${step}${error instanceof Error ? error.message : String(error)}`);
	if (n8n) console.error(`\nThe last lines of n8n's log:\n${n8n.log.tail(15)}`);
}

async function main(): Promise<number> {
	const { values } = parseArgs({
		options: {
			out: { type: 'string' },
			keep: { type: 'boolean', default: false },
			help: { type: 'boolean', short: 'h', default: false },
		},
	});
	if (values.help) {
		console.log(USAGE);
		return 0;
	}
	const stage: Partial<Stage> = {};
	const runner = new StepRunner();
	try {
		await runner.run(preparation(stage, values.out));
		const ready = stage as Stage;
		await runner.run(call(ready));
		const files = await readdir(ready.outFolder);
		console.log(`\nIn ${ready.outFolder}: ${files.join(', ')}`);
		if (values.keep) {
			console.log(describe(ready));
			await runner.untilInterrupted();
		}
		return 0;
	} catch (error) {
		if (error instanceof Interrupted) {
			console.error('\nStopping ...');
			await runner.settle();
			return values.keep ? 0 : 130;
		}
		report(error, stage.n8n);
		stopAll();
		await runner.settle();
		return 1;
	} finally {
		await cleanUp();
	}
}

main().then(
	(code) => process.exit(code),
	(error: unknown) => {
		console.error(error);
		process.exit(1);
	},
);
