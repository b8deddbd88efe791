import type { Account } from '../graph/account';
import type { FileContext, Result } from '../graph/types';
import { downloadOnce, type Download } from './downloadFromUrl';
import { getMediaInfo, mediaInfoProblem } from './mediaInfo';
import type { LocatedFile, MediaInfo, MediaOutcome, MediaRequest } from './types';

/** A URL of Meta's lives 5 minutes (Meta, "Call recording"); half a minute is left for the way. */
const URL_LIFETIME_MS = 5 * 60_000 - 30_000;

type Failed = Extract<Result<MediaInfo>, { ok: false }>;

/**
 * Brings one file of a call into n8n's binary store, verified.
 *
 * The URL of the event is used while it is fresh, otherwise the Media API is asked for one. A URL
 * that does not work, or brings other bytes than it should, is replaced by a fresh one, once.
 *
 * @param signal ends the work: what is not done by then is a problem that may pass
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
		await downloadOnce(context, account, { ...request, ...located }, signal);

	const { url, sha256, mimeType } = request;
	// Without a hash in the event, the Media API has to be asked for it in any case.
	const ofEvent: LocatedFile | null =
		url !== null && sha256 !== null
			? { url, sha256, mimeTypes: [mimeType], sizeBytes: null }
			: null;
	let first: LocatedFile | null = ofEvent;
	if (first === null || !isFresh(request.eventAt)) {
		const info = await askMediaApi();
		if (!info.ok) return await lastResort(ofEvent, download, problem(info, request));
		first = combine(request, info.value);
	}
	const firstTry = await download(first);
	if (!wantsFreshUrl(firstTry)) return outcomeOf(firstTry);

	const info = await askMediaApi();
	return info.ok ? outcomeOf(await download(combine(request, info.value))) : problem(info, request);
}

/** The Media API may fail while an older URL still works. */
async function lastResort(
	ofEvent: LocatedFile | null,
	download: (located: LocatedFile) => Promise<Download>,
	otherwise: MediaOutcome,
): Promise<MediaOutcome> {
	if (ofEvent === null) return otherwise;
	const attempt = await download(ofEvent);
	return attempt.ok ? attempt : otherwise;
}

function isFresh(eventAt: number | null): boolean {
	return eventAt === null || Date.now() - eventAt < URL_LIFETIME_MS;
}

function combine(request: MediaRequest, info: MediaInfo): LocatedFile {
	return {
		url: info.url,
		sha256: request.sha256 ?? info.sha256,
		mimeTypes: [request.mimeType, info.mimeType],
		sizeBytes: info.sizeBytes,
	};
}

function wantsFreshUrl(download: Download): boolean {
	return !download.ok && download.freshUrlMayHelp;
}

function outcomeOf(download: Download): MediaOutcome {
	return download.ok ? download : { ok: false, problem: download.problem };
}

function problem(info: Failed, request: MediaRequest): MediaOutcome {
	return { ok: false, problem: mediaInfoProblem(info.failure, request) };
}
