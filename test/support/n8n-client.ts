import { readFile } from 'node:fs/promises';
import { parseFlatted } from './flatted';
import type { Activation } from './n8n-versions';
import { poll } from './processes';

/** The account in every n8n that the harness starts. It is reachable from this machine only. */
export const OWNER = {
	email: 'demo@example.com',
	password: 'Demo-password-1',
	firstName: 'Demo',
	lastName: 'Operator',
};

export interface WorkflowNode {
	name: string;
	type: string;
	typeVersion: number;
	position: [number, number];
	parameters: Record<string, unknown>;
	id?: string;
	webhookId?: string;
	credentials?: Record<string, { id: string | null; name: string }>;
	[setting: string]: unknown;
}

export interface WorkflowDefinition {
	name: string;
	nodes: WorkflowNode[];
	connections: Record<string, unknown>;
	settings?: Record<string, unknown>;
	[property: string]: unknown;
}

export interface StoredWorkflow extends WorkflowDefinition {
	id: string;
	versionId: string;
	active: boolean;
}

interface NewCredential {
	name: string;
	type: string;
	data: Record<string, unknown>;
}

export interface StoredCredential {
	id: string;
	name: string;
	type: string;
}

export interface ExecutionSummary {
	id: string;
	status: string;
	mode: string;
	startedAt: string;
	stoppedAt: string | null;
}

export interface BinaryReference {
	id?: string;
	data: string;
	mimeType: string;
	fileName?: string;
	fileExtension?: string;
	fileSize?: string;
	bytes?: number;
}

export interface Item {
	json: Record<string, unknown>;
	binary?: Record<string, BinaryReference>;
	pairedItem?: unknown;
}

export interface NodeRun {
	executionStatus: string;
	startTime: number;
	executionTime: number;
	error?: { message: string; description?: string | null; messages?: string[] };
	data?: { main?: Array<Item[] | null> };
}

interface RunData {
	resultData: {
		runData: Record<string, NodeRun[]>;
		error?: { message: string; description?: string | null; messages?: string[] };
	};
}

export interface Execution extends ExecutionSummary {
	/** Every run of every node, by the node's name. */
	nodes: Record<string, NodeRun[]>;
	error?: { message: string; description?: string | null; messages?: string[] };
	/** The items that a node handed on, all runs and outputs together. */
	items(nodeName: string): Item[];
}

interface PublicationStatus {
	status: 'in_progress' | 'not_published' | 'published' | 'partial' | 'failed';
	triggers: Array<{ nodeId: string; status: string; errorMessage: string | null }>;
}

interface NodeTypeDescription {
	displayName: string;
	description: string;
	properties: unknown[];
}

const UNFINISHED = new Set(['new', 'running', 'waiting', 'unknown']);

export class N8nApiError extends Error {
	constructor(
		message: string,
		readonly statusCode: number,
	) {
		super(message);
		this.name = 'N8nApiError';
	}
}

/**
 * What a process of n8n says of itself at an address.
 *
 * @throws where nobody listens
 */
export async function isReadyAt(url: string): Promise<boolean> {
	return (await fetch(`${url}/healthz/readiness`)).ok;
}

/** The part of the editor's own REST interface that tests need, signed in as the owner. */
export class N8nClient {
	private cookie = '';

	constructor(
		private readonly url: string,
		private readonly log: { tail(lines: number): string },
		readonly activation: Activation = 'publication',
	) {}

	/** True when n8n takes requests, undefined as long as it does not. */
	async isReady(): Promise<true | undefined> {
		if ((await this.isHealthy()) === undefined) return undefined;
		const settings = await fetch(`${this.url}/rest/settings`);
		// While it starts, n8n answers every path with a page of its own.
		return settings.headers.get('content-type')?.includes('json') ? true : undefined;
	}

	/** The same of a process without an editor: a worker, or a webhook processor. */
	async isHealthy(): Promise<true | undefined> {
		return (await isReadyAt(this.url)) ? true : undefined;
	}

	async setUpOwner(): Promise<void> {
		await this.request('POST', '/rest/owner/setup', OWNER);
	}

	async login(): Promise<void> {
		const response = await this.send('POST', '/rest/login', {
			emailOrLdapLoginId: OWNER.email,
			password: OWNER.password,
		});
		await response.arrayBuffer();
		this.cookie = response.headers
			.getSetCookie()
			.map((cookie) => cookie.split(';')[0])
			.join('; ');
	}

	async createCredential(credential: NewCredential): Promise<StoredCredential> {
		return await this.request<StoredCredential>('POST', '/rest/credentials', credential);
	}

	async updateCredential(id: string, credential: NewCredential): Promise<void> {
		await this.request('PATCH', `/rest/credentials/${id}`, credential);
	}

