import { randomUUID } from 'crypto';

/** A form as bytes, for the body of a request. */
export interface MultipartForm {
	contentType: string;
	bytes: Buffer;
}

/**
 * Writes a form with one file, `file` (RFC 7578). n8n has no type for forms that a package could use without
 * importing one.
 *
 * @param fields names and values, which must not hold line breaks or quotation marks
 */
export function multipartForm(
	fields: Record<string, string>,
	file: { fileName: string; mimeType: string; bytes: Buffer },
): MultipartForm {
	const boundary = randomUUID();
	const part = (name: string, more = '') =>
		`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n`;
	const texts = Object.entries(fields).map(([name, value]) => `${part(name)}\r\n${value}\r\n`);
	const head = `${part('file', `; filename="${file.fileName}"`)}Content-Type: ${file.mimeType}\r\n\r\n`;
	return {
		contentType: `multipart/form-data; boundary=${boundary}`,
		bytes: Buffer.concat([
			Buffer.from(texts.join('') + head),
			file.bytes,
			Buffer.from(`\r\n--${boundary}--\r\n`),
		]),
	};
}
