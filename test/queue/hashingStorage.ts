import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LocalServer } from '../support/localServer';

export interface StoredObject {
	/** SHA-256 of the bytes that came last, in base64. */
	sha256: string;
	sizeBytes: number;
	/** How often it was put, whole. */
	puts: number;
	/** How many different contents it has had. */
	contents: number;
}

/** The operator's storage: takes files by PUT, and knows their hashes instead of their bytes. */
export class HashingStorage extends LocalServer {
	readonly objects = new Map<string, StoredObject>();

	/** Paths of the uploads that ended before they were answered: what wrote them is gone. */
	readonly cut: string[] = [];

	private gate: Promise<void> = Promise.resolve();

	private openGate = () => {};

	private heldNow = 0;

	/** From now on files are taken, but not answered until `release`. */
	hold(): void {
		this.gate = new Promise((resolve) => (this.openGate = resolve));
	}

	release(): void {
		this.openGate();
	}

	/** How many writers wait for their answer. */
	get held(): number {
		return this.heldNow;
	}

	forget(): void {
		this.objects.clear();
		this.cut.length = 0;
	}

	/** Where the example puts a recording, and which one it has put there. */
	static pathOf(mediaId: string): string {
		return `/recordings/call-recording-${mediaId}.ogg`;
	}

	static mediaIdIn(path: string): string {
		return /^\/recordings\/call-recording-(\w+)\.ogg$/.exec(path)?.[1] ?? path;
	}

	override async stop(): Promise<void> {
		this.release();
		await super.stop();
	}

	protected override async respond(
		request: IncomingMessage,
		response: ServerResponse,
	): Promise<void> {
		response.once('close', () => {
			if (!response.writableFinished) this.cut.push(request.url ?? '/');
		});
		const hash = createHash('sha256');
		let sizeBytes = 0;
		for await (const chunk of request as AsyncIterable<Buffer>) {
			hash.update(chunk);
			sizeBytes += chunk.length;
		}
		this.keep(request.url ?? '/', hash.digest('base64'), sizeBytes);
		this.heldNow++;
		await this.gate;
		this.heldNow--;
		response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
	}

	private keep(path: string, sha256: string, sizeBytes: number): void {
		const before = this.objects.get(path);
		this.objects.set(path, {
			sha256,
			sizeBytes,
			puts: (before?.puts ?? 0) + 1,
			contents: (before?.contents ?? 0) + (before?.sha256 === sha256 ? 0 : 1),
		});
	}
}
