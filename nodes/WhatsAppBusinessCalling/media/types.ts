import type { IBinaryData } from 'n8n-workflow';

import type { FileProperty } from './fileNames';

/** Which file is wanted, and what is known of it before it is asked for. */
export interface MediaRequest {
	mediaId: string;
	/** The number that the file belongs to; Meta then serves it only if that is so. */
	phoneNumberId: string | null;
	/** The URL of the event, or null where there is none. */
	url: string | null;
	/**
	 * When the event and its URL were made, in milliseconds since 1970. Null without an event: then the URL
	 * counts as fresh, and a file that Meta does not have as gone.
	 */
	eventAt: number | null;
	/** The hash that the event or the operator gives; null leaves it to the Media API. */
	sha256: Buffer | null;
	/** MIME type of the event; null leaves it to the Media API. */
	mimeType: string | null;
	/** What kind of file it is. */
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

/** Where a file is, and all that is known of it by then. */
export interface LocatedFile {
	url: string;
	/** Null where neither the event nor the Media API gives it. */
	sha256: Buffer | null;
	/** What the event and the Media API name, in this order. */
	mimeTypes: Array<string | null>;
	/** What the Media API announces; null where it was not asked. */
	sizeBytes: number | null;
}

export interface StoredFile {
	binary: IBinaryData;
	fileName: string;
	mimeType: string;
	sizeBytes: number;
	/** Length and number of channels of an Ogg Opus file, the length to the millisecond; null for others. */
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
	/** The event's reference to the file could not be read. */
	| 'unreadable';

export interface MediaProblem {
	reason: MediaProblemReason;
	/** For the operator: what happened and what to do. */
	message: string;
	/** Whether a later attempt may succeed, so that it is worth waiting for. */
	transient: boolean;
}

export type MediaOutcome = { ok: true; file: StoredFile } | { ok: false; problem: MediaProblem };
