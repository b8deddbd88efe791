import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock';
import { newAttachmentId, newMediaId, newUrlHash } from './ids';

/** The bytes of a file, wherever they come from; each `open` reads them from the start. */
export interface MediaContent {
	sizeBytes: number;
	sha256Hex: string;
	open(): AsyncIterable<Buffer>;
}

export interface Media {
	id: string;
	/** The `mid` of download URLs; not the media ID. */
	attachmentId: string;
	phoneNumberId: string;
	mimeType: string;
	/** What an uploaded file is for; left out for messages. */
	useCase?: string;
	content: MediaContent;
	/** Announced hashes; differ from the content's own when a test wants a mismatch. */
	sha256Hex: string;
	sha256Base64: string;
	sizeBytes: number;
	/** As the Media API gives it; differs from the content's when a test wants that. */
	announcedSize: number;
	/** Unix milliseconds by the emulator's clock. */
	expiresAt: number;
	/** The same; the media host has the file only from then on. */
	availableAt: number;
}

/** Meta, "Call recording": a download URL lives for 5 minutes, a recording for 7 days. */
export const URL_LIFETIME_MS = 5 * 60_000;
export const MEDIA_LIFETIME_MS = 7 * 24 * 60 * 60_000;

export const DEFAULT_RECORDING = join(__dirname, '../test/fixtures/audio/call-recording.ogg');
export const RECORDING_MIME_TYPE = 'audio/ogg; codecs=opus';

export class MediaStore {
	private readonly byId = new Map<string, Media>();
	private readonly urls = new Map<string, { media: Media; expiresAt: number }>();

	constructor(private readonly clock: Clock) {}

	add(media: {
		content: MediaContent;
		phoneNumberId: string;
		mimeType: string;
		/** Hex or base64. */
		sha256Override?: string;
		announcedSize?: number;
		availableAfterMs?: number;
		/** 7 days if left out. */
		lifetimeMs?: number;
		useCase?: string;
		id?: string;
	}): Media {
		const sha256Hex = toHex(media.sha256Override ?? media.content.sha256Hex);
		const stored: Media = {
			id: media.id ?? newMediaId(),
			attachmentId: newAttachmentId(),
			phoneNumberId: media.phoneNumberId,
			mimeType: media.mimeType,
			...(media.useCase !== undefined && { useCase: media.useCase }),
			content: media.content,
			sha256Hex,
			sha256Base64: Buffer.from(sha256Hex, 'hex').toString('base64'),
			sizeBytes: media.content.sizeBytes,
			announcedSize: media.announcedSize ?? media.content.sizeBytes,
			expiresAt: this.clock.now() + (media.lifetimeMs ?? MEDIA_LIFETIME_MS),
			availableAt: this.clock.now() + (media.availableAfterMs ?? 0),
		};
		this.byId.set(stored.id, stored);
		return stored;
	}

	/** Undefined when there is none, or its time is over. */
	get(id: string): Media | undefined {
		const media = this.byId.get(id);
		return media && media.expiresAt > this.clock.now() ? media : undefined;
	}

	delete(id: string): boolean {
		return this.byId.delete(id);
	}

	/** A new download URL, good for 5 minutes. */
	newUrl(media: Media, baseUrl: string): string {
		const expiresAt = this.clock.now() + URL_LIFETIME_MS;
		const hash = newUrlHash();
		this.urls.set(hash, { media, expiresAt });
		const query = new URLSearchParams({
			mid: media.attachmentId,
			ext: String(Math.floor(expiresAt / 1000)),
			hash,
		});
		return `${baseUrl}/whatsapp_business/attachments/?${query.toString()}`;
	}

	/** The media of a download URL that is whole, fresh, and whose file still exists. */
	byUrl(query: URLSearchParams): Media | undefined {
		const url = this.urls.get(query.get('hash') ?? '');
		if (!url || url.expiresAt <= this.clock.now()) return undefined;
		if (query.get('mid') !== url.media.attachmentId) return undefined;
		if (query.get('ext') !== String(Math.floor(url.expiresAt / 1000))) return undefined;
		const media = this.get(url.media.id);
		return media && media.availableAt <= this.clock.now() ? media : undefined;
	}

	/** The media that a download URL was made for, however stale: to match faults. */
	idByUrl(query: URLSearchParams): string | undefined {
		return this.urls.get(query.get('hash') ?? '')?.media.id;
	}

	expireUrls(): void {
		for (const url of this.urls.values()) url.expiresAt = this.clock.now();
	}
}

function toHex(sha256: string): string {
	if (/^[0-9a-f]{64}$/i.test(sha256)) return sha256.toLowerCase();
	const bytes = Buffer.from(sha256, 'base64');
	if (bytes.length !== 32) throw new Error(`Not a SHA-256 in hex or base64: ${sha256}`);
	return bytes.toString('hex');
}

export function contentOf(bytes: Buffer | string): MediaContent {
	const buffer = Buffer.from(bytes);
	return {
		sizeBytes: buffer.length,
		sha256Hex: createHash('sha256').update(buffer).digest('hex'),
		async *open() {
			yield buffer;
		},
	};
}

export async function contentOfFile(path: string): Promise<MediaContent> {
	const open = (): AsyncIterable<Buffer> => createReadStream(path);
	return { sizeBytes: statSync(path).size, sha256Hex: await hash(open()), open };
}

const BLOCK_BYTES = 64 * 1024;

/**
 * A file of any size that is never in memory as a whole: the same seed gives the same bytes. It
 * starts as an Ogg file does; the rest is noise.
 */
export async function createSyntheticMedia(file: {
	sizeBytes: number;
	seed?: number;
}): Promise<MediaContent> {
	const open = () => noise(file.sizeBytes, file.seed ?? 1);
	return { sizeBytes: file.sizeBytes, sha256Hex: await hash(open()), open };
}

async function* noise(sizeBytes: number, seed: number): AsyncGenerator<Buffer> {
	const key = createHash('sha256').update(`seed ${seed}`).digest();
	const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
	const zeros = Buffer.alloc(BLOCK_BYTES);
	for (let sent = 0; sent < sizeBytes; sent += BLOCK_BYTES) {
		const block = stream.update(zeros.subarray(0, Math.min(BLOCK_BYTES, sizeBytes - sent)));
		if (sent === 0) block.write('OggS', 0, 'latin1');
		yield block;
	}
}

async function hash(chunks: AsyncIterable<Buffer>): Promise<string> {
	const sha256 = createHash('sha256');
	for await (const chunk of chunks) sha256.update(chunk);
	return sha256.digest('hex');
}
