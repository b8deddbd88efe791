import { readUpTo } from '../../http/body';
import type { OperationInput } from '../types';
import { textParameter } from './parameters';

/** For the file to come out of n8n's binary store. */
const READ_TIMEOUT_MS = 60_000;

interface BinaryFile {
	/** Name of the binary field. */
	field: string;
	mimeType: string;
	/** Null if the file is larger than allowed; then it is not read to its end. */
	content: Buffer | null;
}

/**
 * Reads the file in the binary field that the parameter `binaryPropertyName` names.
 *
 * @throws NodeOperationError of n8n if there is none
 */
export async function readBinaryFile(input: OperationInput, maxBytes: number): Promise<BinaryFile> {
	const { helpers } = input.context;
	const field = textParameter(input, 'binaryPropertyName') || 'data';
	const { id, data, mimeType } = helpers.assertBinaryData(input.itemIndex, field);
	const content = id
		? await readUpTo(
				await helpers.getBinaryStream(id),
				maxBytes,
				AbortSignal.timeout(READ_TIMEOUT_MS),
			)
		: Buffer.from(data, 'base64');
	return { field, mimeType, content: content && content.length > maxBytes ? null : content };
}
