/** What a call leaves at Meta, by the item property that holds what is known of its file. */
export type FileProperty = 'recording' | 'transcription';

interface FileKind {
	/** Start of the file's name. */
	prefix: string;
	/** What such a file is unless Meta names another type (Meta, "Call recording", "Call transcription"). */
	defaultType: string;
	/** Extensions by MIME type: the types that are passed on, each under a name that other services accept. */
	extensions: Map<string, string>;
}

/** Pairs of MIME type and extension, from the types of each extension. */
function extensionsOf(types: Record<string, string[]>): Map<string, string> {
	return new Map(
		Object.entries(types).flatMap(([extension, names]) =>
			names.map((name) => [name, extension] as const),
		),
	);
}

/**
 * One list for both questions: which types are passed on, and which extension they get. Services for
 * transcription judge a file by its extension, so a type without one is of no use to the next node. All
 * of these types are inert: a browser plays or shows them, and runs none.
 */
const KINDS: Record<FileProperty, FileKind> = {
	recording: {
		prefix: 'call-recording',
		defaultType: 'audio/ogg',
		extensions: extensionsOf({
			// Not "opus": the services that refuse this extension accept the same file as "ogg".
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

/** A text that has the form of a MIME type and fits into a header or a path, or null. */
export function mimeTypeOf(text: unknown): string | null {
	if (typeof text !== 'string') return null;
	const trimmed = text.trim();
	return MIME_TYPE_PATTERN.test(trimmed) ? trimmed : null;
}

/**
 * A MIME type that names a format of such files, as it was written, or null: for anything that could
 * forge a header or a path, or that a browser would run when n8n or a storage serves the file.
 */
export function safeMimeType(property: FileProperty, text: unknown): string | null {
	const type = mimeTypeOf(text);
	return type !== null && KINDS[property].extensions.has(bareMimeType(type)) ? type : null;
}

/**
 * The MIME type of a file: the first candidate that names a known format, otherwise what files of calls
 * are by default.
 *
 * Generic types (`application/octet-stream`) and unknown ones (`audio/x-new`) count as not named. A
 * service that gets the file then looks at its bytes, while it would refuse an unknown extension unseen.
 *
 * @param candidates what the event, the Media API and the media host say, in this order
 */
export function fileMimeType(property: FileProperty, ...candidates: unknown[]): string {
	for (const candidate of candidates) {
		const type = safeMimeType(property, candidate);
		if (type !== null) return type;
	}
	return KINDS[property].defaultType;
}

/** `audio/ogg; codecs=opus` without its parameters: `audio/ogg`. */
export function bareMimeType(mimeType: string): string {
	return mimeType.split(';')[0].trim().toLowerCase();
}

/** Names a file by its media ID, so that storing it again replaces it. */
export function mediaFileName(property: FileProperty, mediaId: string, mimeType: string): string {
	const { prefix, defaultType, extensions } = KINDS[property];
	const safeId = mediaId.replace(/[^A-Za-z0-9_-]/g, '_');
	const extension = extensions.get(bareMimeType(mimeType)) ?? extensions.get(defaultType);
	return `${prefix}-${safeId}.${extension}`;
}
