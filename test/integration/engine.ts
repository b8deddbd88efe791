import { userFolder } from './surroundings';

import { createHash } from 'node:crypto';
import { rm, readdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import express, { type Request, type Response } from 'express';
import {
	BinaryDataService,
	ExecutionLifecycleHooks,
	ExternalSecretsProxy,
	HookContext,
	InstanceSettings,
	LoadOptionsContext,
	PackageDirectoryLoader,
	WebhookContext,
	WorkflowExecute,
} from 'n8n-core';
import {
	createRunExecutionData,
	deepCopy,
	NodeHelpers,
	Workflow,
	type IBinaryData,
	type ICredentialDataDecryptedObject,
	type ICredentialsHelper,
	type ICredentialType,
	type IDataObject,
	type IHttpRequestOptions,
	type ILoadOptionsFunctions,
	type INode,
	type INodeCredentialsDetails,
	type INodeExecutionData,
	type INodeListSearchResult,
	type INodeParameters,
	type INodePropertyOptions,
	type INodeType,
	type INodeTypes,
	type IRun,
	type IVersionedNodeType,
	type IWebhookData,
	type IWebhookResponseData,
	type IWorkflowBase,
	type IWorkflowExecuteAdditionalData,
	type NodeExecutionHint,
	type WorkflowExecuteMode,
} from 'n8n-workflow';
import {
	ACTION_TYPE as ACTION,
	CREDENTIAL_TYPE as CREDENTIAL,
	PACKAGE,
	TRIGGER_TYPE as TRIGGER,
	type CredentialFields,
} from '../support/workflow';

/** Workflows and credentials so far: what the nodes remember of one must not be taken for that of another engine's. */
let made = 0;

const START = 'integration.start';
const WORK = 'integration.work';

/** The service container of n8n-core: there may be others in the tree, with other services in them. */
const requireOfCore = createRequire(require.resolve('n8n-core'));
const { Container } = requireOfCore('@n8n/di') as {
	Container: {
		get<T>(service: abstract new (...args: never[]) => T): T;
		set<T>(service: abstract new (...args: never[]) => T, instance: T): void;
	};
};
const { Logger } = requireOfCore('@n8n/backend-common') as { Logger: typeof CollectingLogger };

/** Where the built package is; the repository unless told. */
const packageFolder = process.env.INTEGRATION_PACKAGE_FOLDER ?? join(__dirname, '../..');

/** Does the work of a workflow; what it throws makes the execution fail. */
export type Work = (items: INodeExecutionData[]) => Promise<void> | void;

/** One execution that the trigger started. */
export interface Execution {
	id: string;
	/** What the trigger emitted. */
	items: INodeExecutionData[];
	mode: WorkflowExecuteMode;
	status: 'running' | 'success' | 'error';
	run?: IRun;
	/** Set where `webhook()` itself threw. */
	error?: Error;
}

/** Nodes of n8n, and two for tests: one that starts a workflow and one that does its work. */
class NodeTypes implements INodeTypes {
	constructor(
		private readonly loader: PackageDirectoryLoader,
		private readonly works: Map<string, Work>,
	) {}

	getByName(name: string): INodeType | IVersionedNodeType {
		return this.getByNameAndVersion(name);
	}

	getByNameAndVersion(name: string, version?: number): INodeType {
		if (name === START || name === WORK) return this.own(name);
		const { type } = this.loader.getNode(name.replace(`${PACKAGE}.`, ''));
		return NodeHelpers.getVersionedNodeType(type, version);
	}

	getKnownTypes(): IDataObject {
		return { ...this.loader.known.nodes };
	}

	private own(name: string): INodeType {
		const { works } = this;
		return {
			description: {
				displayName: name,
				name,
				group: [name === START ? 'trigger' : 'transform'],
				version: 1,
				description: '',
				defaults: { name },
				inputs: name === START ? [] : ['main'],
				outputs: ['main'],
				properties: [],
			},
			async execute() {
				const items = this.getInputData();
				if (name === WORK) await works.get(this.getWorkflow().id ?? '')?.(items);
				return [items];
			},
		};
	}
}

/**
 * The only stand-in: in n8n its server decrypts credentials and applies the credential type's
 * `authenticate` to requests. Both are done here as there, but from memory.
 */
class CredentialsHelper implements ICredentialsHelper {
	/** How often a credential was decrypted. */
	reads = 0;

	constructor(
		private readonly loader: PackageDirectoryLoader,
		private readonly stored: Map<string, CredentialFields>,
	) {}

	getParentTypes(): string[] {
		return [];
	}

	isCredentialUsableByNode(): boolean {
		return true;
	}

	async authenticate(
		credentials: ICredentialDataDecryptedObject,
		typeName: string,
		options: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> {
		const { authenticate } = this.type(typeName);
		if (typeof authenticate !== 'function') throw new Error('Only functions are known here');
		return await authenticate(credentials, options);
	}

	async preAuthentication(): Promise<undefined> {
		return undefined;
	}

	async runPreAuthentication(): Promise<undefined> {
		return undefined;
	}

	async getDecrypted(
		_additionalData: IWorkflowExecuteAdditionalData,
		{ id }: INodeCredentialsDetails,
		type: string,
	): Promise<ICredentialDataDecryptedObject> {
		this.reads++;
		const fields = this.stored.get(id ?? '');
		if (!fields) throw new Error(`Credential with ID "${id}" does not exist for type "${type}".`);
		const decrypted = NodeHelpers.getNodeParameters(
			this.getCredentialsProperties(type),
			fields,
			true,
			false,
			null,
			null,
		);
		return decrypted as ICredentialDataDecryptedObject;
	}

	getCredentialsProperties(type: string) {
		return this.type(type).properties;
	}

	async getCredentials(): Promise<never> {
		throw new Error('Not needed by nodes');
	}

	async updateCredentials(): Promise<void> {}

	async updateCredentialsOauthTokenData(): Promise<void> {}

	private type(name: string): ICredentialType {
		return this.loader.getCredential(name).type;
	}
}

/** Keeps what nodes log, so that tests can look for it, and for secrets in it. */
class CollectingLogger {
	constructor(private readonly lines: string[]) {}

	scoped(): this {
		return this;
	}

	error(message: string, metadata?: unknown): void {
		this.lines.push(`error ${message} ${printed(metadata)}`);
	}

	warn(message: string, metadata?: unknown): void {
		this.lines.push(`warn ${message} ${printed(metadata)}`);
	}

	info(message: string, metadata?: unknown): void {
		this.lines.push(`info ${message} ${printed(metadata)}`);
	}

	debug(message: string, metadata?: unknown): void {
		this.lines.push(`debug ${message} ${printed(metadata)}`);
	}
}

const printed = (metadata: unknown) => (metadata === undefined ? '' : everythingIn(metadata));

/**
 * An n8n of the real engine: the built package loaded by n8n's loader, its nodes run in n8n's
 * contexts, files in n8n's binary store, webhooks over HTTP.
 */
export class Engine {
	/** Lines that were logged, the newest last. */
	readonly logs: string[];

	readonly triggers = new Map<string, TriggerWorkflow>();

	readonly works = new Map<string, Work>();

	readonly nodeTypes: NodeTypes;

	private readonly credentialsHelper: CredentialsHelper;

	private readonly credentials = new Map<string, CredentialFields>();

	private readonly background = new Set<Promise<unknown>>();

	private constructor(
		private readonly server: Server,
		loader: PackageDirectoryLoader,
		logs: string[],
	) {
		this.logs = logs;
		this.nodeTypes = new NodeTypes(loader, this.works);
		this.credentialsHelper = new CredentialsHelper(loader, this.credentials);
	}

	static async start(): Promise<Engine> {
		const logs: string[] = [];
		Container.set(Logger, new CollectingLogger(logs));
		Container.get(InstanceSettings);
		await Container.get(BinaryDataService).init();
		const loader = new PackageDirectoryLoader(packageFolder);
		await loader.loadAll();

		const app = express();
		app.set('query parser', 'extended');
		app.disable('x-powered-by');
		const server = createServer(app);
		const engine = new Engine(server, loader, logs);
		app.use(async (req, res) => await engine.receive(req, res));
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		return engine;
	}

	/** Stops the server, waits for what runs, and removes the user folder. */
	async stop(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.server.close(() => resolve());
			this.server.closeAllConnections();
		});
		await this.idle();
		await rm(userFolder, { recursive: true, force: true });
	}

	get origin(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	/** How often n8n decrypted a credential so far. */
	get credentialReads(): number {
		return this.credentialsHelper.reads;
	}

	/** Later changes of the fields count, as when an operator saves the credential again. */
	addCredential(fields: CredentialFields): string {
		const id = `credential-${++made}`;
		this.credentials.set(id, fields);
		return id;
	}

	/** Deploys a workflow of the trigger and a node that does the work. */
	trigger(
		credential: CredentialFields | null,
		parameters: INodeParameters = {},
		options: { webhookBase?: string; id?: string; work?: Work } = {},
	): TriggerWorkflow {
		const credentialId = credential === null ? null : this.addCredential(credential);
		const id = options.id ?? `trigger-${++made}`;
		const workflow = new TriggerWorkflow(
			this,
			id,
			credentialId,
			parameters,
			options.webhookBase ?? this.origin,
		);
		this.triggers.set(id, workflow);
		this.works.set(id, async (items) => await (options.work ?? workflow.work)(items));
		return workflow;
	}

	/** Runs a workflow of a start node with items, the action node, and a node after each of its outputs. */
	async run(
		credential: CredentialFields | null,
		parameters: INodeParameters,
		items: Array<IDataObject | INodeExecutionData> = [{}],
		settings: Partial<INode> = {},
	): Promise<ActionRun> {
		const nodes: INode[] = [
			node('Start', START),
			{
				...node('WhatsApp', ACTION, parameters),
				...(credential !== null && {
					credentials: {
						[CREDENTIAL]: { id: this.addCredential(credential), name: 'WhatsApp' },
					},
				}),
				...settings,
			},
			node('Succeeded', WORK),
			node('Failed', WORK),
		];
		const to = (name: string) => [{ node: name, type: 'main' as const, index: 0 }];
		const definition: IWorkflowBase = {
			...emptyWorkflow(`action-${this.credentials.size}`),
			nodes,
			connections: {
				Start: { main: [to('WhatsApp')] },
				WhatsApp: { main: [to('Succeeded'), to('Failed')] },
			},
		};
		const data = items.map((item) =>
			'json' in item && typeof item.json === 'object'
				? (item as INodeExecutionData)
				: { json: item as IDataObject },
		);
		const run = await this.execute(definition, 'Start', data, 'manual');
		return new ActionRun(run);
	}

	/** The list of a resource locator, as the editor asks for it. */
	async searchPhoneNumbers(
		credential: CredentialFields,
		filter?: string,
		paginationToken?: string,
	): Promise<INodeListSearchResult> {
		const { listSearch } = this.nodeTypes.getByNameAndVersion(ACTION).methods ?? {};
		const context = this.loadOptionsContext(ACTION, credential, 'parameters.phoneNumberId');
		const search = listSearch?.searchPhoneNumbers;
		if (!search) throw new Error('The node has no such search');
		return await search.call(context, filter, paginationToken);
	}

	/** The options of the trigger's filter, as the editor asks for them. */
	async phoneNumberOptions(credential: CredentialFields): Promise<INodePropertyOptions[]> {
		const { loadOptions } = this.nodeTypes.getByNameAndVersion(TRIGGER).methods ?? {};
		const context = this.loadOptionsContext(TRIGGER, credential, 'parameters.phoneNumberIds');
		const load = loadOptions?.getPhoneNumbers;
		if (!load) throw new Error('The node has no such options');
		return await load.call(context);
	}

	private loadOptionsContext(
		type: string,
		credential: CredentialFields,
		path: string,
	): ILoadOptionsFunctions {
		const single: INode = {
			...node('WhatsApp', type),
			credentials: { [CREDENTIAL]: { id: this.addCredential(credential), name: 'WhatsApp' } },
		};
		const workflow = this.workflow({ ...emptyWorkflow('load-options'), nodes: [single] });
		return new LoadOptionsContext(
			workflow,
			single,
			this.additionalData(this.origin),
			path,
		) as ILoadOptionsFunctions;
	}

	async bytesOf(binary: IBinaryData): Promise<Buffer> {
		return await Container.get(BinaryDataService).getAsBuffer(binary);
	}

	/** Puts a file into n8n's store, as a node before would. */
	async store(bytes: Buffer): Promise<IBinaryData> {
		const execution = { type: 'execution', workflowId: 'store', executionId: 'store' } as const;
		const file = { data: '', mimeType: 'application/json' };
		return await Container.get(BinaryDataService).store(execution, bytes, file);
	}

	/** A stored file as a stream, for one that shall not be in memory. */
	async streamOf({ id }: IBinaryData): Promise<AsyncIterable<Buffer>> {
		if (!id) throw new Error('The file is not in the binary store');
		return await Container.get(BinaryDataService).getAsStream(id);
	}

	/** Files in the binary store, without their metadata. */
	async storedFiles(): Promise<string[]> {
		const folder = join(userFolder, '.n8n', 'storage');
		const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
		return entries
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath, entry.name))
			.filter((path) => !path.endsWith('.metadata'));
	}

	/** Resolves when no execution runs any more. */
	async idle(): Promise<void> {
		while (this.background.size > 0) await Promise.allSettled(this.background);
	}

	workflow(definition: IWorkflowBase): Workflow {
		return new Workflow({
			...definition,
			staticData: deepCopy(definition.staticData ?? {}),
			nodes: deepCopy(definition.nodes),
			nodeTypes: this.nodeTypes,
		});
	}

	additionalData(webhookBase: string): IWorkflowExecuteAdditionalData {
		const notHere = async (): Promise<never> => {
			throw new Error('Not needed by nodes of this package');
		};
		return {
			credentialsHelper: this.credentialsHelper,
			executeWorkflow: notHere,
			getRunExecutionData: notHere,
			getRuntimeCredential: notHere,
			startRunnerTask: notHere,
			currentNodeExecutionIndex: 0,
			restApiUrl: `${webhookBase}/rest`,
			instanceBaseUrl: webhookBase,
			formBaseUrl: `${webhookBase}/form`,
			formWaitingBaseUrl: `${webhookBase}/form-waiting`,
			formTestBaseUrl: `${webhookBase}/form-test`,
			webhookBaseUrl: `${webhookBase}/webhook`,
			webhookWaitingBaseUrl: `${webhookBase}/webhook-waiting`,
			webhookTestBaseUrl: `${webhookBase}/webhook-test`,
			mcpBaseUrl: `${webhookBase}/mcp`,
			mcpTestBaseUrl: `${webhookBase}/mcp-test`,
			variables: {},
			externalSecretsProxy: Container.get(ExternalSecretsProxy),
			logAiEvent: () => {},
		};
	}

	async execute(
		definition: IWorkflowBase,
		startNode: string,
		items: INodeExecutionData[],
		mode: WorkflowExecuteMode,
		executionId = `execution-of-${definition.id}`,
	): Promise<IRun> {
		const workflow = this.workflow(definition);
		const start = workflow.getNode(startNode);
		if (!start) throw new Error(`No node ${startNode}`);
		const additionalData = Object.assign(this.additionalData(this.origin), {
			executionId,
			hooks: new ExecutionLifecycleHooks(mode, executionId, definition),
		});
		const data = createRunExecutionData({
			executionData: {
				nodeExecutionStack: [{ node: start, data: { main: [items] }, source: null }],
			},
		});
		return await new WorkflowExecute(additionalData, mode, data).processRunExecutionData(workflow);
	}

	/** Goes on in the background, but not beyond `idle()`. */
	track(work: Promise<unknown>): void {
		this.background.add(work);
		const done = () => this.background.delete(work);
		work.then(done, done);
	}

	/** A request to a webhook, handled and answered as n8n does. */
	private async receive(req: Request, res: Response): Promise<void> {
		const [, kind, ...path] = req.path.split('/');
		const method = req.method;
		const isTest = kind === 'webhook-test';
		for (const trigger of this.triggers.values()) {
			const webhook = trigger
				.webhooks(isTest)
				.find((known) => known.path === path.join('/') && known.httpMethod === method);
			if (webhook && (isTest || kind === 'webhook'))
				return await trigger.receive(webhook, req, res);
		}
		res.status(404).json({ code: 404, message: 'The requested webhook is not registered.' });
	}
}

