import type { IncomingHttpHeaders } from 'node:http';
import type { Account } from './account';
import type { WebRtcOptions } from './rtc';
import type { Variants } from './variants';

export interface EmulatorOptions extends Partial<Variants> {
	/** 0 takes any free port. */
	port?: number;
	/** Unix milliseconds that the emulator's clock shows at the start. */
	clockStart?: number;
	account?: Partial<Account>;
	/** Milliseconds between hang-up and the recording (or transcript) webhook. Default 1000. */
	recordingDelayMs?: number;
	/**
	 * Milliseconds between failed attempts of one delivery; after the last one the emulator gives
	 * up. `[]` never delivers again.
	 */
	redeliveryDelaysMs?: number[];
	/** Milliseconds that a callback may take to answer. Default 20,000, as Meta's. */
	deliveryTimeoutMs?: number;
	/** Milliseconds that a user's call rings before it counts as missed. Default 45,000. */
	ringTimeoutMs?: number;
	/** A called user picks up after so many milliseconds. Left out: only on order. */
	pickUpAfterMs?: number;
	/**
	 * Users are real WebRTC peers: audio flows, and recordings are what was heard. `{}` for the
	 * defaults. Left out: SDP is only looked at, and recordings are a fixed file.
	 */
	webRtc?: WebRtcOptions;
	/** One line for each request and each delivery. */
	log?: (line: string) => void;
}

export type Settings = Required<
	Omit<EmulatorOptions, keyof Variants | 'account' | 'clockStart' | 'pickUpAfterMs' | 'webRtc'>
> &
	Pick<EmulatorOptions, 'pickUpAfterMs'> & {
		/** Looked at anew each time: it may be changed while the emulator runs. */
		variants: Variants;
	};

/** What a request is for; faults are chosen by it. */
export type EndpointKind =
	| 'media'
	| 'mediaInfo'
	| 'mediaUpload'
	| 'calls'
	| 'callPermissions'
	| 'messages'
	| 'settings'
	| 'phoneNumber'
	| 'phoneNumbers'
	| 'account'
	| 'subscribedApps'
	| 'app'
	| 'subscriptions'
	| 'oauth'
	| 'debugToken'
	| 'me'
	| 'unknown';

export interface LoggedRequest {
	/** Unix milliseconds by the emulator's clock. */
	time: number;
	kind: EndpointKind;
	method: string;
	/** Without the query. */
	path: string;
	query: Record<string, string>;
	headers: IncomingHttpHeaders;
	/** Parsed JSON or form; the text where it is neither; undefined where there was none. */
	body: unknown;
	rawBody: string;
	/** Undefined until answered; 0 when the connection ended without an answer. */
	status?: number;
	durationMs?: number;
	/** True when an injected fault shaped the answer. */
	faulty: boolean;
}

export interface WebhookUpdate {
	phoneNumberId: string;
	/** Webhook field, `calls` or `messages`. */
	field: string;
	/** `messaging_product` and `metadata` are filled in. */
	value: Record<string, unknown>;
	businessAccountId?: string;
}

export interface WebhookAnswer {
	/** 0 when there was no HTTP answer; `error` then says why. */
	status: number;
	headers: Record<string, string | string[] | undefined>;
	body: string;
	error?: string;
}

export interface DeliveryAttempt {
	url: string;
	/** Unix milliseconds by the emulator's clock. */
	time: number;
	/** 0 when there was no HTTP answer. */
	status: number;
	durationMs: number;
	error?: string;
}

export interface DeliveryRecord {
	id: string;
	/** What was in it, in a word: event names. */
	summary: string;
	body: string;
	headers: Record<string, string>;
	attempts: DeliveryAttempt[];
	/**
	 * `notSubscribed`: nobody asked for it, nothing was sent. `failed`: no attempt got a 200 and no
	 * further one will be made.
	 */
	outcome: 'pending' | 'delivered' | 'failed' | 'notSubscribed' | 'cancelled';
}

export interface DeliveryHandle {
	id: string;
	record: DeliveryRecord;
	/** The answer to the first attempt. Never rejects. */
	answer: Promise<WebhookAnswer>;
	/** Resolves when no further attempt will be made. Never rejects. */
	settled: Promise<DeliveryRecord>;
}

export interface DeliverOptions {
	/** Any other string is sent as the header's value. Default `valid`. */
	signature?: 'valid' | 'missing' | 'wrong' | (string & {});
	/** Sent instead of the JSON of the updates. */
	rawBody?: string | Buffer;
	/** False: one attempt only. */
	redeliver?: boolean;
	/** Sent here whatever is subscribed. */
	url?: string;
	/** Milliseconds that the callback may take to answer, if not as long as ever. */
	timeoutMs?: number;
	/**
	 * How updates of one number share the delivery: each a change of its own (default), merged into
	 * one change with longer arrays, or each an entry of its own.
	 */
	layout?: 'changes' | 'merged' | 'entries';
	headers?: Record<string, string>;
}

export interface Fault {
	/** Milliseconds to wait before anything else. */
	delayMs?: number;
	/** Nothing happens before this comes. Not over HTTP. */
	until?: Promise<unknown>;
	/** Answer with this status instead. Without `body`: Meta's error envelope, or nothing for media. */
	status?: number;
	/** Answer with this Graph error code and the HTTP status that belongs to it. */
	errorCode?: number;
	/** A string as it is, anything else as JSON. */
	body?: unknown;
	/** Added to the answer, e.g. Retry-After. */
	headers?: Record<string, string>;
	/** Close the connection with a reset, with no answer at all. */
	reset?: boolean;
	/** Never answer; the connection stays open. */
	hang?: boolean;
	/** 302 to this URL. */
	redirectTo?: string;
	/** Headers announce the whole body; the connection ends after so many bytes of it. */
	cutAfterBytes?: number;
	/** The connection that is cut ends with a reset in place of an orderly close. */
	abruptly?: boolean;
	/** After so many bytes of the body nothing more comes; the connection stays open. */
	stallAfterBytes?: number;
	/** A shorter body, and a Content-Length that agrees with it. */
	truncateTo?: number;
	/** Added to the true Content-Length; the body itself stays whole. */
	contentLengthDelta?: number;
	/** No Content-Length. */
	chunked?: boolean;
	/** Neither Content-Length nor chunks: the end of the connection is the end of the body. */
	unframed?: boolean;
	/** Slow body. */
	bytesPerSecond?: number;
	/** As many bytes as there should be, but other ones. */
	wrongContent?: boolean;
	emptyBody?: boolean;
	/** Null: none. */
	contentType?: string | null;
	/**
	 * The request takes effect, and only then its answer fails: a call that rings although the
	 * caller never heard of it.
	 */
	takesEffect?: boolean;
}

export interface FaultMatch {
	/** How many requests fail; Infinity for all. Default 1. */
	times?: number;
	/** Requests to let through first. Default 0. */
	after?: number;
	mediaId?: string;
	phoneNumberId?: string;
	method?: string;
	/** The `action` of a request to `calls`. */
	action?: string;
}

export interface FaultHandle {
	/** How many requests were hit so far. */
	hits(): number;
	cancel(): void;
}
