import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import { fileMimeType, mediaFileName, type FileProperty } from '../media/fileNames';
import { finalMessage } from '../media/mediaInfo';
import type { MediaProblem, StoredFile } from '../media/types';
import type { CallEvent } from './delivery';
import { isoTime } from './events';
import type { MediaReference } from './schemas';

/** Files stay at Meta for 7 days after their event (Meta, "Call recording", Retention). */
const RETENTION_MS = 7 * 24 * 60 * 60_000;

/** The fields that every event has. */
export function callFields(event: CallEvent): IDataObject {
	const { call } = event;
	return {
		event: event.type.name,
		callId: call.id,
		timestamp: isoTime(call.timestamp),
		businessAccountId: event.businessAccountId,
		phoneNumberId: event.phoneNumberId,
		displayPhoneNumber: event.displayPhoneNumber,
		...person('from', call.from, call.from_user_id, call.from_parent_user_id),
		...person('to', call.to, call.to_user_id, call.to_parent_user_id),
	};
}

/**
 * Phone number and business-scoped user IDs of one side. The number is missing for people with a
 * user name, and an ID was seen in its place: only digits are a phone number.
 */
function person(
	side: 'from' | 'to',
	number: string | null,
	userId: string | null,
	parentUserId: string | null,
): IDataObject {
	const isPhoneNumber = number !== null && /^\+?\d+$/.test(number);
	return {
		[side]: isPhoneNumber ? number : null,
		[`${side}UserId`]: userId ?? (isPhoneNumber ? null : number),
		[`${side}ParentUserId`]: parentUserId,
	};
}

/** What is known of a file before, or without, its download. */
export function announcedFile(
	event: CallEvent,
	property: FileProperty,
	media: MediaReference,
): IDataObject {
	const { timestamp } = event.call;
	return {
		mediaId: media.id,
		mimeType: media.mime_type,
		sha256: media.sha256,
		fileName: mediaFileName(property, media.id, fileMimeType(property, media.mime_type)),
		sizeBytes: null,
		verified: false,
		availableUntil: isoTime(timestamp === null ? null : timestamp + RETENTION_MS),
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
		verified: file.verified,
	};
}

export function problemFields(announced: IDataObject, problem: MediaProblem): IDataObject {
	return { ...announced, error: { reason: problem.reason, message: finalMessage(problem) } };
}

/** Levels of an event that is handed on as it came; Meta's have six. */
const MAX_LEVELS = 100;

/** An event as Meta sent it, or null where n8n and its nodes could not walk through it. */
export function rawEvent(event: CallEvent): IDataObject | null {
	return isDeeperThan(MAX_LEVELS, event.raw) ? null : (event.raw as IDataObject);
}

function isDeeperThan(levels: number, value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return false;
	return levels === 0 || Object.values(value).some((part) => isDeeperThan(levels - 1, part));
}

export function item(json: IDataObject): INodeExecutionData {
	return { json };
}
