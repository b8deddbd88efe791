import { bareMimeType, mimeTypeOf, type FileProperty } from './fileNames';

/** Types of pages and error messages, which no file of this kind has. */
const OTHER_TYPES: Record<FileProperty, RegExp> = {
	recording: /^text\/|[/+](?:json|xml)$/,
	transcription: /^text\/html$|[/+]xml$/,
};

/** How pages and error messages begin: Meta's errors are `{"error": ...}`. No audio begins so. */
const OTHER_BEGINNINGS: Record<FileProperty, RegExp> = {
	recording: /^(?:\uFEFF)?\s*[<{[]/,
	transcription: /^(?:\uFEFF)?\s*(?:<|\{\s*"error"\s*:)/,
};

interface Answered {
	bytes: number;
	head: Buffer;
	contentType: unknown;
	/** What the Media API says that the file has; null where it was not asked, or does not say. */
	sizeBytes: number | null;
}

/**
 * Describes an answer that is something other than the file, such as the page of a proxy or of a host
 * under maintenance: for what it has no hash, or a wrong one, in spite of a good status.
 *
 * A file with the right hash is the file, whatever this says.
 *
 * @returns what came, or null where it may be the file
 */
export function otherContent(
	property: FileProperty,
	{ bytes, head, contentType, sizeBytes }: Answered,
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
