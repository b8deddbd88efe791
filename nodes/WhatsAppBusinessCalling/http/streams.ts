import type { BinaryHelperFunctions } from 'n8n-workflow';

/** A readable stream, named without importing the module `stream`. */
export type FileStream = Exclude<Parameters<BinaryHelperFunctions['prepareBinaryData']>[0], Buffer>;

export function isFileStream(body: unknown): body is FileStream {
	return (
		typeof body === 'object' && body !== null && 'pipe' in body && Symbol.asyncIterator in body
	);
}

/** Lets go of a body that is not read, or not any more. */
export function discard(body: unknown): void {
	if (!isFileStream(body)) return;
	body.on('error', () => {});
	body.destroy();
}
