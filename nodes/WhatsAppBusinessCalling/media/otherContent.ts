import { bareMimeType, mimeTypeOf, type FileProperty } from './fileNames';

/** MIME types of web pages and error messages, which no file of this kind has. */
const OTHER_TYPES: Record<FileProperty, RegExp> = {
	recording: /^text\/|[/+](?:json|xml)$/,
	transcription: /^text\/html$|[/+]xml$/,
};

/** How web pages and error messages begin; Meta's errors are `{"error": ...}`. No audio begins like this. */
const OTHER_BEGINNINGS: Record<FileProperty, RegExp> = {
	recording: /^(?:\uFEFF)?\s*[<{[]/,
	transcription: /^(?:\uFEFF)?\s*(?:<|\{\s*"error"\s*:)/,
};

interface ReceivedContent {
	bytes: number;
	head: Buffer;
	contentType: unknown;
	/** Size of the file from the Media API; null if it was not asked or did not say. */
	sizeBytes: number | null;
}

/**
 * Describes content that is not the file, such as the page of a proxy or of a host under maintenance, which
 * may come with status 200. Only for content without a hash or with a wrong one: content with the right hash
 * is the file.
 *
 * @returns a description for the operator, or null if it may be the file
 */
export function otherContent(
	property: FileProperty,
	{ bytes, head, contentType, sizeBytes }: ReceivedContent,
): string | null {
	if (bytes === 0) return 'nothing';
	const named = mimeTypeOf(contentType);
	const type = named === null ? null : bareMimeType(named);
	const isOther =
		(type !== null && OTHER_TYPES[property].test(type)) ||
		OTHER_BEGINNINGS[property].test(head.toString('utf8'));
	if (isOther) return `${bytes} bytes ${type === null ? 'without a type' : `of type ${type}`}`;
	if (sizeBytes === null || bytes === sizeBytes) return null;
	return `${bytes} bytes instead of the ${sizeBytes} announced by the Media API`;
}
