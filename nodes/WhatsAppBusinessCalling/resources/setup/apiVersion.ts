import type { Account } from '../../graph/account';
import type { GraphContext } from '../../graph/types';
import { USER_AGENT } from '../../http/limits';
import { readPrefix, requestOtherHost } from '../../http/otherHost';
import { bad, good, notChecked, type Finding } from './findings';

const TIMEOUT_MS = 10_000;

const CORRECT = 'Set API Version in the credential back to its default.';

/**
 * Whether Meta has the API version. It answers requests with a version that has ended with another one, and says
 * which in a header (Meta, "Versioning"). No token is needed to ask.
 */
export async function checkVersion(
	context: GraphContext,
	{ baseUrl, apiVersion }: Account,
): Promise<Finding> {
	const url = `${baseUrl}/${apiVersion}/me`;
	const options = { method: 'GET', url, headers: { 'User-Agent': USER_AGENT } } as const;
	const response = await requestOtherHost(context, options, TIMEOUT_MS);
	const said = await readPrefix(response.body);
	if (/Unknown path components/i.test(said)) {
		return bad(`Meta has no version ${apiVersion}`, CORRECT);
	}
	const served: unknown = response.headers['facebook-api-version'];
	if (typeof served === 'string' && served !== apiVersion) {
		return bad(
			`Meta no longer has ${apiVersion}, and responds with ${served.slice(0, 10)}`,
			CORRECT,
		);
	}
	if (served === apiVersion || /access token/i.test(said)) return good(apiVersion);
	return notChecked(
		`The response does not come from the Graph API (HTTP status ${response.statusCode})`,
		'Check Base URL in the credential.',
	);
}
