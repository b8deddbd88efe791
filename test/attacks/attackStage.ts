import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signatureOf } from '../support/signature';
import { Stage, startStage, TRIGGER, type Workflow } from '../support/stage';
import type { CreatedRecording, Emulator, RecordingOrder } from '../../emulator';
import { isOver, type Execution, type ExecutionSummary } from '../support/n8n';
import { poll, sleep } from '../support/processes';
import { formsOf } from '../support/secrets';
import { residentMb } from '../support/usage';
import { GRAPH_HOST, Internet, type Caught } from './internet';

/** As Meta's look, and nowhere else in n8n. */
export const SECRETS = {
	accessToken: 'EAAGm0PX4ZCpsBAKZCyG7attacks9r2ZAZBwqE5tZAm1Yp3xLkVd0nQ8hJ',
	appSecret: '7f3c9a41d0b86e52ffa1c08d6b3e9274',
	verifyToken: 'Chosen by the operator: ü+/%&="<once>',
};

export interface Answered {
	/** 0 when the connection ended without an answer. */
	status: number;
	headers: Record<string, string | string[] | undefined>;
	body: string;
}

export interface Sending {
	method?: string;
	url?: string;
	/** One that is undefined is not sent. */
	headers?: Record<string, string | undefined>;
	body?: Buffer | string;
	/** Milliseconds after which the sender hangs up. */
	patienceMs?: number;
}

/** What the suite has seen, for its last words. */
export const figures = {
	attacks: 0,
	wronglyStarted: 0,
	requestsAtOtherHosts: 0,
	bytesOfSecretsAtOtherHosts: 0,
	crashes: 0,
	/** Most growth of n8n's memory. */
	growthMB: { body: 0, bomb: 0 },
};

const MOST_GROWTH_MB = {
	/**
	 * n8n reads a body of 16 MB into memory, as bytes, as text and as JSON, before it asks any node: this is
	 * its own.
	 */
	body: 1_200,
	/** Far below what a bomb unpacks to. */
	bomb: 300,
};

const WRONG = /uncaught|unhandled|heap out of memory|allocation failed|last session crashed/i;

/** The real n8n as in production: Meta's hosts over https, and no host in the world that is not watched. */
export class AttackStage extends Stage {
	/** Verify tokens that nobody chose, and that are stored nowhere. */
	readonly derivedTokens: string[] = [];

	private lastExecution = 0;

	/** How much of what the traps caught, and of the log, was looked at. */
	private seen = { caught: 0, log: 0 };

	private constructor(
		parts: Pick<Stage, 'n8n' | 'emulator' | 'credential'>,
		readonly internet: Internet,
		/** The workflow that is attacked. */
		readonly workflow: Workflow,
		private readonly folder: string,
	) {
		super(parts);
	}

