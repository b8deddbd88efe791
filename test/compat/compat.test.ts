import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import {
	DEFAULT_RECORDING,
	makeSdp,
	startEmulator,
	type CreatedRecording,
	type DeliveryHandle,
	type Emulator,
} from '../../emulator';
import { FileStore, startStage, TRIGGER, type Stage, type Workflow } from '../e2e/stage';
import { prepareN8n, type Execution, type Item } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import { poll } from '../support/processes';
import { ACTION_TYPE, chain, CREDENTIAL_TYPE, node, PACKAGE, using } from '../support/workflow';
import { Results, type Capability } from './matrix';
import {
	ANSWER_BEFORE_STORING,
	chosenVersions,
	KEEP_REFUSED_FILES,
	makeRoom,
	progressPrinter,
} from './versions';

const ACTION = 'Action';
const USER = '14085551234';
const NUMBER = '106000000000001';
/** Installing an old version of n8n takes 5 to 10 minutes, and its first start some more. */
const INSTALLATION = 30 * 60_000;

// Some tests start n8n again, which may take minutes on a busy machine.
jest.setTimeout(300_000);

/** Where n8n keeps files: its default first. Up to version 1 that is the execution itself. */
const BINARY_DATA_MODES = (version: string) =>
	version.startsWith('1.') ? ['default', 'filesystem'] : ['filesystem'];

const status = async (delivery: DeliveryHandle) => (await delivery.answer).status;

interface Action {
	id: string;
	url: string;
}

