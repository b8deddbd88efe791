import type { BinaryHelperFunctions } from 'n8n-workflow';

/** A readable stream, named without importing the module `stream`. */
export type FileStream = Exclude<Parameters<BinaryHelperFunctions['prepareBinaryData']>[0], Buffer>;

export function isFileStream(body: unknown): body is FileStream {
	return (
		typeof body === 'object' && body !== null && 'pipe' in body && Symbol.asyncIterator in body
	);
}

/** Destroys a response body that will not be read any further. Ignores what is not a stream. */
export function discard(body: unknown): void {
	if (!isFileStream(body)) return;
	body.on('error', () => {});
	body.destroy();
}
