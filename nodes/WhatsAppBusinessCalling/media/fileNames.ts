/** The files of a call at Meta, by the property of the item that describes the file. */
export type FileProperty = 'recording' | 'transcription';

export const FILE_PROPERTIES: FileProperty[] = ['recording', 'transcription'];

interface FileKind {
	/** Start of the file name. */
	prefix: string;
	/** MIME type, unless Meta gives another (Meta, "Call recording", "Call transcription"). */
	defaultType: string;
	/** Extensions by MIME type, for the types that are passed on. */
	extensions: Map<string, string>;
}

/** A map from MIME type to extension, from the types of each extension. */
function extensionsOf(types: Record<string, string[]>): Map<string, string> {
	return new Map(
		Object.entries(types).flatMap(([extension, names]) =>
			names.map((name) => [name, extension] as const),
		),
	);
}

/**
 * The MIME types that are passed on, with their extension. Transcription services judge a file by its
 * extension, so the next node cannot use a type without one. All of these types are inert: a browser plays or
 * shows them and does not run them.
 */
const KINDS: Record<FileProperty, FileKind> = {
	recording: {
		prefix: 'call-recording',
		defaultType: 'audio/ogg',
		extensions: extensionsOf({
			// Not "opus": services that refuse this extension accept the same file as "ogg".
			ogg: ['audio/ogg', 'application/ogg', 'audio/opus', 'audio/x-ogg', 'audio/vorbis'],
			mp3: ['audio/mpeg', 'audio/mp3', 'audio/mpeg3', 'audio/x-mp3', 'audio/x-mpeg', 'audio/mpg'],
			m4a: ['audio/mp4', 'audio/m4a', 'audio/x-m4a', 'audio/mp4a-latm'],
			aac: ['audio/aac', 'audio/x-aac', 'audio/aacp'],
			wav: [
				'audio/wav',
				'audio/x-wav',
				'audio/wave',
				'audio/x-pn-wav',
				'audio/vnd.wave',
				'audio/vnd.wav',
			],
			flac: ['audio/flac', 'audio/x-flac'],
			webm: ['audio/webm', 'video/webm'],
			amr: ['audio/amr', 'audio/amr-nb'],
			awb: ['audio/amr-wb'],
			'3gp': ['audio/3gpp', 'video/3gpp', 'audio/3gp', 'video/3gp'],
			'3g2': ['audio/3gpp2', 'video/3gpp2'],
			aiff: ['audio/aiff', 'audio/x-aiff'],
			au: ['audio/basic'],
			caf: ['audio/x-caf'],
			mka: ['audio/x-matroska', 'audio/matroska'],
			mkv: ['video/x-matroska', 'video/matroska'],
			mov: ['video/quicktime'],
			mp4: ['video/mp4', 'video/x-m4v'],
			ogv: ['video/ogg'],
		}),
	},
	transcription: {
		prefix: 'call-transcript',
		defaultType: 'application/json',
		extensions: extensionsOf({
			json: ['application/json', 'text/json'],
			txt: ['text/plain'],
			vtt: ['text/vtt'],
			srt: ['application/x-subrip', 'text/srt'],
		}),
	},
};

const MIME_TYPE_PATTERN =
	/^[a-z0-9][a-z0-9.+-]{0,60}\/[a-z0-9][a-z0-9.+-]{0,60}(?: *; *[a-z0-9-]{1,30}=(?:[a-z0-9.+-]{1,60}|"[a-z0-9 .,+-]{0,60}")){0,8}$/i;

/** Trimmed text if it is a valid MIME type that is safe in a header or a path, otherwise null. */
export function mimeTypeOf(text: unknown): string | null {
	if (typeof text !== 'string') return null;
	const trimmed = text.trim();
	return MIME_TYPE_PATTERN.test(trimmed) ? trimmed : null;
}

/**
 * A MIME type, unchanged, if it is known for this kind of file. Null for anything else, which might forge a
 * header or a path, or be run by a browser when n8n or a storage serves the file.
 *
 * @example
 * safeMimeType('recording', 'audio/ogg; codecs=opus') // 'audio/ogg; codecs=opus'
 * safeMimeType('recording', 'text/html') // null
 */
export function safeMimeType(property: FileProperty, text: unknown): string | null {
	const type = mimeTypeOf(text);
	return type !== null && KINDS[property].extensions.has(bareMimeType(type)) ? type : null;
}

/**
 * The MIME type of a file: the first known candidate, otherwise the default of this kind of file.
 *
 * Generic types (`application/octet-stream`) and unknown ones (`audio/x-new`) are ignored: a service detects the
 * format from the bytes, but refuses a file with an unknown extension.
 *
 * @param candidates from the event, the Media API and the media host, in this order
 */
export function fileMimeType(property: FileProperty, ...candidates: unknown[]): string {
	for (const candidate of candidates) {
		const type = safeMimeType(property, candidate);
		if (type !== null) return type;
	}
	return KINDS[property].defaultType;
}

/** @example bareMimeType('audio/ogg; codecs=opus') // 'audio/ogg' */
export function bareMimeType(mimeType: string): string {
	return mimeType.split(';')[0].trim().toLowerCase();
}

/** The file name contains the media ID, so that storing the file again replaces it. */
export function mediaFileName(property: FileProperty, mediaId: string, mimeType: string): string {
	const { prefix, defaultType, extensions } = KINDS[property];
	const safeId = mediaId.replace(/[^A-Za-z0-9_-]/g, '_');
	const extension = extensions.get(bareMimeType(mimeType)) ?? extensions.get(defaultType);
	return `${prefix}-${safeId}.${extension}`;
}
