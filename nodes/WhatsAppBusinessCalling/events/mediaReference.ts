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
 * Finds the file that an event names. A file of another type than audio is in a field with the name of the type
 * (`call_recording[type]`); a file was also seen without that level, as `call_transcript.id`.
 *
 * @returns null if no media ID can be read: without it, Meta cannot be asked for the file
 */
export function readMediaReference(property: FileProperty, element: Fields): MediaReference | null {
	const { containers, file } = FILE_FIELDS[property];
	for (const name of containers) {
		for (const container of objectsIn(element[name])) {
			for (const candidate of candidatesIn(container, file)) {
				const media = readMedia(property, candidate);
				if (media) return media;
			}
		}
	}
	return null;
}

/** The audio of a message (Meta, "Audio messages webhook reference"); null if no media ID can be read. */
export function readMessageAudio({ audio }: Fields): MediaReference | null {
	return isFields(audio) ? readMedia('recording', audio) : null;
}

/** The documented objects in a container; only if there are none, its other objects and the container itself. */
function candidatesIn(container: Fields, file: string): Fields[] {
	const type = text(container.type);
	const documented = [
		type !== null && Object.hasOwn(container, type) ? container[type] : null,
		container[file],
	].flatMap(objectsIn);
	if (documented.length > 0) return documented;
	return [...Object.values(container).slice(0, MAX_CANDIDATES).filter(isFields), container];
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