/** The outcome of a workflow with the action node. */
export class ActionRun {
	constructor(readonly run: IRun) {}

	/** Items of the regular output. */
	get items(): INodeExecutionData[] {
		return this.output(0);
	}

	/** Items of the error output. */
	get errorItems(): INodeExecutionData[] {
		return this.output(1);
	}

	/** What the editor shows above the output. */
	get hints(): NodeExecutionHint[] {
		return this.run.data.resultData.runData.WhatsApp?.[0]?.hints ?? [];
	}

	/** The error that ended the workflow. */
	get error(): NodeFailure {
		const { error } = this.run.data.resultData;
		if (!error) throw new Error('The workflow did not fail');
		return error as unknown as NodeFailure;
	}

	get succeeded(): boolean {
		return this.run.data.resultData.error === undefined;
	}

	private output(index: number): INodeExecutionData[] {
		const { error } = this.run.data.resultData;
		if (error) throw new Error(`The workflow failed: ${error.message} (${error.description})`);
		return this.run.data.resultData.runData.WhatsApp?.[0]?.data?.main[index] ?? [];
	}
}

export interface NodeFailure {
	name: string;
	message: string;
	description: string;
	messages?: string[];
	httpCode?: string | null;
	context: { itemIndex?: number; reason?: string; whatsApp?: IDataObject };
}

