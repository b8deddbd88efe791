import type { IBinaryData, IHttpRequestOptions, IN8nHttpFullResponse } from 'n8n-workflow';

import { CREDENTIAL_NAME, decryptedCredential, type Account } from '../graph/account';
import { failureFromThrown } from '../graph/failure';
import { raceWithSignal, RAW_RESPONSE, USER_AGENT } from '../http/limits';
import { discard, isFileStream } from '../http/streams';
import { bareMimeType, fileMimeType, mediaFileName } from './fileNames';
import { isYoung, notYet } from './lifetimes';
import { tokenRefused } from './mediaInfo';
import { otherContent } from './otherContent';
import type {
	FileContext,
	LocatedFile,
	MediaProblem,
	MediaProblemReason,
	MediaRequest,
	StoredFile,
} from './types';
import { guardMediaUrl } from './urlGuard';
import { verifiedStream, type Progress } from './verifiedStream';

export type DownloadResult =
	| { ok: true; file: StoredFile }
	| { ok: false; problem: MediaProblem; freshUrlMayHelp: boolean };

type Target = LocatedFile &
	Pick<MediaRequest, 'mediaId' | 'property' | 'eventAt' | 'maxBytes' | 'allowUnverified'>;

const MAX_REDIRECTS = 5;
const PARTIAL_CONTENT = 206;
const TRANSIENT_STATUS = new Set([408, 425, 429]);

/** Downloads a file from one URL, following redirects, and stores and verifies it. */
export async function downloadFromUrl(
	context: FileContext,
	account: Account,
	target: Target,
	signal: AbortSignal,
): Promise<DownloadResult> {
	if (target.sha256 === null && !target.allowUnverified) {
		return failed(
			'hashMissing',
			`Neither the event nor the Media API provides a SHA-256 for the media ID ${target.mediaId}, so the file cannot be verified. You can still download it, unverified, with the action node (operation Download).`,
		);
	}
	const opened = await open(context, account, target, signal);
	if (!opened.ok) return opened;
	return await store(context, target, opened, signal);
}

type Failed = Extract<DownloadResult, { ok: false }>;

/** A response with a success status, and the host that sent it. */
interface Opened {
	ok: true;
	response: IN8nHttpFullResponse;
	host: string;
}

/** Requests the URL and follows its redirects. */
async function open(
	context: FileContext,
	account: Account,
	target: Target,
	signal: AbortSignal,
): Promise<Opened | Failed> {
	const firstOrigin = URL.canParse(target.url) ? new URL(target.url).origin : null;
	let next = target.url;
	for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
		const guarded = guardMediaUrl(next, account.baseUrl);
		if (!guarded.allowed) {
			return failed(
				'hostNotAllowed',
				`The file was not downloaded from ${guarded.host}, because ${guarded.why}. The access token is sent only to Meta's hosts over https, and to the host of the credential's Base URL.`,
			);
		}
		const { url } = guarded;
		// A redirect to another origin does not get the token.
		const authentication = url.origin === firstOrigin ? account : null;
		let response: IN8nHttpFullResponse;
		try {
			const request = get(context, url, authentication, signal);
			response = await raceWithSignal(signal, request, ({ body }) => discard(body));
		} catch (thrown) {
			return interrupted(signal, failureFromThrown(thrown, url.host).message);
		}
		const status = response.statusCode;
		if (status >= 200 && status < 300) return { ok: true, response, host: url.host };
		discard(response.body);
		const location = response.headers.location;
		if (status < 300 || status >= 400 || typeof location !== 'string') {
			return refusedByStatus(status, url.host, target.eventAt);
		}
		next = URL.canParse(location, url.href) ? new URL(location, url.href).href : location;
	}
	return failed('downloadFailed', `The file's URL redirects more than ${MAX_REDIRECTS} times.`, {
		transient: isYoung(target.eventAt),
		freshUrlMayHelp: true,
	});
}

