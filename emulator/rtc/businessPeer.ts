import {
	MediaStreamTrack,
	RTCPeerConnection,
	RTCRtpCodecParameters,
	RtpHeader,
	RtpPacket,
} from 'werift';
import { Speaker } from './speaker';

const OPUS = 111;

/** The business's end of a call, as a media server of an operator would be: werift's own peer. */
export class BusinessPeer {
	/** Payloads that came, in order. */
	readonly heard: Buffer[] = [];
	private readonly connection = new RTCPeerConnection({
		codecs: {
			audio: [
				new RTCRtpCodecParameters({
					mimeType: 'audio/opus',
					clockRate: 48_000,
					channels: 2,
					payloadType: OPUS,
				}),
			],
			video: [],
		},
		iceServers: [],
		iceUseIpv4: false,
		iceUseIpv6: false,
		iceAdditionalHostAddresses: ['127.0.0.1'],
		iceInterfaceAddresses: { udp4: '127.0.0.1' },
	});
	private readonly track = new MediaStreamTrack({ kind: 'audio' });
	private speaker: Speaker | undefined;

	constructor() {
		this.connection.addTrack(this.track);
		this.connection.onTrack.subscribe((track) => {
			track.onReceiveRtp.subscribe(({ payload }) => {
				this.heard.push(Buffer.from(payload));
			});
		});
	}

	get state(): string {
		return this.connection.connectionState;
	}

	async offer(): Promise<string> {
		return await this.describe(await this.connection.createOffer());
	}

	/** @param setup who opens the DTLS handshake: `active` is the business */
	async answer(sdp: string, setup: 'active' | 'passive' = 'active'): Promise<string> {
		await this.connection.setRemoteDescription({ type: 'offer', sdp });
		const role = setup === 'active' ? 'client' : 'server';
		for (const transport of this.connection.dtlsTransports) transport.role = role;
		return await this.describe(await this.connection.createAnswer());
	}

	async accept(sdp: string): Promise<void> {
		await this.connection.setRemoteDescription({ type: 'answer', sdp });
	}

	/** Sends these packets, one every 20 ms, from now on; after the last it is quiet. */
	speak(packets: Buffer[], payloadType = OPUS): void {
		this.speaker?.stop();
		this.speaker = new Speaker(
			(tick) => packets[tick] ?? Buffer.alloc(0),
			({ payload, ...header }) => {
				if (payload.length === 0) return;
				this.track.writeRtp(new RtpPacket(new RtpHeader({ ...header, payloadType }), payload));
			},
		);
		this.speaker.start();
	}

	/** Goes on as another stream, as a peer with two tracks does. */
	changeSsrc(): void {
		for (const sender of this.connection.getSenders())
			Object.assign(sender, { ssrc: (sender.ssrc + 1) % 2 ** 32 });
	}

	async close(): Promise<void> {
		this.speaker?.stop();
		// Ends the repetitions of a handshake that nobody answers, which would keep the process alive.
		for (const { dtls } of this.connection.dtlsTransports) {
			if (dtls) dtls.dtls.flight = Infinity;
		}
		await this.connection.close();
	}

	private async describe(
		description: Awaited<ReturnType<RTCPeerConnection['createOffer']>>,
	): Promise<string> {
		// Without one of ours, werift asks a public STUN server.
		for (const { connection } of this.connection.iceTransports) connection.stunServer = undefined;
		await this.connection.setLocalDescription(description);
		return this.connection.localDescription!.sdp;
	}
}
