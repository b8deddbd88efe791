import type { IDataObject, INodeExecutionData, IRun, NodeExecutionHint } from 'n8n-workflow';

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
