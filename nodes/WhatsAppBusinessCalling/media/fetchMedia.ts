import type { Account } from '../graph/account';
import type { Result } from '../graph/types';
import { downloadFromUrl, type DownloadResult } from './downloadFromUrl';
import { URL_LIFETIME_MS } from './lifetimes';
import { getMediaInfo, mediaInfoProblem } from './mediaInfo';
import type { FileContext, LocatedFile, MediaInfo, MediaOutcome, MediaRequest } from './types';
import { guardMediaUrl } from './urlGuard';

/** How long before its end a URL counts as too old: the request takes time as well. */
const URL_MARGIN_MS = 30_000;

type Failed = Extract<Result<MediaInfo>, { ok: false }>;

/**
 * Downloads one file of a call into n8n's binary store and verifies it.
 *
 * The URL of the event is used while it is fresh, otherwise the Media API is asked for one. If a URL does not
 * work or gives wrong bytes, one more attempt is made with a fresh URL.
 *
 * @param signal ends the download; the result is then a temporary problem
 */
export async function fetchMedia(
	context: FileContext,
	account: Account,
	request: MediaRequest,
	signal: AbortSignal,
): Promise<MediaOutcome> {
	const askMediaApi = async () =>
		await getMediaInfo(context, account, {
			mediaId: request.mediaId,
			property: request.property,
			phoneNumberId: request.phoneNumberId,
			repeat: 'never',
			signal,
		});
	const download = async (located: LocatedFile) =>
		await downloadFromUrl(context, account, { ...request, ...located }, signal);

	const { url, sha256, mimeType } = request;
	// Without a hash in the event, the Media API has to be asked for it in any case, and for a URL instead of one
	// that must not be asked.
	const fromEvent: LocatedFile | null =
		url !== null && sha256 !== null && guardMediaUrl(url, account.baseUrl).allowed
			? { url, sha256, mimeTypes: [mimeType], sizeBytes: null }
			: null;
	let first: LocatedFile | null = fromEvent;
	if (first === null || !isFresh(request.eventAt)) {
		const info = await askMediaApi();
		if (!info.ok) return await tryStaleUrl(fromEvent, download, toProblem(info, request));
		first = combine(request, info.value);
	}
	const firstTry = await download(first);
	if (!wantsFreshUrl(firstTry)) return outcomeOf(firstTry);

	const info = await askMediaApi();
	return info.ok
		? outcomeOf(await download(combine(request, info.value)))
		: toProblem(info, request);
}

/** The Media API may fail while an older URL still works. */
async function tryStaleUrl(
	fromEvent: LocatedFile | null,
	download: (located: LocatedFile) => Promise<DownloadResult>,
	otherwise: MediaOutcome,
): Promise<MediaOutcome> {
	if (fromEvent === null) return otherwise;
	const attempt = await download(fromEvent);
	return attempt.ok ? attempt : otherwise;
}

function isFresh(eventAt: number | null): boolean {
	return eventAt === null || Date.now() - eventAt < URL_LIFETIME_MS - URL_MARGIN_MS;
}

function combine(request: MediaRequest, info: MediaInfo): LocatedFile {
	return {
		url: info.url,
		sha256: request.sha256 ?? info.sha256,
		mimeTypes: [request.mimeType, info.mimeType],
		sizeBytes: info.sizeBytes,
	};
}

function wantsFreshUrl(download: DownloadResult): boolean {
	return !download.ok && download.freshUrlMayHelp;
}

function outcomeOf(download: DownloadResult): MediaOutcome {
	return download.ok ? download : { ok: false, problem: download.problem };
}

function toProblem(info: Failed, request: MediaRequest): MediaOutcome {
	return { ok: false, problem: mediaInfoProblem(info.failure, request) };
}