/** @param authentication null to send the request without the access token */
async function get(
	context: FileContext,
	url: URL,
	authentication: Account | null,
	signal: AbortSignal,
): Promise<IN8nHttpFullResponse> {
	const options: IHttpRequestOptions = {
		method: 'GET',
		url: url.href,
		headers: { 'User-Agent': USER_AGENT, Accept: '*/*', 'Accept-Encoding': 'identity' },
		encoding: 'stream',
		// Redirects are followed in `open`, which checks each host.
		...RAW_RESPONSE,
		timeout: 30_000,
		abortSignal: signal,
	};
	const response: unknown = authentication
		? await context.helpers.httpRequestWithAuthentication.call(
				context,
				CREDENTIAL_NAME,
				options,
				decryptedCredential(authentication),
			)
		: await context.helpers.httpRequest(options);
	return response as IN8nHttpFullResponse;
}

/** Stores and verifies the body of a response. */
async function store(
	context: FileContext,
	target: Target,
	{ response, host }: Opened,
	signal: AbortSignal,
): Promise<DownloadResult> {
	const announced = Number(response.headers['content-length'] ?? 0);
	if (announced > target.maxBytes) {
		discard(response.body);
		return tooLarge(target.maxBytes, announced);
	}
	if (!isFileStream(response.body)) {
		return failed('downloadFailed', 'n8n did not provide the file as a stream.');
	}
	const source = response.body;
	const stop = () => source.destroy(new Error('timeout'));
	signal.addEventListener('abort', stop, { once: true });
	const { property, mediaId, sizeBytes, sha256, maxBytes } = target;
	const contentType: unknown = response.headers['content-type'];
	const mimeType = fileMimeType(property, ...target.mimeTypes, contentType);
	const fileName = mediaFileName(property, mediaId, mimeType);
	const otherThanFile = ({ bytes, head }: Progress) =>
		// No part was asked for.
		response.statusCode === PARTIAL_CONTENT
			? `only ${bytes} bytes of it`
			: otherContent(property, { bytes, head, contentType, sizeBytes });
	// Both the HTTP client and we emit an abort as an error, so both need a listener.
	source.on('error', () => {});
	const { stream, progress } = verifiedStream(source, {
		sha256,
		isOtherContent: (received) => otherThanFile(received) !== null,
		maxBytes,
	});
	try {
		const binary = await raceWithSignal(
			signal,
			context.helpers.prepareBinaryData(stream, fileName, bareMimeType(mimeType)),
		);
		return verifyStored(target, binary, progress, { fileName, mimeType });
	} catch (thrown) {
		if (progress.error !== null) {
			const answered = `${host} returned HTTP status ${response.statusCode}`;
			return rejectedContent(target, progress, answered, otherThanFile(progress));
		}
		if (progress.isCut || signal.aborted) {
			return interrupted(signal, `the connection was interrupted after ${progress.bytes} bytes`);
		}
		return notStored(thrown);
	} finally {
		signal.removeEventListener('abort', stop);
		discard(source);
	}
}

/**
 * Why the bytes that arrived were rejected.
 *
 * @param other describes content that is not the file; null if it may be the file
 */
function rejectedContent(
	{ mediaId, maxBytes }: Target,
	{ error, bytes }: Progress,
	answered: string,
	other: string | null,
): Failed {
	if (error === 'tooLarge') return tooLarge(maxBytes, null);
	return other === null ? hashMismatch(mediaId, bytes) : notTheFile(answered, other);
}

/** Checks that n8n has stored all bytes. */
function verifyStored(
	target: Target,
	binary: IBinaryData,
	progress: Progress,
	{ fileName, mimeType }: { fileName: string; mimeType: string },
): DownloadResult {
	const stored = storedBytes(binary);
	if (progress.sha256 === null || (stored !== null && stored !== progress.bytes)) {
		return failed(
			'storageFailed',
			`n8n stored ${stored ?? 'an unknown number of'} bytes, but received ${progress.bytes}. Check n8n's binary data storage.`,
			{ transient: true },
		);
	}
	return {
		ok: true,
		file: {
			binary,
			fileName,
			mimeType,
			sizeBytes: progress.bytes,
			durationSeconds: progress.audio?.durationSeconds ?? null,
			channels: progress.audio?.channels ?? null,
			sha256: progress.sha256.toString('base64'),
			verified: target.sha256 !== null,
		},
	};
}