/** A deployed workflow that begins with the trigger. */
export class TriggerWorkflow {
	readonly executions: Execution[] = [];

	/** Status of each answer to a POST, in the order in which they were given. */
	readonly answers: number[] = [];

	/** What the node after the trigger does. */
	work: Work = () => {};

	/** Before the execution is stored; what it throws is n8n's database being away. */
	beforeStoring: (response: Response) => Promise<void> | void = () => {};

	/** After the execution is stored, before n8n answers; false: n8n dies there and says nothing. */
	beforeAnswering: (response: Response) => Promise<boolean> | boolean = () => true;

	/** Replaces parts of the request that n8n hands over. */
	changeRequest: (request: Request) => void = () => {};

	private readonly definition: IWorkflowBase;

	private testStaticData: IDataObject | null = null;

	constructor(
		private readonly engine: Engine,
		readonly id: string,
		credentialId: string | null,
		parameters: INodeParameters,
		readonly webhookBase: string,
	) {
		this.definition = {
			...emptyWorkflow(id),
			active: true,
			nodes: [
				{
					...node('Trigger', TRIGGER, parameters),
					id: `node-of-${id}`,
					webhookId: this.webhookId,
					...(credentialId !== null && {
						credentials: { [CREDENTIAL]: { id: credentialId, name: 'WhatsApp' } },
					}),
				},
				node('Work', WORK),
			],
			connections: { Trigger: { main: [[{ node: 'Work', type: 'main', index: 0 }]] } },
		};
	}

