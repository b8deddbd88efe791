import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findAddresses } from './addresses';
import { CallMedia, type MediaOrder, type MediaProblem, type UserMediaSettings } from './callMedia';
import { readOpusFile } from './opusFile';
import type * as Secure from './secure';

export interface WebRtcOptions extends Partial<Omit<UserMediaSettings, 'addresses'>> {
	/** IPv4 address of this machine that the media comes from and goes to. Default 127.0.0.1. */
	mediaAddress?: string;
}

const AUDIO = join(__dirname, '../../test/fixtures/audio');
const packetsOfFile = (name: string) => readOpusFile(readFileSync(join(AUDIO, name))).streams[0];

/** Users of WhatsApp as WebRTC peers: one peer for each call. */
export class WebRtcUsers {
	private readonly calls = new Map<string, CallMedia>();
	private library: typeof Secure | undefined;
	private settings: UserMediaSettings | undefined;

	constructor(private readonly options: WebRtcOptions) {}

	/**
	 * Loads the WebRTC library, which emulators without media never do. Throws where the media address
	 * cannot be used.
	 */
	async load(): Promise<void> {
		// Not `import()`, whose paths need an extension that Jest does not find.
		this.library = require('./secure') as typeof Secure;
		const { mediaAddress = '127.0.0.1', ...options } = this.options;
		this.settings = {
			addresses: await findAddresses(mediaAddress),
			announcement: packetsOfFile('announcement.ogg'),
			voice: packetsOfFile('user.ogg'),
			noMediaAtStartMs: 20_000,
			noMediaLaterMs: 30_000,
			network: {},
			...options,
		};
	}

	/** The user's end of a new call. */
	join(callId: string, order: MediaOrder, onProblem: (problem: MediaProblem) => void): CallMedia {
		if (!this.library || !this.settings) throw new Error('The emulator is not running');
		const media = new CallMedia(this.settings, this.library, order, onProblem);
		this.calls.set(callId, media);
		return media;
	}

	/** Undefined where the call has no media. */
	get(callId: string): CallMedia | undefined {
		return this.calls.get(callId);
	}

	stop(): void {
		for (const media of this.calls.values()) media.end();
	}
}
