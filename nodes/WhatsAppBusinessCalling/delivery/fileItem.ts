import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import { storedFileFields } from '../events/items';
import type { FileProperty } from '../media/fileNames';
import { readTranscript } from '../media/transcript';
import type { FileContext, StoredFile } from '../media/types';

/** An item whose file was downloaded: the JSON with what is now known of the file, and the file itself. */
export async function fileItem(
	context: FileContext,
	json: IDataObject,
	property: FileProperty,
	file: StoredFile,
	binaryPropertyName: string,
	signal: AbortSignal,
): Promise<INodeExecutionData> {
	const transcript =
		property === 'transcription' &&
		(await readTranscript(context, file.binary, file.sizeBytes, signal));
	const stored = storedFileFields(json[property] as IDataObject, file);
	return {
		json: { ...json, [property]: transcript === false ? stored : { transcript, ...stored } },
		binary: { [binaryPropertyName]: file.binary },
	};
}
