import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import { readAccount } from '../graph/account';
import { callOperations } from './call';
import { callButtonOperations } from './callButton';
import { deliveryOperations } from './delivery';
import { permissionOperations } from './permission';
import { phoneNumberOperations } from './phoneNumber';
import { recordingOperations } from './recording';
import { setupOperations } from './setup';
import { transcriptionOperations } from './transcription';
import type { OfflineOperation, Operation, OperationResult } from './types';

const OPERATIONS = new Map(
	Object.entries<Record<string, Operation | OfflineOperation>>({
		call: callOperations,
		callButton: callButtonOperations,
		delivery: deliveryOperations,
		permission: permissionOperations,
		phoneNumber: phoneNumberOperations,
		recording: recordingOperations,
		setup: setupOperations,
		transcription: transcriptionOperations,
	}),
);

/** Runs the selected operation for each input item. With "continue on fail" an error becomes an item. */
export async function runOperations(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const run = await runner(context);
	const output: INodeExecutionData[] = [];
	for (let itemIndex = 0; itemIndex < context.getInputData().length; itemIndex++) {
		try {
			const results = [await run(itemIndex)].flat();
			for (const result of results) output.push(outputItem(context, result, itemIndex));
		} catch (error) {
			if (!context.continueOnFail()) throw asNodeError(context, error, itemIndex);
			output.push({ json: errorFields(error), pairedItem: { item: itemIndex } });
		}
	}
	return output;
}

/** @throws the error that an operation returned in place of an item, unless errors become items */
function outputItem(
	context: IExecuteFunctions,
	result: OperationResult,
	itemIndex: number,
): INodeExecutionData {
	const pairedItem = { item: itemIndex };
	if (!(result instanceof Error)) return { ...result, pairedItem };
	if (!context.continueOnFail()) throw result;
	return { json: errorFields(result), pairedItem };
}

/** Resource and operation are the same for all items: neither can be an expression. */
async function runner(
	context: IExecuteFunctions,
): Promise<(itemIndex: number) => Promise<OperationResult | OperationResult[]>> {
	const operation = selectedOperation(context);
	if ('isOffline' in operation) {
		return async (itemIndex) => await operation.execute({ context, itemIndex });
	}
	const account = await readAccount(context);
	return async (itemIndex) => await operation.execute({ context, account, itemIndex });
}

function selectedOperation(context: IExecuteFunctions): Operation | OfflineOperation {
	const itemIndex = 0;
	const resource = context.getNodeParameter('resource', itemIndex);
	const operation = context.getNodeParameter('operation', itemIndex);
	const operations = OPERATIONS.get(resource);
	if (operations && Object.hasOwn(operations, operation)) return operations[operation];
	throw new NodeOperationError(
		context.getNode(),
		`The operation "${operation}" does not exist for "${resource}"`,
		{ itemIndex, description: 'Choose the resource and the operation again in the node.' },
	);
}

function asNodeError(
	context: IExecuteFunctions,
	error: unknown,
	itemIndex: number,
): NodeApiError | NodeOperationError {
	if (error instanceof NodeApiError || error instanceof NodeOperationError) return error;
	return new NodeOperationError(context.getNode(), error as Error, { itemIndex });
}

/**
 * An error as the JSON of an item. It has the field `error` only: n8n sends only such items to the error
 * output, and adds the fields of the input item there.
 */
function errorFields(error: unknown): IDataObject {
	const { message, description, messages, context } = error as Partial<NodeApiError>;
	const facts = context?.whatsApp as IDataObject | undefined;
	const reason = context?.reason as string | undefined;
	return {
		error: {
			message: message ?? 'Unknown error',
			description: [description, ...(messages ?? [])].filter(Boolean).join('\n') || null,
			...(facts ?? {}),
			...(reason ? { reason } : {}),
		},
	};
}
