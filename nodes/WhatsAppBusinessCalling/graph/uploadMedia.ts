import { randomBytes } from 'crypto';
import { z } from 'zod';

import type { Account } from './account';
import { graphRequest, parseResponse } from './request';
import { idText } from './scalars';
import type { GraphContext, Result } from './types';

export interface Upload {
	phoneNumberId: string;
	content: Buffer;
	/** Without parameters, e.g. `audio/ogg`. */
	mimeType: string;
	/** Ours, and not that of the operator's file: it becomes part of a header. */
	fileName: string;
	/** What the file is for, if it is not for a message. */
	useCase?: 'call_voicemail_announcement';
}

const responseSchema = z.object({ id: idText });

/**
 * Uploads a file.
 *
 * @returns its media ID
 * @source Meta, "Media upload API": `POST /<PHONE_NUMBER_ID>/media`
 */
export async function uploadMedia(
	context: GraphContext,
	account: Account,
	upload: Upload,
): Promise<Result<string>> {
	const boundary = `----n8n${randomBytes(16).toString('hex')}`;
	const response = await graphRequest(context, account, {
		method: 'POST',
		path: `${upload.phoneNumberId}/media`,
		body: formOf(upload, boundary),
		contentType: `multipart/form-data; boundary=${boundary}`,
		repeat: 'freely',
	});
	const parsed = parseResponse(
		response,
		responseSchema,
		"Meta's response to the upload contains no media ID",
	);
	return parsed.ok ? { ok: true, value: parsed.value.id } : parsed;
}

/** By hand: n8n sends a form only if it was made with a package that nodes may not import. */
function formOf({ content, mimeType, fileName, useCase }: Upload, boundary: string): Buffer {
	const fields = {
		messaging_product: 'whatsapp',
		type: mimeType,
		...(useCase && { use_case: useCase }),
	};
	const parts = Object.entries(fields).map(
		([name, value]) =>
			`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
	);
	const file = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: ${mimeType}\r\n\r\n`;
	return Buffer.concat([
		Buffer.from(parts.join('') + file),
		content,
		Buffer.from(`\r\n--${boundary}--\r\n`),
	]);
}
