import type {
	IBinaryKeyData,
	IDataObject,
	IExecuteFunctions,
	INodeProperties,
	NodeOperationError,
} from 'n8n-workflow';

import type { Account } from '../graph/account';

/** The input of an operation for one item. */
export interface OperationInput {
	context: IExecuteFunctions;
	account: Account;
	itemIndex: number;
}

/** The input of an operation that needs no credential. */
export type OfflineInput = Omit<OperationInput, 'account'>;

/** One operation: its fields in the panel, and its code. */
export interface Operation {
	properties: INodeProperties[];
	/** @throws NodeOperationError for invalid input, NodeApiError for what Meta refuses */
	execute: (input: OperationInput) => Promise<OperationResult | OperationResult[]>;
}

/** An operation that sends nothing, so that it needs no credential. */
export interface OfflineOperation {
	isOffline: true;
	properties: INodeProperties[];
	execute: (input: OfflineInput) => Promise<OperationOutput>;
}

/** An output item; the router adds the paired item. */
export interface OperationOutput {
	json: IDataObject;
	binary?: IBinaryKeyData;
}

/** An output item, or the error that takes its place where one input item gives several. */
export type OperationResult = OperationOutput | NodeOperationError;
