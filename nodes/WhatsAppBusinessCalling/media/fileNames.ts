/** What a call leaves at Meta, by the item property that holds what is known of its file. */
export type FileProperty = 'recording' | 'transcription';

export const FILE_NAME_PREFIX: Record<FileProperty, string> = {
	recording: 'call-recording',
	transcription: 'call-transcript',
};

const EXTENSIONS = new Map([
	['application/json', 'json'],
	['audio/aac', 'aac'],
	['audio/amr', 'amr'],
	['audio/mp4', 'm4a'],
	['audio/mpeg', 'mp3'],
	['audio/ogg', 'ogg'],
	['audio/wav', 'wav'],
	['audio/webm', 'webm'],
]);

const MIME_TYPE_PATTERN =
	/^[a-z0-9][a-z0-9.+-]{0,60}\/[a-z0-9][a-z0-9.+-]{0,60}(?: *; *[a-z0-9-]{1,30}=(?:[a-z0-9.+-]{1,60}|"[a-z0-9 .,+-]{0,60}")){0,8}$/i;

/** Types of files of calls, besides all kinds of audio and video. */
const PLAIN_TYPES = new Set([
	'application/json',
	'application/octet-stream',
	'application/ogg',
	'text/plain',
	'text/vtt',
]);

/**
 * A MIME type as it is, or null where it could smuggle something into a header or a path, or where a
 * browser would run the file: whoever serves it later, n8n or a storage, may do so under this type.
 */
export function safeMimeType(text: unknown): string | null {
	if (typeof text !== 'string') return null;
	const trimmed = text.trim();
	return MIME_TYPE_PATTERN.test(trimmed) && isInert(bareMimeType(trimmed)) ? trimmed : null;
}

function isInert(type: string): boolean {
	// Browsers take every type that ends so for a document.
	if (type.endsWith('+xml')) return false;
	return type.startsWith('audio/') || type.startsWith('video/') || PLAIN_TYPES.has(type);
}

/** `audio/ogg; codecs=opus` without its parameters: `audio/ogg`. */
export function bareMimeType(mimeType: string): string {
	return mimeType.split(';')[0].trim().toLowerCase();
}

export function fileMimeType(property: FileProperty, ...candidates: unknown[]): string {
	for (const c of candidates) {
		const safe = safeMimeType(c);
		if (safe) return safe;
	}
	return property === 'recording' ? 'audio/ogg' : 'application/json';
}

/** Names a file by its media ID, so that storing it again replaces it. */
export function mediaFileName(property: FileProperty, mediaId: string, mimeType: string): string {
	const safeId = mediaId.replace(/[^A-Za-z0-9_-]/g, '_');
	return `${FILE_NAME_PREFIX[property]}-${safeId}.${EXTENSIONS.get(bareMimeType(mimeType)) ?? 'bin'}`;
}