	/** A UUID, as n8n gives it to the node; a workflow that is deployed again keeps it. */
	get webhookId(): string {
		const hex = createHash('sha256').update(this.id).digest('hex');
		return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
	}

	/** The production URL. */
	get url(): string {
		return `${this.webhookBase}/webhook/${this.webhookId}/webhook`;
	}

	get testUrl(): string {
		return `${this.webhookBase}/webhook-test/${this.webhookId}/webhook`;
	}

	/** Everything that was emitted. */
	get items(): INodeExecutionData[] {
		return this.executions.flatMap(({ items }) => items);
	}

	/** What n8n has in its database for the workflow. */
	get staticData(): IDataObject {
		return this.definition.staticData ?? {};
	}

	/** Goes on with what another deployment of the same workflow had saved. */
	continueFrom(other: TriggerWorkflow): this {
		this.definition.staticData = deepCopy(other.staticData);
		return this;
	}

	setParameters(parameters: INodeParameters): void {
		const [trigger] = this.definition.nodes;
		trigger.parameters = parameters;
	}

	/**
	 * Activates as n8n does: `checkExists`, then `create`, then the static data is saved. After a failure
	 * `delete` is called, on what the database has.
	 */
	async activate(): Promise<void> {
		const workflow = this.engine.workflow(this.definition);
		try {
			await this.register(workflow, 'trigger', 'activate', false);
		} catch (error) {
			await this.deactivate();
			throw error;
		}
		this.definition.staticData = deepCopy(workflow.staticData);
	}

