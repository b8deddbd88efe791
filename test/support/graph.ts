import { makeSdp, type Emulator } from '../../emulator';
import { NUMBER } from './constants';

export interface GraphReply {
	status: number;
	headers: Headers;
	body: Record<string, unknown>;
	/** Of the error envelope; empty when the answer is none. */
	error: {
		code?: number;
		message?: string;
		error_subcode?: number;
		is_transient?: boolean;
		fbtrace_id?: string;
		error_data?: { messaging_product: string; details: string };
	};
}

/** A Graph API request with the account's token; the body goes out as JSON. */
export async function graph(
	emulator: Emulator,
	method: string,
	path: string,
	body?: unknown,
	headers: Record<string, string> = {},
): Promise<GraphReply> {
	const response = await fetch(`${emulator.baseUrl}/v26.0/${path}`, {
		method,
		headers: {
			authorization: `Bearer ${emulator.account.accessToken}`,
			...(body !== undefined && { 'content-type': 'application/json' }),
			...headers,
		},
		...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
	});
	const text = await response.text();
	const parsed = (text.startsWith('{') ? JSON.parse(text) : { text }) as GraphReply['body'];
	return {
		status: response.status,
		headers: response.headers,
		body: parsed,
		error: (parsed.error ?? {}) as GraphReply['error'],
	};
}

export const appToken = ({ account }: Emulator) => ({
	authorization: `Bearer ${account.appId}|${account.appSecret}`,
});

export const download = (emulator: Emulator, url: string, headers: Record<string, string> = {}) =>
	fetch(url, {
		redirect: 'manual',
		headers: {
			authorization: `Bearer ${emulator.account.accessToken}`,
			'user-agent': 'test',
			...headers,
		},
	});

/** A call of a person to the number, which the business has accepted and which has ended. */
export async function answeredCall(
	emulator: Emulator,
	durationSeconds: number,
	call?: Parameters<Emulator['userCalls']>[0],
): Promise<void> {
	const { id } = emulator.userCalls(call);
	await graph(emulator, 'POST', `${NUMBER}/calls`, {
		messaging_product: 'whatsapp',
		action: 'accept',
		call_id: id,
		session: { sdp_type: 'answer', sdp: makeSdp('answer') },
	});
	emulator.hangUp(id, { durationSeconds });
}
