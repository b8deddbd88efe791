import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { HookContext, WebhookContext } from 'n8n-core';
import {
	deepCopy,
	NodeHelpers,
	type IDataObject,
	type INodeExecutionData,
	type INodeParameters,
	type IRun,
	type IWebhookData,
	type IWebhookResponseData,
	type IWorkflowBase,
	type Workflow,
	type WorkflowExecuteMode,
} from 'n8n-workflow';
import { CREDENTIAL_TYPE as CREDENTIAL, TRIGGER_TYPE as TRIGGER } from '../../support/workflow';
import type { Engine } from './engine';
import { WORK, type Work } from './nodeTypes';
import { readBody } from './requestBody';
import { emptyWorkflow, node } from './workflows';

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
			result = await type.webhook.call(context);
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

/** 0 where the connection ended before an answer. */
const answeredStatus = (res: Response) => (res.writableFinished ? res.statusCode : 0);
