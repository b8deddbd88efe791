import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { fileProblem, type FileProblem } from '../events/items';
import { readAccount, type Account } from '../graph/account';
import { fetchMedia } from '../media/fetchMedia';
import { finalMessage } from '../media/mediaInfo';
import { parseSha256 } from '../media/sha256';
import { readSettings, type ParameterContext, type TriggerSettings } from '../trigger/settings';
import { text, timeMs } from '../values';
import { fileItem } from './fileItem';
import { mapAtOnce } from './mapAtOnce';

/** Milliseconds to download a file when someone retries an execution: then Meta does not wait. */
const RETRY_TIMEOUT_MS = 5 * 60_000;

/**
 * The start of each execution, with the items of a delivery. With *If File Is Unavailable* set to *Fail the
 * Execution*, a missing file ends it here and not in `webhook()`: n8n has stored the execution with the event
 * by then, so nothing is lost. When someone retries the failed execution, the
 * file is downloaded again.
 *
 * @throws NodeOperationError for a missing file
 */
export async function requireFiles(context: IExecuteFunctions): Promise<INodeExecutionData[]> {
	const items = context.getInputData();
	if (!items.some(({ json }) => fileProblem(json))) return items;
	const settings = readSettings(parametersOf(context));
	if (settings.onFileUnavailable !== 'fail') return items;
	const missing = items.flatMap(({ json }, itemIndex) => {
		const problem = fileProblem(json);
		return problem ? [{ json, problem, itemIndex }] : [];
	});
	if (context.getMode() !== 'retry') throw missingFile(context, missing[0]);
	const account = await readAccount(context);
	const complete = [...items];
	await mapAtOnce(missing, settings.maxConcurrentDownloads, async (item) => {
		complete[item.itemIndex] = await downloadAgain(context, account, settings, item);
	});
	return complete;
}

/** An item that came without its file. */
interface IncompleteItem {
	json: IDataObject;
	problem: FileProblem;
	itemIndex: number;
}

/** The parameters as `webhook()` reads them: they are the same for all items. */
function parametersOf(context: IExecuteFunctions): ParameterContext {
	return {
		getNode: () => context.getNode(),
		getNodeParameter: ((name: string, fallback: unknown, options?: object) =>
			context.getNodeParameter(name, 0, fallback, options)) as ParameterContext['getNodeParameter'],
	};
}

async function downloadAgain(
	context: IExecuteFunctions,
	account: Account,
	settings: TriggerSettings,
	item: IncompleteItem,
): Promise<INodeExecutionData> {
	const { json, problem } = item;
	const { property, file } = problem;
	const mediaId = text(file.mediaId);
	if (mediaId === null) throw missingFile(context, item);
	const signal = AbortSignal.timeout(RETRY_TIMEOUT_MS);
	const request = {
		mediaId,
		phoneNumberId: text(json.phoneNumberId),
		url: null,
		eventAt: timeMs(json.timestamp),
		sha256: parseSha256(text(file.sha256)),
		mimeType: text(file.mimeType),
		property,
		maxBytes: settings.maxBytes,
		allowUnverified: false,
	};
	const outcome = await fetchMedia(context, account, request, signal);
	if (!outcome.ok) {
		const message = finalMessage(outcome.problem);
		throw missingFile(context, { ...item, problem: { ...problem, message } });
	}
	const announced = { ...file };
	delete announced.error;
	return await fileItem(
		context,
		{ ...json, [property]: announced },
		property,
		outcome.file,
		settings.binaryPropertyName,
		signal,
	);
}

/** n8n shows its message first, and passes only that to the error workflow. */
function missingFile(
	context: IExecuteFunctions,
	{ json, problem, itemIndex }: IncompleteItem,
): NodeOperationError {
	const { property, file, message } = problem;
	const name = property === 'recording' ? 'recording' : 'transcript';
	const call = `Call ID: ${String(json.callId)}`;
	const description =
		file.mediaId === null
			? `${call}.`
			: `Once the cause is fixed, retry this execution to download the file again. ${call}, media ID: ${String(file.mediaId)}.`;
	return new NodeOperationError(
		context.getNode(),
		`The ${name} could not be downloaded. ${message}`,
		{ description, itemIndex },
	);
}
