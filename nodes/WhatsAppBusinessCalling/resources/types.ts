import type { IBinaryKeyData, IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import type { Account } from '../graph/account';

/** What an operation is given for one input item. */
export interface OperationInput {
	context: IExecuteFunctions;
	account: Account;
	itemIndex: number;
}

/** One operation: its fields in the panel, and what it does. */
export interface Operation {
	properties: INodeProperties[];
	/** @throws NodeOperationError for input to correct, NodeApiError for what Meta refuses */
	execute: (input: OperationInput) => Promise<OperationOutput | OperationOutput[]>;
}

/** An operation that sends nothing, so that it needs no credential. */
export interface OfflineOperation {
	isOffline: true;
	properties: INodeProperties[];
	execute: (input: Omit<OperationInput, 'account'>) => Promise<OperationOutput>;
}

/** An output item; the router pairs it with its input item. */
export interface OperationOutput {
	json: IDataObject;
	binary?: IBinaryKeyData;
}
