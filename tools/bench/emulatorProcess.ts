import { createHash } from 'node:crypto';
import { startEmulator, type Emulator, type MediaContent } from '../../emulator';
import { takeOrders } from '../../test/support/child';

/** An update of a recording, as it goes into a delivery. */
export interface Recording {
	update: { phoneNumberId: string; field: string; value: Record<string, unknown> };
	url: string;
	sha256Hex: string;
}

export interface EmulatorFacts {
	baseUrl: string;
	accessToken: string;
	businessAccountId: string;
	appId: string;
	appSecret: string;
	phoneNumberIds: string[];
}

const BLOCK_BYTES = 1024 * 1024;

let emulator: Emulator;

/** Files are noise in memory: what is measured must not wait for the disk of who sends. */
const contents = new Map<number, MediaContent>();

function contentOfSize(sizeBytes: number): MediaContent {
	const known = contents.get(sizeBytes);
	if (known) return known;
	const bytes = Buffer.alloc(sizeBytes);
	for (
		let at = 0, seed = createHash('sha256').update(`${sizeBytes}`).digest();
		at < sizeBytes;
		at += 32
	) {
		seed.copy(bytes, at);
		if (at % BLOCK_BYTES === 0) seed = createHash('sha256').update(seed).digest();
	}
	const content: MediaContent = {
		sizeBytes,
		sha256Hex: createHash('sha256').update(bytes).digest('hex'),
		async *open() {
			for (let at = 0; at < sizeBytes; at += BLOCK_BYTES)
				yield bytes.subarray(at, at + BLOCK_BYTES);
		},
	};
	contents.set(sizeBytes, content);
	return content;
}

takeOrders({
	async start(): Promise<EmulatorFacts> {
		emulator = await startEmulator({ redeliveryDelaysMs: [] });
		const { account, baseUrl } = emulator;
		return {
			baseUrl,
			accessToken: account.accessToken,
			businessAccountId: account.businessAccountId,
			appId: account.appId,
			appSecret: account.appSecret,
			phoneNumberIds: account.phoneNumbers.map(({ id }) => id),
		};
	},
	/** So many new recordings of a size; their number is the account's first unless told. */
	async record(order: {
		count: number;
		sizeBytes: number;
		phoneNumberId?: string;
	}): Promise<Recording[]> {
		emulator.forget();
		const content = contentOfSize(order.sizeBytes);
		const recordings: Recording[] = [];
		for (let i = 0; i < order.count; i++) {
			const { update, event, media } = await emulator.createRecording({
				content,
				...(order.phoneNumberId !== undefined && { phoneNumberId: order.phoneNumberId }),
			});
			const { audio } = event.call_recording as { audio: { url: string } };
			recordings.push({ update, url: audio.url, sha256Hex: media.sha256Hex });
		}
		return recordings;
	},
});
