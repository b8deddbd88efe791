import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import { fileMimeType, mediaFileName, type FileProperty } from '../media/fileNames';
import { RETENTION_MS } from '../media/lifetimes';
import { finalMessage } from '../media/mediaInfo';
import type { MediaProblem, StoredFile } from '../media/types';
import { isDeeperThan } from '../nesting';
import { isoTimeOfMs } from '../values';
import type { Party } from './contacts';
import type { MediaReference } from './mediaReference';
import type { CallEvent } from './parseDelivery';

/** The fields that every event has. */
export function callFields(event: CallEvent): IDataObject {
	const { call } = event;
	return {
		event: event.name,
		callId: call.id,
		timestamp: isoTimeOfMs(call.timestamp),
		businessAccountId: event.businessAccountId,
		phoneNumberId: event.phoneNumberId,
		displayPhoneNumber: event.displayPhoneNumber,
		...partyFields('from', call.from),
		...partyFields('to', call.to),
		...event.fields,
	};
}

function partyFields(side: 'from' | 'to', party: Party): IDataObject {
	return {
		[side]: party.phoneNumber,
		[`${side}UserId`]: party.userId,
		[`${side}ParentUserId`]: party.parentUserId,
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
		mediaId: media?.id ?? null,
		mimeType: media && mimeType,
		sha256: media?.sha256 ?? null,
		fileName: media && mediaFileName(property, media.id, mimeType),
		sizeBytes: null,
		...(property === 'recording' && { durationSeconds: null, channels: null }),
		verified: false,
		availableUntil: isoTimeOfMs(timestamp === null ? null : timestamp + RETENTION_MS),
	};
}

/** What is known of a file that was downloaded and verified. */
export function storedFileFields(announced: IDataObject, file: StoredFile): IDataObject {
	return {
		...announced,
		mimeType: file.mimeType,
		sha256: file.sha256,
		fileName: file.fileName,
		sizeBytes: file.sizeBytes,
		...('channels' in announced && {
			durationSeconds: file.durationSeconds,
			channels: file.channels,
		}),
		verified: file.verified,
	};
}

export function problemFields(announced: IDataObject, problem: MediaProblem): IDataObject {
	return { ...announced, error: { reason: problem.reason, message: finalMessage(problem) } };
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
