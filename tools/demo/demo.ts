import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, realpath, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmulator, type Call, type Emulator } from '../../emulator';
import type { CallMedia } from '../../emulator/rtc/callMedia';
import { decodeAudio } from '../../test/support/audio';
import { folderMegabytes } from '../../test/support/files';
import { startGateway, type Gateway } from '../../test/support/gateway';
import {
	startN8n,
	type Execution,
	type N8n,
	type StoredCredential,
	type StoredWorkflow,
} from '../../test/support/n8n';
import { ensureN8n, N8N_VERSION } from '../../test/support/n8nInstall';
import { packPackage, REPOSITORY } from '../../test/support/package';
import { runNpm, stopAll } from '../../test/support/processes';
import { credentialData, CREDENTIAL_TYPE, PACKAGE } from '../../test/support/workflow';
import { example, EXAMPLE_FOLDER, EXAMPLE_NUMBER, replaceInParameters } from './examples';
import { Interrupted, StepFailed, StepRunner, type Step } from './steps';
import { Talk } from './talk';

const USAGE = `Shows two recorded calls from the ring to the audio file, in a real n8n against an emulated Meta: one
that comes in, and one that the business starts. Their sound is real.

npm run demo [-- --out DIR] [-- --keep [--media-address ADDRESS]] [-- --skip-build]

  --out DIR        folder for the recordings (default: a new one in the system's folder for temporary files)
  --keep           make no calls, but leave n8n and the emulator running until Ctrl-C, with a page on which
                   you talk to a customer yourself
  --media-address  where your browser finds the sound of your calls: an IPv4 address of this machine, for
                   browsers that use no loopback address (Firefox)
  --skip-build     use what "npm run build" has made`;

const NODES = ['whatsAppBusinessCalling', 'whatsAppBusinessCallingTrigger'];

/** What an operator changes in the examples after the import. */
const EXAMPLE_MEDIA_SERVER = 'https://media.example.com';

/** The first is for calls that come in, the second for calls that the business starts. */
const WORKFLOWS = ['answer-and-record.json', 'call-and-record.json'] as const;
const ACCEPT_NODE = 'Accept and record';
const START_TRIGGER = 'Call someone now';
const START_NODE = 'Start and record';
const SAVE_NODE = 'Save the recording';

/** Seconds. The gateway speaks when the announcement is over. */
const PROMPT_DELAY = 6;
/** Seconds by which a recording may be longer or shorter than the talk. */
const TOLERANCE = 0.5;
/** Of decoded speech, as a root mean square; silence has 0. */
const LEAST_LOUDNESS = 0.01;

interface Stage {
	outFolder: string;
	tarball: string;
	emulator: Emulator;
	gateway: Gateway;
	n8n: N8n;
	credential: StoredCredential;
	incoming: StoredWorkflow;
	outgoing: StoredWorkflow;
}

const cleanups: Array<() => Promise<void>> = [];

async function cleanUp(): Promise<void> {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch(() => undefined);
}

const seconds = (milliseconds: number) => `${Math.round(milliseconds / 1_000)} s`;

