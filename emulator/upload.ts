import type { PhoneNumber } from './account';
import { GraphError, invalidParameter, missingField } from './errors';
import type { GraphRequest } from './graphRequest';
import { contentOf, type Media, type MediaStore } from './media';
import { readOpusFile } from './rtc/opusFile';

const MB = 1024 * 1024;

/** Types and largest sizes (Meta, "Media": supported media types). */
const SIZES: Record<string, number> = {
	'audio/aac': 16 * MB,
	'audio/amr': 16 * MB,
	'audio/mpeg': 16 * MB,
	'audio/mp4': 16 * MB,
	'audio/ogg': 16 * MB,
	'application/pdf': 100 * MB,
	'text/plain': 100 * MB,
	'image/jpeg': 5 * MB,
	'image/png': 5 * MB,
	'image/webp': 500 * 1024,
	'video/3gpp': 16 * MB,
	'video/mp4': 16 * MB,
};

/** Meta, "Media": what was uploaded is kept for 30 days. */
const UPLOAD_LIFETIME_MS = 30 * 24 * 60 * 60_000;

/** Meta, "Call settings": the only use case, which keeps the file for as long as it is used. */
export const ANNOUNCEMENT_USE_CASE = 'call_voicemail_announcement';
const MAX_ANNOUNCEMENT_SECONDS = 60;

const FIELDS = [
	...['messaging_product', 'file', 'type', 'use_case', 'description'],
	...['access_token', 'appsecret_proof'],
];

/** `POST /<PHONE_NUMBER_ID>/media` (Meta, "Media upload API"): a form with a file. */
export async function receiveUpload(
	request: GraphRequest,
	number: PhoneNumber,
	store: MediaStore,
): Promise<Media> {
	const form = await readForm(request);
	if (form.get('messaging_product') !== 'whatsapp') throw missingField('messaging_product');
	const names: string[] = [];
	form.forEach((_, name) => names.push(name));
	for (const name of names) {
		if (!FIELDS.includes(name) || form.getAll(name).length > 1) {
			throw new GraphError(100, { message: `(#100) Unexpected key "${name}" in the form` });
		}
	}
	const file = form.get('file');
	if (!(file instanceof File)) throw fileRequired();
	const mimeType = file.type;
	const declared = form.get('type');
	const bareType = bare(mimeType);
	if (typeof declared !== 'string' || declared === '') {
		throw new GraphError(100, { message: '(#100) The parameter type is required.' });
	}
	if (bare(declared) !== bareType) {
		throw invalidParameter(`type is ${declared}, but the file is of type ${mimeType}`);
	}
	const maxBytes = SIZES[bareType];
	if (maxBytes === undefined) {
		throw invalidParameter(
			`Param file must be a file with one of the following types: ${Object.keys(SIZES).join(', ')}. Received file of type '${mimeType}'.`,
		);
	}
	const bytes = Buffer.from(await file.arrayBuffer());
	if (bytes.length === 0) throw invalidParameter('The file is empty');
	if (bytes.length > maxBytes) {
		throw invalidParameter(`The file is larger than ${maxBytes} bytes`);
	}
	const useCase = form.get('use_case');
	if (useCase !== null) checkAnnouncement(useCase, bareType, bytes);
	else if (bareType === 'audio/ogg') checkVoice(bytes);
	return store.add({
		content: contentOf(bytes),
		phoneNumberId: number.id,
		mimeType,
		lifetimeMs: useCase === null ? UPLOAD_LIFETIME_MS : Infinity,
		...(useCase !== null && { useCase: ANNOUNCEMENT_USE_CASE }),
	});
}

async function readForm({ headers, rawBody }: GraphRequest): Promise<FormData> {
	const contentType = headers['content-type'] ?? '';
	if (!/^multipart\/form-data;/i.test(contentType)) throw fileRequired();
	try {
		const body = new Uint8Array(rawBody);
		return await new Response(body, { headers: { 'content-type': contentType } }).formData();
	} catch {
		throw fileRequired();
	}
}

const fileRequired = () =>
	new GraphError(100, { message: '(#100) The parameter file is required.' });

const bare = (type: string) => (type.split(';')[0] ?? '').trim().toLowerCase();

/** Meta, "Media", about audio/ogg: Opus only, and mono only. */
function checkVoice(bytes: Buffer): void {
	const head = 27 + (bytes[26] ?? 0);
	if (bytes.toString('latin1', head, head + 8) !== 'OpusHead') {
		throw invalidParameter('Audio of the type audio/ogg must be Opus');
	}
	if (bytes[head + 9] !== 1) throw invalidParameter('Audio of the type audio/ogg must be mono');
}

/** Meta, "Call settings", voicemail: Ogg with Opus, less than 60 seconds. */
function checkAnnouncement(useCase: unknown, type: string, bytes: Buffer): void {
	if (useCase !== ANNOUNCEMENT_USE_CASE) {
		throw invalidParameter(`use_case must be ${ANNOUNCEMENT_USE_CASE}`);
	}
	if (type !== 'audio/ogg') throw invalidParameter('An announcement must be of type audio/ogg');
	let seconds: number;
	try {
		({ seconds } = readOpusFile(bytes));
	} catch (error) {
		throw invalidParameter(`The announcement is not Ogg Opus: ${(error as Error).message}`);
	}
	if (seconds >= MAX_ANNOUNCEMENT_SECONDS) {
		throw invalidParameter(`An announcement must be shorter than ${MAX_ANNOUNCEMENT_SECONDS} s`);
	}
}