	/** What the editor does when a credential is saved. */
	async listCredentials(): Promise<StoredCredential[]> {
		return await this.request<StoredCredential[]>('GET', '/rest/credentials');
	}

	async testCredential(
		credential: StoredCredential,
	): Promise<{ status: 'OK' | 'Error'; message: string }> {
		const { data } = await this.request<{ data: Record<string, unknown> }>(
			'GET',
			`/rest/credentials/${credential.id}?includeData=true`,
		);
		return await this.request('POST', '/rest/credentials/test', {
			credentials: { ...credential, data },
		});
	}

	async deleteCredential(id: string): Promise<void> {
		await this.request('DELETE', `/rest/credentials/${id}`);
	}

	async createWorkflow(workflow: WorkflowDefinition): Promise<StoredWorkflow> {
		const { name, nodes, connections, settings } = workflow;
		return await this.request<StoredWorkflow>('POST', '/rest/workflows', {
			name,
			nodes,
			connections,
			settings: settings ?? {},
			active: false,
		});
	}

	/**
	 * Imports an exported workflow, as "Import from file" does, with its credentials chosen by type.
	 * `edit` makes the changes that an operator would make in the editor.
	 */
	async importWorkflow(
		file: string,
		{
			credentials = [],
			edit = () => undefined,
		}: { credentials?: StoredCredential[]; edit?: (workflow: WorkflowDefinition) => void } = {},
	): Promise<StoredWorkflow> {
		const workflow = JSON.parse(await readFile(file, 'utf8')) as WorkflowDefinition;
		for (const node of workflow.nodes) {
			for (const type of Object.keys(node.credentials ?? {})) {
				const chosen = credentials.find((credential) => credential.type === type);
				if (chosen) node.credentials![type] = { id: chosen.id, name: chosen.name };
			}
		}
		edit(workflow);
		return await this.createWorkflow(workflow);
	}

	async workflow(id: string): Promise<StoredWorkflow> {
		return await this.request<StoredWorkflow>('GET', `/rest/workflows/${id}`);
	}

	/** Saves a change as the editor does; it counts when it is published. */
	async editWorkflow(id: string, change: (workflow: WorkflowDefinition) => void): Promise<void> {
		const { name, nodes, connections, versionId } = await this.workflow(id);
		const changed: WorkflowDefinition = { name, nodes, connections };
		change(changed);
		await this.request('PATCH', `/rest/workflows/${id}`, { ...changed, versionId });
	}

	/**
	 * Activates a workflow and waits until its triggers are registered, which n8n does after it has
	 * answered. Rejects with the error of the trigger that could not be.
	 */
	async activate(id: string, { timeout = 60_000 }: { timeout?: number } = {}): Promise<void> {
		await this.setActive(id, true);
		if (this.activation !== 'publication') return;
		await this.settled(id, timeout, async () => {
			const { status, triggers } = await this.publicationStatus(id);
			if (status === 'in_progress' || status === 'not_published') return undefined;
			if (status === 'published') return { error: undefined };
			const errors = triggers.flatMap(({ errorMessage }) => errorMessage ?? []);
			return { error: new Error(`The workflow could not be activated: ${errors.join('; ')}`) };
		});
	}

	/** Deactivates a workflow and waits until its triggers are taken back. */
	async deactivate(id: string, { timeout = 60_000 }: { timeout?: number } = {}): Promise<void> {
		await this.setActive(id, false);
		if (this.activation !== 'publication') return;
		await this.settled(id, timeout, async () => {
			const { status } = await this.publicationStatus(id);
			return status === 'not_published' ? { error: undefined } : undefined;
		});
	}

	private async setActive(id: string, active: boolean): Promise<void> {
		const { versionId } = await this.workflow(id);
		if (this.activation === 'saving') {
			await this.request('PATCH', `/rest/workflows/${id}`, { active, versionId });
		} else {
			const path = `/rest/workflows/${id}/${active ? 'activate' : 'deactivate'}`;
			await this.request('POST', path, active ? { versionId } : {});
		}
	}

	async publicationStatus(id: string): Promise<PublicationStatus> {
		return await this.request<PublicationStatus>('GET', `/rest/workflows/${id}/publication-status`);
	}

	async deleteWorkflow(id: string): Promise<void> {
		await this.request('POST', `/rest/workflows/${id}/archive`, {});
		await this.request('DELETE', `/rest/workflows/${id}`);
	}

	/** The executions of a workflow, the oldest first. */
	async executions(workflowId: string): Promise<ExecutionSummary[]> {
		const filter = encodeURIComponent(JSON.stringify({ workflowId }));
		const { results } = await this.request<{ results: ExecutionSummary[] }>(
			'GET',
			`/rest/executions?limit=100&filter=${filter}`,
		);
		return results.sort((a, b) => Number(a.id) - Number(b.id));
	}

