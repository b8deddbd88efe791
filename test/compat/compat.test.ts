import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import {
	DEFAULT_RECORDING,
	makeSdp,
	type CreatedRecording,
	type DeliveryHandle,
} from '../../emulator';
import { NUMBER, PERSON } from '../support/constants';
import { inDatabase } from '../support/database';
import { filesBelow } from '../support/files';
import { ForeignHost } from '../support/foreignHost';
import { findSecrets } from '../support/secrets';
import { startStage, TRIGGER, type Stage, type Workflow } from '../support/stage';
import { prepareN8n, type Execution, type Item } from '../support/n8n';
import { REPOSITORY } from '../support/package';
import { poll } from '../support/processes';
import { ACTION_TYPE, chain, CREDENTIAL_TYPE, node, PACKAGE, using } from '../support/workflow';
import { describeEveryVersion } from '../e2e/everyVersion';
import type { Capability } from '../../tools/docs/compatibility';
import { Results } from './results';
import {
	ANSWER_BEFORE_STORING,
	chosenVersions,
	KEEP_REFUSED_FILES,
	makeRoom,
	progressPrinter,
} from './versions';

const ACTION = 'Action';
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

describe.each(chosenVersions())('n8n %s', (version) => {
	let stage: Stage;
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
		foreign = await new ForeignHost().start();
		const manual = { registration: 'manual', verifyToken: 'chosen' };
		stored = await stage.addWorkflow({
			parameters: { ...manual, options: { timeBudget: 5, maxFileSize: 1 } },
		});
		finished = await stage.addWorkflow({
			parameters: { ...manual, options: { acknowledge: 'finished' } },
		});
		start = await addAction({
			resource: 'call',
			operation: 'start',
			phoneNumberId: { __rl: true, mode: 'id', value: NUMBER },
			to: PERSON,
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
		await foreign?.stop();
		results.save(nodeVersion, tests);
		await makeRoom(version);
	});

	beforeEach(() => {
		stage.emulator.clearFaults();
		stage.emulator.forget();
		foreign.requests.length = 0;
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

	/** Runs an action with what its expressions read from `$json.body`. */
	const run = async (action: Action, body: Record<string, string>): Promise<Execution> => {
		const [execution] = await stage.executionsOf(action.id, 1, async () => {
			const answer = await fetch(action.url, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify(body),
			});
			expect(answer.status).toBe(200);
		});
		return execution;
	};

	const startCall = async () => await run(start, { sdp: makeSdp('offer') });

	/** Delivers a recording, and gives the only item that comes of it. */
	async function received(recording: CreatedRecording, workflow = stored): Promise<Item> {
		const [execution] = await stage.executionsOf(workflow.id, 1, async () => {
			const delivery = stage.emulator.deliver([recording], { url: workflow.url });
			expect(await status(delivery)).toBe(200);
		});
		const items = execution.items(TRIGGER);
		expect(items).toHaveLength(1);
		return items[0];
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

	shows('safety', 'A request ends in time, whatever Node.js collects as garbage', async () => {
		expect(await timeLimitMs()).toBeLessThan(4_000);
	});

	shows('loads', 'n8n loads both nodes and the credential', async () => {
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

	describeEveryVersion(() => stage, shows);

	shows(
		'promises',
		'A delivery that n8n cannot store gets no 200: finished in all versions, stored in newer ones',
		async () => {
			const told = async ({ url }: { url: string }) =>
				await status(stage.emulator.deliver([await stage.emulator.createRecording()], { url }));
			const { userFolder } = stage.n8n;
			inDatabase(userFolder, (database) =>
				database.exec(
					"CREATE TRIGGER full BEFORE INSERT ON execution_entity BEGIN SELECT RAISE(ABORT, 'full'); END",
				),
			);
			try {
				expect(await told(finished)).toBe(500);
				expect(await told(stored)).toBe(ANSWER_BEFORE_STORING.includes(version) ? 200 : 500);
			} finally {
				inDatabase(userFolder, (database) => database.exec('DROP TRIGGER full'));
			}
		},
	);

	shows('safety', 'A download does not follow a redirect to another host', async () => {
		stage.emulator.failNext('media', { redirectTo: foreign.url }, { times: Infinity });
		const item = await received(await stage.emulator.createRecording());
		expectNothingForeign();
		expect(item.binary).toBeUndefined();
		expect(item.json).toMatchObject({ recording: { error: { reason: 'hostNotAllowed' } } });
	});

	shows('safety', 'The Media API is not followed to another host', async () => {
		stage.emulator.failNext('mediaInfo', { redirectTo: foreign.url }, { times: Infinity });
		const recording = await stage.emulator.createRecording({
			fileFields: { url: undefined },
		});
		await stage.executionsOf(stored.id, 1, async () => {
			await status(stage.emulator.deliver([recording], { url: stored.url }));
		});
		expectNothingForeign();
	});

	shows(
		'safety',
		'A call or a registration does not follow a redirect to another host',
		async () => {
			stage.emulator.failNext('calls', { redirectTo: foreign.url }, { times: Infinity });
			expect((await startCall()).status).toBe('error');
			await stage.withMeta(async (emulator) => {
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
		},
	);

	shows('safety', 'A download that trickles ends within the time budget', async () => {
		const recording = await stage.emulator.createRecording({ sizeBytes: 100_000 });
		stage.emulator.failNext('media', { bytesPerSecond: 1_000 }, { times: Infinity });
		await stage.executionsOf(stored.id, 0, async () => {
			const delivery = stage.emulator.deliver([recording], { url: stored.url });
			expect(await status(delivery)).toBe(503);
		});
	});

	shows(
		'calls',
		'A call starts with recording, and the item has the words that both sides will hear',
		async () => {
			const execution = await startCall();
			expect(execution.error).toBeUndefined();
			expect(execution.items(ACTION)[0]?.json).toMatchObject({
				callId: expect.stringMatching(/^wacid\./) as string,
				announcement: 'Dieser Anruf wird zu folgenden Zwecken aufgezeichnet: quality assurance',
			});
			const [request] = stage.emulator.requests.filter(({ kind }) => kind === 'calls');
			expect(request?.body).toMatchObject({
				action: 'connect',
				to: PERSON,
				recording: {
					status: 'ENABLED',
					purpose: 'quality assurance',
					announcement_language: 'de',
				},
			});
		},
	);

	shows('calls', 'A call is not started twice when the response is lost', async () => {
		stage.emulator.failNext('calls', { reset: true, takesEffect: true });
		expect((await startCall()).status).toBe('error');
		expect(stage.emulator.requests.filter(({ kind }) => kind === 'calls')).toHaveLength(1);
	});

	shows('calls', 'An error of Meta has its code, and says what to do', async () => {
		stage.emulator.failNext('calls', { errorCode: 138006 }, { times: 2 });
		const { error, status: outcome } = await startCall();
		expect(outcome).toBe('error');
		expect(error?.message).toContain('permission');
		expect(error?.messages?.join(' ')).toContain('138006');
	});

	shows('calls', 'A recording is downloaded by its media ID, and verified', async () => {
		const { mediaId } = await stage.emulator.createRecording();
		const execution = await run(download, { mediaId });
		expect(execution.error).toBeUndefined();
		const [item] = execution.items(ACTION);
		expect(item?.json).toMatchObject({ mediaId, verified: true });
		const audio = await stage.n8n.api.download(item.binary!.data);
		expect(audio.equals(await readFile(DEFAULT_RECORDING))).toBe(true);
	});

	shows(
		'registration',
		'The trigger is still registered after a restart, and receives',
		async () => {
			await stage.withMeta(async (emulator) => {
				const workflow = await stage.addWorkflow({
					credential: await stage.credentialFor(emulator),
				});
				const before = emulator.subscriptionState();
				await stage.n8n.restart();
				await stage.n8n.api.login();
				expect(emulator.subscriptionState()).toEqual(before);
				const recording = await emulator.createRecording();
				await stage.executionsOf(workflow.id, 1, async () => {
					await poll('n8n to listen again', 30_000, async () =>
						(await status(emulator.deliver([recording]))) === 200 ? true : undefined,
					);
				});
				await stage.n8n.api.deactivate(workflow.id);
			});
		},
	);

	describe.each(BINARY_DATA_MODES(version))('files in the mode %s', (mode) => {
		beforeAll(async () => {
			if (mode === BINARY_DATA_MODES(version)[0]) return;
			await stage.n8n.restart({ N8N_DEFAULT_BINARY_DATA_MODE: mode });
			await stage.n8n.api.login();
		});

		shows(
			'recordings',
			'A large recording is streamed into the store without losing a byte',
			async () => {
				const large = await stage.addWorkflow({
					parameters: { registration: 'manual', verifyToken: 'chosen' },
				});
				const recording = await stage.emulator.createRecording({ sizeBytes: 12_000_000 });
				const item = await received(recording, large);
				expect(item.json).toMatchObject({ recording: { verified: true, sizeBytes: 12_000_000 } });
				const audio = await stage.n8n.api.download(item.binary!.data);
				expect(audio.equals(await buffer(recording.media.content.open()))).toBe(true);
			},
		);

		shows('recordings', 'A transcript is parsed into its item', async () => {
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
		/** How many files of refused downloads n8n may have left behind. */
		const leftOvers = (downloads: number) => (keepsRefused ? downloads : 0);

		shows('recordings', 'A file whose hash stays wrong is not passed on', async () => {
			const files = await storedFiles();
			stage.emulator.failNext('media', { wrongContent: true }, { times: Infinity });
			const item = await received(await stage.emulator.createRecording());
			expect(item.binary).toBeUndefined();
			expect(item.json).toMatchObject({
				recording: { verified: false, error: { reason: 'hashMismatch' } },
			});
			expect(await storedFiles()).toHaveLength(files.length + leftOvers(2));
		});

		shows(
			'safety',
			'A download stops at the size limit, whether the size is announced or not',
			async () => {
				const files = await storedFiles();
				for (const fault of [{}, { chunked: true }]) {
					stage.emulator.failNext('media', fault, { times: Infinity });
					const item = await received(
						await stage.emulator.createRecording({ sizeBytes: 3_000_000 }),
					);
					expect(item.binary).toBeUndefined();
					expect(item.json).toMatchObject({ recording: { error: { reason: 'tooLarge' } } });
					stage.emulator.clearFaults();
				}
				// Where the size is announced, nothing is stored in the first place.
				expect(await storedFiles()).toHaveLength(files.length + leftOvers(1));
			},
		);
	});

	shows('safety', 'Token and app secret are not in what n8n stores and logs', async () => {
		const { accessToken, appSecret } = stage.emulator.account;
		const secrets = { accessToken, appSecret };
		const { found, files } = await findSecrets(stage.n8n.userFolder, secrets);
		expect(found).toEqual([]);
		expect(files).toBeGreaterThan(3);
	});
});

async function versionOfNode(path: string): Promise<string> {
	const { stdout } = await promisify(execFile)(path, ['--version']);
	return stdout.trim().replace('v', '');
}
