import { z } from 'zod';

import type { Account } from '../graph/account';
import { failureDetails, failureTitle } from '../graph/nodeApiError';
import { graphRequest, parseResponse, type Repeat } from '../graph/request';
import { orNull, wholeNumber } from '../graph/scalars';
import type { GraphContext, GraphFailure, Result } from '../graph/types';
import { safeMimeType, type FileProperty } from './fileNames';
import { isYoung, notYet, RETENTION_MS } from './lifetimes';
import { parseSha256 } from './sha256';
import type { MediaInfo, MediaProblem, MediaRequest } from './types';

const mediaInfoSchema = z.object({
	url: z.string().min(1),
	mime_type: z.unknown(),
	sha256: z.unknown().transform(parseSha256),
	// Meta documents a text; some responses have a number.
	file_size: orNull(wholeNumber.pipe(z.number().positive())),
});

/** Meta's media IDs are digits. Other characters are restricted because the ID becomes part of a path. */
export const MEDIA_ID_PATTERN = /^[A-Za-z0-9_-]{1,200}$/;

/** Gets the metadata of a file and a fresh URL from the Media API (`GET /<MEDIA_ID>`). */
export async function getMediaInfo(
	context: GraphContext,
	account: Account,
	request: {
		mediaId: string;
		property: FileProperty;
		phoneNumberId: string | null;
		repeat: Repeat;
		signal?: AbortSignal;
	},
): Promise<Result<MediaInfo>> {
	const response = await graphRequest(context, account, {
		method: 'GET',
		path: request.mediaId,
		query: request.phoneNumberId ? { phone_number_id: request.phoneNumberId } : undefined,
		repeat: request.repeat,
		signal: request.signal,
	});
	const info = parseResponse(response, mediaInfoSchema, "The Media API's response contains no URL");
	if (!info.ok) return info;
	const { url, sha256, file_size: sizeBytes } = info.value;
	const mimeType = safeMimeType(request.property, info.value.mime_type);
	return { ok: true, value: { url, mimeType, sha256, sizeBytes } };
}

/** Whether Meta has no file for a media ID (any more): status 404 or 410, or code 100 with subcode 33. */
export function isMediaGone(failure: GraphFailure): boolean {
	return (
		failure.status === 404 ||
		failure.status === 410 ||
		(failure.code === 100 && failure.subcode === 33)
	);
}

export function mediaInfoProblem(
	failure: GraphFailure,
	{ mediaId, eventAt }: Pick<MediaRequest, 'mediaId' | 'eventAt'>,
): MediaProblem {
	if (isMediaGone(failure)) {
		return isYoung(eventAt)
			? notYet(`the Media API does not know the media ID ${mediaId}.`)
			: mediaGone(mediaId, eventAt);
	}
	if (failure.transient) {
		return {
			reason: 'unavailable',
			message: `Meta's Media API returned an unexpected response: ${failure.message}.`,
			transient: true,
		};
	}
	const message = `${failureTitle(failure)}. ${failureDetails(failure)}`;
	if (failure.status === 401 || failure.code === 190 || failure.refused)
		return tokenRefused(message);
	return {
		reason: failure.status === 403 ? 'accessDenied' : 'downloadFailed',
		message,
		transient: isYoung(eventAt),
	};
}

/**
 * A refused token is temporary, whatever the age of the event: someone can renew it during Retry For, so
 * that no recording is emitted without its file. n8n's log and *Setup > Check* report it immediately.
 */
export function tokenRefused(message: string): MediaProblem {
	return { reason: 'accessDenied', message, transient: true };
}

export function mediaGone(mediaId: string, eventAt: number | null): MediaProblem {
	const shouldExist = eventAt !== null && Date.now() - eventAt < RETENTION_MS;
	return {
		reason: 'mediaGone',
		message: shouldExist
			? `Meta does not have the file with the media ID ${mediaId}, although its event is less than 7 days old. The file was deleted, or it belongs to another WhatsApp Business account.`
			: `The file with the media ID ${mediaId} is no longer available at Meta. Meta keeps the files of a call for 7 days after their event. Also check that the ID belongs to this WhatsApp Business account, and is not that of a sample.`,
		transient: false,
	};
}

/** The message of a problem when no further attempt follows. */
export function finalMessage({ message, transient }: MediaProblem): string {
	return transient
		? `${message}${/[.!?]$/.test(message) ? '' : '.'} Meta keeps files for 7 days: download it later by its media ID.`
		: message;
}