	async checkExists(): Promise<boolean> {
		const workflow = this.engine.workflow(this.definition);
		return (await this.hook('checkExists', workflow, 'trigger', 'activate', false)) === true;
	}

	/** `create` alone; for what n8n never does, and must not matter. */
	async create(): Promise<void> {
		const workflow = this.engine.workflow(this.definition);
		await this.hook('create', workflow, 'trigger', 'activate', false);
		this.definition.staticData = deepCopy(workflow.staticData);
	}

	async deactivate(): Promise<void> {
		const workflow = this.engine.workflow(this.definition);
		await this.hook('delete', workflow, 'internal', 'update', false);
		this.definition.staticData = deepCopy(workflow.staticData);
	}

	/** "Listen for test event": begins with empty static data, and nothing of it is saved. */
	async listen(): Promise<void> {
		const workflow = this.engine.workflow({ ...this.definition, staticData: {} });
		await this.register(workflow, 'manual', 'manual', true);
		this.testStaticData = deepCopy(workflow.staticData);
	}

	/** n8n calls `delete` with the mode `internal` at the end of a test run. */
	async stopListening(): Promise<void> {
		const staticData = this.testStaticData ?? {};
		this.testStaticData = null;
		const workflow = this.engine.workflow({ ...this.definition, staticData });
		await this.hook('delete', workflow, 'internal', 'update', true);
	}