/** Size of what n8n stored. Older versions give it only for data that is kept in the item itself. */
function storedBytes(binary: IBinaryData): number | null {
	if (typeof binary.bytes === 'number') return binary.bytes;
	return binary.id ? null : Buffer.byteLength(binary.data, 'base64');
}

function hashMismatch(mediaId: string, bytes: number): Failed {
	return failed(
		'hashMismatch',
		`The ${bytes} bytes received for the media ID ${mediaId} do not have the expected SHA-256, so the file was rejected. Download it again by its media ID. If you provided the SHA-256 yourself, leave it empty to use Meta's.`,
		{ freshUrlMayHelp: true },
	);
}

/** Content of a proxy or of a host under maintenance; both are temporary. */
function notTheFile(answered: string, content: string): Failed {
	return failed('unavailable', `${answered}, but not the file. Received: ${content}.`, {
		transient: true,
		freshUrlMayHelp: true,
	});
}

function notStored(thrown: unknown): Failed {
	const code = (thrown as { code?: unknown } | null)?.code;
	return failed(
		'storageFailed',
		`n8n could not store the file${typeof code === 'string' ? ` (${code})` : ''}. Check n8n's binary data storage: free space and access rights.`,
		{ transient: true },
	);
}

function refusedByStatus(status: number, host: string, eventAt: number | null): Failed {
	const answered = `${host} returned HTTP status ${status}`;
	if (status >= 500 || TRANSIENT_STATUS.has(status)) {
		return failed('unavailable', `${answered}.`, { transient: true });
	}
	const refused = (problem: MediaProblem): Failed => ({
		ok: false,
		problem,
		freshUrlMayHelp: true,
	});
	if (status === 401 || status === 403) {
		const message = `${host} refused access to the file (HTTP status ${status}). Check that the access token in the credential is valid and has access to this WhatsApp Business account.`;
		return refused(
			status === 401
				? tokenRefused(message)
				: { reason: 'accessDenied', message, transient: isYoung(eventAt) },
		);
	}
	const isGone = status === 404 || status === 410;
	if (isYoung(eventAt) && (isGone || status === 400)) return refused(notYet(`${answered}.`));
	return failed(
		isGone ? 'mediaGone' : 'downloadFailed',
		`${answered}${isGone ? ': Meta no longer has the file, or it belongs to another account' : ''}.`,
		{ transient: isYoung(eventAt), freshUrlMayHelp: true },
	);
}

function tooLarge(maxBytes: number, announced: number | null): Failed {
	const most = `the limit of ${megabytes(maxBytes)} MB`;
	return failed(
		'tooLarge',
		`The file is ${announced === null ? `larger than ${most}` : `${megabytes(announced, Math.ceil)} MB, larger than ${most}`}. Increase the option Max File Size, and download the file by its media ID.`,
	);
}

function megabytes(bytes: number, round = Math.round): string {
	return String(round((bytes / 1024 / 1024) * 1000) / 1000);
}

function interrupted(signal: AbortSignal, what: string): Failed {
	return signal.aborted
		? failed('timeout', 'The file did not arrive within the remaining time.', {
				transient: true,
			})
		: failed('unavailable', `The download stopped: ${what}.`, { transient: true });
}

function failed(
	reason: MediaProblemReason,
	message: string,
	more: { transient?: boolean; freshUrlMayHelp?: boolean } = {},
): Failed {
	return {
		ok: false,
		problem: { reason, message, transient: more.transient ?? false },
		freshUrlMayHelp: more.freshUrlMayHelp ?? false,
	};
}