/** Everything up to the moment at which the number can be called. */
function preparation(
	stage: Partial<Stage>,
	{ out, skipBuild }: { out?: string; skipBuild?: boolean },
): Step[] {
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
				if (!skipBuild) {
					progress('npm run build');
					await runNpm(['run', 'build'], { cwd: REPOSITORY });
				}
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
				const { installed, folder } = await ensureN8n({
					onProgress: ({ phase, elapsed, packages }) =>
						progress(
							`${phase}, ${seconds(elapsed)}${packages ? `, ${packages} of about 1500 packages` : ''} (once; takes about 5 minutes and 2.9 GB)`,
						),
				});
				const took = seconds(Date.now() - start);
				if (!installed) return result(`n8n ${N8N_VERSION} is in the cache (${folder})`);
				const gigabytes = ((await folderMegabytes(folder)) / 1024).toFixed(1);
				result(`n8n ${N8N_VERSION} installed in ${took}: ${gigabytes} GB in ${folder}`);
			},
		},
		{
			title: 'Start the Meta emulator and the media gateway',
			limit: 60,
			async run({ result }) {
				stage.emulator = await startEmulator({ recordingDelayMs: 1_000, webRtc: {} });
				cleanups.push(async () => await stage.emulator?.stop());
				stage.gateway = await startGateway({ args: ['--prompt-delay', String(PROMPT_DELAY)] });
				cleanups.push(async () => await stage.gateway?.stop());
				result(
					`Meta emulator at ${stage.emulator.baseUrl}, media gateway (examples/media-gateway) at ${stage.gateway.url}`,
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
				stage.credential = await n8n.api.createCredential({
					name: 'WhatsApp Business Calling account',
					type: CREDENTIAL_TYPE,
					data: credentialData(emulator),
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
				const { n8n, credential, outFolder, gateway, emulator } = complete(
					stage,
					'n8n',
					'credential',
					'outFolder',
					'gateway',
					'emulator',
				);
				const [number] = emulator.account.phoneNumbers;
				const [incoming, outgoing] = await Promise.all(
					WORKFLOWS.map(
						async (file) =>
							await n8n.api.importWorkflow(example(file), {
								credentials: [credential],
								edit: (workflow) => {
									replaceInParameters(workflow, EXAMPLE_FOLDER, outFolder);
									replaceInParameters(workflow, EXAMPLE_MEDIA_SERVER, gateway.url);
									if (file === 'call-and-record.json') {
										replaceInParameters(workflow, EXAMPLE_NUMBER, number.id);
									}
								},
							}),
					),
				);
				Object.assign(stage, { incoming, outgoing });
				result(`Imported "${incoming.name}" and "${outgoing.name}"`);
			},
		},
	];
}

/** One workflow and its call, from the ring to the file. */
class DemoCall {
	private call: Call | undefined;
	private announcement = '';
	private saved = '';
	private seconds = 0;

	constructor(
		private readonly stage: Stage,
		private readonly workflow: StoredWorkflow,
	) {}

	activate(): Step {
		const { n8n } = this.stage;
		return {
			title: `Publish "${this.workflow.name}": it registers itself with Meta`,
			limit: 60,
			run: async ({ result }) => {
				await n8n.api.activate(this.workflow.id);
				result(`"${this.workflow.name}" is published; Meta has checked its webhook`);
			},
		};
	}

	deactivate(): Step {
		return {
			title: `Unpublish "${this.workflow.name}"`,
			limit: 60,
			run: async ({ result }) => {
				await this.stage.n8n.api.deactivate(this.workflow.id);
				result(`"${this.workflow.name}" is unpublished: the next calls are for the other workflow`);
			},
		};
	}

	/** Someone calls, and the workflow accepts. */
	comesIn(): Step[] {
		const { emulator } = this.stage;
		return [
			{
				title: 'A customer calls the business number',
				limit: 30,
				run: async ({ result }) => {
					this.call = emulator.userCalls();
					const { name, waId } = this.call.user;
					result(`${name} (+${waId}) calls: ${this.call.id}`);
				},
			},
			{
				title: 'The workflow asks the media gateway, and accepts the call with recording on',
				limit: 60,
				run: async ({ result }) => {
					const execution = await this.finished(1);
					this.announcement = this.announced(execution, ACCEPT_NODE);
					const call = this.current();
					if (call.state !== 'inProgress') throw new Error(`The call is ${call.state}`);
					result(`The workflow accepted the call with recording on (${this.purpose()})`);
				},
			},
		];
	}

	/** The workflow calls someone. */
	goesOut(): Step[] {
		const { emulator, n8n } = this.stage;
		return [
			{
				title: 'The workflow starts a call with recording on',
				limit: 60,
				run: async ({ result }) => {
					await n8n.api.request('POST', `/rest/workflows/${this.workflow.id}/run`, {
						workflowData: await n8n.api.workflow(this.workflow.id),
						triggerToStartFrom: { name: START_TRIGGER },
					});
					// The start, and the SDP answer that Meta sent because of it.
					const [started] = await this.allFinished(2);
					this.announcement = this.announced(started, START_NODE);
					this.call = emulator.calls.at(-1);
					const { name, waId } = this.current().user;
					result(`The phone of ${name} (+${waId}) rings: ${this.current().id}`);
				},
			},
			{
				title: 'The customer picks up',
				limit: 10,
				run: async ({ result }) => {
					emulator.userPicksUp(this.current().id);
					result(`The customer picks up; recording is on (${this.purpose()})`);
				},
			},
		];
	}

	/** What is the same in both directions. */
	talk(executionsBefore: number): Step[] {
		const { emulator } = this.stage;
		return [
			{
				title: 'Both sides connect and hear the announcement',
				limit: 60,
				run: async ({ progress, result }) => {
					const { purpose = '' } = this.current().recording ?? {};
					if (!this.announcement.includes(purpose)) {
						throw new Error(`The announcement does not name the purpose: ${this.announcement}`);
					}
					progress(this.announcement);
					await this.media().talking;
					result(`Both sides are connected and hear: "${this.announcement}"`);
				},
			},
			{
				title: 'They talk',
				limit: 60,
				run: async ({ result }) => {
					await this.media().said;
					const { packetsReceived, packetsSent } = this.media().report();
					result(
						`They talk: ${packetsSent} packets of sound from the customer, ${packetsReceived} from the gateway`,
					);
				},
			},
			{
				title: 'The customer hangs up',
				limit: 20,
				run: async ({ result }) => {
					emulator.hangUp(this.current().id, { by: 'user' });
					this.seconds = this.media().report().recordedSeconds;
					result(`The customer hangs up after ${this.seconds.toFixed(1)} seconds of talk`);
				},
			},
			{
				title: 'Meta announces the recording, and the workflow saves it',
				limit: 60,
				run: async ({ result }) => {
					// The end of the call, then the recording.
					const execution = await this.finished(executionsBefore + 2);
					const [item] = execution.items(SAVE_NODE);
					if (!item) throw new Error(`"${SAVE_NODE}" did not run`);
					const { mediaId, verified, sha256 } = item.json.recording as Record<string, unknown>;
					this.saved = String(item.json.fileName);
					const actual = createHash('sha256')
						.update(await readFile(this.saved))
						.digest('base64');
					if (verified !== true || sha256 !== actual) {
						throw new Error(
							`The SHA-256 of ${this.saved} is ${actual}; Meta said ${String(sha256)}`,
						);
					}
					result(`The recording ${String(mediaId)} is saved; its SHA-256 is Meta's: ${actual}`);
				},
			},
			{
				title: 'Listen to the file',
				limit: 30,
				run: async ({ result }) => {
					const file = await readFile(this.saved);
					const { seconds, channels, problems } = await decodeAudio(file);
					if (problems.length > 0) throw new Error(`It is damaged: ${problems.join(', ')}`);
					if (Math.abs(seconds - this.seconds) > TOLERANCE) {
						throw new Error(`It lasts ${seconds} s, and the talk lasted ${this.seconds} s`);
					}
					if (channels.length !== 2 || channels.some(({ loudness }) => loudness < LEAST_LOUDNESS)) {
						throw new Error(`One side is not to be heard: ${JSON.stringify(channels)}`);
					}
					result(
						`${file.length} bytes of Ogg Opus, ${seconds.toFixed(1)} seconds: the gateway on the left, the customer on the right`,
					);
				},
			},
		];
	}

	private current(): Call {
		if (!this.call) throw new Error('There is no call');
		return this.call;
	}

	private media(): CallMedia {
		return this.stage.emulator.mediaOf(this.current().id)!;
	}

	private purpose(): string {
		const { recording } = this.current();
		if (!recording) throw new Error('Recording is off');
		return `purpose "${recording.purpose}", ${recording.announcement_language}`;
	}

	private announced(execution: Execution, node: string): string {
		const [item] = execution.items(node);
		if (!item) throw new Error(`"${node}" did not run`);
		return String(item.json.announcement);
	}

	private async finished(count: number): Promise<Execution> {
		return (await this.allFinished(count))[count - 1];
	}

	private async allFinished(count: number): Promise<Execution[]> {
		const executions = await this.stage.n8n.api.waitForExecutions(this.workflow.id, count);
		const failed = executions.find(({ status }) => status !== 'success');
		if (!failed) return executions;
		throw new Error(
			`The workflow failed: ${failed.error?.message ?? failed.status} (execution ${failed.id})`,
		);
	}
}

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

function complete<K extends keyof Stage>(stage: Partial<Stage>, ...keys: K[]): Pick<Stage, K> {
	const missing = keys.find((key) => stage[key] === undefined);
	if (missing !== undefined) throw new Error(`An earlier step has not prepared "${missing}"`);
	return stage as Pick<Stage, K>;
}

function describe({ n8n, emulator, credential, outFolder: folder }: Stage, talk: Talk): string {
	return `
Everything runs. Open these pages in a browser on this machine.

1. The emulator, which stands in for Meta   ${emulator.baseUrl}
   Buttons for customers' calls and recordings, the credential's values, and what arrived where.

2. Talk to a customer                       ${talk.url}
   Allow the microphone, click "Let a customer call", answer, talk, hang up. The page then has the recording.

3. Your first workflow                      ${talk.firstWorkflowUrl}
   Sign in with ${n8n.login.email} / ${n8n.login.password}
   Double-click the trigger and click "Execute step". Then click "Send recording" on page 1.

The credential "${credential.name}" is page 1's, for your own workflows. The webhook of its Meta app is
free: page 2 has another app. The examples "answer" and "call and record" are in n8n, too, not published.

Recordings of page 2: ${folder}
Ctrl-C ends everything. Recordings stay; workflows and credentials do not.`;
}

function report(error: unknown, n8n: N8n | undefined): void {
	const step = error instanceof StepFailed ? `Failed: ${error.step}\n` : '';
	console.error(`\n${step}${error instanceof Error ? error.message : String(error)}`);
	if (n8n) console.error(`\nThe last lines of n8n's log:\n${n8n.log.tail(15)}`);
}

/** The calls that need nobody. */
async function play(runner: StepRunner, stage: Stage): Promise<void> {
	const incoming = new DemoCall(stage, stage.incoming);
	const outgoing = new DemoCall(stage, stage.outgoing);
	await runner.run([incoming.activate(), ...incoming.comesIn(), ...incoming.talk(1)]);
	await runner.run([incoming.deactivate(), outgoing.activate()]);
	await runner.run([...outgoing.goesOut(), ...outgoing.talk(2)]);
	const files = await readdir(stage.outFolder);
	console.log(`
In ${stage.outFolder}: ${files.join(', ')}
To talk to a customer yourself, in your browser: npm run demo -- --keep`);
}

/** Leaves everything to the user, until Ctrl-C. */
async function keepRunning(
	runner: StepRunner,
	stage: Stage,
	mediaAddress: string | undefined,
): Promise<never> {
	const { n8n, credential, outFolder: folder } = stage;
	const onStarted = (stop: () => Promise<void>) => cleanups.push(stop);
	const talk = new Talk({ n8n, folder, credential, mediaAddress, onStarted });
	await runner.run(talk.steps());
	console.log(describe(stage, talk));
	return await runner.untilInterrupted();
}

async function main(): Promise<number> {
	const { values } = parseArgs({
		options: {
			out: { type: 'string' },
			keep: { type: 'boolean', default: false },
			'skip-build': { type: 'boolean', default: false },
			'media-address': { type: 'string' },
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
		await runner.run(preparation(stage, { out: values.out, skipBuild: values['skip-build'] }));
		if (values.keep) await keepRunning(runner, stage as Stage, values['media-address']);
		await play(runner, stage as Stage);
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