	/** As n8n's webhook service lists them. */
	webhooks(isTest: boolean): IWebhookData[] {
		const [trigger] = this.definition.nodes;
		const { webhooks = [] } = this.engine.nodeTypes.getByNameAndVersion(TRIGGER).description;
		return webhooks.map((webhookDescription) => ({
			httpMethod: webhookDescription.httpMethod as IWebhookData['httpMethod'],
			node: trigger.name,
			path: NodeHelpers.getNodeWebhookPath(this.id, trigger, webhookDescription.path),
			webhookDescription,
			workflowId: this.id,
			workflowExecuteAdditionalData: this.engine.additionalData(this.webhookBase),
			...(isTest && { isTest }),
		}));
	}

	/** One request: `webhook()` in n8n's context, then n8n's answer. */
	async receive(webhook: IWebhookData, req: Request, res: Response): Promise<void> {
		const mode: WorkflowExecuteMode = webhook.isTest ? 'manual' : 'webhook';
		if (req.method === 'POST') res.once('close', () => this.answers.push(answeredStatus(res)));
		if (!(await readBody(req, res))) return;
		this.changeRequest(req);

		// A test run sees what its own `create` wrote.
		const staticData = webhook.isTest && this.testStaticData;
		const workflow = this.engine.workflow({
			...this.definition,
			...(staticData && { staticData }),
		});
		const trigger = workflow.getNode(webhook.node);
		if (!trigger) throw new Error('The workflow has no trigger');
		const additionalData = Object.assign(this.engine.additionalData(this.webhookBase), {
			httpRequest: req,
			httpResponse: res,
		});
		const responseMode = workflow.expression.getSimpleParameterValue(
			trigger,
			webhook.webhookDescription.responseMode,
			mode,
			{},
			undefined,
			'onReceived',
		);
		const context = new WebhookContext(workflow, trigger, additionalData, mode, webhook, [], null);
		let result: IWebhookResponseData;
		try {
			const type = this.engine.nodeTypes.getByNameAndVersion(TRIGGER);
			if (!type.webhook) throw new Error('The node has no webhook');
			result = (await type.webhook.call(context)) as IWebhookResponseData;
		} catch (thrown) {
			this.executions.push({
				...this.newExecution([], mode),
				status: 'error',
				error: thrown as Error,
			});
			res.status(500).json({ message: 'Workflow Webhook Error: Workflow could not be started!' });
			return;
		}
		if (result.workflowData === undefined) {
			if (!result.noWebhookResponse) res.json({ message: 'Webhook call received' });
			return;
		}
		await this.start(result, responseMode === 'lastNode', mode, res);
	}

