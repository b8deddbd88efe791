import { z } from 'zod';

import type { Account } from '../graph/account';
import { failureTitle, failureWords } from '../graph/apiError';
import { unreadableAnswer } from '../graph/failure';
import { graphRequest, type Repeat } from '../graph/request';
import type { GraphContext, GraphFailure, Result } from '../graph/types';
import { wholeNumber } from '../graph/wholeNumber';
import { safeMimeType, type FileProperty } from './fileNames';
import { parseSha256 } from './sha256';
import type { MediaInfo, MediaProblem, MediaRequest } from './types';
import { isYoung, notYet } from './youngEvent';

const mediaInfoSchema = z.object({
	url: z.string().min(1),
	mime_type: z.unknown(),
	sha256: z.unknown().transform(parseSha256),
	// Documented as text, seen as a number.
	file_size: wholeNumber.pipe(z.number().positive()).nullable().catch(null),
});

/**
 * What a media ID may look like. Meta's are digits; the rest is refused because the ID becomes a
 * part of a path and of a file name.
 */
export const MEDIA_ID_PATTERN = /^[A-Za-z0-9_-]{1,200}$/;

/** Asks the Media API for the metadata of a file and for a URL, which lives 5 minutes. */
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
	const answer = await graphRequest(context, account, {
		method: 'GET',
		path: request.mediaId,
		query: request.phoneNumberId ? { phone_number_id: request.phoneNumberId } : undefined,
		repeat: request.repeat,
		signal: request.signal,
	});
	if (!answer.ok) return answer;
	const parsed = mediaInfoSchema.safeParse(answer.value);
	if (!parsed.success) {
		return { ok: false, failure: unreadableAnswer("The Media API's response contains no URL") };
	}
	const { url, sha256, file_size: sizeBytes } = parsed.data;
	const mimeType = safeMimeType(request.property, parsed.data.mime_type);
	return { ok: true, value: { url, mimeType, sha256, sizeBytes } };
}

/** A media ID that is unknown or whose 7 days are over: HTTP 404 or 410, or code 100 with subcode 33. */
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
	const message = `${failureTitle(failure)}. ${failureWords(failure)}`;
	if (failure.status === 401 || failure.code === 190) return tokenRefused(message);
	return {
		reason: failure.status === 403 ? 'accessDenied' : 'downloadFailed',
		message,
		transient: isYoung(eventAt),
	};
}

/**
 * A token that is refused is worth waiting for, however old the event: someone can renew it within the
 * time for retries, and then no recording of that time is without its file. It is reported at once in
 * n8n's log, and by *Setup > Check*.
 */
export function tokenRefused(message: string): MediaProblem {
	return { reason: 'accessDenied', message, transient: true };
}

/** Files stay at Meta for 7 days after their event (Meta, "Call recording", Retention). */
const RETENTION_MS = 7 * 24 * 60 * 60_000;

export function mediaGone(mediaId: string, eventAt: number | null): MediaProblem {
	const isKept = eventAt !== null && Date.now() - eventAt < RETENTION_MS;
	return {
		reason: 'mediaGone',
		message: isKept
			? `Meta does not have the file with the media ID ${mediaId}, although its event is less than 7 days old. The file was deleted, or it belongs to another WhatsApp Business account.`
			: `The file with the media ID ${mediaId} is no longer available at Meta. Meta keeps the files of a call for 7 days after their event. Also check that the ID belongs to this WhatsApp Business account.`,
		transient: false,
	};
}

/** What is said of a problem where no further attempt follows. */
export function finalMessage({ message, transient }: MediaProblem): string {
	return transient
		? `${message} Meta keeps files for 7 days: download it later by its media ID.`
		: message;
}