	async execution(id: string): Promise<Execution> {
		const { data, ...summary } = await this.request<ExecutionSummary & { data: string }>(
			'GET',
			`/rest/executions/${id}`,
		);
		const { resultData } = parseFlatted(data) as RunData;
		const nodes = resultData.runData;
		return {
			...summary,
			nodes,
			error: resultData.error,
			items: (name) =>
				(nodes[name] ?? []).flatMap((run) =>
					(run.data?.main ?? []).flatMap((items) => items ?? []),
				),
		};
	}

	/** *Retry* in the list of executions, with the workflow as it is now; it makes an execution of its own. */
	async retryExecution(id: string): Promise<void> {
		await this.request('POST', `/rest/executions/${id}/retry`, { loadWorkflow: true });
	}

	/** Waits until at least `count` executions of a workflow have finished, and gives all the finished ones. */
	async waitForExecutions(
		workflowId: string,
		count: number,
		{ timeout = 30_000 }: { timeout?: number } = {},
	): Promise<Execution[]> {
		const finished = await poll(
			`${count} finished execution(s) of workflow ${workflowId}`,
			timeout,
			async () => {
				const all = await this.executions(workflowId);
				const done = all.filter(({ status }) => !UNFINISHED.has(status));
				return done.length >= count ? done : undefined;
			},
		);
		return await Promise.all(finished.map(async ({ id }) => await this.execution(id)));
	}

	/** The bytes of a file that an execution holds. */
	async download(binary: BinaryReference): Promise<Buffer> {
		if (binary.id === undefined) return Buffer.from(binary.data, 'base64');
		const query = new URLSearchParams({ id: binary.id, action: 'download' });
		const response = await this.send('GET', `/rest/binary-data?${query.toString()}`);
		return Buffer.from(await response.arrayBuffer());
	}

	/** "Listen for test event" on a trigger: resolves when n8n listens. */
	async listenForTestEvent(workflowId: string, triggerName: string): Promise<void> {
		const workflowData = await this.workflow(workflowId);
		const { waitingForWebhook } = await this.request<{ waitingForWebhook?: boolean }>(
			'POST',
			`/rest/workflows/${workflowId}/run`,
			{ workflowData, triggerToStartFrom: { name: triggerName } },
		);
		if (!waitingForWebhook) throw new Error(`n8n does not wait for a call of ${triggerName}`);
	}

	async stopListening(workflowId: string): Promise<void> {
		await this.request('DELETE', `/rest/test-webhook/${workflowId}`);
	}

	/** The address that a trigger registers: the production one, or that of "Listen for test event". */
	webhookUrl(node: WorkflowNode, { test = false, path = 'webhook' } = {}): string {
		return `${this.url}/${test ? 'webhook-test' : 'webhook'}/${node.webhookId}/${path}`;
	}

	/** The description of a node type (full name, with its package), undefined when n8n has no such type. */
	async nodeType(name: string, version = 1): Promise<NodeTypeDescription | undefined> {
		try {
			const [found] = await this.request<NodeTypeDescription[]>('POST', '/rest/node-types', {
				nodeInfos: [{ name, version }],
			});
			return found;
		} catch (error) {
			if (error instanceof N8nApiError && error.statusCode === 400) return undefined;
			throw error;
		}
	}

	/** The full names of all node types, as the editor loads them. */
	async nodeTypeNames(): Promise<string[]> {
		return await this.namesIn('/types/nodes.json');
	}

	async credentialTypeNames(): Promise<string[]> {
		return await this.namesIn('/types/credentials.json');
	}

	private async namesIn(path: string): Promise<string[]> {
		const response = await this.send('GET', path);
		return ((await response.json()) as Array<{ name: string }>).map(({ name }) => name);
	}

	/** A request to any path of the editor's REST interface; gives what n8n wraps in `data`. */
	async request<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
		const response = await this.send(method, path, body);
		const { data } = (await response.json()) as { data: T };
		return data;
	}

	private async send(method: string, path: string, body?: unknown): Promise<Response> {
		const response = await fetch(`${this.url}${path}`, {
			method,
			headers: { cookie: this.cookie, 'content-type': 'application/json' },
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		if (!response.ok) {
			const text = await response.text();
			throw new N8nApiError(
				`n8n answered ${method} ${path} with ${response.status}: ${text.slice(0, 500)}`,
				response.status,
			);
		}
		return response;
	}

	private async settled(
		id: string,
		timeout: number,
		check: () => Promise<{ error?: Error } | undefined>,
	): Promise<void> {
		const what = `end of the publication of workflow ${id}`;
		const { error } = await poll(what, timeout, check).catch((cause: Error) => {
			throw new Error(`${cause.message}. The last lines of n8n's log:\n${this.log.tail(10)}`);
		});
		if (error) throw error;
	}
}
