import type { ServerResponse } from 'node:http';
import { errorForStatus, GraphError } from './errors';
import { contentOf, type MediaContent } from './media';
import type { EndpointKind, Fault } from './types';

export interface Answer {
	status: number;
	headers: Record<string, string>;
	content: MediaContent;
}

export function jsonAnswer(status: number, body: unknown): Answer {
	return {
		status,
		headers: { 'content-type': 'application/json; charset=UTF-8' },
		content: contentOf(JSON.stringify(body)),
	};
}

export function textAnswer(status: number, text: string): Answer {
	return {
		status,
		headers: { 'content-type': 'text/plain; charset=UTF-8' },
		content: contentOf(text),
	};
}

/** Whether a fault replaces the answer altogether, so that the request is not carried out. */
export function replacesAnswer(fault: Fault | undefined): fault is Fault {
	return (
		fault !== undefined &&
		(fault.status !== undefined ||
			fault.errorCode !== undefined ||
			fault.redirectTo !== undefined ||
			fault.reset === true ||
			fault.hang === true)
	);
}

/** The answer that a fault gives in place of the true one. */
export function faultAnswer(kind: EndpointKind, fault: Fault): Answer {
	if (fault.redirectTo !== undefined) {
		return {
			status: fault.status ?? 302,
			headers: { location: fault.redirectTo },
			content: contentOf(''),
		};
	}
	const known =
		fault.errorCode === undefined
			? errorForStatus(fault.status ?? 500)
			: new GraphError(fault.errorCode);
	const status = fault.status ?? known.status;
	if (typeof fault.body === 'string') return textAnswer(status, fault.body);
	if (fault.body !== undefined) return jsonAnswer(status, fault.body);
	if (kind === 'media' && fault.errorCode === undefined) return textAnswer(status, '');
	return jsonAnswer(status, known.body());
}

/** Writes an answer, spoilt as the fault says. Resolves when nothing more will be sent. */
export async function writeAnswer(
	response: ServerResponse,
	answer: Answer,
	fault: Fault = {},
): Promise<void> {
	if (fault.reset) {
		response.socket?.resetAndDestroy();
		return;
	}
	if (fault.hang) return;

	const size = fault.emptyBody
		? 0
		: Math.min(fault.truncateTo ?? Infinity, answer.content.sizeBytes);
	const toSend = Math.min(fault.cutAfterBytes ?? fault.stallAfterBytes ?? Infinity, size);
	const headers: Record<string, string> = { ...answer.headers };
	if (fault.contentType === null) delete headers['content-type'];
	else if (fault.contentType !== undefined) headers['content-type'] = fault.contentType;
	if (fault.unframed) response.useChunkedEncodingByDefault = false;
	if (!fault.chunked && !fault.unframed) {
		headers['content-length'] = String(size + (fault.contentLengthDelta ?? 0));
	}
	for (const [name, value] of Object.entries(fault.headers ?? {})) {
		headers[name.toLowerCase()] = value;
	}
	response.writeHead(answer.status, headers);
	response.flushHeaders();

	let sent = 0;
	if (toSend > 0) {
		for await (const block of answer.content.open()) {
			for (const piece of pieces(block.subarray(0, toSend - sent), fault.bytesPerSecond)) {
				if (!(await write(response, fault.wrongContent ? inverted(piece) : piece))) return;
				sent += piece.length;
				if (fault.bytesPerSecond !== undefined) await pause(TICK_MS);
			}
			if (sent >= toSend) break;
		}
	}
	if (fault.stallAfterBytes !== undefined) return;
	// A body that disagrees with its Content-Length can only be ended by ending the connection.
	if (sent >= size && !fault.contentLengthDelta) response.end();
	else if (fault.abruptly) response.socket?.resetAndDestroy();
	else response.socket?.destroySoon();
}

const TICK_MS = 50;

function* pieces(block: Buffer, bytesPerSecond: number | undefined): Generator<Buffer> {
	if (bytesPerSecond === undefined) {
		yield block;
		return;
	}
	const step = Math.max(1, Math.round((bytesPerSecond * TICK_MS) / 1000));
	for (let at = 0; at < block.length; at += step) yield block.subarray(at, at + step);
}

const inverted = (block: Buffer) => Buffer.from(block.map((byte) => byte ^ 0xff));

/** Waits for the receiver, so that a large file is never in memory; false when it has gone. */
async function write(response: ServerResponse, block: Buffer): Promise<boolean> {
	if (response.destroyed || response.socket?.destroyed !== false) return false;
	if (response.write(block)) return true;
	return await new Promise((resolve) => {
		const finish = (open: boolean) => {
			response.off('drain', drained);
			response.off('close', closed);
			resolve(open);
		};
		const drained = () => finish(true);
		const closed = () => finish(false);
		response.on('drain', drained);
		response.on('close', closed);
	});
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
