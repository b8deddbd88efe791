import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Emulator, EmulatorOptions } from '../../emulator';
import { change, exampleFile, nodesOf } from '../support/examples';
import { LocalServer } from '../support/localServer';
import {
	isOver,
	type Execution,
	type ExecutionSummary,
	type StoredCredential,
	type WorkflowDefinition,
} from '../support/n8n';
import { poll } from '../support/processes';
import { startMeta, startStage, type Stage } from '../support/stage';

/** A real n8n into which examples are imported, with services of the operator around it. */
export interface Examples {
	readonly stage: Stage;
	/** A Meta of its own for an example, because a Meta app has one webhook. */
	meta(options?: EmulatorOptions): Promise<{ emulator: Emulator; credential: StoredCredential }>;
	/** A service of the operator (storage, CRM, chat ...) that keeps what it gets. */
	service(answer?: Service['answer']): Promise<Service>;
	/**
	 * Does what an operator does with an example: imports it, chooses credentials, changes the
	 * placeholders and publishes it.
	 */
	install(
		example: string,
		credentials: StoredCredential[],
		placeholders: Record<string, string>,
		edit?: (workflow: WorkflowDefinition) => void,
	): Promise<Installed>;
	close(): Promise<void>;
}

export interface Installed {
	id: string;
	/**
	 * The next `count` executions that were not asked for before, finished, the oldest first. Not where two copies of
	 * a workflow run: how often each of them runs for a delivery is open, because what one has accepted is not sent to
	 * it again when the other fails.
	 */
	next(count?: number): Promise<Execution[]>;
	/** "Execute workflow" in the editor. */
	run(triggerName: string): Promise<Execution>;
	/** Fails if there were executions that nobody asked for. */
	expectNoMore(): Promise<void>;
}

/** @param env environment variables of n8n */
export async function openExamples(env: Record<string, string> = {}): Promise<Examples> {
	const stage = await startStage({ env });
	const { api } = stage.n8n;
	const cleanups: Array<() => Promise<void>> = [];
	return {
		stage,

		async meta(options = {}) {
			const emulator = await startMeta(options);
			cleanups.push(async () => await emulator.stop());
			return { emulator, credential: await stage.credentialFor(emulator) };
		},

		async service(answer = () => ({})) {
			const started = await new Service(answer).start();
			cleanups.push(async () => await started.stop());
			return started;
		},

		async install(example, credentials, placeholders, edit = () => undefined) {
			const { id } = await api.importWorkflow(exampleFile(example), {
				credentials,
				edit(workflow) {
					change(workflow, placeholders);
					edit(workflow);
					const text = JSON.stringify(nodesOf(workflow));
					expect({ example, left: /[\w.]*example\.com/.exec(text)?.[0] }).toEqual({ example });
				},
			});
			await api.activate(id);
			/** IDs of executions. */
			const seen = new Set<string>();
			/** Of these executions, once all are over. */
			const finished = async (
				what: string,
				choose: () => Promise<ExecutionSummary[] | undefined>,
			) => {
				const chosen = await poll(what, 20_000, async () => {
					const summaries = await choose();
					return summaries?.every(isOver) ? summaries : undefined;
				});
				for (const execution of chosen) seen.add(execution.id);
				return await Promise.all(chosen.map(async (one) => await api.execution(one.id)));
			};
			const installed: Installed = {
				id,
				async next(count = 1) {
					return await finished(`${count} execution(s) of ${example}`, async () => {
						const unseen = (await api.executions(id)).filter((one) => !seen.has(one.id));
						return unseen.length >= count ? unseen.slice(0, count) : undefined;
					});
				},
				async run(triggerName) {
					const { executionId } = await api.request<{ executionId: string }>(
						'POST',
						`/rest/workflows/${id}/run`,
						{
							workflowData: await api.workflow(id),
							triggerToStartFrom: { name: triggerName },
						},
					);
					const [execution] = await finished(`execution ${executionId} of ${example}`, async () => {
						const own = (await api.executions(id)).filter((one) => one.id === executionId);
						return own.length > 0 ? own : undefined;
					});
					return execution;
				},
				async expectNoMore() {
					await new Promise((resolve) => setTimeout(resolve, 300));
					const all = await api.executions(id);
					expect(all.filter((one) => !seen.has(one.id))).toEqual([]);
				},
			};
			return installed;
		},

		async close() {
			await stage.stop();
			for (const cleanup of cleanups.reverse()) await cleanup();
		},
	};
}

interface Received {
	method: string;
	path: string;
	headers: IncomingHttpHeaders;
	raw: Buffer;
}

interface Answer {
	status?: number;
	body?: string | Record<string, unknown>;
	headers?: Record<string, string>;
}

export class Service extends LocalServer {
	readonly received: Received[] = [];

	constructor(readonly answer: (received: Received) => Answer) {
		super();
	}

	/** The bodies so far, read as JSON. */
	get messages(): Array<Record<string, unknown>> {
		return this.received.map(({ raw }) => JSON.parse(raw.toString()) as Record<string, unknown>);
	}

	/** Also for requests that came to another server, such as one with TLS. */
	override async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { method = '', url: path = '', headers } = request;
		const received = { method, path, headers, raw: await buffer(request) };
		this.received.push(received);
		const { status = 200, body = {}, headers: more = {} } = this.answer(received);
		const type = typeof body === 'string' ? 'application/xml' : 'application/json';
		response.writeHead(status, { 'content-type': type, ...more });
		response.end(typeof body === 'string' ? body : JSON.stringify(body));
	}
}

/** What a form that was sent as multipart/form-data holds. */
export async function formOf({ raw, headers }: Received): Promise<FormData> {
	const type = headers['content-type'] ?? '';
	return await new Response(new Uint8Array(raw), { headers: { 'content-type': type } }).formData();
}

export async function bytesOf(
	form: FormData,
	field: string,
): Promise<{ name: string; bytes: Buffer }> {
	const file = form.get(field) as File;
	return { name: file.name, bytes: Buffer.from(await file.arrayBuffer()) };
}

export const ranIn = ({ nodes }: Execution) => Object.keys(nodes);

/** An event that is old enough for a file that Meta does not have to be gone. */
export const aWhileAgo = () => ({
	event: { timestamp: String(Math.floor(Date.now() / 1000) - 11 * 60) },
});
