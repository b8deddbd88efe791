import type { IBinaryData, IHttpRequestOptions, IN8nHttpFullResponse } from 'n8n-workflow';

import { CREDENTIAL_NAME, decryptedCredential, type Account } from '../graph/account';
import { failureFromThrown } from '../graph/failure';
import { ANSWER_AS_IT_IS, USER_AGENT, within } from '../graph/http';
import type { FileContext } from '../graph/types';
import { discard, isFileStream } from '../streams';
import { bareMimeType, mediaFileName, safeMimeType } from './fileNames';
import type { MediaProblem, MediaProblemReason, MediaRequest, StoredFile } from './types';
import { guardMediaUrl } from './urlGuard';
import { verifiedStream, type VerifiedStream } from './verifiedStream';

export type Download =
	| { ok: true; file: StoredFile }
	| { ok: false; problem: MediaProblem; freshUrlMayHelp: boolean };

interface Target extends Omit<MediaRequest, 'url'> {
	url: string;
}

const MAX_REDIRECTS = 5;
const TRANSIENT_STATUS = new Set([408, 425, 429]);

/** Fetches a file from one URL, follows its redirects, and stores it while its hash is checked. */
export async function downloadOnce(
	context: FileContext,
	account: Account,
	target: Target,
	signal: AbortSignal,
): Promise<Download> {
	if (target.sha256 === null && !target.allowUnverified) {
		return failed(
			'hashMissing',
			`Neither the event nor the Media API gives a SHA-256 for the media ID ${target.mediaId}, so the file cannot be verified. The action node (operation Download) fetches it all the same: look at it before you rely on it.`,
		);
	}
	const opened = await open(context, account, target.url, signal);
	if (!opened.ok) return opened;
	return await store(context, target, opened.answer, signal);
}

type Opened = { ok: true; answer: IN8nHttpFullResponse } | Extract<Download, { ok: false }>;

async function open(
	context: FileContext,
	account: Account,
	address: string,
	signal: AbortSignal,
): Promise<Opened> {
	const firstOrigin = URL.canParse(address) ? new URL(address).origin : null;
	let next = address;
	for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
		const guarded = guardMediaUrl(next, account.baseUrl);
		if (!guarded.allowed) {
			return failed(
				'hostNotAllowed',
				`The file was not fetched from ${guarded.host}, because ${guarded.why}. The access token goes only to Meta's hosts over https, and to the host of the credential's Base URL.`,
			);
		}
		const { url } = guarded;
		let answer: IN8nHttpFullResponse;
		try {
			answer = await get(context, url, {
				account: url.origin === firstOrigin ? account : null,
				signal,
			});
		} catch (thrown) {
			return interrupted(signal, failureFromThrown(thrown, url.host).message);
		}
		const status = answer.statusCode;
		if (status >= 200 && status < 300) return { ok: true, answer };
		discard(answer.body);
		const location = answer.headers.location;
		if (status < 300 || status >= 400 || typeof location !== 'string') {
			return refusedByStatus(status, url.host);
		}
		next = URL.canParse(location, url.href) ? new URL(location, url.href).href : location;
	}
	return failed(
		'downloadFailed',
		`The file's address redirects more than ${MAX_REDIRECTS} times.`,
		{
			freshUrlMayHelp: true,
		},
	);
}

async function get(
	context: FileContext,
	url: URL,
	how: { account: Account | null; signal: AbortSignal },
): Promise<IN8nHttpFullResponse> {
	const options: IHttpRequestOptions = {
		method: 'GET',
		url: url.href,
		headers: { 'User-Agent': USER_AGENT, Accept: '*/*', 'Accept-Encoding': 'identity' },
		encoding: 'stream',
		// Redirects are followed by hand: each host is checked.
		...ANSWER_AS_IT_IS,
		timeout: 30_000,
		abortSignal: how.signal,
	};
	// Without an account it goes out without the token.
	const answer: unknown = how.account
		? await context.helpers.httpRequestWithAuthentication.call(
				context,
				CREDENTIAL_NAME,
				options,
				decryptedCredential(how.account),
			)
		: await context.helpers.httpRequest(options);
	return answer as IN8nHttpFullResponse;
}

