import { safeMimeType, type FileProperty } from '../media/fileNames';
import { MEDIA_ID_PATTERN } from '../media/mediaInfo';
import { isFields, text, type Fields } from '../values';

/** A file of a call as its event names it. */
export interface MediaReference {
	id: string;
	/** As Meta writes it: base64, or hexadecimal digits. */
	sha256: string | null;
	mimeType: string | null;
	url: string | null;
}

/**
 * Where events name their file: the field, and the field inside it. Documented are the first ones (Meta,
 * "Call recording", "Call transcription"); third-party clients read the others.
 */
const PLACES: Record<FileProperty, { containers: string[]; file: string }> = {
	recording: { containers: ['call_recording', 'recording'], file: 'audio' },
	transcription: {
		containers: ['call_transcript', 'call_transcription', 'transcript', 'transcription'],
		file: 'document',
	},
};

/**
 * Finds the file that an event names. A file of another type than audio stands under its type
 * (`call_recording[type]`); a file was also seen without that level, as `call_transcript.id`.
 *
 * @returns null where no media ID can be read: without it, Meta cannot be asked for the file
 */
export function readMediaReference(property: FileProperty, element: Fields): MediaReference | null {
	const { containers, file } = PLACES[property];
	for (const name of containers) {
		const container = element[name];
		if (!isFields(container)) continue;
		for (const place of placesIn(container, file)) {
			const media = readMedia(property, place);
			if (media) return media;
		}
	}
	return null;
}

/** The audio of a message (Meta, "Audio messages webhook reference"); null where no media ID can be read. */
export function readMessageAudio({ audio }: Fields): MediaReference | null {
	return isFields(audio) ? readMedia('recording', audio) : null;
}

/** Where the documentation puts the file; only if there is nothing, any other object in it, and itself. */
function placesIn(container: Fields, file: string): Fields[] {
	const type = text(container.type);
	const documented = [
		type !== null && Object.hasOwn(container, type) ? container[type] : null,
		container[file],
	].filter(isFields);
	if (documented.length > 0) return documented;
	return [...Object.values(container).slice(0, MAX_PLACES).filter(isFields), container];
}

/** Fields of a container that are looked at; Meta's have two. */
const MAX_PLACES = 10;

function readMedia(property: FileProperty, fields: Fields): MediaReference | null {
	const id = text(fields.id);
	if (id === null || !MEDIA_ID_PATTERN.test(id)) return null;
	return {
		id,
		sha256: text(fields.sha256),
		mimeType: safeMimeType(property, fields.mime_type),
		url: text(fields.url),
	};
}
