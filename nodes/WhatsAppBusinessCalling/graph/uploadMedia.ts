import { z } from 'zod';

import { multipartForm } from '../http/multipart';
import type { Account } from './account';
import { graphRequest, parseResponse } from './request';
import { idText } from './scalars';
import type { GraphContext, Result } from './types';

const uploadedSchema = z.object({ id: idText }).transform(({ id }) => id);

/**
 * Uploads a file for a phone number. Meta keeps it for 30 days.
 *
 * @param more parameters besides the file and its type
 * @returns the media ID
 * @source Meta, "Media": `POST /<PHONE_NUMBER_ID>/media`
 */
export async function uploadMedia(
	context: GraphContext,
	account: Account,
	phoneNumberId: string,
	file: { fileName: string; mimeType: string; bytes: Buffer },
	more: Record<string, string> = {},
): Promise<Result<string>> {
	const fields = { messaging_product: 'whatsapp', type: file.mimeType, ...more };
	const response = await graphRequest(context, account, {
		method: 'POST',
		path: `${phoneNumberId}/media`,
		form: multipartForm(fields, file),
		// A file that was uploaded twice is of no consequence.
		repeat: 'freely',
	});
	return parseResponse(response, uploadedSchema, "Meta's response contains no media ID");
}