	static async start(): Promise<AttackStage> {
		const folder = await mkdtemp(join(tmpdir(), 'attacks-'));
		let emulator: Emulator | undefined;
		const internet = await new Internet(() => emulator?.baseUrl ?? '').start();
		await writeFile(join(folder, 'authority.pem'), internet.authority.certificate);
		const noProxy = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
			[name, ''],
			[name.toLowerCase(), ''],
		]);
		const { accessToken, appSecret } = SECRETS;
		const stage = await startStage({
			emulator: { account: { accessToken, appSecret } },
			env: {
				...Object.fromEntries(noProxy),
				NODE_OPTIONS: `--require=${join(__dirname, '..', 'support', 'allHosts.cjs')}`,
				NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem'),
				INTERNET_PORT: String(internet.port),
				INTERNET_REPORT: join(folder, 'report.json'),
			},
		}).catch(async (error: unknown) => {
			await internet.stop();
			throw error;
		});
		emulator = stage.emulator;
		const credential = await stage.credentialFor({
			account: emulator.account,
			baseUrl: `https://${GRAPH_HOST}`,
		});
		const workflow = await stage.addWorkflow({
			credential,
			parameters: { registration: 'manual', verifyToken: SECRETS.verifyToken },
		});
		return new AttackStage({ ...stage, credential }, internet, workflow, folder);
	}

	override async stop(): Promise<void> {
		await super.stop();
		await this.internet.stop();
		await rm(this.folder, { recursive: true, force: true });
	}

	/** The header by which Meta signs a body. */
	signature(body: Buffer | string, secret = SECRETS.appSecret, algorithm = 'sha256'): string {
		return signatureOf(body, secret, algorithm);
	}

	/**
	 * The time of an event that is old enough for its file to be final: of one that is minutes old, a file
	 * that Meta does not have, or that it refuses, is a temporary error.
	 */
	aWhileAgo() {
		return { event: { timestamp: String(Math.floor(Date.now() / 1000) - 11 * 60) } };
	}

	/** A recording, or a transcript, whose address is one of Meta's. */
	async recording(order: RecordingOrder = {}): Promise<CreatedRecording> {
		const recording = await this.emulator.createRecording(order);
		const file = fileOf(recording);
		if (file.url !== undefined) file.url = this.internet.withMetasHosts(file.url);
		return recording;
	}

	/** A delivery as Meta would sign it, not sent. */
	body(...recordings: CreatedRecording[]): string {
		const nowhere = { url: 'http://127.0.0.1:9/', redeliver: false };
		return this.emulator.deliver(recordings, nowhere).record.body;
	}

	/** Sends a body with the right signature, unless the headers bring another. */
	async deliver(body: Buffer | string, sending: Sending = {}): Promise<Answered> {
		const headers = {
			'content-type': 'application/json',
			'x-hub-signature-256': this.signature(body),
			...sending.headers,
		};
		return await this.send({ ...sending, headers, body });
	}

	async send({ method = 'POST', url, headers, body, patienceMs }: Sending): Promise<Answered> {
		return await new Promise<Answered>((resolve) => {
			const chunks: Buffer[] = [];
			const given = Object.entries(headers ?? {}).filter(([, value]) => value !== undefined);
			const sent = request(url ?? this.workflow.url, {
				method,
				headers: Object.fromEntries(given),
				agent: false,
			});
			const signal = AbortSignal.timeout(patienceMs ?? 120_000);
			signal.addEventListener('abort', () => sent.destroy());
			sent.on('response', (response) => {
				const end = () =>
					resolve({
						status: response.statusCode ?? 0,
						headers: response.headers,
						body: Buffer.concat(chunks).toString(),
					});
				response.on('data', (chunk: Buffer) => chunks.push(chunk));
				response.on('end', end);
				response.on('error', end);
			});
			sent.on('error', () => resolve({ status: 0, headers: {}, body: '' }));
			sent.end(body);
		});
	}

	/** Sends bytes that no HTTP client would, and gives the statuses that come back. */
	async raw(bytes: Buffer | string, patienceMs = 5_000): Promise<number[]> {
		const { hostname, port } = new URL(this.workflow.url);
		return await new Promise<number[]>((resolve) => {
			let text = '';
			const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes));
			socket.setTimeout(patienceMs, () => socket.destroy());
			socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
			socket.on('error', () => undefined);
			socket.on('close', () =>
				resolve([...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status))),
			);
		});
	}

	/** Line and headers of a delivery to the workflow, to be sent by `raw`. */
	head(lines: string[]): string {
		const { pathname, host } = new URL(this.workflow.url);
		const all = [`POST ${pathname} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...lines];
		return `${all.join('\r\n')}\r\n\r\n`;
	}

	/**
	 * Makes an attack, and asserts what must hold after each of them: nothing reached another host, n8n is
	 * the same process without an error in its log, nothing was executed but what was expected, and the next
	 * good delivery is served.
	 *
	 * @returns the executions that the attack has started
	 */
	async survives(attack: () => Promise<unknown>, executions = 0): Promise<Execution[]> {
		figures.attacks++;
		const pid = this.n8n.pid();
		// What it has done comes first, even where it did not go as it should.
		const failure = await attack().then(
			() => undefined,
			(error: unknown) => ({ error }),
		);
		this.expectNoHarm(pid);
		const good = await this.recording();
		const { status } = await this.deliver(this.body(good));
		const started = await this.newExecutions(failure ? 1 : executions + 1);
		const ofGood = started.filter(({ items }) =>
			items(TRIGGER).some(({ json }) => json.callId === good.callId),
		);
		const ofAttack = started.filter((execution) => !ofGood.includes(execution));

		figures.wronglyStarted += Math.max(0, ofAttack.length - executions);
		if (failure) throw failure.error;
		expect({
			executions: ofAttack.length,
			status,
			items: ofGood.flatMap(({ items }) => items(TRIGGER)).map(({ json }) => json.recording),
		}).toEqual({
			executions,
			status: 200,
			items: [expect.objectContaining({ mediaId: good.mediaId, verified: true })],
		});
		return ofAttack;
	}

	/** Nothing reached another host since the last call, and n8n is this process, without an error in its log. */
	expectNoHarm(pid: number): void {
		const caught = this.newlyCaught();
		figures.requestsAtOtherHosts += caught.length;
		figures.bytesOfSecretsAtOtherHosts += bytesOfSecrets(caught.map(({ text }) => text).join('\n'));
		const log = this.n8n.log.text();
		const wrong = WRONG.exec(log.slice(this.seen.log))?.[0];
		this.seen.log = log.length;
		const alive = isAlive(pid) && this.n8n.pid() === pid;
		if (!alive || wrong !== undefined) figures.crashes++;
		expect({ caught, alive, wrong }).toEqual({ caught: [], alive: true, wrong: undefined });
	}

	/** What the traps have caught since the last call, but for what n8n sends to its own makers. */
	newlyCaught(): Caught[] {
		const caught = this.internet.caught.slice(this.seen.caught);
		this.seen.caught += caught.length;
		return caught.filter(({ host }) => !isOfN8n(host));
	}

	/** Executions of all workflows since the last call, when they are over and at least so many. */
	async newExecutions(count: number): Promise<Execution[]> {
		const finished = await poll(
			`${count} execution(s)`,
			60_000,
			async () => {
				const { results } = await this.n8n.api.request<{ results: ExecutionSummary[] }>(
					'GET',
					'/rest/executions?limit=12',
				);
				const started = results.filter(({ id }) => Number(id) > this.lastExecution);
				const over = started.every(isOver);
				return over && started.length >= count ? started : undefined;
			},
			{ interval: 40 },
		);
		const ids = finished.map(({ id }) => Number(id)).sort((a, b) => a - b);
		this.lastExecution = ids.at(-1) ?? this.lastExecution;
		return await Promise.all(ids.map(async (id) => await this.n8n.api.execution(String(id))));
	}

	/** Asserts that the resident memory of n8n grows by no more than it may meanwhile. */
	async withinMemory(
		kind: keyof typeof MOST_GROWTH_MB,
		work: () => Promise<unknown>,
	): Promise<void> {
		const read = async () => await residentMb(this.n8n.pid());
		const start = await read();
		let peak = start;
		let over = false;
		const watching = (async () => {
			while (!over) {
				peak = Math.max(peak, await read());
				await sleep(20);
			}
		})();
		try {
			await work();
		} finally {
			over = true;
			await watching;
		}
		const growth = Math.round(peak - start);
		figures.growthMB[kind] = Math.max(figures.growthMB[kind], growth);
		expect(growth).toBeLessThan(MOST_GROWTH_MB[kind]);
	}

	/** Names that were added to the prototypes of all objects or lists in n8n's process. */
	async addedToPrototypes(): Promise<string[]> {
		const file = join(this.folder, 'report.json');
		await rm(file, { force: true });
		process.kill(this.n8n.pid(), 'SIGUSR2');
		return await poll('the report of n8n', 20_000, async () => {
			const { added } = JSON.parse(await readFile(file, 'utf8')) as { added: string[] };
			return added;
		});
	}
}

/** What an event says of its file. */
export function fileOf({ event }: CreatedRecording): { url?: string; [field: string]: unknown } {
	const { call_recording: recording, call_transcript: transcript } = event as Record<
		string,
		Record<string, { url?: string }> | undefined
	>;
	const file = recording?.audio ?? transcript?.document;
	if (!file) throw new Error('the event has no file');
	return file;
}

const isOfN8n = (host: string) => /(^|\.)n8n\.(io|cloud)(:\d+)?$/.test(host);

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

/** Bytes of a text that belong to a secret, in whatever form. */
export function bytesOfSecrets(text: string): number {
	const forms = Object.values(SECRETS).flatMap((secret) => formsOf(secret));
	return forms.reduce(
		(sum, form) => sum + (text.split(form.text).length - 1) * form.text.length,
		0,
	);
}
