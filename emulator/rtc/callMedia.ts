import { randomInt } from 'node:crypto';
import type { BusinessDescription } from '../businessSdp';
import { answerTo, makeSdp, UNREACHABLE_IPV6, type DtlsSetup } from '../sdp';
import type { MediaAddresses } from './addresses';
import { IceLite } from './iceLite';
import type { BadNetwork } from './network';
import { SILENCE } from './opus';
import { Recorder } from './recorder';
import type * as Secure from './secure';
import { Speaker } from './speaker';

/** How the user of a call with media behaves. */
export interface UserMediaSettings {
	addresses: MediaAddresses;
	/** What is played to the business before a recording begins; Opus packets of 20 ms. */
	announcement: Buffer[];
	/** What the user says then; after it, the user is silent. */
	voice: Buffer[];
	/** Milliseconds without audio of the business after which the call ends, at its start and later. */
	noMediaAtStartMs: number;
	noMediaLaterMs: number;
	network: BadNetwork;
}

/** What is wanted of the user in one call. */
export interface MediaOrder {
	/** The business's, of a call that it places; undefined where the user calls. */
	offer: BusinessDescription | undefined;
	/** The role in the handshake that the answer to the offer names. */
	answerSetup: DtlsSetup;
	/** The user sends nothing until the business is heard. */
	silentUntilHeard: boolean;
}

/**
 * `preparing`: no SDP yet. `waiting`: SDP is out. `connected`: encrypted audio can flow; the user sends
 * silence once the call has been answered. When the business is heard: `announcing`, if the call is
 * recorded, and `talking`.
 */
export type MediaPhase = 'preparing' | 'waiting' | 'connected' | 'announcing' | 'talking' | 'ended';

export interface MediaReport {
	phase: MediaPhase;
	packetsSent: number;
	packetsReceived: number;
	/** Packets of the business before the call was answered, which Meta throws away. */
	packetsTooEarly: number;
	/** Packets that are no 20 ms of Opus, have another payload type, or could not be decrypted. */
	packetsRefused: number;
	/** Connectivity checks with a wrong name, password or role. */
	checksRefused: number;
	/** Length of the recording so far. */
	recordedSeconds: number;
	/** What is odd in the business's SDP or audio, a sentence each. */
	warnings: string[];
	/** Why no connection came about. */
	failure?: string;
}

/** Why a call ends by itself; the codes that Meta gives in the terminate webhook. */
export interface MediaProblem {
	code: number;
	message: string;
	details: string;
}

const TICKS_A_SECOND = 50;
const WATCH_MS = 50;

/** The WhatsApp user's end of one call: a WebRTC peer that plays the announcement, talks and records. */
export class CallMedia {
	phase: MediaPhase = 'preparing';
	/** WhatsApp's SDP. */
	readonly sdp: Promise<string>;
	/** Each rejects when the call ends before. */
	readonly connected: Promise<void>;
	/** The announcement is over, or there was none: from here on is recorded. */
	readonly talking: Promise<void>;
	/** The user has nothing more to say. */
	readonly said: Promise<void>;

	private readonly path: IceLite;
	private readonly recorder = new Recorder();
	private readonly speaker: Speaker;
	private readonly milestones: Record<'connected' | 'talking' | 'said', Milestone> = {
		connected: new Milestone('it was connected'),
		talking: new Milestone('the announcement was over'),
		said: new Milestone('the user had said everything'),
	};
	private readonly ssrc = randomInt(1, 2 ** 32);
	private certificate: Secure.Certificate | undefined;
	private business: BusinessDescription | undefined;
	private secure: Secure.SecureMedia | undefined;
	/** True where the call is recorded or transcribed, so that it must be announced. */
	private captured: boolean | undefined;
	/** Ticks at which the announcement and the talk begin. */
	private announceTick = Infinity;
	private talkTick = Infinity;
	/** Milliseconds since the business was heard last. */
	private quiet = 0;
	private received = 0;
	/** Of the business's audio. */
	private readonly ssrcs = new Set<number>();
	private tooEarly = 0;
	private otherPayload = 0;
	private failure: string | undefined;
	private watch: NodeJS.Timeout | undefined;

	/** @param onProblem the call cannot go on */
	constructor(
		private readonly settings: UserMediaSettings,
		private readonly library: typeof Secure,
		private readonly order: MediaOrder,
		private readonly onProblem: (problem: MediaProblem) => void,
	) {
		this.business = order.offer;
		const { connected, talking, said } = this.milestones;
		[this.connected, this.talking, this.said] = [connected.reached, talking.reached, said.reached];
		this.path = new IceLite(settings.network, settings.addresses);
		this.path.onPath = () => this.secure?.start();
		this.speaker = new Speaker(
			(tick) => this.packetAt(tick),
			(packet) => this.send(packet),
		);
		this.sdp = this.prepare();
		this.sdp.catch(() => undefined);
	}

	/** The business's answer to the offer. */
	answer(description: BusinessDescription): void {
		if (this.business) return;
		this.business = description;
		this.connect();
	}

	/** The call has been accepted, or picked up. */
	answered({ captured }: { captured: boolean }): void {
		this.captured = captured;
		let last = performance.now();
		this.watch = setInterval(() => {
			const now = performance.now();
			// A machine that stands still hears nothing, either.
			this.quiet += Math.min(now - last, 2 * WATCH_MS);
			last = now;
			this.checkMedia();
		}, WATCH_MS);
		this.speak();
	}

	/** The call is over: gives the recording, where there is one. */
	end(): { file: Buffer; seconds: number } | undefined {
		if (this.phase === 'ended') return undefined;
		this.phase = 'ended';
		clearInterval(this.watch);
		this.speaker.stop();
		this.secure?.close();
		// A socket can only be closed once it is open.
		void this.sdp.catch(() => undefined).then(() => this.path.close());
		for (const milestone of Object.values(this.milestones)) milestone.miss();
		return this.recorder.finish(this.speaker.ticks);
	}

