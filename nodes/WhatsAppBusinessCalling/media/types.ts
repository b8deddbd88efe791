import type { IBinaryData } from 'n8n-workflow';

import type { FileProperty } from './fileNames';

/** Which file is wanted, and what is known of it before it is asked for. */
export interface MediaRequest {
	mediaId: string;
	/** The number that the file belongs to; Meta then serves it only if that is so. */
	phoneNumberId: string | null;
	/** The URL of the event, or null where there is none. */
	url: string | null;
	/** When the event of the file was sent, in milliseconds since 1970; null when unknown. */
	eventAt: number | null;
	/** The hash that the event or the operator gives; null leaves it to the Media API. */
	sha256: Buffer | null;
	/** MIME type of the event; null leaves it to the Media API. */
	mimeType: string | null;
	property: FileProperty;
	/** Bytes; a larger file is refused. */
	maxBytes: number;
	/** Whether a file for which nobody gives a hash is accepted, as not verified. */
	allowUnverified: boolean;
}

/** Metadata of a file, from `GET /<MEDIA_ID>` (Meta, "Media API"). */
export interface MediaInfo {
	url: string;
	mimeType: string | null;
	sha256: Buffer | null;
	sizeBytes: number | null;
}

export interface StoredFile {
	binary: IBinaryData;
	fileName: string;
	mimeType: string;
	sizeBytes: number;
	durationSeconds: number | null;
	channels: number | null;
	/** Base64, as in Meta's webhooks; of the bytes that were stored. */
	sha256: string;
	/** True where the bytes had the hash that Meta or the operator gave. */
	verified: boolean;
}

/** Why a file could not be fetched. Saved workflows compare these words. */
export type MediaProblemReason =
	| 'accessDenied'
	| 'downloadFailed'
	| 'hashMismatch'
	| 'hashMissing'
	| 'hostNotAllowed'
	| 'mediaGone'
	| 'storageFailed'
	| 'timeout'
	| 'tooLarge'
	| 'unavailable'
	| 'unreadable';

export interface MediaProblem {
	reason: MediaProblemReason;
	/** For the operator: what happened and what to do. */
	message: string;
	/** Whether it may pass without anybody changing anything. */
	transient: boolean;
}

export type MediaOutcome = { ok: true; file: StoredFile } | { ok: false; problem: MediaProblem };
