import type {
	IHttpRequestOptions,
	IN8nHttpFullResponse,
	RequestHelperFunctions,
} from 'n8n-workflow';

import { RAW_RESPONSE, timeoutSignal } from './limits';
import { discard, isFileStream } from './streams';

/** Read of a response body: enough for a challenge, or for an error of n8n. */
const PREFIX_BYTES = 1_024;

/**
 * Sends a request to a host that is not Meta's: another webhook, or another trigger.
 *
 * @param limitMs milliseconds for the request and its response together
 * @returns the response with its body as a stream, whatever its status
 * @throws if no response arrives
 */
export async function requestOtherHost(
	context: { helpers: Pick<RequestHelperFunctions, 'httpRequest'> },
	options: IHttpRequestOptions,
	limitMs: number,
	signal?: AbortSignal,
): Promise<IN8nHttpFullResponse> {
	return (await context.helpers.httpRequest({
		...options,
		timeout: limitMs,
		abortSignal: timeoutSignal(limitMs, signal),
		// The other side may send any amount.
		encoding: 'stream',
		...RAW_RESPONSE,
	})) as IN8nHttpFullResponse;
}

/** What a host responds to a delivery. */
export interface DeliveryResponse {
	status: number;
	/** Whether it is a page of HTML, as proxies send it, and n8n itself while it starts. */
	isPage: boolean;
	/** Whether n8n responds that it has no webhook there. */
	isUnknownToN8n: boolean;
}

/**
 * Sends a delivery to a host that is not Meta's, and reads what its response means.
 *
 * @param limitMs milliseconds for the request and its response together
 * @throws if no response arrives
 */
export async function deliverToOtherHost(
	...request: Parameters<typeof requestOtherHost>
): Promise<DeliveryResponse> {
	const response = await requestOtherHost(...request);
	try {
		const { statusCode: status } = response;
		return {
			status,
			isPage: isPage(response),
			isUnknownToN8n: status === 404 && isNotRegistered(await readPrefix(response.body)),
		};
	} finally {
		discard(response.body);
	}
}

/** The first kilobyte of a response body, as text; empty if the body is not a stream. */
export async function readPrefix(body: unknown): Promise<string> {
	if (!isFileStream(body)) return '';
	let text = '';
	for await (const chunk of body) {
		text += String(chunk);
		if (text.length > PREFIX_BYTES) break;
	}
	return text;
}

/** Whether a response is a page of HTML, as proxies send them, and n8n itself while it starts. */
export const isPage = ({ headers }: IN8nHttpFullResponse) =>
	String(headers['content-type'] ?? '').includes('text/html');

/** Whether n8n responds that it has no webhook at a URL, with the status 404. */
export const isNotRegistered = (body: string) => /"code":404\b.*not registered/.test(body);
