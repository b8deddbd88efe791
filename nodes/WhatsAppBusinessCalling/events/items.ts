import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import {
	FILE_PROPERTIES,
	fileMimeType,
	mediaFileName,
	type FileProperty,
} from '../media/fileNames';
import { RETENTION_MS } from '../media/lifetimes';
import { finalMessage } from '../media/mediaInfo';
import type { MediaProblem, StoredFile } from '../media/types';
import { isDeeperThan } from '../nesting';
import { isoTimeOfMs } from '../values';
import type { MediaReference } from './mediaReference';
import type { CallEvent } from './parseDelivery';

/**
 * An event as the JSON of an item: first what people look for, then the event's own fields, the IDs last.
 *
 * @param file what is known of the event's file
 */
export function callFields(event: CallEvent, file?: IDataObject): IDataObject {
	const { call } = event;
	const { contactName, contactUsername, ...fields } = event.fields;
	return {
		event: event.name,
		timestamp: isoTimeOfMs(call.timestamp),
		from: call.from.phoneNumber,
		to: call.to.phoneNumber,
		contactName,
		displayPhoneNumber: event.displayPhoneNumber,
		...(event.file && file && { [event.file.property]: file }),
		...fields,
		contactUsername,
		callId: call.id,
		// Only people have them, whichever side of the call they are on.
		userId: call.from.userId ?? call.to.userId,
		parentUserId: call.from.parentUserId ?? call.to.parentUserId,
		phoneNumberId: event.phoneNumberId,
		businessAccountId: event.businessAccountId,
	};
}

/** What is known of a file before, or without, its download. */
export function announcedFile(
	event: CallEvent,
	property: FileProperty,
	media: MediaReference | null,
): IDataObject {
	const mimeType = fileMimeType(property, media?.mimeType);
	const { timestamp } = event.call;
	return {
		...(property === 'recording' && { durationSeconds: null, channels: null }),
		fileName: media && mediaFileName(property, media.id, mimeType),
		sizeBytes: null,
		mimeType: media && mimeType,
		verified: false,
		availableUntil: isoTimeOfMs(timestamp === null ? null : timestamp + RETENTION_MS),
		mediaId: media?.id ?? null,
		sha256: media?.sha256 ?? null,
	};
}

/** What is known of a file that was downloaded and verified. */
export function storedFileFields(announced: IDataObject, file: StoredFile): IDataObject {
	return {
		...announced,
		...('channels' in announced && {
			durationSeconds: file.durationSeconds,
			channels: file.channels,
		}),
		fileName: file.fileName,
		sizeBytes: file.sizeBytes,
		mimeType: file.mimeType,
		verified: file.verified,
		sha256: file.sha256,
	};
}

export function problemFields(announced: IDataObject, problem: MediaProblem): IDataObject {
	return { ...announced, error: { reason: problem.reason, message: finalMessage(problem) } };
}

/** A file that an item is missing. */
export interface FileProblem {
	property: FileProperty;
	/** What is known of the file. */
	file: IDataObject;
	/** For the operator. */
	message: string;
}

/** The problem because of which an item has no file, as `problemFields` wrote it; null if there is none. */
export function fileProblem(json: IDataObject): FileProblem | null {
	for (const property of FILE_PROPERTIES) {
		const file = json[property] as IDataObject | undefined;
		const error = file?.error as IDataObject | undefined;
		if (file && error) return { property, file, message: String(error.message) };
	}
	return null;
}

/** An event that names no file: it is emitted as it came, so that nothing in it is lost. */
export function unreadableFile(property: FileProperty): MediaProblem {
	return {
		reason: 'unreadable',
		message: `The event does not name its file in a readable form: the media ID is missing or malformed. See rawEvent in this item. With the media ID, the action node (${property === 'recording' ? 'Recording' : 'Transcription'} > Download) can download the file for 7 days.`,
		transient: false,
	};
}

/** Levels of an event that is passed on as it came; Meta's have six. */
const MAX_LEVELS = 100;

/** An event as Meta sent it, or null where n8n and its nodes could not walk through it. */
export function rawEvent(event: CallEvent): IDataObject | null {
	const raw = event.raw();
	return isDeeperThan(MAX_LEVELS, raw) ? null : (raw as IDataObject);
}

export function item(json: IDataObject): INodeExecutionData {
	return { json };
}