	/** The execution is stored; then it runs, and the answer goes out before or after that. */
	private async start(
		{ workflowData, noWebhookResponse }: IWebhookResponseData,
		answerAtTheEnd: boolean,
		mode: WorkflowExecuteMode,
		res: Response,
	): Promise<void> {
		const execution = this.newExecution(workflowData?.[0] ?? [], mode);
		try {
			await this.beforeStoring(res);
		} catch {
			res.status(500).json({ message: 'There was a problem executing the workflow' });
			return;
		}
		this.executions.push(execution);
		const running = this.run(execution);
		this.engine.track(running);
		if (noWebhookResponse) return;
		if (answerAtTheEnd) await running;
		if (!(await this.beforeAnswering(res))) return;
		if (answerAtTheEnd && execution.status === 'error') {
			res.status(500).json({ message: 'Error in workflow' });
		} else {
			res.status(200).json(undefined);
		}
	}

	private async run(execution: Execution): Promise<void> {
		try {
			execution.run = await this.engine.execute(
				this.definition,
				'Trigger',
				deepCopy(execution.items),
				execution.mode,
				execution.id,
			);
			execution.status = execution.run.data.resultData.error ? 'error' : 'success';
		} catch {
			execution.status = 'error';
		}
	}

	/** *Retry* in the list of executions: again from the failed node, with the items that n8n has stored for it. */
	async retry({ run }: Execution): Promise<IRun> {
		const [failed] = run?.data.executionData?.nodeExecutionStack ?? [];
		const items = failed.data.main[0] ?? [];
		return await this.engine.execute(this.definition, failed.node.name, deepCopy(items), 'retry');
	}

	private newExecution(items: INodeExecutionData[], mode: WorkflowExecuteMode): Execution {
		return { id: `${this.id}-${this.executions.length + 1}`, items, mode, status: 'running' };
	}

	private async register(
		workflow: Workflow,
		mode: WorkflowExecuteMode,
		activation: 'activate' | 'manual',
		isTest: boolean,
	): Promise<void> {
		if (await this.hook('checkExists', workflow, mode, activation, isTest)) return;
		await this.hook('create', workflow, mode, activation, isTest);
	}

