import type { Account } from '../graph/account';
import type { FileContext, Result } from '../graph/types';
import { downloadOnce, type Download } from './downloadOnce';
import { getMediaInfo, mediaInfoProblem } from './mediaInfo';
import type { MediaInfo, MediaOutcome, MediaRequest } from './types';

/** A URL of Meta's lives 5 minutes (Meta, "Call recording"); half a minute is left for the way. */
const URL_LIFETIME_MS = 5 * 60_000 - 30_000;

type Failed = Extract<Result<MediaInfo>, { ok: false }>;

interface Located {
	url: string;
	sha256: Buffer | null;
	mimeType: string | null;
}

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
			phoneNumberId: request.phoneNumberId,
			repeat: 'never',
			signal,
		});
	const download = async (located: Located) =>
		await downloadOnce(context, account, { ...request, ...located }, signal);

	const first = await locate(request, askMediaApi);
	if (!first.ok) return first.outcome;
	const firstTry = await download(first.located);
	if (!wantsFreshUrl(firstTry)) return outcomeOf(firstTry);

	const info = await askMediaApi();
	if (!info.ok) return problem(info, request);
	return outcomeOf(await download(combine(request, info.value)));
}

async function locate(
	request: MediaRequest,
	askMediaApi: () => Promise<Result<MediaInfo>>,
): Promise<{ ok: true; located: Located } | { ok: false; outcome: MediaOutcome }> {
	const { url, sha256, mimeType } = request;
	const ofEvent = url !== null && sha256 !== null ? { url, sha256, mimeType } : null;
	if (ofEvent && isFresh(request.urlCreatedAt)) return { ok: true, located: ofEvent };
	const info = await askMediaApi();
	if (info.ok) return { ok: true, located: combine(request, info.value) };
	// The Media API may be down while an older URL still works.
	if (ofEvent && info.failure.transient) return { ok: true, located: ofEvent };
	return { ok: false, outcome: problem(info, request) };
}

function isFresh(createdAt: number | null): boolean {
	return createdAt === null || Date.now() - createdAt < URL_LIFETIME_MS;
}

function combine(request: MediaRequest, info: MediaInfo): Located {
	return {
		url: info.url,
		sha256: request.sha256 ?? info.sha256,
		mimeType: request.mimeType ?? info.mimeType,
	};
}

function wantsFreshUrl(download: Download): boolean {
	return !download.ok && download.freshUrlMayHelp;
}

function outcomeOf(download: Download): MediaOutcome {
	return download.ok ? download : { ok: false, problem: download.problem };
}

function problem(info: Failed, request: MediaRequest): MediaOutcome {
	return { ok: false, problem: mediaInfoProblem(info.failure, request.mediaId) };
}
