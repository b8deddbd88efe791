import { safeMimeType, type FileProperty } from '../media/fileNames';
import { MEDIA_ID_PATTERN } from '../media/mediaInfo';
import { isFields, listOf, text, type Fields } from '../values';

/** A file of a call as its event names it. */
export interface MediaReference {
	id: string;
	/** As Meta writes it: base64, or hexadecimal digits. */
	sha256: string | null;
	mimeType: string | null;
	url: string | null;
}

/**
 * The fields in which events name their file, and the field inside them. The first ones are documented (Meta,
 * "Call recording", "Call transcription"); third-party clients read the others.
 */
const FILE_FIELDS: Record<FileProperty, { containers: string[]; file: string }> = {
	recording: { containers: ['call_recording', 'recording'], file: 'audio' },
	transcription: {
		containers: ['call_transcript', 'call_transcription', 'transcript', 'transcription'],
		file: 'document',
	},
};

/**
 * Finds the files that an event names. Meta documents one; each of a list counts, so that no part of a recording
 * is lost. A file of another type than audio is in a field with the name of the type (`call_recording[type]`); a
 * file was also seen without that level, as `call_transcript.id`.
 *
 * @returns none if no media ID can be read: without it, Meta cannot be asked for the file
 */
export function readMediaReferences(property: FileProperty, element: Fields): MediaReference[] {
	const { containers, file } = FILE_FIELDS[property];
	for (const name of containers) {
		const found = objectsIn(element[name]).flatMap((container) =>
			filesIn(property, container, file),
		);
		if (found.length > 0) return found;
	}
	return [];
}

/** The audio of a message (Meta, "Audio messages webhook reference"); null if no media ID can be read. */
export function readMessageAudio({ audio }: Fields): MediaReference | null {
	return isFields(audio) ? readMedia('recording', audio) : null;
}

/** The documented files in a container; only if there are none, the first of its other objects or the container. */
function filesIn(property: FileProperty, container: Fields, file: string): MediaReference[] {
	const type = text(container.type);
	const documented = [
		type !== null && type !== file && Object.hasOwn(container, type) ? container[type] : null,
		container[file],
	].flatMap(objectsIn);
	const readable = (candidates: Fields[]) =>
		candidates.map((fields) => readMedia(property, fields)).filter((media) => media !== null);
	if (documented.length > 0) return readable(documented);
	const others = Object.values(container).slice(0, MAX_CANDIDATES).filter(isFields);
	return readable([...others, container]).slice(0, 1);
}

/** An object, or those in a list. */
const objectsIn = (value: unknown) =>
	(listOf(value) ?? []).slice(0, MAX_CANDIDATES).filter(isFields);

/** Maximum number of fields of a container that are tried; Meta's have two. */
const MAX_CANDIDATES = 10;

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