async function store(
	context: FileContext,
	target: Target,
	answer: IN8nHttpFullResponse,
	signal: AbortSignal,
): Promise<Download> {
	const announced = Number(answer.headers['content-length'] ?? 0);
	if (announced > target.maxBytes) {
		discard(answer.body);
		return tooLarge(target.maxBytes, announced);
	}
	if (!isFileStream(answer.body)) {
		return failed('downloadFailed', 'n8n did not hand the file over as a stream.');
	}
	const source = answer.body;
	const stop = () => source.destroy(new Error('timeout'));
	signal.addEventListener('abort', stop, { once: true });
	const mimeType =
		target.mimeType ?? safeMimeType(answer.headers['content-type']) ?? 'application/octet-stream';
	const fileName = mediaFileName(target.property, target.mediaId, mimeType);
	const sourceFault: { error: unknown } = { error: null };
	// An abort is told twice, by the HTTP client and by us: each needs a listener.
	source.on('error', (error) => (sourceFault.error ??= error));
	const checked = verifiedStream(source, target.sha256, target.maxBytes);
	try {
		const binary = await within(
			signal,
			context.helpers.prepareBinaryData(checked.stream, fileName, bareMimeType(mimeType)),
		);
		return confirm(target, binary, checked, { fileName, mimeType });
	} catch (thrown) {
		return storeFailed(target, checked, signal, sourceFault.error, thrown);
	} finally {
		signal.removeEventListener('abort', stop);
		discard(source);
	}
}

function confirm(
	target: Target,
	binary: IBinaryData,
	{ seen }: VerifiedStream,
	{ fileName, mimeType }: { fileName: string; mimeType: string },
): Download {
	const stored = storedBytes(binary);
	if (seen.sha256 === null || (stored !== null && stored !== seen.bytes)) {
		return failed(
			'storageFailed',
			`n8n stored ${stored ?? 'an unknown number of'} bytes of the ${seen.bytes} that came. Check the binary data storage of n8n.`,
			{ transient: true },
		);
	}
	return {
		ok: true,
		file: {
			binary,
			fileName,
			mimeType,
			sizeBytes: seen.bytes,
			durationSeconds: null,
			channels: null,
			sha256: seen.sha256.toString('base64'),
			verified: target.sha256 !== null,
		},
	};
}

/** Size of what n8n stored; older versions tell it only where the data is kept in the item itself. */
function storedBytes(binary: IBinaryData): number | null {
	if (typeof binary.bytes === 'number') return binary.bytes;
	return binary.id ? null : Buffer.byteLength(binary.data, 'base64');
}

function storeFailed(
	target: Target,
	{ seen }: VerifiedStream,
	signal: AbortSignal,
	sourceError: unknown,
	thrown: unknown,
): Download {
	if (seen.flaw === 'tooLarge') return tooLarge(target.maxBytes, null);
	if (seen.flaw === 'hashMismatch') {
		return failed(
			'hashMismatch',
			`The ${seen.bytes} bytes that came for the media ID ${target.mediaId} do not have the expected SHA-256, so they were refused. Download the file again by its media ID; where you gave the SHA-256 yourself, leave it empty to use Meta's.`,
			{ freshUrlMayHelp: true },
		);
	}
	if (sourceError !== null || signal.aborted) {
		return interrupted(signal, `the connection was cut after ${seen.bytes} bytes`);
	}
	const code = (thrown as { code?: unknown } | null)?.code;
	return failed(
		'storageFailed',
		`n8n could not store the file${typeof code === 'string' ? ` (${code})` : ''}. Check the binary data storage of n8n: free space and access rights.`,
		{ transient: true },
	);
}

function refusedByStatus(status: number, host: string): Download & { ok: false } {
	if (status >= 500 || TRANSIENT_STATUS.has(status)) {
		return failed('unavailable', `${host} answered with HTTP status ${status}.`, {
			transient: true,
		});
	}
	if (status === 401 || status === 403) {
		return failed(
			'accessDenied',
			`${host} refused the file with HTTP status ${status}. Check that the access token in the credential is valid and has access to this WhatsApp Business account.`,
			{ freshUrlMayHelp: true },
		);
	}
	const gone = status === 404 || status === 410;
	return failed(
		gone ? 'mediaGone' : 'downloadFailed',
		`${host} answered with HTTP status ${status}${gone ? ': Meta no longer has the file, or it belongs to another account' : ''}.`,
		{ freshUrlMayHelp: true },
	);
}

function tooLarge(maxBytes: number, announced: number | null): Download & { ok: false } {
	const most = `the ${megabytes(maxBytes)} MB that are allowed`;
	return failed(
		'tooLarge',
		`The file has ${announced === null ? `more than ${most}` : `${megabytes(announced)} MB, more than ${most}`}. Raise the option Max File Size, and download the file by its media ID.`,
	);
}

function megabytes(bytes: number): string {
	return String(Math.round((bytes / 1024 / 1024) * 10) / 10);
}

function interrupted(signal: AbortSignal, what: string): Download & { ok: false } {
	return signal.aborted
		? failed('timeout', 'The file did not arrive within the time that was left for it.', {
				transient: true,
			})
		: failed('unavailable', `The download stopped: ${what}.`, { transient: true });
}

function failed(
	reason: MediaProblemReason,
	message: string,
	more: { transient?: boolean; freshUrlMayHelp?: boolean } = {},
): Download & { ok: false } {
	return {
		ok: false,
		problem: { reason, message, transient: more.transient ?? false },
		freshUrlMayHelp: more.freshUrlMayHelp ?? false,
	};
}
