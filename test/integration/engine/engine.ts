import { userFolder } from '../surroundings';

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import express, { type Request, type Response } from 'express';
import {
	BinaryDataService,
	ExecutionLifecycleHooks,
	ExternalSecretsProxy,
	InstanceSettings,
	LoadOptionsContext,
	PackageDirectoryLoader,
	WorkflowExecute,
} from 'n8n-core';
import {
	createRunExecutionData,
	deepCopy,
	Workflow,
	type IBinaryData,
	type IDataObject,
	type ILoadOptionsFunctions,
	type INode,
	type INodeExecutionData,
	type INodeListSearchResult,
	type INodeParameters,
	type INodePropertyOptions,
	type IRun,
	type IWorkflowBase,
	type IWorkflowExecuteAdditionalData,
	type WorkflowExecuteMode,
} from 'n8n-workflow';
import { filesBelow } from '../../support/files';
import { serve, type LocalServer } from '../../support/localServer';
import { REPOSITORY } from '../../support/package';
import {
	ACTION_TYPE as ACTION,
	CREDENTIAL_TYPE as CREDENTIAL,
	TRIGGER_TYPE as TRIGGER,
	type CredentialFields,
} from '../../support/workflow';
import { ActionRun } from './actionRun';
import { CollectingLogger } from './collectingLogger';
import { Container, Logger } from './container';
import { CredentialsHelper } from './credentialsHelper';
import { NodeTypes, START, WORK, type Work } from './nodeTypes';
import { TriggerWorkflow } from './triggerWorkflow';
import { emptyWorkflow, node } from './workflows';

/** Workflows and credentials so far: what the nodes remember of one must not be taken for that of another engine's. */
let made = 0;

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

	private server!: LocalServer;

	private readonly credentialsHelper: CredentialsHelper;

	private readonly credentials = new Map<string, CredentialFields>();

	private readonly background = new Set<Promise<unknown>>();

	private constructor(loader: PackageDirectoryLoader, logs: string[]) {
		this.logs = logs;
		this.nodeTypes = new NodeTypes(loader, this.works);
		this.credentialsHelper = new CredentialsHelper(loader, this.credentials);
	}

	static async start(): Promise<Engine> {
		const logs: string[] = [];
		Container.set(Logger, new CollectingLogger(logs));
		Container.get(InstanceSettings);
		await Container.get(BinaryDataService).init();
		const loader = new PackageDirectoryLoader(REPOSITORY);
		await loader.loadAll();

		const app = express();
		app.set('query parser', 'extended');
		app.disable('x-powered-by');
		const engine = new Engine(loader, logs);
		app.use(async (req, res) => await engine.receive(req, res));
		engine.server = await serve(app);
		return engine;
	}

	/** Stops the server, waits for what runs, and removes the user folder. */
	async stop(): Promise<void> {
		await this.server.stop();
		await this.idle();
		await rm(userFolder, { recursive: true, force: true });
	}

	get origin(): string {
		return this.server.origin;
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

	/** A stored file as a stream, for one that must not be in memory. */
	async streamOf({ id }: IBinaryData): Promise<AsyncIterable<Buffer>> {
		if (!id) throw new Error('The file is not in the binary store');
		return await Container.get(BinaryDataService).getAsStream(id);
	}

	/** Files in the binary store, without their metadata. */
	async storedFiles(): Promise<string[]> {
		const folder = join(userFolder, '.n8n', 'storage');
		return (await filesBelow(folder)).filter((path) => !path.endsWith('.metadata'));
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
		// n8n reads escaped characters, and ignores a slash at the end.
		const [, kind, ...path] = decodeURIComponent(req.path).replace(/\/$/, '').split('/');
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
