import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Request, type Response } from 'express';
import {
	faultAnswer,
	jsonAnswer,
	replacesAnswer,
	textAnswer,
	writeAnswer,
	type Answer,
} from './answer';
import { GraphError } from './errors';
import type { FaultQueue } from './faults';
import { answerGraph, findDownload, type GraphContext } from './graph';
import { isVersion, readRequest, servedVersion, type GraphRequest } from './graphRequest';
import { isObject } from './callRequest';
import { localPage, refuseOtherHosts, refuseOtherOrigins } from './localPage';
import type { Fault, LoggedRequest } from './types';

const HOST = '127.0.0.1';

export interface RunningServer {
	baseUrl: string;
	stop(): Promise<void>;
}

/** One origin for the Graph API, the media host, the orders and the page, on loopback only. */
export async function startServer(
	context: GraphContext,
	faults: FaultQueue,
	requests: LoggedRequest[],
	orders: express.Router,
	sleep: (ms: number) => Promise<boolean>,
): Promise<RunningServer> {
	const app = express();
	app.disable('x-powered-by');
	app.disable('etag');
	app.use(refuseOtherOrigins);
	app.use('/_emulator', refuseOtherHosts, orders);
	app.get('/', refuseOtherHosts, localPage(join(__dirname, 'page.html')));
	app.use(express.raw({ type: () => true, limit: '20mb' }));
	app.use(async (req: Request, res: Response) => {
		await serve(req, res, context, faults, requests, sleep);
	});

	const server = createServer(app);
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(context.settings.port, HOST, resolve);
	});
	const { port } = server.address() as AddressInfo;
	return { baseUrl: `http://${HOST}:${port}`, stop: () => close(server) };
}

function close(server: Server): Promise<void> {
	return new Promise((resolve) => {
		server.close(() => resolve());
		server.closeAllConnections();
	});
}

async function serve(
	req: Request,
	res: Response,
	context: GraphContext,
	faults: FaultQueue,
	requests: LoggedRequest[],
	sleep: (ms: number) => Promise<boolean>,
): Promise<void> {
	const rawBody = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
	const request = readRequest(req.method, req.originalUrl, req.headers, rawBody, context.account);
	const fault = takeFault(request, context, faults);
	const entry = logRequest(request, res, context, fault !== undefined);
	requests.push(entry);

	if (fault?.delayMs !== undefined && !(await sleep(fault.delayMs))) return;
	await fault?.until;
	const replaced = replacesAnswer(fault);
	const { answer, afterwards } =
		replaced && !fault.takesEffect
			? { answer: faultAnswer(request.kind, fault), afterwards: undefined }
			: await handle(request, context);
	if (afterwards) {
		if (fault?.hang) afterwards();
		else res.once('close', afterwards);
	}
	await writeAnswer(
		res,
		replaced && fault.takesEffect ? faultAnswer(request.kind, fault) : answer,
		fault,
	);
}

async function handle(
	request: GraphRequest,
	context: GraphContext,
): Promise<{ answer: Answer; afterwards?: () => void }> {
	if (request.kind === 'media') {
		const found = findDownload(request, context);
		return 'reason' in found
			? { answer: textAnswer(found.status, found.reason) }
			: {
					answer: {
						status: 200,
						headers: { 'content-type': found.mimeType },
						content: found.content,
					},
				};
	}
	try {
		const { body, afterwards } = await answerGraph(request, context);
		return {
			answer: withVersion(request, jsonAnswer(200, body)),
			...(afterwards && { afterwards }),
		};
	} catch (error) {
		if (!(error instanceof GraphError)) throw error;
		return { answer: withVersion(request, jsonAnswer(error.status, error.body())) };
	}
}

/** Meta names the version that has answered, if there is one (Meta, "Versioning"). */
function withVersion({ version }: GraphRequest, answer: Answer): Answer {
	if (!isVersion(version)) return answer;
	const headers = { ...answer.headers, 'facebook-api-version': servedVersion(version) };
	return { ...answer, headers };
}

function takeFault(
	request: GraphRequest,
	{ media }: GraphContext,
	faults: FaultQueue,
): Fault | undefined {
	const { kind, method, objectId, query, body } = request;
	const mediaId = kind === 'media' ? media.idByUrl(query) : objectId;
	return faults.take({
		kind,
		method,
		...(mediaId !== undefined && { mediaId }),
		phoneNumberId: objectId,
		...(isObject(body) && typeof body.action === 'string' && { action: body.action }),
	});
}

function logRequest(
	request: GraphRequest,
	res: Response,
	{ clock, settings }: GraphContext,
	faulty: boolean,
): LoggedRequest {
	const entry: LoggedRequest = {
		time: clock.now(),
		kind: request.kind,
		method: request.method,
		path: request.path,
		query: Object.fromEntries(request.query),
		headers: request.headers,
		body: request.body,
		rawBody: request.rawBody.toString(),
		faulty,
	};
	const started = performance.now();
	res.once('close', () => {
		entry.status = res.headersSent ? res.statusCode : 0;
		entry.durationMs = Math.round(performance.now() - started);
		const action =
			isObject(request.body) && typeof request.body.action === 'string'
				? ` ${request.body.action}`
				: '';
		settings.log(
			`request  ${entry.method} ${entry.path}${action}  ${entry.status} (${entry.durationMs} ms)${faulty ? '  fault injected' : ''}`,
		);
	});
	return entry;
}