	private async hook(
		name: 'checkExists' | 'create' | 'delete',
		workflow: Workflow,
		mode: WorkflowExecuteMode,
		activation: 'activate' | 'manual' | 'update',
		isTest: boolean,
	): Promise<boolean | undefined> {
		const type = this.engine.nodeTypes.getByNameAndVersion(TRIGGER);
		let outcome: boolean | undefined;
		for (const webhook of this.webhooks(isTest)) {
			const method = type.webhookMethods?.[webhook.webhookDescription.name]?.[name];
			const trigger = workflow.getNode(webhook.node);
			if (!method || !trigger) continue;
			const context = new HookContext(
				workflow,
				trigger,
				webhook.workflowExecuteAdditionalData,
				mode,
				activation,
				webhook,
			);
			outcome = await method.call(context);
		}
		return outcome;
	}
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Of a request to a trigger of a version above 1. */
const PARSED_CONTENT_TYPE = /^(application\/(json|x-www-form-urlencoded)|text\/plain)|[/+]xml$/;

/**
 * Reads the body as n8n does for a trigger of a version above 1: the unzipped bytes in `rawBody`, JSON parsed
 * into `body`, other types only when the node asks. A form with files is read by n8n's form parser, which
 * leaves no raw body behind.
 *
 * @returns false where n8n has answered already
 */
async function readBody(req: Request, res: Response): Promise<boolean> {
	const request = req as Request & { rawBody?: Buffer; readRawBody?: () => Promise<void> };
	const contentType = (req.headers['content-type'] ?? '').split(';')[0].trim();
	if (contentType === 'multipart/form-data') {
		for await (const chunk of req) void chunk;
		request.body = { data: {}, files: {} };
		request.readRawBody = async () => {
			throw new Error('Request body stream was aborted or is not readable');
		};
		return true;
	}
	request.readRawBody = async () => {
		if (request.rawBody) return;
		await new Promise<void>((resolve, reject) => {
			express.raw({ type: () => true, limit: MAX_BODY_BYTES })(req, res, (error?: unknown) =>
				error ? reject(error as Error) : resolve(),
			);
		});
		request.rawBody = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
		request.body = undefined;
	};
	// What n8n does not parse, it leaves to the node to read.
	if (!PARSED_CONTENT_TYPE.test(contentType)) return true;
	await request.readRawBody();
	const rawBody = request.rawBody ?? Buffer.alloc(0);
	request.body = {};
	if (rawBody.length > 0 && contentType === 'application/json') {
		try {
			request.body = JSON.parse(rawBody.toString());
		} catch {
			res.status(422).json({ code: 422, message: 'Failed to parse request body' });
			return false;
		}
	}
	return true;
}

/** 0 where the connection ended before an answer. */
const answeredStatus = (res: Response) => (res.writableFinished ? res.statusCode : 0);

function node(name: string, type: string, parameters: INodeParameters = {}): INode {
	const typeVersion = type === TRIGGER ? 1.1 : 1;
	return { id: `node-${name}`, name, type, typeVersion, position: [0, 0], parameters };
}

function emptyWorkflow(id: string): IWorkflowBase {
	const now = new Date();
	return {
		id,
		name: id,
		active: false,
		isArchived: false,
		activeVersionId: null,
		createdAt: now,
		updatedAt: now,
		nodes: [],
		connections: {},
		settings: { executionOrder: 'v1' },
		staticData: {},
	};
}

/** All texts in a value, also those that JSON leaves out: to look for what must not be there. */
export function everythingIn(value: unknown, seen = new Set<unknown>()): string {
	if (typeof value !== 'object' || value === null) return String(value);
	if (seen.has(value)) return '';
	seen.add(value);
	if (Buffer.isBuffer(value)) return value.toString('latin1');
	return Reflect.ownKeys(value)
		.map((key) => {
			const property = Object.getOwnPropertyDescriptor(value, key);
			return property && 'value' in property
				? `${String(key)}=${everythingIn(property.value, seen)}`
				: '';
		})
		.join('\n');
}