	report(): MediaReport {
		const recorded = this.recorder.started ? this.speaker.ticks - this.talkTick : 0;
		return {
			phase: this.phase,
			packetsSent: this.speaker.ticks,
			packetsReceived: this.received,
			packetsTooEarly: this.tooEarly,
			packetsRefused:
				this.recorder.refused + this.otherPayload + (this.secure?.undecipherable ?? 0),
			checksRefused: this.path.refusedChecks,
			recordedSeconds: recorded / TICKS_A_SECOND,
			warnings: [...(this.business?.warnings ?? []), ...this.oddities()],
			...(this.failure !== undefined && { failure: this.failure }),
		};
	}

	private async prepare(): Promise<string> {
		const [port, certificate] = await Promise.all([
			this.path.open(),
			this.library.SecureMedia.makeCertificate(),
		]);
		this.certificate = certificate;
		if (this.phase === 'preparing') this.phase = 'waiting';
		const { business } = this;
		const { ipv4, ipv6 = UNREACHABLE_IPV6 } = this.settings.addresses;
		const sdp = makeSdp(business ? 'answer' : 'offer', {
			ipv4,
			ipv6,
			port,
			setup: business ? answerTo(business.opensDtls, this.order.answerSetup) : 'actpass',
			iceUfrag: this.path.ufrag,
			icePassword: this.path.password,
			fingerprint: certificate.fingerprint,
			ssrc: this.ssrc,
			...(business && {
				mid: business.mid,
				opus: business.opus,
				telephoneEvent: business.telephoneEvent,
			}),
		});
		if (this.phase === 'waiting') this.connect();
		return sdp;
	}

	private connect(): void {
		const { business, certificate } = this;
		if (!business || !certificate || this.secure) return;
		const role = answerTo(business.opensDtls, this.order.answerSetup);
		this.secure = new this.library.SecureMedia(this.path, certificate, business, role);
		this.secure.onConnected = () => {
			if (this.phase !== 'waiting') return;
			this.phase = 'connected';
			this.milestones.connected.reach();
			this.speak();
		};
		this.secure.onFailed = (reason) => {
			this.failure ??= reason;
		};
		this.secure.onRtp = (packet) => this.hear(packet);
		this.path.expect(business.iceUfrag);
	}

	private speak(): void {
		if (this.phase !== 'connected' || this.captured === undefined) return;
		if (!this.order.silentUntilHeard) this.speaker.start();
	}

	private packetAt(tick: number): Buffer {
		const { announcement, voice } = this.settings;
		const spoken = tick - this.talkTick;
		if (spoken < 0) return announcement[tick - this.announceTick] ?? SILENCE;
		if (spoken === 0) {
			this.phase = 'talking';
			this.recorder.start(tick);
			this.milestones.talking.reach();
		}
		// The last packet is on its way.
		if (spoken === voice.length) this.milestones.said.reach();
		const packet = voice[spoken] ?? SILENCE;
		this.recorder.addUser(tick, packet);
		return packet;
	}

	private send(packet: Parameters<ConstructorParameters<typeof Speaker>[1]>[0]): void {
		const { payload, ...header } = packet;
		const payloadType = this.business?.opus ?? 111;
		this.secure?.send({ version: 2, payloadType, ssrc: this.ssrc, ...header }, payload);
	}

	private hear({ payloadType, ssrc, timestamp, payload }: Secure.ReceivedRtp): void {
		if (this.captured === undefined) {
			this.tooEarly++;
			return;
		}
		// Keypad tones are heard by nobody here.
		if (payloadType === this.business?.telephoneEvent) return;
		if (payloadType !== this.business?.opus) {
			this.otherPayload++;
			return;
		}
		this.received++;
		this.ssrcs.add(ssrc);
		this.quiet = 0;
		if (this.phase === 'connected') {
			if (this.order.silentUntilHeard) this.speaker.start();
			const length = this.captured ? this.settings.announcement.length : 0;
			this.announceTick = this.speaker.ticks;
			this.talkTick = this.announceTick + length;
			this.phase = 'announcing';
		}
		this.recorder.addBusiness(ssrc, timestamp, payload, this.speaker.tickNow());
	}

	private oddities(): string[] {
		const { size } = this.ssrcs;
		if (size < 2) return [];
		return [`The audio of the business came with ${size} SSRCs: send one stream in a call`];
	}

	/** Meta, "Troubleshooting": without media of the business the client hangs up. */
	private checkMedia(): void {
		const { noMediaAtStartMs, noMediaLaterMs } = this.settings;
		const limit = this.received > 0 ? noMediaLaterMs : noMediaAtStartMs;
		if (this.quiet < limit) return;
		clearInterval(this.watch);
		this.onProblem(
			this.phase === 'waiting'
				? {
						code: 138023,
						message: 'Call ended without media',
						details: this.failure ?? 'The call was accepted, and no connection came about',
					}
				: {
						code: 138021,
						message: 'Media receive timeout',
						details: `No audio of the business for ${limit / 1000} seconds`,
					},
		);
	}
}

/** Something that a call reaches, or ends without. */
class Milestone {
	readonly reached: Promise<void>;
	reach: () => void = () => {};
	private reject: (error: Error) => void = () => {};

	constructor(private readonly description: string) {
		this.reached = new Promise((resolve, reject) => {
			this.reach = resolve;
			this.reject = reject;
		});
		this.reached.catch(() => undefined);
	}

	miss(): void {
		this.reject(new Error(`The call ended before ${this.description}`));
	}
}
