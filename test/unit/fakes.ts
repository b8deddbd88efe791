import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type {
	IDataObject,
	IExecuteFunctions,
	IHttpRequestOptions,
	INode,
	IWebhookFunctions,
} from 'n8n-workflow';

import type { Account } from '../../nodes/WhatsAppBusinessCalling/graph/account';

/** Looks like a token of Meta's; must never come back out of anything. */
export const TOKEN = `EAAG${'x1Y2'.repeat(40)}`;

export const APP_SECRET = '0123456789abcdef0123456789abcdef';

export const ACCOUNT: Account = {
	businessAccountId: '102290129340398',
	appId: '670843887433847',
	appSecret: APP_SECRET,
	baseUrl: 'https://graph.facebook.com',
	apiVersion: 'v26.0',
};

export const CREDENTIAL: IDataObject = { ...ACCOUNT, accessToken: TOKEN };

/** The production URL of the node. */
export const WEBHOOK_URL = 'https://n8n.example/webhook/id/webhook';

export const NODE: INode = {
	id: 'node-1',
	name: 'WhatsApp Business Calling',
	type: 'n8n-nodes-whatsapp-business-calling.whatsAppBusinessCalling',
	typeVersion: 1,
	position: [0, 0],
	parameters: {},
};

export interface Answer {
	statusCode: number;
	body: unknown;
	headers?: Record<string, string>;
}

export interface Sent extends IHttpRequestOptions {
	/** Name of the credential that n8n was asked to sign with, null for a request without one. */
	credential: string | null;
}

/** Answers a request as Meta would; throws what a network failure would throw. */
export type Respond = (request: Sent) => Answer;

const placed: Respond = () => ({
	statusCode: 200,
	body: { messaging_product: 'whatsapp', calls: [{ id: 'wacid.NEW' }], success: true },
});

/** An answer of the Graph API with an error of Meta's in it. */
export const refusal = (statusCode: number, code: number): Answer => ({
	statusCode,
	body: { error: { message: 'said', code } },
});

export const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

export const fileAnswer = (bytes: Buffer, headers: Record<string, string> = {}): Answer => ({
	statusCode: 200,
	headers,
	body: Readable.from([bytes]),
});

/** What the nodes use of an n8n context, with every request captured and every file kept. */
function fakeContext(parameters: IDataObject, respond: Respond) {
	const sent: Sent[] = [];
	const files: Array<{ bytes: Buffer; fileName: string; mimeType: string }> = [];
	const logged: string[] = [];
	const send = async (options: IHttpRequestOptions, credential: string | null) => {
		const request = { ...options, credential };
		sent.push(request);
		return { headers: {}, ...respond(request) };
	};
	const log = (message: string) => void logged.push(message);
	const context = {
		getNode: () => NODE,
		getWorkflow: () => ({ id: 'workflow-1' }),
		getInstanceId: () => 'instance-1',
		getMode: () => 'manual',
		getCredentials: async () => CREDENTIAL,
		continueOnFail: () => false,
		getInputData: () => [{ json: {} }],
		logger: { debug: log, info: log, warn: log, error: log },
		helpers: {
			httpRequest: async (options: IHttpRequestOptions) => await send(options, null),
			async httpRequestWithAuthentication(name: string, options: IHttpRequestOptions) {
				return await send(options, name);
			},
			async prepareBinaryData(stream: Readable, fileName: string, mimeType: string) {
				const chunks: Buffer[] = [];
				for await (const chunk of stream) chunks.push(chunk as Buffer);
				const bytes = Buffer.concat(chunks);
				files.push({ bytes, fileName, mimeType });
				return { data: bytes.toString('base64'), bytes: bytes.length, mimeType, fileName };
			},
		},
	};
	const parameter = (name: string, fallback: unknown): unknown => {
		const found = name
			.split('.')
			.reduce<unknown>((value, key) => (value as IDataObject | undefined)?.[key], parameters);
		return found === undefined ? fallback : found;
	};
	return { context, sent, files, logged, parameter };
}

export function fakeExecution(parameters: IDataObject, respond: Respond = placed) {
	const { context, parameter, ...seen } = fakeContext(parameters, respond);
	const executeData = {};
	const execution = {
		...context,
		getExecuteData: () => executeData,
		getNodeParameter: (name: string, _itemIndex: number, fallback?: unknown) =>
			parameter(name, fallback),
	};
	return { ...seen, context: execution as unknown as IExecuteFunctions };
}

export interface FakeRequest {
	rawBody?: Buffer;
	headers?: Record<string, unknown>;
	query?: Record<string, unknown>;
}

export function fakeWebhook(
	parameters: IDataObject,
	{ rawBody, headers = {}, query = {} }: FakeRequest = {},
	respond: Respond = placed,
) {
	const { context, parameter, ...seen } = fakeContext(parameters, respond);
	const answer = {
		status: 0,
		body: undefined as unknown,
		headers: {} as Record<string, string>,
	};
	const response = {
		statusCode: 200,
		headersSent: false,
		closed: false,
		status(code: number) {
			answer.status = code;
			return response;
		},
		set(more: Record<string, string>) {
			Object.assign(answer.headers, more);
			return response;
		},
		end(body?: unknown) {
			answer.body = body;
			return response;
		},
		once: () => response,
	};
	const webhook = {
		...context,
		getNodeParameter: (name: string, fallback?: unknown) => parameter(name, fallback),
		getRequestObject: () => ({ rawBody, headers, path: new URL(WEBHOOK_URL).pathname }),
		getHeaderData: () => headers,
		getQueryData: () => query,
		getNodeWebhookUrl: () => WEBHOOK_URL,
		getWorkflowStaticData: (): IDataObject => ({}),
		getResponseObject: () => response,
	};
	return { ...seen, answer, context: webhook as unknown as IWebhookFunctions };
}
