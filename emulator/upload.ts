import { GraphError, invalidParameter } from './errors';
import type { GraphRequest } from './graphRequest';

const MB = 1024 * 1024;

/** Meta, "Media": supported types, and the size in bytes up to which they are taken. */
const TYPES: Record<string, number> = {
	'audio/aac': 16 * MB,
	'audio/amr': 16 * MB,
	'audio/mpeg': 16 * MB,
	'audio/mp4': 16 * MB,
	'audio/ogg': 16 * MB,
	'image/jpeg': 5 * MB,
	'image/png': 5 * MB,
	'video/3gpp': 16 * MB,
	'video/mp4': 16 * MB,
	'application/pdf': 100 * MB,
	'text/plain': 100 * MB,
};

const PARAMETERS = [
	'messaging_product',
	'type',
	'use_case',
	'file',
	'access_token',
	'appsecret_proof',
];

interface Part {
	name: string;
	fileName: string | undefined;
	mimeType: string | undefined;
	bytes: Buffer;
}

/** A file as `POST /<PHONE_NUMBER_ID>/media` takes it: a form with the file, its type and the product. */
export function readUpload(request: GraphRequest): { mimeType: string; bytes: Buffer } {
	const parts = readForm(request.headers['content-type'] ?? '', request.rawBody);
	const unknown = parts.find(({ name }) => !PARAMETERS.includes(name));
	if (unknown) {
		throw new GraphError(100, { message: `(#100) Unexpected key "${unknown.name}" in the form` });
	}
	const part = (name: string) => {
		const found = parts.find((one) => one.name === name);
		if (!found || found.bytes.length === 0) throw missing(name);
		return found;
	};
	if (part('messaging_product').bytes.toString() !== 'whatsapp') throw missing('messaging_product');
	const type = part('type').bytes.toString();
	const file = part('file');
	if (file.fileName === undefined) throw missing('file');
	// A codec may be named behind the type.
	const mimeType = type.split(';')[0]?.trim() ?? '';
	for (const given of [mimeType, file.mimeType?.split(';')[0]?.trim() ?? '']) {
		if (!(given in TYPES)) throw wrongType(given);
	}
	if (file.mimeType?.split(';')[0]?.trim() !== mimeType) throw wrongType(file.mimeType ?? '');
	if (file.bytes.length > (TYPES[mimeType] ?? 0)) {
		throw invalidParameter(`The file is larger than Meta takes files of the type ${mimeType}`);
	}
	if (mimeType === 'audio/ogg') checkOpus(file.bytes);
	return { mimeType, bytes: file.bytes };
}

const missing = (name: string) =>
	new GraphError(100, { message: `(#100) The parameter ${name} is required.` });

const wrongType = (type: string) =>
	new GraphError(100, {
		message: `(#100) Param file must be a file with one of the following types: ${Object.keys(TYPES).join(', ')}. Received file of type '${type}'.`,
	});

/** Meta, "Media", about audio/ogg: "OPUS codecs only", and mono only. */
function checkOpus(bytes: Buffer): void {
	const isOgg = bytes.subarray(0, 4).toString('latin1') === 'OggS';
	const head = 27 + (bytes[26] ?? 0);
	if (!isOgg || bytes.subarray(head, head + 8).toString('latin1') !== 'OpusHead') {
		throw wrongType('audio/ogg without Opus');
	}
	if (bytes[head + 9] !== 1) throw invalidParameter('Audio of the type audio/ogg must be mono');
}

/** RFC 7578. Throws what Meta answers to a body that is no form: that nothing was in it. */
function readForm(contentType: string, body: Buffer): Part[] {
	const boundary = /^multipart\/form-data;.*\bboundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
	if (!boundary) throw missing('messaging_product');
	const delimiter = Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`);
	const whole = Buffer.concat([Buffer.from('\r\n'), body]);
	const parts: Part[] = [];
	let start = whole.indexOf(delimiter);
	if (start !== 0) throw missing('messaging_product');
	for (;;) {
		const from = start + delimiter.length;
		if (whole.subarray(from, from + 2).toString() === '--') return parts;
		const end = whole.indexOf(delimiter, from);
		const headEnd = whole.indexOf('\r\n\r\n', from);
		if (whole.subarray(from, from + 2).toString() !== '\r\n' || end < 0 || headEnd < 0) {
			throw missing('file');
		}
		const head = whole.subarray(from + 2, headEnd).toString();
		const disposition = /^content-disposition: form-data;(.*)$/im.exec(head)?.[1] ?? '';
		const name = /\bname="([^"]*)"/.exec(disposition)?.[1];
		if (name === undefined) throw missing('file');
		parts.push({
			name,
			fileName: /\bfilename="([^"]*)"/.exec(disposition)?.[1],
			mimeType: /^content-type: *(.*)$/im.exec(head)?.[1]?.trim(),
			bytes: whole.subarray(headEnd + 4, end),
		});
		start = end;
	}
}
