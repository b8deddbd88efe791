import express, { type Request, type Response } from 'express';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Of a request to a trigger of a version above 1. */
const PARSED_CONTENT_TYPE = /^(application\/(json|x-www-form-urlencoded)|text\/plain)|[/+]xml$/;

/**
 * Reads the body as n8n does for a trigger of a version above 1: the unzipped bytes in `rawBody`, JSON parsed
 * into `body`, other types only when the node asks. A form with files is read by n8n's form parser, which
 * leaves no raw body behind.
 *
 * @returns false where n8n has answered already
 */
export async function readBody(req: Request, res: Response): Promise<boolean> {
	const request = req as Request & { rawBody?: Buffer; readRawBody?: () => Promise<void> };
	const contentType = (req.headers['content-type'] ?? '').split(';')[0].trim();
	if (contentType === 'multipart/form-data') {
		for await (const chunk of req) void chunk;
		request.body = { data: {}, files: {} };
		request.readRawBody = async () => {
			throw new Error('Request body stream was aborted or is not readable');
		};
		return true;
	}
	request.readRawBody = async () => {
		if (request.rawBody) return;
		await new Promise<void>((resolve, reject) => {
			express.raw({ type: () => true, limit: MAX_BODY_BYTES })(req, res, (error?: unknown) =>
				error ? reject(error as Error) : resolve(),
			);
		});
		request.rawBody = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
		request.body = undefined;
	};
	// What n8n does not parse, it leaves to the node to read.
	if (!PARSED_CONTENT_TYPE.test(contentType)) return true;
	await request.readRawBody();
	const rawBody = request.rawBody ?? Buffer.alloc(0);
	request.body = {};
	if (rawBody.length > 0 && contentType === 'application/json') {
		try {
			request.body = JSON.parse(rawBody.toString());
		} catch {
			res.status(422).json({ code: 422, message: 'Failed to parse request body' });
			return false;
		}
	}
	return true;
}
