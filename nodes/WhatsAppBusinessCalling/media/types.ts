import type { IBinaryData, IExecuteFunctions, IWebhookFunctions } from 'n8n-workflow';

import type { FileProperty } from './fileNames';

/** The n8n contexts that can store a file. */
export type FileContext = IExecuteFunctions | IWebhookFunctions;

/** The file to fetch, and what is known about it before the first request. */
export interface MediaRequest {
	mediaId: string;
	/** The number that the file must belong to: Meta refuses it otherwise. Null for any number. */
	phoneNumberId: string | null;
	/** The URL of the event; null if there is none. */
	url: string | null;
	/**
	 * Time of the event and its URL, in milliseconds since 1970. Null without an event: then the URL counts as
	 * fresh, and a file that Meta does not have counts as deleted.
	 */
	eventAt: number | null;
	/** Hash from the event or the operator; null to use the one from the Media API. */
	sha256: Buffer | null;
	/** MIME type from the event; null to use the one from the Media API. */
	mimeType: string | null;
	property: FileProperty;
	/** Bytes; a larger file is refused. */
	maxBytes: number;
	/** Whether to accept a file for which there is no hash; it is then marked as not verified. */
	allowUnverified: boolean;
}

/** Metadata of a file, from `GET /<MEDIA_ID>` (Meta, "Media API"). */
export interface MediaInfo {
	url: string;
	mimeType: string | null;
	sha256: Buffer | null;
	sizeBytes: number | null;
}

/** The URL of a file, with what the event and the Media API say about it. */
export interface LocatedFile {
	url: string;
	/** Null if neither the event nor the Media API has it. */
	sha256: Buffer | null;
	/** From the event and from the Media API, in this order. */
	mimeTypes: Array<string | null>;
	/** From the Media API; null if it was not asked. */
	sizeBytes: number | null;
}

export interface StoredFile {
	binary: IBinaryData;
	fileName: string;
	mimeType: string;
	sizeBytes: number;
	/** Of an Ogg Opus file, to the millisecond; null for other formats. */
	durationSeconds: number | null;
	/** Of an Ogg Opus file; null for other formats. */
	channels: number | null;
	/** Hash of the stored bytes, as base64 like in Meta's webhooks. */
	sha256: string;
	/** Whether the bytes have the hash that Meta or the operator gave. */
	verified: boolean;
}

/** Why a file could not be fetched. Saved workflows compare these values. */
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
	/** Whether a later attempt may succeed. */
	transient: boolean;
}

export type MediaOutcome = { ok: true; file: StoredFile } | { ok: false; problem: MediaProblem };