/** A host that nobody may send the token to. It answers like Meta would. */
class ForeignHost {
	readonly requests: IncomingMessage[] = [];
	private readonly server = createServer((request, response) => {
		this.requests.push(request);
		request.resume();
		response
			.writeHead(200, { 'content-type': 'application/json' })
			.end('{"id":"1","success":true}');
	});

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/elsewhere`;
	}

	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
	}
}

describe.each(chosenVersions())('n8n %s', (version) => {
	let stage: Stage;
	let store: FileStore;
	let foreign: ForeignHost;
	/** With the default options, but for a time budget that tests can wait for. */
	let stored: Workflow;
	let finished: Workflow;
	let start: Action;
	let download: Action;
	let nodeVersion: string;
	const results = new Results(version);
	let tests = 0;

	beforeAll(async () => {
		const { installation } = await prepareN8n({ version, onProgress: progressPrinter(version) });
		nodeVersion = await versionOfNode(installation.node);
		stage = await startStage({ version });
		store = await new FileStore().start();
		foreign = await new ForeignHost().start();
		const manual = { registration: 'manual', verifyToken: 'chosen' };
		stored = await stage.addWorkflow({
			parameters: { ...manual, options: { timeBudget: 5, maxFileSize: 1 } },
		});
		finished = await stage.addWorkflow({
			parameters: { ...manual, options: { acknowledge: 'finished' } },
			storageUrl: store.url,
		});
		start = await addAction({
			resource: 'call',
			operation: 'start',
			phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
			to: USER,
			sdp: '={{ $json.body.sdp }}',
			recordCall: true,
			recordingPurpose: 'quality assurance',
			recordingLanguage: 'de',
		});
		download = await addAction({
			resource: 'recording',
			operation: 'download',
			mediaId: '={{ $json.body.mediaId }}',
		});
	}, INSTALLATION);

	afterAll(async () => {
		await stage?.stop();
		await store?.stop();
		await foreign?.stop();
		results.save(nodeVersion, tests);
		await makeRoom(version);
	});

	beforeEach(() => {
		stage.emulator.clearFaults();
		stage.emulator.forget();
		foreign.requests.length = 0;
		store.failNext = 0;
	});

	/** A test that says whether this version has the capability. */
	const shows = (capability: Capability, title: string, work: () => Promise<void>) => {
		tests++;
		it(title, async () => await results.of(capability, work));
	};

	/** A workflow that runs an operation of the action node whenever its address is asked. */
	async function addAction(parameters: Record<string, unknown>): Promise<Action> {
		const path = crypto.randomUUID();
		const nodes = [
			node(
				'Webhook',
				'n8n-nodes-base.webhook',
				1,
				{ path, httpMethod: 'POST' },
				{ webhookId: path },
			),
			node(ACTION, ACTION_TYPE, 1, parameters, { credentials: using(stage.credential) }),
		];
		const workflow = await stage.n8n.api.createWorkflow({
			name: 'Action',
			nodes,
			connections: chain(nodes),
		});
		await stage.n8n.api.activate(workflow.id);
		return { id: workflow.id, url: `${stage.n8n.url}/webhook/${path}` };
	}

	/** The only execution of a workflow that comes while `work` runs; or none, where none shall come. */
	async function executions(workflowId: string, expected: number, work: () => Promise<void>) {
		const before = (await stage.n8n.api.executions(workflowId)).length;
		await work();
		const all = await stage.n8n.api.waitForExecutions(workflowId, before + expected);
		// A moment for one that should not come.
		await new Promise((resolve) => setTimeout(resolve, 500));
		expect(await stage.n8n.api.executions(workflowId)).toHaveLength(before + expected);
		return all.slice(before);
	}

	/** Runs an action with what its expressions read from `$json.body`. */
	const run = async (action: Action, body: Record<string, string>): Promise<Execution> => {
		const [execution] = await executions(action.id, 1, async () => {
			const answer = await fetch(action.url, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify(body),
			});
			expect(answer.status).toBe(200);
		});
		return execution!;
	};

	const startCall = async () => await run(start, { sdp: makeSdp('offer') });

	/** Delivers a recording, and gives the only item that comes of it. */
	async function received(recording: CreatedRecording, workflow = stored): Promise<Item> {
		const [execution] = await executions(workflow.id, 1, async () => {
			const delivery = stage.emulator.deliver([recording], { url: workflow.url });
			expect(await status(delivery)).toBe(200);
		});
		const items = execution!.items(TRIGGER);
		expect(items).toHaveLength(1);
		return items[0]!;
	}

	async function withMeta(work: (emulator: Emulator) => Promise<void>): Promise<void> {
		const emulator = await startEmulator({ recordingDelayMs: 0, redeliveryDelaysMs: [] });
		try {
			await work(emulator);
		} finally {
			await emulator.stop();
		}
	}

	const storedFiles = async () =>
		(await filesBelow(join(stage.n8n.userFolder, '.n8n'))).filter((path) =>
			/binary_?data/i.test(path),
		);

	/** Milliseconds after which a limit of 200 ended a request, in the Node.js of this n8n, while it collects garbage. */
	async function timeLimitMs(): Promise<number> {
		const { installation } = await prepareN8n({ version });
		const module = join(REPOSITORY, 'dist/nodes/WhatsAppBusinessCalling/http/limits.js');
		const script = `
			const { timeoutSignal } = require(${JSON.stringify(module)});
			const other = AbortSignal.timeout(5_000);
			const collecting = setInterval(gc, 20);
			const begin = Date.now();
			const signal = timeoutSignal(200, other);
			signal.addEventListener('abort', () => {
				clearInterval(collecting);
				console.log(Date.now() - begin);
				process.exit();
			});
			setTimeout(() => signal.aborted, 6_000);`;
		const { stdout } = await promisify(execFile)(installation.node, ['--expose-gc', '-e', script]);
		return Number(stdout);
	}

	const expectNothingForeign = () => expect(foreign.requests.map(({ url }) => url)).toEqual([]);

	shows('safety', 'ends a request in time, whatever Node.js takes for garbage', async () => {
		expect(await timeLimitMs()).toBeLessThan(4_000);
	});

	shows('loads', 'loads both nodes and the credential', async () => {
		const { api, log } = stage.n8n;
		const names = (await api.nodeTypeNames()).filter((name) => name.startsWith(`${PACKAGE}.`));
		expect(names).toEqual(
			expect.arrayContaining([
				`${PACKAGE}.whatsAppBusinessCalling`,
				`${PACKAGE}.whatsAppBusinessCallingTrigger`,
			]),
		);
		expect(await api.credentialTypeNames()).toContain(CREDENTIAL_TYPE);
		const complaints = log
			.text()
			.split('\n')
			.filter((line) => line.includes(PACKAGE) && /error|warn|fail/i.test(line));
		expect(complaints).toEqual([]);
	});

	shows(
		'credential',
		'accepts a good credential, and refuses one whose token is revoked',
		async () => {
			const { api } = stage.n8n;
			expect(await api.testCredential(stage.credential)).toMatchObject({ status: 'OK' });
			stage.emulator.revokeToken();
			try {
				expect(await api.testCredential(stage.credential)).toMatchObject({ status: 'Error' });
			} finally {
				stage.emulator.restoreToken();
			}
		},
	);

	shows('credential', 'does not take the token to another host when it is tested', async () => {
		stage.emulator.failNext('phoneNumbers', { redirectTo: foreign.url }, { times: Infinity });
		const { status: outcome } = await stage.n8n.api.testCredential(stage.credential);
		expect(foreign.requests.filter(({ headers }) => headers.authorization)).toEqual([]);
		expectNothingForeign();
		expect(outcome).toBe('Error');
	});

	shows(
		'registration',
		'points the webhook here, receives, and takes back only its own',
		async () => {
			await withMeta(async (emulator) => {
				const before = emulator.subscriptionState();
				const workflow = await stage.addWorkflow({
					credential: await stage.credentialFor(emulator),
				});
				expect(emulator.subscriptionState()).toMatchObject({
					app: { callbackUrl: workflow.url, fields: ['calls'] },
				});
				await executions(workflow.id, 1, async () => {
					expect(await status(emulator.deliver([await emulator.createRecording()]))).toBe(200);
				});
				await stage.n8n.api.deactivate(workflow.id);
				expect(emulator.subscriptionState()).toEqual(before);
			});
		},
	);

	shows(
		'registration',
		"leaves somebody else's webhook as it is, and says whose it is",
		async () => {
			await withMeta(async (emulator) => {
				emulator.presetSubscription(foreign.url, ['messages']);
				const before = emulator.subscriptionState();
				const workflow = await stage.addWorkflow({
					credential: await stage.credentialFor(emulator),
					activate: false,
				});
				await expect(stage.n8n.api.activate(workflow.id)).rejects.toThrow(foreign.url);
				expect(emulator.subscriptionState()).toEqual(before);
				await stage.n8n.api.deactivate(workflow.id);
			});
		},
	);

	shows('registration', 'is not broken by trouble of the Graph API that passes', async () => {
		await withMeta(async (emulator) => {
			const credential = await stage.credentialFor(emulator);
			emulator.failNext('subscriptions', { status: 503 }, { times: 2 });
			const workflow = await stage.addWorkflow({ credential });
			expect(emulator.subscriptionState()).toMatchObject({ app: { callbackUrl: workflow.url } });
			await stage.n8n.api.deactivate(workflow.id);
		});
	});

	shows(
		'registration',
		'listens for a test event, and puts the production webhook back',
		async () => {
			await withMeta(async (emulator) => {
				const workflow = await stage.addWorkflow({
					credential: await stage.credentialFor(emulator),
				});
				const production = emulator.subscriptionState();
				await stage.n8n.api.listenForTestEvent(workflow.id, TRIGGER);
				expect(emulator.subscriptionState()).toMatchObject({
					app: { callbackUrl: workflow.testUrl },
				});
				expect(await status(emulator.deliver([await emulator.createRecording()]))).toBe(200);
				await poll('the production webhook', 20_000, async () => {
					const now = JSON.stringify(emulator.subscriptionState());
					return now === JSON.stringify(production) || undefined;
				});
				await stage.n8n.api.deactivate(workflow.id);
			});
		},
	);

	shows('promises', 'answers 401 to what Meta did not sign, and executes nothing', async () => {
		const recording = await stage.emulator.createRecording();
		await executions(stored.id, 0, async () => {
			for (const signature of ['missing', 'wrong', 'sha256=']) {
				const delivery = stage.emulator.deliver([recording], { url: stored.url, signature });
				expect(await status(delivery)).toBe(401);
			}
		});
		expect(stage.emulator.requests).toEqual([]);
	});

	shows(
		'promises',
		'executes once for ten copies that come at once, and not for later ones',
		async () => {
			const recording = await stage.emulator.createRecording();
			const deliver = async () =>
				await status(stage.emulator.deliver([recording], { url: stored.url }));
			await executions(stored.id, 1, async () => {
				const answers = await Promise.all(Array.from({ length: 10 }, deliver));
				expect(answers).toEqual(Array.from({ length: 10 }, () => 200));
				expect(await deliver()).toBe(200);
			});
		},
	);

	shows(
		'promises',
		'answers 503 while the media server is down, and gives one item later',
		async () => {
			const recording = await stage.emulator.createRecording();
			const deliver = async () =>
				await status(stage.emulator.deliver([recording], { url: stored.url }));
			for (const fault of [
				{ status: 503 },
				{ reset: true },
				{ cutAfterBytes: 100 },
				{ hang: true },
			]) {
				stage.emulator.failNext('media', fault, { times: Infinity });
				await executions(stored.id, 0, async () => expect(await deliver()).toBe(503));
				stage.emulator.clearFaults();
			}
			await received(recording);
		},
	);

	shows(
		'promises',
		'acknowledges only what the workflow has succeeded with, if told so',
		async () => {
			const recording = await stage.emulator.createRecording();
			const deliver = async () =>
				await status(stage.emulator.deliver([recording], { url: finished.url }));
			store.failNext = 1;
			const runs = await executions(finished.id, 2, async () => {
				expect(await deliver()).toBe(500);
				expect(await deliver()).toBe(200);
				expect(await deliver()).toBe(200);
			});
			expect(runs.map((execution) => execution.status)).toEqual(['error', 'success']);
			expect(store.files.get(recording.mediaId)).toEqual(await readFile(DEFAULT_RECORDING));
		},
	);

	shows(
		'promises',
		'answers no 200 for what n8n cannot store: finished in all versions, stored in newer ones',
		async () => {
			const told = async ({ url }: { url: string }) =>
				await status(stage.emulator.deliver([await stage.emulator.createRecording()], { url }));
			const database = new DatabaseSync(join(stage.n8n.userFolder, '.n8n', 'database.sqlite'));
			database.exec(
				"PRAGMA busy_timeout = 10000; CREATE TRIGGER full BEFORE INSERT ON execution_entity BEGIN SELECT RAISE(ABORT, 'full'); END",
			);
			try {
				expect(await told(finished)).toBe(500);
				expect(await told(stored)).toBe(ANSWER_BEFORE_STORING.includes(version) ? 200 : 500);
			} finally {
				database.exec('DROP TRIGGER full');
				database.close();
			}
		},
	);

	shows('safety', 'does not follow a file to another host', async () => {
		stage.emulator.failNext('media', { redirectTo: foreign.url }, { times: Infinity });
		const item = await received(await stage.emulator.createRecording());
		expectNothingForeign();
		expect(item.binary).toBeUndefined();
		expect(item.json).toMatchObject({ recording: { error: { reason: 'hostNotAllowed' } } });
	});

	shows('safety', 'does not follow the Media API to another host', async () => {
		stage.emulator.failNext('mediaInfo', { redirectTo: foreign.url }, { times: Infinity });
		const recording = await stage.emulator.createRecording({
			fileFields: { url: undefined },
		});
		await executions(stored.id, 1, async () => {
			await status(stage.emulator.deliver([recording], { url: stored.url }));
		});
		expectNothingForeign();
	});

	shows('safety', 'does not follow a call or a registration to another host', async () => {
		stage.emulator.failNext('calls', { redirectTo: foreign.url }, { times: Infinity });
		expect((await startCall()).status).toBe('error');
		await withMeta(async (emulator) => {
			emulator.failNext('subscriptions', { redirectTo: foreign.url }, { times: Infinity });
			emulator.failNext('subscribedApps', { redirectTo: foreign.url }, { times: Infinity });
			const workflow = await stage.addWorkflow({
				credential: await stage.credentialFor(emulator),
				activate: false,
			});
			await expect(stage.n8n.api.activate(workflow.id)).rejects.toThrow();
			await stage.n8n.api.deactivate(workflow.id);
		});
		expectNothingForeign();
	});

	shows('safety', 'ends a download that comes drop by drop within the time budget', async () => {
		const recording = await stage.emulator.createRecording({ sizeBytes: 100_000 });
		stage.emulator.failNext('media', { bytesPerSecond: 1_000 }, { times: Infinity });
		await executions(stored.id, 0, async () => {
			const delivery = stage.emulator.deliver([recording], { url: stored.url });
			expect(await status(delivery)).toBe(503);
		});
	});

	shows('calls', 'starts a call with recording, and says what both sides will hear', async () => {
		const execution = await startCall();
		expect(execution.error).toBeUndefined();
		expect(execution.items(ACTION)[0]?.json).toMatchObject({
			callId: expect.stringMatching(/^wacid\./) as string,
			announcement: 'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet: quality assurance',
		});
		const [request] = stage.emulator.requests.filter(({ kind }) => kind === 'calls');
		expect(request?.body).toMatchObject({
			action: 'connect',
			to: USER,
			recording: {
				status: 'ENABLED',
				purpose: 'quality assurance',
				announcement_language: 'de',
			},
		});
	});

	shows('calls', 'does not call twice when the answer is lost', async () => {
		stage.emulator.failNext('calls', { reset: true, takesEffect: true });
		expect((await startCall()).status).toBe('error');
		expect(stage.emulator.requests.filter(({ kind }) => kind === 'calls')).toHaveLength(1);
	});

	shows('calls', "gives Meta's refusal with its code, and what to do", async () => {
		stage.emulator.failNext('calls', { errorCode: 138006 }, { times: 2 });
		const { error, status: outcome } = await startCall();
		expect(outcome).toBe('error');
		expect(error?.message).toContain('permission');
		expect(error?.messages?.join(' ')).toContain('138006');
	});

	shows('calls', 'downloads a recording by its media ID, verified', async () => {
		const { mediaId } = await stage.emulator.createRecording();
		const execution = await run(download, { mediaId });
		expect(execution.error).toBeUndefined();
		const [item] = execution.items(ACTION);
		expect(item?.json).toMatchObject({ mediaId, verified: true });
		const audio = await stage.n8n.api.download(item!.binary!.data!);
		expect(audio.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});

	shows('registration', 'is still registered after a restart, and receives', async () => {
		await withMeta(async (emulator) => {
			const workflow = await stage.addWorkflow({ credential: await stage.credentialFor(emulator) });
			const before = emulator.subscriptionState();
			await stage.n8n.restart();
			await stage.n8n.api.login();
			expect(emulator.subscriptionState()).toEqual(before);
			const recording = await emulator.createRecording();
			await executions(workflow.id, 1, async () => {
				await poll('n8n to listen again', 30_000, async () =>
					(await status(emulator.deliver([recording]))) === 200 ? true : undefined,
				);
			});
			await stage.n8n.api.deactivate(workflow.id);
		});
	});

	describe.each(BINARY_DATA_MODES(version))('with files in the mode %s', (mode) => {
		beforeAll(async () => {
			if (mode === BINARY_DATA_MODES(version)[0]) return;
			await stage.n8n.restart({ N8N_DEFAULT_BINARY_DATA_MODE: mode });
			await stage.n8n.api.login();
		});

		shows('recordings', 'turns a recording into one item with its verified audio', async () => {
			const item = await received(await stage.emulator.createRecording({ from: USER }));
			expect(item.json).toMatchObject({
				event: 'call_recording_available',
				from: USER,
				recording: { verified: true },
			});
			const audio = await stage.n8n.api.download(item.binary!.data!);
			expect(audio.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
		});

		shows(
			'recordings',
			'streams a large recording into the store without losing a byte',
			async () => {
				const large = await stage.addWorkflow({
					parameters: { registration: 'manual', verifyToken: 'chosen' },
				});
				const recording = await stage.emulator.createRecording({ sizeBytes: 12_000_000 });
				const item = await received(recording, large);
				expect(item.json).toMatchObject({ recording: { verified: true, sizeBytes: 12_000_000 } });
				const audio = await stage.n8n.api.download(item.binary!.data!);
				const original: Buffer[] = [];
				for await (const chunk of recording.media.content.open()) original.push(chunk);
				expect(audio.equals(Buffer.concat(original))).toBe(true);
			},
		);

		shows('recordings', 'parses a transcript into its item', async () => {
			const workflow = await stage.addWorkflow({
				parameters: {
					registration: 'manual',
					verifyToken: 'chosen',
					events: ['call_transcription_available'],
				},
			});
			const item = await received(
				await stage.emulator.createRecording({ transcript: true }),
				workflow,
			);
			expect(item.json).toMatchObject({
				transcription: { verified: true, transcript: { text: expect.any(String) as string } },
			});
		});

		const keepsRefused = mode === 'filesystem' && KEEP_REFUSED_FILES.includes(version);
		/** How many files of refused downloads n8n shall have left behind. */
		const leftOvers = (downloads: number) => (keepsRefused ? downloads : 0);

		shows('recordings', 'hands nothing on of a file whose hash stays wrong', async () => {
			const files = await storedFiles();
			stage.emulator.failNext('media', { wrongContent: true }, { times: Infinity });
			const item = await received(await stage.emulator.createRecording());
			expect(item.binary).toBeUndefined();
			expect(item.json).toMatchObject({
				recording: { verified: false, error: { reason: 'hashMismatch' } },
			});
			expect(await storedFiles()).toHaveLength(files.length + leftOvers(2));
		});

		shows('safety', 'stops at the size limit, whether the size is announced or not', async () => {
			const files = await storedFiles();
			for (const fault of [{}, { chunked: true }]) {
				stage.emulator.failNext('media', fault, { times: Infinity });
				const item = await received(await stage.emulator.createRecording({ sizeBytes: 3_000_000 }));
				expect(item.binary).toBeUndefined();
				expect(item.json).toMatchObject({ recording: { error: { reason: 'tooLarge' } } });
				stage.emulator.clearFaults();
			}
			// Where the size is announced, nothing is stored in the first place.
			expect(await storedFiles()).toHaveLength(files.length + leftOvers(1));
		});
	});

	shows('safety', 'keeps token and app secret out of what n8n stores and logs', async () => {
		const { accessToken, appSecret } = stage.emulator.account;
		const files = await filesBelow(join(stage.n8n.userFolder, '.n8n'));
		expect(files.length).toBeGreaterThan(3);
		const telling: string[] = [];
		for (const file of [...files, stage.n8n.log.file]) {
			const content = await readFile(file, 'latin1');
			if (content.includes(accessToken) || content.includes(appSecret)) telling.push(file);
		}
		expect(telling).toEqual([]);
	});
});

async function versionOfNode(path: string): Promise<string> {
	const { stdout } = await promisify(execFile)(path, ['--version']);
	return stdout.trim().replace('v', '');
}

async function filesBelow(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
		.map((entry) => join(entry.parentPath, entry.name))
		.sort();
}
